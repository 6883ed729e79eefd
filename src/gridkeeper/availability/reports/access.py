"""Who may read a report: everybody where reading is public or where the report itself is, else who is signed in."""

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from gridkeeper.availability.topology import reports_of


def may_read(request: HttpRequest, report: str) -> bool:
    """Whether the reader may see the report's published months."""
    return bool(settings.GRIDKEEPER.public_reading or request.user.is_authenticated or is_public(report))


def is_public(report: str) -> bool:
    """Whether the report says of itself that it is for everybody. That of a VO, which nobody defined, does not."""
    today = timezone.now().date()
    return any(each.document.is_public for each in reports_of(today) if each.name == report and each.version)


def sign_in(request: HttpRequest, report: str) -> HttpResponse | None:
    """The answer to a reader who may not see it: the way to sign in. None for those who may."""
    return None if may_read(request, report) else redirect_to_login(request.get_full_path())
