"""Entries as an Atom feed (RFC 4287)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from lxml import etree

from gridkeeper.feeds.addresses import Origin
from gridkeeper.feeds.answers import writable
from gridkeeper.feeds.changes import Entry

CONTENT_TYPE = "application/atom+xml; charset=utf-8"
_NS = "http://www.w3.org/2005/Atom"


def atom(
    entries: Sequence[Entry],
    *,
    title: str,
    subtitle: str,
    identity: str,
    self_url: str,
    origin: Origin,
    empty: datetime,
) -> bytes:
    """The feed.

    identity: what names this feed for ever, apart from its address
    empty: `updated` of a feed without entries, which must have one; the same until something happens
    """
    root = etree.Element(f"{{{_NS}}}feed", nsmap={None: _NS})  # type: ignore[dict-item]
    _add(root, "id", identity)
    _add(root, "title", title)
    _add(root, "subtitle", subtitle)
    _add(root, "updated", _stamp(max((entry.at for entry in entries), default=empty)))
    _add(_add(root, "author"), "name", origin.federation_name)
    _add(root, "link", rel="self", type="application/atom+xml", href=self_url)
    _add(root, "link", rel="alternate", type="text/html", href=origin.url("/feeds/"))
    _add(root, "generator", "gridkeeper")
    for entry in entries:
        _entry(root, entry, origin)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _entry(root: "etree._Element", entry: Entry, origin: Origin) -> None:
    item = _add(root, "entry")
    _add(item, "id", origin.urn(*entry.words))
    _add(item, "title", entry.title)
    _add(item, "updated", _stamp(entry.at))
    _add(item, "published", _stamp(entry.at))
    if entry.author:
        _add(_add(item, "author"), "name", entry.author)
    _add(item, "category", term=entry.kind)
    _add(item, "link", rel="alternate", type="text/html", href=origin.url(entry.path))
    # Plain text: what people wrote stays what they wrote, whatever it looks like.
    _add(item, "content", entry.text or entry.title, type="text")


def _add(parent: "etree._Element", name: str, text: str = "", /, **attributes: str) -> "etree._Element":
    element = etree.SubElement(parent, f"{{{_NS}}}{name}", attributes)
    if text:
        element.text = writable(text)
    return element


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
