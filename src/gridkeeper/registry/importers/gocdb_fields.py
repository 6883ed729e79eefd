"""Fields of GOCDB's XML: text, flags, addresses; each repair is reported at its line."""

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import available_timezones

from gridkeeper.registry.importers.countries import country_of
from gridkeeper.registry.importers.report import Place, Report
from gridkeeper.registry.importers.xml_lines import Element, line_of, raw_of

#: What registries write for yes and no; an empty one is "not said".
FLAGS = {
    "y": True, "yes": True, "true": True, "1": True, "t": True,
    "n": False, "no": False, "false": False, "0": False, "f": False,
}  # fmt: skip
#: Names of zones that GOCDB lists and IANA does not -> IANA's.
TIMEZONE_SPELLINGS = {"Asia/Iran": "Asia/Tehran", "US/Atlantic": "America/Halifax"}
#: Words that stand where nothing is known.
_NOTHING = {"not set", "none", "n/a", "undefined", "null"}


def origin_of_path(path: str) -> str:
    """The same file is the same source, however its path is written; so are all pages of one method."""
    if "://" in path:
        return re.sub(r"&(next|prev)_cursor=[0-9]*", "", path)
    return str(Path(path).resolve())


@dataclass(frozen=True)
class Item:
    """One element of a document, with what is needed to report about it."""

    report: Report
    kind: str
    file: str
    element: Element
    name: str = ""

    @property
    def place(self) -> Place:
        return Place(self.file, line_of(self.element))

    @property
    def raw(self) -> str:
        return raw_of(self.element)

    def named(self, name: str) -> "Item":
        return Item(self.report, self.kind, self.file, self.element, name)

    def children(self, *path: str) -> list[Element]:
        """The elements at a path below; comments are gone already."""
        found = [self.element]
        for tag in path:
            found = [child for parent in found for child in parent if child.tag == tag]
        return found

    def text(self, tag: str) -> str:
        """The text of the first child of that tag without outer blanks; "" where there is none.

        Text that stands right after an empty element (`<ROD_EMAIL/>rod@grid.hu`) is taken for it, and reported.
        """
        child = next(iter(self.children(tag)), None)
        if child is None:
            return ""
        text = (child.text or "").strip()
        tail = (child.tail or "").strip()
        if text or not tail:
            return text
        self.repaired(tag, tail, "the text stands after its empty element; taken as its value", "put it inside", child)
        return tail

    def word(self, tag: str) -> str:
        """Text, where "not set" and its like count as nothing."""
        text = self.text(tag)
        return "" if text.lower() in _NOTHING else text

    def words(self, *path: str) -> list[str]:
        return [text for child in self.children(*path) if (text := (child.text or "").strip())]

    def repaired(self, field: str, value: object, problem: str, remedy: str, child: Element | None = None) -> None:
        where = child if child is not None else next(iter(self.children(field)), self.element)
        place = Place(self.file, line_of(where))
        self.report.find(
            "repaired", self.kind, place, self.name, problem, remedy, field=field, value=value, raw=self.raw
        )

    def told(self, columns: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
        """Column -> word, of those whose element stands there: some answers tell a column, others never do."""
        return {
            column: next((word for tag in tags if (word := self.word(tag))), "")
            for column, tags in columns.items()
            if any(self.children(tag) for tag in tags)
        }

    def rejected(self, field: str, value: object, problem: str, remedy: str) -> None:
        """The record does not go in; the source still speaks of it, so it has not vanished there."""
        if key := self.element.get("PRIMARY_KEY"):
            self.report.saw(origin_of_path(self.file), self.kind, key)
        self.report.find(
            "rejected", self.kind, self.place, self.name, problem, remedy, field=field, value=value, raw=self.raw
        )

    def flag(self, tag: str, default: bool) -> bool:
        """Y/N/True/FALSE/1/0 in any case; `default` for nothing, and, reported, for anything else."""
        text = self.text(tag)
        if not text:
            return default
        known = FLAGS.get(text.lower())
        if known is None:
            self.repaired(tag, text, f"is neither yes nor no; taken as {'yes' if default else 'no'}", "write Y or N")
            return default
        return known

    def address(self, tag: str, version: int) -> str:
        """An IP address; "" and a report for what is none."""
        text = self.word(tag)
        if not text:
            return ""
        try:
            address = ipaddress.ip_address(text.split("/")[0])
        except ValueError:
            self.repaired(tag, text, f"is no IPv{version} address; left empty", "correct it in the source")
            return ""
        if address.version != version:
            self.repaired(tag, text, f"is no IPv{version} address; left empty", "correct it in the source")
            return ""
        return text

    def degrees(self, tag: str, limit: int) -> float | None:
        text = self.word(tag)
        if not text:
            return None
        if re.fullmatch(r"[-+]?[0-9]{1,3}(\.[0-9]{0,20})?", text) and abs(float(text)) <= limit:
            return float(text)
        self.repaired(tag, text, f"is no number between -{limit} and {limit} degrees; left empty", "correct it")
        return None

    def country(self) -> dict[str, str]:
        code_text, name_text = self.word("COUNTRY_CODE"), self.word("COUNTRY")
        code, name = country_of(name_text or code_text)
        if re.fullmatch("[A-Za-z]{2}", code_text):
            return {"country_code": code_text.upper(), "country": name_text or name}
        if code_text:
            self.repaired(
                "COUNTRY_CODE", code_text, f"is no ISO 3166 code; taken as {code or 'unknown'}", "write two letters"
            )
        return {"country_code": code, "country": name_text or name}

    def timezone(self) -> str:
        text = self.word("TIMEZONE")
        if not text or text in available_timezones():
            return text
        if text in TIMEZONE_SPELLINGS:
            self.repaired("TIMEZONE", text, f"is no IANA time zone; taken as {TIMEZONE_SPELLINGS[text]}", "write that")
            return TIMEZONE_SPELLINGS[text]
        self.repaired("TIMEZONE", text, "is no IANA time zone; left empty", "write one like Europe/Rome")
        return ""

    def choice(self, tag: str, known: Callable[[str], str | None], otherwise: str) -> str:
        """A word of a closed list, in any case; `otherwise`, reported, for any other."""
        text = self.word(tag)
        found = known(text)
        if found is None:
            self.repaired(tag, text, f"is not a word that we know; taken as {otherwise}", "correct it in the source")
            return otherwise
        return found

    def extensions(self) -> dict[str, str]:
        """EXTENSIONS as properties; a repeated key keeps its last value, and is reported."""
        found: dict[str, str] = {}
        for key, value in self._pairs():
            if key in found and found[key] != value:
                self.repaired(
                    "EXTENSIONS", key, "the key stands twice with two values; the last was taken", "remove one"
                )
            found[key] = value
        return found

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for extension in self.children("EXTENSIONS", "EXTENSION"):
            texts = {child.tag: (child.text or "").strip() for child in extension}
            if texts.get("KEY"):
                yield texts["KEY"], texts.get("VALUE", "")

    def scopes(self) -> list[str]:
        """SCOPES/SCOPE of the PI, or SCOPE of the sample layout."""
        return list(dict.fromkeys([*self.words("SCOPES", "SCOPE"), *self.words("SCOPE")]))


def chosen(values: list[str]) -> Callable[[str], str | None]:
    """For Item.choice: the value that a word means, whatever its case."""
    by_word = {value.lower(): value for value in values}
    return lambda word: by_word.get(word.lower())
