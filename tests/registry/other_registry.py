"""Another registry on loopback: answers GOCDB's methods in pages, and breaks in every way that a test asks for."""

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from lxml import etree

#: Methods that answer in pages.
PAGED = {
    "get_ngi", "get_site", "get_site_security_info", "get_service_endpoint", "get_service_group",
    "get_downtime_nested_services", "get_user",
}  # fmt: skip


@dataclass
class OtherRegistry:
    """documents: method -> its elements. fault: what happens instead of the answer to that method."""

    documents: dict[str, list[str]] = field(default_factory=dict)
    fault: dict[str, Callable[[BaseHTTPRequestHandler, bytes], None]] = field(default_factory=dict)
    page_size: int = 2
    token: str = ""
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def set(self, method: str, *elements: str) -> None:
        self.documents[method] = list(elements)

    def record(self, method: str, document: bytes) -> None:
        """Takes over a whole, unpaged answer of a real interface."""
        root = etree.fromstring(document)
        self.documents[method] = [etree.tostring(child, encoding="unicode", with_tail=False) for child in root]

    def answer(self, method: str, cursor: str | None) -> bytes:
        elements = self.documents.get(method, [])
        meta = ""
        if cursor is not None and method in PAGED:
            first = int(cursor)
            elements = elements[first : first + self.page_size]
            following = f"/elsewhere/?method={method}&amp;scope=&amp;next_cursor={first + len(elements)}"
            link = f'<link rel="next" href="https://evil.example.org{following}"/>' if elements else ""
            meta = f"<meta>{link}<count>{len(elements)}</count><max_page_size>{self.page_size}</max_page_size></meta>"
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<results>{meta}{"".join(elements)}</results>'.encode()


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """Answers that status instead."""

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def body(content: bytes, **headers: str) -> Callable[[BaseHTTPRequestHandler, bytes], None]:
    """Answers 200 with those bytes instead."""

    def answer(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        _send(handler, content, {name.replace("_", "-"): value for name, value in headers.items()})

    return answer


def half(handler: BaseHTTPRequestHandler, content: bytes) -> None:
    """Promises the whole answer and closes the connection in the middle."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content[: len(content) // 2])
    handler.close_connection = True


def _send(handler: BaseHTTPRequestHandler, content: bytes, headers: dict[str, str]) -> None:
    handler.send_response(200)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(content)))
    handler.end_headers()
    handler.wfile.write(content)


@contextmanager
def serving(other: OtherRegistry) -> Iterator[OtherRegistry]:
    """The registry at an address of loopback, until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
            method = query.get("method", [""])[0]
            other.asked.append(self.path)
            other.headers.append(dict(self.headers))
            content = other.answer(method, query.get("next_cursor", [None])[0])
            if other.token and self.headers.get("Authorization") != f"Bearer {other.token}":
                status(403)(self, content)
            elif method in other.fault:
                other.fault[method](self, content)
            else:
                self.whole(content)

        def whole(self, content: bytes) -> None:
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            if self.headers.get("If-None-Match") == etag:
                status(304, ETag=etag)(self, content)
            else:
                _send(self, gzip.compress(content), {"ETag": etag, "Content-Encoding": "gzip"})

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        other.url = f"http://127.0.0.1:{server.server_port}/gocdbpi"
        try:
            yield other
        finally:
            server.shutdown()
            thread.join()
