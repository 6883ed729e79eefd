"""Long bodies: a JSON list, or JSON lines (NDJSON), read line by line so that one bad line spoils no other."""

import json
from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest

from gridkeeper.web.problems import Problem


class BadLine:
    """A line that is no JSON; `problem` says why."""

    def __init__(self, problem: str) -> None:
        self.problem = problem


def lines_of(request: HttpRequest, most: int) -> Iterator[tuple[int, Any]]:
    """The number of each line, from 1, and its value; a BadLine where it has none.

    Raises Problem 422 for a body that is neither, 413 for more lines than `most`.
    """
    try:
        text = request.body.decode()
    except UnicodeDecodeError as error:
        raise Problem(422, "The body is not UTF-8", str(error)) from error
    values = _ndjson(text) if "ndjson" in (request.content_type or "") else _json(text)
    for number, value in enumerate(values, 1):
        if number > most:
            raise Problem(413, "Too many lines", f"at most {most} at once; send the rest in another request")
        yield number, value


def _ndjson(text: str) -> Iterator[Any]:
    for line in text.splitlines():
        if line.strip():
            try:
                yield json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                yield BadLine(f"not JSON: {error}")


def _json(text: str) -> list[Any]:
    try:
        values = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise Problem(422, "The body is not JSON", f"{error}; send a list, or application/x-ndjson") from error
    if not isinstance(values, list):
        raise Problem(422, "The body is no list", "send a JSON list, or application/x-ndjson with one object a line")
    return values
