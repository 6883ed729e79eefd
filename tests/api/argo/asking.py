"""Asking, and reading what was streamed."""

import json
import xml.etree.ElementTree as ET
from typing import Any


def read(answer: Any) -> Any:
    """The JSON of an answer."""
    return json.loads(b"".join(answer.streaming_content) if answer.streaming else answer.content)


def tree(answer: Any) -> ET.Element:
    """The XML of an answer."""
    return ET.fromstring(b"".join(answer.streaming_content) if answer.streaming else answer.content)


def same(left: ET.Element, right: ET.Element) -> bool:
    """Equal but for the blanks between elements and the order of attributes."""
    words = [(each.tag, each.attrib, (each.text or "").strip()) for each in (left, right)]
    return words[0] == words[1] and len(left) == len(right) and all(map(same, left, right))
