"""Who asks: the key in the header `x-api-key` is one of our API tokens; our other ways in work as well."""

from datetime import datetime

from django.http import HttpRequest

from gridkeeper.api.argo.refusal import UNKNOWN_KEY, RefusedError
from gridkeeper.api.authentication import authenticate
from gridkeeper.people.actor import Actor, Entrance
from gridkeeper.people.tokens import find_token
from gridkeeper.web.problems import Problem

HEADER = "x-api-key"


def enter(request: HttpRequest, now: datetime) -> Actor:
    """Whoever asks; anonymous where the installation is read publicly. Raises RefusedError 401, 403.

    A key is not sent by a browser unasked, so it needs no form's secret.
    """
    key = request.headers.get(HEADER, "").strip()
    if key:
        token = find_token(key, now)
        if token is None:
            raise RefusedError(401, "Unauthorized", UNKNOWN_KEY)
        request.user = token.user
        request.entrance = Entrance(  # type: ignore[attr-defined]
            scopes=frozenset(token.scopes), limits=frozenset(token.limits)
        )
        return Actor.of(request, "api")
    try:
        authenticate(request)
    except Problem as problem:
        words = UNKNOWN_KEY if problem.status == 401 else f"{problem.title}: {problem.detail}"
        raise RefusedError(problem.status, "", words, headers=problem.headers) from problem
    return Actor.of(request, "api")
