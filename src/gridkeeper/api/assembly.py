"""The HTTP API `/api/v1`: the packages' routers, one way of authentication, one shape of errors."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import structlog
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied, RequestDataTooBig, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError
from ninja.errors import ValidationError as RequestError

from gridkeeper import __version__
from gridkeeper.api.authentication import authenticate
from gridkeeper.people.permission import NotPermittedError, ReadOnlyError
from gridkeeper.web.problems import Problem

log = structlog.get_logger(__name__)

#: Modules that offer a `router`, in the order of the documentation.
ROUTERS = (
    "gridkeeper.registry.api",
    "gridkeeper.registry.change_views",
    "gridkeeper.vos.api",
    "gridkeeper.probes.api",
    "gridkeeper.probes.results_api",
    "gridkeeper.probes.interfaces_api",
    "gridkeeper.availability.api",
    "gridkeeper.availability.profiles.api",
    "gridkeeper.availability.computation_api",
    "gridkeeper.availability.recomputations.api",
    "gridkeeper.availability.publishing.api",
    "gridkeeper.selection.api",
    "gridkeeper.selection.api_proposals",
    "gridkeeper.subscriptions.api",
    "gridkeeper.api.tokens",
)

api = NinjaAPI(
    title="gridkeeper",
    version=__version__,
    description=(
        "Registry, tests, results, availability and good sites of a federation. Times are UTC, ISO 8601. Lists are "
        "paged by `limit` and `offset`. Errors are problem details (RFC 9457)."
    ),
    urls_namespace="api",
    auth=authenticate,
)

for _module in ROUTERS:
    if find_spec(_module):
        api.add_router("", import_module(_module).router)


def _problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problem.response(request.path)


def _read_only(request: HttpRequest, error: Exception) -> HttpResponse:
    return Problem(503, "Read-only for now", str(error), headers={"Retry-After": "600"}).response(request.path)


def _not_permitted(request: HttpRequest, error: Exception) -> HttpResponse:
    if request.user.is_authenticated:
        return Problem(403, "Not permitted", str(error)).response(request.path)
    challenge = {"WWW-Authenticate": 'Bearer realm="gridkeeper"'}
    return Problem(401, "Sign in first", str(error), headers=challenge).response(request.path)


def _bad_request(request: HttpRequest, error: RequestError) -> HttpResponse:
    errors = [
        {"field": ".".join(str(part) for part in item["loc"]), "problem": item["msg"], "remedy": "correct the field"}
        for item in error.errors
    ]
    return Problem(422, "The request does not fit", f"{len(errors)} fields are wrong", errors=errors).response(
        request.path
    )


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    by_field = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
    errors = [{"field": field, "problem": text} for field, texts in by_field.items() for text in texts]
    detail = "; ".join(f"{item['field']}: {item['problem']}".lstrip(": ") for item in errors)
    return Problem(422, "The values are not valid", detail, errors=errors).response(request.path)


def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return Problem(error.status_code, str(error)).response(request.path)


def _not_found(request: HttpRequest, error: Exception) -> HttpResponse:
    return Problem(404, "Not found", str(error) or f"{request.path} names nothing that exists").response(request.path)


def _too_big(request: HttpRequest, error: Exception) -> HttpResponse:
    return Problem(413, "The body is too big", f"{error}; send it in parts").response(request.path)


def _unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    log.exception("api request failed", path=request.path, method=request.method)
    return Problem(500, "We failed", "the fault is ours and is in the log; try again later").response(request.path)


_HANDLERS: dict[type[Exception], Callable[[HttpRequest, Any], HttpResponse]] = {
    Problem: _problem,
    ReadOnlyError: _read_only,
    NotPermittedError: _not_permitted,
    PermissionDenied: _not_permitted,
    RequestError: _bad_request,
    ValidationError: _invalid,
    HttpError: _http_error,
    Http404: _not_found,
    ObjectDoesNotExist: _not_found,
    RequestDataTooBig: _too_big,
    Exception: _unexpected,
}
for _error, _handler in _HANDLERS.items():
    api.add_exception_handler(_error, _handler)
