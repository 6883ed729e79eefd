"""Files of an OSG topology as documents: groups, resources, and the text of a record."""

from dataclasses import dataclass, field
from typing import Any

from gridkeeper.registry.importers.archive import SourceFile
from gridkeeper.registry.importers.records import ServiceRef
from gridkeeper.registry.importers.report import Place, Report
from gridkeeper.registry.importers.yaml_lines import Fields, YamlError, parse_yaml


def text_of(value: Any) -> str:
    """A scalar as one line of text without outer blanks; "" for nothing and for what is no scalar.

    >>> text_of(12), text_of(None), text_of(True)
    ('12', '', 'true')
    """
    if value is None or isinstance(value, (list, dict)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).strip()


@dataclass
class Resource:
    """A resource of a group; `services` says which service each of its service types became."""

    group: str
    path: str
    name: str
    data: Fields
    services: dict[str, ServiceRef] = field(default_factory=dict)

    @property
    def is_active(self) -> bool:
        """Active unless it says otherwise (OSG's own default)."""
        return self.data.get("Active", True) is not False and self.data.get("Disable") is not True

    @property
    def fqdn(self) -> str:
        return text_of(self.data.get("FQDN"))

    @property
    def raw(self) -> str:
        return f"{self.name}: {dict(self.data)!r}"


@dataclass
class Group:
    """A resource group: what we call a site."""

    path: str
    name: str
    facility: str
    osg_site: str
    data: Fields
    resources: list[Resource]


@dataclass
class Reader:
    """Turns files into documents; what cannot be read becomes a finding of the file."""

    report: Report
    texts: dict[str, list[str]] = field(default_factory=dict)

    def mapping(self, path: str, file: SourceFile, kind: str) -> Fields | None:
        """The file's mapping; an empty file is an empty mapping. None, with a finding, where it is something else."""
        document = self._document(path, file)
        if document is None or isinstance(document, Fields):
            return document if isinstance(document, Fields) or self._failed else Fields(1)
        self._reject(path, 1, kind, "the file holds no mapping of keys to values", "compare it with its neighbours")
        return None

    def sequence(self, path: str, file: SourceFile, kind: str) -> list[Any]:
        """The file's list; empty, with a finding, where it is something else."""
        document = self._document(path, file)
        if document is None or isinstance(document, list):
            return document or []
        self._reject(path, 1, kind, "the file holds no list of records", "begin each record with `- `")
        return []

    def raw(self, path: str, start: int, end: int) -> str:
        """Lines `start` up to, not including, `end` of a file that was read."""
        return "\n".join(self.texts.get(path, [])[start - 1 : max(start, end - 1)])

    def _document(self, path: str, file: SourceFile) -> Any:
        self._failed = True
        if file.problem:
            self._reject(path, 0, "file", f"the file {file.problem}", "put a plain file in its place")
            return None
        try:
            text = file.content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = file.content[: error.start].count(b"\n") + 1
            self._reject(path, line, "file", "the file is not UTF-8", "save it as UTF-8", file.content)
            return None
        self.texts[path] = text.splitlines()
        try:
            document = parse_yaml(text)
        except YamlError as error:
            self._reject(path, error.line, "file", f"is no YAML: {error.problem}", "correct the file", file.content)
            return None
        self._failed = False
        self._note_repeated(path, document)
        return document

    def _note_repeated(self, path: str, document: Any) -> None:
        """A repeated key silently wins over the first in YAML; say so."""
        waiting = [document]
        while waiting:
            item = waiting.pop()
            if isinstance(item, Fields):
                for key in item.repeated:
                    self.report.find(
                        "repaired", "file", Place(path, item.line_of(key)), key,
                        "the key stands twice in one mapping; the last was taken", "remove one", field=key,
                    )  # fmt: skip
                waiting.extend(item.values())
            elif isinstance(item, list):
                waiting.extend(item)

    def _reject(self, path: str, line: int, kind: str, problem: str, remedy: str, content: bytes = b"") -> None:
        raw = content.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
        self.report.find("rejected", "file" if content else kind, Place(path, line), path, problem, remedy, raw=raw)
        self.report.figure("files that could not be read")
