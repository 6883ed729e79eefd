"""What the shell of every page needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from gridkeeper import __version__
from gridkeeper.web import navigation

_THEMES = ("light", "dark")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Settings, version, theme ("auto" follows the system), rail, the reader's zone."""
    theme = request.COOKIES.get("theme", "")
    return {
        "gridkeeper": settings.GRIDKEEPER,
        "version": __version__,
        "theme": theme if theme in _THEMES else "auto",
        "rail": navigation.links(request),
        "zone_name": timezone.get_current_timezone_name(),
    }
