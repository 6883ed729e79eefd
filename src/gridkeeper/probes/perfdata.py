"""Output of a plugin, parsed: first line, long text, performance data with ranges.

Source: Nagios plugin guidelines, "Plugin Output" and "Threshold and Ranges"
(https://nagios-plugins.org/doc/guidelines.html). Nothing here raises on hostile input: problems are returned.
"""

import math
import re
from dataclasses import dataclass

#: Kept of one line, in characters; the rest is cut (tests.md section 3: some kilobytes).
LINE_LIMIT = 4096
#: Kept of the items of one output; a plugin that writes more is broken.
ITEM_LIMIT = 256

_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
_VALUE = re.compile(rf"({_NUMBER}|U)([^\d\s;.,+-][^\s;]*)?", re.ASCII)
_RANGE = re.compile(rf"(@?)(?:(~|{_NUMBER})?(:))?({_NUMBER})?", re.ASCII)
_ITEM = re.compile(r"\s*('(?:[^']|'')*'|[^\s=']+)=(\S*)")


@dataclass(frozen=True, slots=True)
class Range:
    """`[@]start:end`. A value outside alarms; with `@` a value inside does. Both ends belong to the range."""

    start: float = 0.0
    end: float = math.inf
    is_inverted: bool = False

    def __str__(self) -> str:
        """The shortest form that parses back to the same range."""
        end = "" if self.end == math.inf else _number(self.end)
        start = "~" if self.start == -math.inf else _number(self.start)
        text = end if self.start == 0 and end else f"{start}:{end}"
        return f"{'@' if self.is_inverted else ''}{text}"


@dataclass(frozen=True, slots=True)
class Item:
    """One value. `value` None: the plugin could not tell it (U). Ranges and bounds None where it gave none."""

    label: str
    value: float | None
    uom: str = ""
    warning: Range | None = None
    critical: Range | None = None
    minimum: float | None = None
    maximum: float | None = None

    def __str__(self) -> str:
        """As a plugin writes it."""
        bare = self.label and not re.search(r"[\s='|]", self.label)
        label = self.label if bare else "'" + self.label.replace("'", "''") + "'"
        value = "U" if self.value is None else _number(self.value)
        rest = [self.warning, self.critical, self.minimum, self.maximum]
        texts = ["" if part is None else str(part) if isinstance(part, Range) else _number(part) for part in rest]
        return ";".join([f"{label}={value}{self.uom}", *texts]).rstrip(";")


@dataclass(frozen=True, slots=True)
class Output:
    """What a plugin said.

    summary: first line without its performance data
    text: everything that is not performance data, all lines
    perfdata: the performance data as it was written, joined by spaces
    items: the same, parsed
    problems: what could not be read, in words
    """

    summary: str
    text: str
    perfdata: str
    items: tuple[Item, ...]
    problems: tuple[str, ...]


def is_alarming(limits: Range, value: float) -> bool:
    """True where the value calls for the status that the range stands for.

    >>> [is_alarming(Range(10, 20), value) for value in (9, 10, 20, 21)]
    [True, False, False, True]
    """
    return (limits.start <= value <= limits.end) is limits.is_inverted


def parse_range(text: str) -> Range | None:
    """The range that a text stands for; None where it stands for none.

    >>> parse_range("@~:5")
    Range(start=-inf, end=5.0, is_inverted=True)
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None or not (match[3] or match[4]):
        return None
    start = -math.inf if match[2] == "~" else float(match[2] or 0)
    end = math.inf if match[4] is None else float(match[4])
    return Range(start, end, match[1] == "@") if start <= end else None


def parse_perfdata(text: str) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Items and problems. A word that is no item is a problem; the items around it are kept."""
    items: list[Item] = []
    problems: list[str] = []
    position = 0
    while text[position:].strip() and len(items) < ITEM_LIMIT:
        match = _ITEM.match(text, position)
        if match is None:
            word = text[position:].split(maxsplit=1)[0]
            problems.append(f"{word[:60]!r} is no 'label'=value")
            position = text.index(word, position) + len(word)
            continue
        position = match.end()
        _read_item(match[1], match[2], items, problems)
    if len(items) >= ITEM_LIMIT and text[position:].strip():
        problems.append(f"more than {ITEM_LIMIT} values; the rest is left out")
    return tuple(items), tuple(problems)


def _read_item(quoted: str, text: str, items: list[Item], problems: list[str]) -> None:
    label = quoted[1:-1].replace("''", "'") if quoted.startswith("'") else quoted
    value_text, *rest = text.split(";")
    match = _VALUE.fullmatch(value_text)
    if match is None:
        problems.append(f"{label[:60]!r}: {value_text[:40]!r} is no value with a unit")
        return
    ranges = [_optional(parse_range, part, label, problems) for part in (*rest[:2], "", "")[:2]]
    bounds = [_optional(_bound, part, label, problems) for part in (*rest[2:4], "", "")[:2]]
    value = None if match[1] == "U" else float(match[1])
    items.append(Item(label, value, match[2] or "", ranges[0], ranges[1], bounds[0], bounds[1]))


def _optional(parse, part: str, label: str, problems: list[str]):  # type: ignore[no-untyped-def]
    if not part:
        return None
    parsed = parse(part)
    if parsed is None:
        problems.append(f"{label[:60]!r}: {part[:40]!r} is no threshold")
    return parsed


def _bound(text: str) -> float | None:
    return float(text) if re.fullmatch(_NUMBER, text, re.ASCII) else None


def parse_output(text: str) -> Output:
    """The whole output of a plugin: `TEXT | perfdata`, then long text, with more perfdata after another `|`."""
    lines = [_cut(line) for line in text.replace("\x00", "\ufffd").splitlines()]
    if not lines:
        return Output("", "", "", (), ())
    first, _, perf = lines[0].partition("|")
    texts, perfs = [first.rstrip()], [perf.strip()]
    is_perf = False
    for line in lines[1:]:
        if is_perf:
            perfs.append(line.strip())
            continue
        before, bar, after = line.partition("|")
        texts.append(before.rstrip() if bar else line)
        if bar:
            is_perf = True
            perfs.append(after.strip())
    perfdata = " ".join(filter(None, perfs))
    items, problems = parse_perfdata(perfdata)
    return Output(texts[0].strip(), "\n".join(texts), perfdata, items, problems)


def _cut(line: str) -> str:
    return line if len(line) <= LINE_LIMIT else f"{line[:LINE_LIMIT]} … ({len(line) - LINE_LIMIT} characters cut)"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
