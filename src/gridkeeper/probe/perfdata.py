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
_BOUND = re.compile(_NUMBER, re.ASCII)
#: A unit that looks like an exponent would read back as a part of the number.
_VALUE = re.compile(rf"({_NUMBER}|U)((?![eE][-+]?\d)[^\d\s;.,+-][^\s;]*)?", re.ASCII)
_RANGE = re.compile(rf"(@?)(?:(~|{_NUMBER})?(:))?({_NUMBER})?", re.ASCII)
_WORD = re.compile(r"\S+")
_ITEM = re.compile(r"('[^']*(?:''[^']*)*'|[^\s=']+)=(\S*)")


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
    if match is None or not ((match[2] and match[3]) or match[4]):
        return None
    start = -math.inf if match[2] == "~" else _finite(match[2] or "0")
    end = math.inf if match[4] is None else _finite(match[4])
    return Range(start, end, match[1] == "@") if start is not None and end is not None and start <= end else None


def parse_perfdata(text: str) -> tuple[tuple[Item, ...], tuple[str, ...]]:
    """Items and problems. A word that is no item is a problem; the items around it are kept.

    >>> [str(item) for item in parse_perfdata("time=0.2s;1;2 what 'free space'=12%")[0]]
    ['time=0.2s;1;2', "'free space'=12%"]
    """
    items: list[Item] = []
    problems: list[str] = []
    position = 0
    while (start := _WORD.search(text, position)) is not None:
        if len(items) + len(problems) >= ITEM_LIMIT:
            problems.append(f"more than {ITEM_LIMIT} values; the rest is left out")
            break
        match = _ITEM.match(text, start.start())
        if match is None:
            problems.append(f"{start[0][:60]!r} is no 'label'=value")
            position = start.end()
            continue
        position = match.end()
        item, complaints = _read_item(match[1], match[2])
        items += [item] if item else []
        problems += complaints
    return tuple(items), tuple(problems)


def _read_item(quoted: str, text: str) -> tuple[Item | None, list[str]]:
    """The item, where its value can be read, and what of it cannot."""
    label = quoted[1:-1].replace("''", "'") if quoted.startswith("'") else quoted
    value_text, *rest = [*text.split(";", 5), *("",) * 4][:5]
    match = _VALUE.fullmatch(value_text)
    if match is None or (match[1] != "U" and _finite(match[1]) is None):
        return None, [f"{label[:60]!r}: {value_text[:40]!r} is no value with a unit"]
    value = None if match[1] == "U" else float(match[1])
    ranges = [parse_range(part) for part in rest[:2]]
    bounds = [_bound(part) for part in rest[2:]]
    unread = [part for part, read in zip(rest, [*ranges, *bounds], strict=True) if part and read is None]
    problems = [f"{label[:60]!r}: {part[:40]!r} is no threshold" for part in unread]
    return Item(label, value, match[2] or "", ranges[0], ranges[1], bounds[0], bounds[1]), problems


def _bound(text: str) -> float | None:
    return _finite(text) if _BOUND.fullmatch(text) else None


def _finite(text: str) -> float | None:
    """The number; None where it is too large for one."""
    number = float(text)
    return number if math.isfinite(number) else None


def parse_output(text: str) -> Output:
    """The whole output of a plugin: `TEXT | perfdata`, then long text, with more perfdata after another `|`."""
    lines = [_cut(line.rstrip("\r")) for line in text.replace("\x00", "\ufffd").rstrip("\n").split("\n")]
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
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
