"""NRDP, the HTTP way in of Nagios: checks as XML or JSON, and its answers. `nrdp_views` is the address.

Source: Nagios NRDP, "NRDP Overview", and the clients send_nrdp.sh, send_nrdp.py and NCPA.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from lxml import etree

from gridkeeper.probes.passive import (
    Parsed,
    PassiveError,
    RecordError,
    TypeOf,
    id_of,
    of_plugin,
    parse_each,
    parse_nagios_lines,
)
from gridkeeper.registry.importers.report import UnreadableSourceError
from gridkeeper.registry.importers.xml_lines import parse_xml

#: What a check says, by its names in both forms. The type is an attribute in XML, an object's field in JSON.
_WORDS = ("hostname", "servicename", "state", "output", "checktime", "time")


def parse_checks(data: str, now: datetime, type_of: TypeOf) -> Parsed:
    """`XMLDATA` or `JSONDATA` of `submitcheck`. Raises PassiveError where it is neither."""
    text = data.strip()
    checks = _xml_checks(text) if text.startswith("<") else _json_checks(text)
    return parse_each(checks, lambda check: _observation(check, now, type_of), now)


def parse_command(command: str, now: datetime, type_of: TypeOf) -> Parsed:
    """`command` of `submitcmd`: an external command, whose time may be left out."""
    text = command.strip()
    line = text if text.startswith("[") else f"[{int(now.timestamp())}] {text}"
    return parse_nagios_lines(line.replace("\n", "\\n").encode(errors="replace"), now, type_of)


def _xml_checks(text: str) -> list[dict[str, str]]:
    try:
        root = parse_xml(text.encode(errors="replace"), "XMLDATA")
    except UnreadableSourceError as error:
        raise PassiveError(str(error)) from error
    if root.tag != "checkresults":
        raise PassiveError(f"XMLDATA begins with <{root.tag}>; send <checkresults><checkresult>...")
    return [_of_element(element) for element in root.iterchildren("checkresult")]


def _of_element(element: "etree._Element") -> dict[str, str]:
    words = {name: (element.findtext(name) or "").strip() for name in _WORDS}
    return {**words, "type": str(element.get("type") or "service")}


def _json_checks(text: str) -> list[dict[str, str]]:
    try:
        found = msgspec.json.decode(text.encode(errors="replace"))
    except (msgspec.DecodeError, RecursionError) as error:
        raise PassiveError(f"JSONDATA is no JSON: {error}") from error
    checks = found.get("checkresults") if isinstance(found, dict) else None
    if not isinstance(checks, list):
        raise PassiveError('JSONDATA has no list "checkresults"; send {"checkresults": [{"hostname": ...}]}')
    return [_of_object(check) for check in checks]


def _of_object(check: Any) -> dict[str, str]:
    if not isinstance(check, dict):
        return {"type": f"{type(check).__name__}, no object"}
    kind = check.get("checkresult")
    words = {name: str(check.get(name, "")).strip() for name in _WORDS}
    return {**words, "type": str(kind.get("type", "service")) if isinstance(kind, dict) else "service"}


def _observation(check: Mapping[str, str], now: datetime, type_of: TypeOf) -> Any:
    if check["type"] != "service":
        raise RecordError("type", f"results of the type {check['type'][:40]!r} are not taken", "send service checks")
    at = _time(check["checktime"] or check["time"])
    host, service, state, said = (check[name] for name in ("hostname", "servicename", "state", "output"))
    id_ = id_of("nrdp", at or now, host, service, state, said)
    return of_plugin(id_, host, service, state, said, type_of, executed_at=at, worker="nrdp")


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise RecordError("executed_at", f"{text[:40]!r} is no Unix time", "send whole seconds since 1970") from error


def answer_xml(status: int, message: str, output: str) -> bytes:
    """What clients look for: status 0 and "OK", or -1 and why."""
    root = etree.Element("result")
    etree.SubElement(root, "status").text = str(status)
    etree.SubElement(root, "message").text = message
    etree.SubElement(etree.SubElement(root, "meta"), "output").text = output
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def answer_json(status: int, message: str, output: str) -> bytes:
    """The same for clients that sent JSON."""
    return msgspec.json.encode({"result": {"status": status, "message": message, "meta": {"output": output}}})
