"""XML from a hostile world: no entities, no network, no huge trees; one clear message for what is not XML."""

import re
from pathlib import Path

from lxml import etree

from gridkeeper.registry.importers.report import UnreadableSourceError

#: The whole of GOCDB's get_service_endpoint is about 20 MB.
FILE_LIMIT_BYTES = 256 * 1024 * 1024
_HTML = re.compile(rb"\s*(<!doctype\s+html|<html)", re.IGNORECASE)

Element = etree._Element


def read_xml(path: Path) -> bytes:
    """The bytes of a file. Raises UnreadableSourceError for what is missing, no plain file, empty or too big."""
    try:
        if not path.is_file():
            raise UnreadableSourceError(f"{path}: there is no such file; check the path")
        if path.stat().st_size > FILE_LIMIT_BYTES:
            raise UnreadableSourceError(f"{path}: is bigger than {FILE_LIMIT_BYTES >> 20} MiB; fetch it in pages")
        return path.read_bytes()
    except OSError as error:
        raise UnreadableSourceError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def parse_xml(content: bytes, name: str) -> Element:
    """The root element. Raises UnreadableSourceError saying what the file is instead, where, and what to do."""
    if not content.strip(b"\xef\xbb\xbf \t\r\n"):
        raise UnreadableSourceError(f"{name}: is empty; fetch it again")
    if _HTML.match(content.removeprefix(b"\xef\xbb\xbf")):
        raise UnreadableSourceError(
            f"{name}: is an HTML page, not XML: most likely the server's error or sign-in page; fetch it again"
        )
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        line = f"{name}:{error.lineno}" if error.lineno else name
        raise UnreadableSourceError(
            f"{line}: is no whole XML document ({error.msg}); fetch it again, nothing of it was used"
        ) from error
    except ValueError as error:
        raise UnreadableSourceError(f"{name}: is no XML document ({error}); fetch it again") from error
    _refuse_entities(root, name)
    return root


def _refuse_entities(root: Element, name: str) -> None:
    """Entities are how XML files read other files and grow without end; a registry's answer has no use for them."""
    document = root.getroottree().docinfo.internalDTD
    if document is not None:
        raise UnreadableSourceError(
            f"{name}: declares a document type, which we do not read (entities can do harm); remove the DOCTYPE"
        )


def line_of(element: Element) -> int:
    """The line on which the element begins; 0 where it was not read from a file."""
    return int(getattr(element, "sourceline", None) or 0)


def raw_of(element: Element) -> str:
    """The element as text, as it stood in the source."""
    return str(etree.tostring(element, encoding="unicode", with_tail=False))
