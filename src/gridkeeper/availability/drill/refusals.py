"""What a page says where a report cannot be judged, because a profile is missing or makes no sense."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from gridkeeper.availability.operations import OperationsError
from gridkeeper.availability.profiles.in_force import ProfileMissingError


def refuses(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view that answers 409 with the reason where what it explains cannot be judged."""

    @wraps(view)
    def explaining(request: HttpRequest, *args: Any, **values: Any) -> HttpResponse:
        try:
            return view(request, *args, **values)
        except (ProfileMissingError, OperationsError) as error:
            return render(request, "availability/drill/refused.html", {"reason": str(error)}, status=409)

    return explaining
