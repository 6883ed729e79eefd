"""Asks another registry's programmatic interface, politely and carefully: paged, compressed, conditional, bounded.

Nothing that it sends is trusted: not its sizes, not its links (only their cursor is taken, so that a certificate or
token never follows a link to another host), not that it is whole. Every problem is one sentence for the operator.
"""

import hashlib
import json
import ssl
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlencode, urlsplit

from gridkeeper.registry.importers.report import UnreadableSourceError
from gridkeeper.registry.importers.xml_lines import FILE_LIMIT_BYTES, Element, parse_xml

if TYPE_CHECKING:
    import httpx

#: Of the whole answer to one method; pages are far smaller.
_PAGES_LIMIT = 100_000
_TIMEOUT_S = 60.0
_REFUSED = (401, 403)


class RefusedError(UnreadableSourceError):
    """The other side knows us too little to answer this method."""


@dataclass(frozen=True, slots=True)
class Access:
    """How we say who we are, and whom we trust.

    token: sent as a bearer token; certificate, key: PEM files for TLS; ca: PEM file or folder of authorities
    """

    token: str = ""
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    timeout_s: float = _TIMEOUT_S

    @property
    def is_somebody(self) -> bool:
        return bool(self.token or self.certificate)


@dataclass
class Cache:
    """Answers with their ETag on disk, so that what has not changed is not sent again. None: no cache."""

    folder: Path | None = None

    def read(self, url: str) -> tuple[Mapping[str, str], bytes]:
        """Headers that make a request conditional, and the body that a 304 stands for."""
        path = self._path(url)
        if path is None or not path.is_file():
            return {}, b""
        try:
            head, _, body = path.read_bytes().partition(b"\n")
            headers = json.loads(head)
        except (OSError, ValueError):
            return {}, b""
        is_whole = isinstance(headers, dict) and headers.pop("sha256", "") == hashlib.sha256(body).hexdigest()
        return (headers, body) if is_whole else ({}, b"")

    def write(self, url: str, response: "httpx.Response", body: bytes) -> None:
        """Keeps an answer that can be asked for conditionally."""
        path = self._path(url)
        headers = {}
        if etag := response.headers.get("ETag"):
            headers["If-None-Match"] = etag
        if modified := response.headers.get("Last-Modified"):
            headers["If-Modified-Since"] = modified
        if path is None or not headers:
            return
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        head = json.dumps(headers | {"sha256": hashlib.sha256(body).hexdigest()}).encode()
        partial = path.with_suffix(".part")
        partial.write_bytes(head + b"\n" + body)
        partial.replace(path)

    def _path(self, url: str) -> Path | None:
        return self.folder / f"{hashlib.sha256(url.encode()).hexdigest()}.answer" if self.folder else None


