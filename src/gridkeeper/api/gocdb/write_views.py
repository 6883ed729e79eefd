"""`/gocdbpi/v5/...`: GOCDB's write API (https://gocdb.github.io/api/write). JSON comes in, 204 goes out.

A machine that a site has named (ApiCredential, allowed to write) changes that site; a person whatever they may change
on the pages.
"""

from django.core.exceptions import RequestDataTooBig, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from gridkeeper.api.gocdb.identity import changer
from gridkeeper.api.gocdb.refusal import RefusedError
from gridkeeper.api.gocdb.write_changes import change, find_subject, message_of, site_of
from gridkeeper.api.gocdb.write_request import WriteRefusedError, read_request
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.web.moments import refuses_by


def _error(status: int, message: str) -> HttpResponse:
    return JsonResponse({"Error": {"Code": status, "Message": message}}, status=status)


def _refuse(_request: HttpRequest, status: int, words: str) -> HttpResponse:
    return _error(status, words)


@csrf_exempt
@refuses_by(_refuse)
def write(request: HttpRequest, kind: str, identifier: str, what: str, key: str | None = None) -> HttpResponse:
    """204 for a change that was made; else `{"Error": {"Code", "Message"}}` with a true status."""
    try:
        now = timezone.now()
        asked = read_request(request, kind, identifier, what, key or "")
        subject = find_subject(asked)
        change(changer(request, site_of(subject), now), asked, subject, now)
    except (WriteRefusedError, RefusedError) as refusal:
        return _error(refusal.status, str(refusal))
    except NotPermittedError as error:
        return _error(403, str(error))
    except RequestDataTooBig as error:
        return _error(400, f"The body is too big: {error}")
    except ValidationError as error:
        return _error(409 if getattr(error, "code", "") == "conflict" else 400, message_of(error))
    return HttpResponse(status=204)


@csrf_exempt
@refuses_by(_refuse)
def unknown(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Any other address below."""
    form = "/gocdbpi/v5/{Site|Service|Endpoint}/ID/ExtensionProperties[/KEY]"
    return _error(
        404, f"/gocdbpi/v5/{rest[:80]} is no address of the write API; write {form}, or .../Service/ID/Endpoint"
    )
