"""ETags of the API: of each answer, and `If-None-Match` on reading (RFC 9110 section 13)."""

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers

_ENTITY_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def conditional(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view whose answers bear a strong ETag; 304 where the client has that answer already.

    The view may note the object's version on the request (`request.version`); the tag then begins with it, so that the
    same tag serves `If-Match`.
    """

    @wraps(view)
    def tagged(request: HttpRequest, **values: Any) -> HttpResponse:
        response = view(request, **values)
        if response.status_code not in {200, 201} or response.streaming or getattr(request, "is_rehearsal", False):
            return response
        tag = tag_of(response.content, getattr(request, "version", ""))
        patch_vary_headers(response, ["Authorization", "Cookie", "Accept"])
        if request.method in {"GET", "HEAD"} and is_known(request.headers.get("If-None-Match", ""), tag):
            unchanged = HttpResponseNotModified(headers={"ETag": tag, "Vary": response["Vary"]})
            unchanged["Cache-Control"] = "private, no-cache"
            return unchanged
        response["ETag"] = tag
        response.setdefault("Cache-Control", "private, no-cache")
        return response

    return tagged


def tag_of(content: bytes, version: str = "") -> str:
    """The entity tag of an answer: `"VERSION-DIGEST"`, or `"DIGEST"` where there is no version."""
    digest = hashlib.blake2b(content, digest_size=8).hexdigest()
    return f'"{version}-{digest}"' if version else f'"{digest}"'


def is_known(header: str, tag: str) -> bool:
    """Whether `If-None-Match` names the tag, weakly or strongly, or any (`*`)."""
    return header.strip() == "*" or tag.strip('"') in {word for _, word in _ENTITY_TAG.findall(header)}


def versions_in(header: str) -> frozenset[str] | None:
    """The versions that `If-Match` names; None: any (`*`), or no such header.

    A weak tag counts as well: whoever compresses an answer on its way makes its tag weak, and a version speaks of the
    object, not of the bytes.

    >>> sorted(versions_in('"17-0a1b", W/"18"') or ())
    ['17', '18']
    >>> versions_in("*") is None, versions_in("seventeen")
    (True, frozenset())
    """
    if header.strip() in {"", "*"}:
        return None
    return frozenset(word.partition("-")[0] for _, word in _ENTITY_TAG.findall(header))
