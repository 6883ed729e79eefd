"""Asks GOCDB's interface as its clients do, and reads its answers element by element."""

from typing import Any
from urllib.parse import urlencode

from django.test import Client
from lxml import etree

PUBLIC, PRIVATE = "/gocdbpi/public/", "/gocdbpi/private/"


def address(method: str, at: str = PUBLIC, **parameters: Any) -> str:
    return f"{at}?{urlencode({'method': method, **parameters})}"


def ask(client: Client, method: str, at: str = PUBLIC, **parameters: Any) -> Any:
    """The root element of an answer with status 200."""
    answer = client.get(address(method, at, **parameters))
    body = answer.getvalue()
    assert answer.status_code == 200, body.decode()
    assert answer["Content-Type"] == "application/xml; charset=utf-8"
    return etree.fromstring(body)


def refused(client: Client, method: str, at: str = PUBLIC, **parameters: Any) -> tuple[int, str]:
    """Status and text of an answer that is GOCDB's `<error>`."""
    answer = client.get(address(method, at, **parameters))
    root = etree.fromstring(answer.getvalue())
    assert root.tag == "error"
    assert len(root) == 0
    assert answer["Content-Type"] == "application/xml; charset=utf-8"
    return answer.status_code, root.text


def shape(element: Any) -> tuple[Any, ...]:
    """Name, attributes in their order, and text, or children in their order."""
    if len(element):
        assert not (element.text or "").strip()
        return element.tag, list(element.attrib.items()), [shape(child) for child in element]
    return element.tag, list(element.attrib.items()), element.text or ""


def shapes(text: str) -> list[tuple[Any, ...]]:
    """The same of elements that a test writes down."""
    return [shape(child) for child in etree.fromstring(f"<results>{text}</results>")]


def names(root: Any, tag: str) -> list[str]:
    """The texts of a child of each item."""
    return [item.findtext(tag) for item in root if item.tag != "meta"]
