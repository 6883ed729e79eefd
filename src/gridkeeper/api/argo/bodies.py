"""What is sent to us: JSON, read once."""

import json
from typing import Any

from gridkeeper.api.argo.answers import Asked
from gridkeeper.api.argo.refusal import RefusedError, bad_request

_MALFORMED = "Request Body contains malformed JSON, thus rendering the Request Bad"
#: A federation's topology is a few megabytes.
MAX_BYTES = 64 * 1024 * 1024


def read_object(asked: Asked) -> dict[str, Any]:
    """The JSON object of the body. Raises RefusedError 400, 413."""
    body = _read(asked)
    if not isinstance(body, dict):
        raise bad_request(("Bad Request", f"{_MALFORMED}: a JSON object is expected"))
    return body


def read_objects(asked: Asked) -> list[dict[str, Any]]:
    """The JSON list of objects of the body. Raises RefusedError 400, 413."""
    body = _read(asked)
    if not isinstance(body, list) or not all(isinstance(each, dict) for each in body):
        raise bad_request(("Bad Request", f"{_MALFORMED}: a JSON list of objects is expected"))
    return body


def _read(asked: Asked) -> Any:
    raw = asked.request.body
    if len(raw) > MAX_BYTES:
        raise RefusedError(413, details=f"The body has {len(raw)} bytes; at most {MAX_BYTES} are read")
    try:
        parsed = json.loads(raw, parse_constant=_no_constant)
        json.dumps(parsed, ensure_ascii=False).encode()  # half of a pair of surrogates is no text that can be kept
    except (ValueError, RecursionError) as error:
        raise bad_request(("Bad Request", _MALFORMED)) from error
    if "\\u0000" in json.dumps(parsed):
        raise bad_request(("Bad Request", "No text may hold a NUL; leave it out"))
    return parsed


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is no value of JSON")
