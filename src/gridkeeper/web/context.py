"""What the shell of every page needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from gridkeeper import __version__


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"gridkeeper": settings.GRIDKEEPER, "version": __version__, "theme": request.COOKIES.get("theme", "auto")}
