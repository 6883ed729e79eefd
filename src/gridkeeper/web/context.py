"""What the shell of every page needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from gridkeeper import __version__
from gridkeeper.people.read_only import read_only
from gridkeeper.web import navigation, vo
from gridkeeper.web.moments import PARAMETER, as_of_of

_THEMES = ("light", "dark")
#: Parameters that the switch of VOs does not carry over: its own, and a page number of another list.
_NOT_CARRIED = ("vo", "page")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Settings, version, theme ("auto" follows the system), rail, the reader's zone and VO."""
    theme = request.COOKIES.get("theme", "")
    return {
        "gridkeeper": settings.GRIDKEEPER,
        "version": __version__,
        "theme": theme if theme in _THEMES else "auto",
        "rail": lambda: navigation.links(request),
        "zone_name": timezone.get_current_timezone_name(),
        # Called by base.html alone: parts and error pages need neither query nor rail.
        "vo_names": lambda: vo.names_of(request),
        "vo_looked_at": lambda: vo.looked_at(request),
        "read_only": read_only(),
        "as_of": as_of_of(request),
        "as_of_text": request.GET.get(PARAMETER, ""),
        "is_as_of_ignored": getattr(request, "is_as_of_ignored", False),
        "carried_in_time": [
            (name, value) for name, values in request.GET.lists() if name not in (PARAMETER, "page") for value in values
        ],
        "carried": [
            (name, value) for name, values in request.GET.lists() if name not in _NOT_CARRIED for value in values
        ],
    }
