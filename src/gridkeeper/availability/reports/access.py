"""Who may read a report: the signed in; others where it is public, or nobody defined it and reading is public."""

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gridkeeper.availability.topology import reports_of


def may_read(request: HttpRequest, report: str) -> bool:
    """Whether the reader may see the report's published months."""
    if request.user.is_authenticated:
        return True
    defined = [each for each in reports_of(timezone.now().date()) if each.name == report and each.version]
    # That of a VO, which nobody defined, is as open as the installation.
    return defined[0].document.is_public if defined else bool(settings.GRIDKEEPER.public_reading)


def may_read_drafts(request: HttpRequest, report: str) -> bool:
    """Whether the reader may see figures that are not published: a report that is public is so once it is published."""
    is_open = settings.GRIDKEEPER.public_reading or request.user.is_authenticated
    return bool(is_open and may_read(request, report))


def sign_in(request: HttpRequest) -> HttpResponse:
    """The answer to a reader who may not see it."""
    return redirect_to_login(request.get_full_path())