def shown_url(url: str) -> str:
    """The address without user, password and query, for messages and records.

    >>> shown_url("https://me:secret@goc.example.org/gocdbpi/?x=1")
    'https://goc.example.org/gocdbpi'
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}".rstrip("/")


@dataclass
class PiClient:
    """One registry. `requests` and `unchanged` count what was asked, and what had not changed since the last time."""

    url: str
    access: Access = field(default_factory=Access)
    cache: Cache = field(default_factory=Cache)
    requests: int = 0
    unchanged: int = 0

    def __post_init__(self) -> None:
        import httpx  # with its command line 0.1 s, for which no other command of the registry is to wait

        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UnreadableSourceError(f"{self.url}: is no http or https address; give that of the interface")
        if parts.username or parts.password:
            raise UnreadableSourceError(
                f"{shown_url(self.url)}: holds a password; give a --token-file or a --certificate instead"
            )
        self.base = shown_url(self.url)
        self.endpoint = self._endpoint()
        self._http = httpx.Client(
            verify=self._tls(), timeout=self.access.timeout_s, follow_redirects=False, trust_env=False,
            headers={"Accept-Encoding": "gzip", "User-Agent": "gridkeeper", **self._authorization()},
        )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.close()

    def _endpoint(self) -> str:
        """/gocdbpi is asked at private/ by whoever can say who they are, else at public/."""
        if self.base.endswith(("/public", "/private")):
            return f"{self.base}/"
        return f"{self.base}/{'private' if self.access.is_somebody else 'public'}/"

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access.token}"} if self.access.token else {}

    def _tls(self) -> ssl.SSLContext:
        access = self.access
        try:
            folder = access.ca is not None and access.ca.is_dir()
            context = ssl.create_default_context(
                cafile=str(access.ca) if access.ca and not folder else None,
                capath=str(access.ca) if folder else None,
            )
            if access.certificate:
                context.load_cert_chain(access.certificate, access.key, password=lambda: b"")
        except (OSError, ssl.SSLError) as error:
            raise UnreadableSourceError(f"the certificate, key or authorities cannot be read: {error}") from error
        return context

    def pages(self, method: str, *, is_scoped: bool, is_paged: bool) -> Iterator[tuple[str, Element]]:
        """The pages of the whole answer: their address and root. Raises UnreadableSourceError, RefusedError."""
        query = {"method": method} | ({"scope": ""} if is_scoped else {})
        cursor: str | None = "0" if is_paged else None
        seen = set()
        for _ in range(_PAGES_LIMIT):
            address = f"{self.endpoint}?{urlencode(query | ({'next_cursor': cursor} if cursor else {}))}"
            root = self._root(address, method)
            yield address, root
            cursor = _next_cursor(root, address)
            if cursor is None:
                return
            if cursor in seen:
                raise UnreadableSourceError(f"{address}: its pages go in circles; nothing was changed")
            seen.add(cursor)
        raise UnreadableSourceError(f"{address}: has more than {_PAGES_LIMIT} pages; nothing was changed")

    def _root(self, address: str, method: str) -> Element:
        body = self._body(address, method)
        root = parse_xml(body, address)
        if root.tag == "error" or (len(root) and root[0].tag == "error"):
            text = " ".join("".join(str(part) for part in root.itertext()).split())
            raise RefusedError(f"{address}: refused: {text:.300}")
        if root.tag != "results":
            raise UnreadableSourceError(
                f"{address}: answers <{root.tag}>, not <results>: this is no GOCDB interface, or its layout has changed"
            )
        _check_count(root, address)
        return root

    def _body(self, address: str, method: str) -> bytes:
        import httpx

        conditions, known = self.cache.read(address)
        self.requests += 1
        try:
            with self._http.stream("GET", address, headers=dict(conditions)) as response:
                if response.status_code == HTTPStatus.NOT_MODIFIED and known:
                    self.unchanged += 1
                    return known
                if response.status_code in _REFUSED:
                    raise RefusedError(
                        f"{address}: refused ({response.status_code}); {method} needs an identity that the other side "
                        "knows: give --certificate and --key, or --token-file"
                    )
                _check_status(response, address)
                body = _limited(response, address)
        except httpx.HTTPError as error:
            text = str(error) or type(error).__name__
            raise UnreadableSourceError(f"{address}: cannot be reached: {text}; it is tried again next time") from error
        self.cache.write(address, response, body)
        return body


def _check_status(response: "httpx.Response", address: str) -> None:
    if response.has_redirect_location:
        target = shown_url(response.headers.get("Location", ""))
        raise UnreadableSourceError(f"{address}: has moved to {target}; give that address if you trust it")
    if response.status_code != HTTPStatus.OK:
        raise UnreadableSourceError(
            f"{address}: answered {response.status_code} {response.reason_phrase}; nothing was changed"
        )


def _limited(response: "httpx.Response", address: str) -> bytes:
    """The body, unpacked by ourselves: a small answer may unpack to more than this machine has."""
    is_packed = response.headers.get("Content-Encoding", "").strip().lower() == "gzip"
    unpacker = zlib.decompressobj(wbits=31)
    found = bytearray()
    for chunk in response.iter_raw():
        if not is_packed:
            found += chunk
        while is_packed and chunk:
            try:
                found += unpacker.decompress(chunk, 1 << 20)
            except zlib.error as error:
                raise UnreadableSourceError(f"{address}: is damaged gzip ({error}); nothing was changed") from error
            chunk = unpacker.unconsumed_tail  # noqa: PLW2901
            _check_size(found, address)
        _check_size(found, address)
    if is_packed and not unpacker.eof:
        raise UnreadableSourceError(f"{address}: breaks off in the middle; nothing was changed")
    return bytes(found)


def _check_size(found: bytearray, address: str) -> None:
    if len(found) > FILE_LIMIT_BYTES:
        raise UnreadableSourceError(f"{address}: is bigger than {FILE_LIMIT_BYTES >> 20} MiB; nothing was changed")


def _check_count(root: Element, address: str) -> None:
    """A page says how many objects it holds."""
    text = (root.findtext("meta/count") or "").strip()
    present = sum(1 for child in root if child.tag != "meta")
    if text.isdigit() and int(text) != present:
        raise UnreadableSourceError(f"{address}: says {text} objects and holds {present}; nothing was changed")


def _next_cursor(root: Element, address: str) -> str | None:
    """The cursor of the next page; None after an empty page, and where the answer is not paged."""
    if (root.findtext("meta/count") or "").strip() in ("", "0"):
        return None
    for link in root.iterfind("meta/link"):
        if link.get("rel") == "next":
            cursor = parse_qs(urlsplit(link.get("href") or "").query).get("next_cursor", [""])[0]
            if not cursor.isdigit():
                raise UnreadableSourceError(f"{address}: its link to the next page has no next_cursor")
            return cursor
    return None
