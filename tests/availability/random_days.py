"""Random days for whatever judges them: profiles, topologies, results, downtimes, overrides and weights.

Each is a few services; what is drawn often is what has gone wrong before: ends that meet, midnight, one second.
"""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from gridkeeper.availability.operations import DEFAULT_OPERATIONS
from gridkeeper.availability.tree import Combination, Excuse, Expected, Override, Path
from gridkeeper.core.status import RESULT_STATUSES
from tests.availability.days import DAY_S, at
from tests.availability.reference import Heard, Setting

H = 3600
REPORTS = ("ops", "lhcb")
FLAVOURS = ("X", "Y", "Z")
METRICS = ("m1", "m2")
OWN_STATES = ("SLOW", "BROKEN")
_second = st.one_of(st.sampled_from([0, 1, H, 6 * H, 6 * H + 60, DAY_S - 60, DAY_S - 1]), st.integers(0, DAY_S - 1))
_moment = st.one_of(st.sampled_from([-DAY_S, -H, -1, 0, 1, H, 6 * H, DAY_S - 1]), st.integers(-DAY_S, DAY_S - 1))


@dataclass(frozen=True)
class RandomDay:
    length_s: int
    expected: list[Expected]
    results: list[Heard]
    excuses: list[Excuse]
    setting: Setting


@st.composite
def days(draw) -> RandomDay:
    """Up to four services at up to three sites, of two reports that share hosts and results."""
    length_s = draw(st.sampled_from([DAY_S, DAY_S, 10 * H + 1]))
    profile = draw(profiles())
    hosts = draw(st.lists(_hosts, min_size=1, max_size=4, unique=True))
    lines = draw(_lines(hosts, length_s))
    numbers = sorted({line.series for line in lines}) or [1]
    results = [
        Heard(draw(st.sampled_from(numbers)), at(draw(_moment) + draw(st.sampled_from([0, 0.25]))), status, seq)
        for seq, status in enumerate(draw(st.lists(st.sampled_from(RESULT_STATUSES), max_size=25)))
    ]
    services = sorted({(line.path.hostname, line.path.service_type) for line in lines})
    excuses = [Excuse(*service, *span) for service in services for span in draw(st.lists(_spans(length_s), max_size=2))]
    return RandomDay(length_s, lines, results, excuses, draw(_settings(profile, lines, length_s)))


#: Site, flavour, number of the host: the same host may stand at two sites.
_hosts = st.tuples(st.sampled_from("ABC"), st.sampled_from(FLAVOURS), st.integers(1, 2))


@st.composite
def _lines(draw, hosts: list[tuple[str, str, int]], length_s: int) -> list[Expected]:
    lines, series = [], {}
    for site, flavour, number in hosts:
        host = draw(st.sampled_from([f"h{number}.{site}", f"h{number}"]))
        for report in draw(st.sampled_from([REPORTS[:1], REPORTS])):
            for metric in draw(st.lists(st.sampled_from(METRICS), min_size=1, max_size=2, unique=True)):
                region = "NGI_1" if site in "AB" else "NGI_2"
                path = Path(report, region, f"SITE-{site}", flavour, host, metric)
                validity_s = draw(st.sampled_from([60, 2 * H, DAY_S, 3 * DAY_S]))
                key = series.setdefault(path[3:], (len(series) + 1, validity_s))
                for start_s, end_s, is_new in draw(_expectations()):
                    if start_s < min(end_s, length_s):
                        lines.append(Expected(path, *key, start_s, min(end_s, length_s), is_new))
    return lines


@st.composite
def _expectations(draw) -> list[tuple[int, int, bool]]:
    """Disjoint intervals of the day that do not touch; mostly all of it."""
    if draw(st.integers(0, 3)):
        return [(0, DAY_S, draw(st.booleans()))]
    cuts = sorted(draw(st.lists(st.integers(0, DAY_S), min_size=2, max_size=4, unique=True)))
    pairs = list(zip(cuts[::2], cuts[1::2], strict=False))
    return [(a, b, draw(st.booleans())) for a, b in pairs]


@st.composite
def _spans(draw, length_s: int) -> tuple[int, int]:
    start_s = min(draw(_second), length_s - 1)
    end_s = draw(st.one_of(st.just(start_s + 1), st.just(length_s), st.integers(start_s + 1, DAY_S + H)))
    return start_s, min(end_s, length_s)


@st.composite
def _settings(draw, profile: dict[str, Any], lines: list[Expected], length_s: int) -> Setting:
    operations = st.sampled_from(sorted(profile["operations"]))
    functions = {
        (report, flavour): draw(st.lists(st.sampled_from(["f", "g", "h"]), min_size=1, max_size=2, unique=True))
        for report in REPORTS for flavour in FLAVOURS if draw(st.booleans())
    }  # fmt: skip
    combinations = {
        report: Combination(
            draw(operations),
            {flavour: draw(operations) for flavour in FLAVOURS},
            {function: draw(operations) for function in ("f", "g", "h", *FLAVOURS)},
            draw(operations),
        )
        for report in REPORTS
    }
    paths = sorted({node for line in lines for node in _nodes(line.path, functions)})
    states = st.sampled_from([*profile["states"], "EXCLUDED"])
    overrides = [
        Override(path, *draw(_spans(length_s)), draw(states), draw(st.booleans()))
        for path in draw(st.lists(st.sampled_from(paths), max_size=4) if paths else st.just([]))
    ]
    sites = sorted({line.path.site_path for line in lines})
    weights = {site: float(draw(st.integers(0, 1000))) for site in sites if draw(st.booleans())}
    mode = draw(st.sampled_from(["gridkeeper", "argo-compat"]))
    return Setting(functions, combinations, overrides, weights, profile, mode)


def _nodes(leaf: Path, functions: dict[tuple[str, str], list[str]]) -> list[Path]:
    service = leaf._replace(metric="")
    flavour = service._replace(hostname="")
    own = functions.get((leaf.report, leaf.service_type), [leaf.service_type])
    return [leaf, service, flavour, leaf.site_path, *(leaf.site_path._replace(function=each) for each in own)]


def profiles() -> st.SearchStrategy[dict[str, Any]]:
    """Documents of operations profiles: the default one, and others that are sound."""
    return st.one_of(st.just(DEFAULT_OPERATIONS.document()), _other_profiles())


@st.composite
def _other_profiles(draw) -> dict[str, Any]:
    usual = st.sampled_from(["OK", "WARNING", "UNKNOWN", "MISSING", "CRITICAL", "DOWNTIME"])
    states = draw(st.lists(st.one_of(usual, st.sampled_from(OWN_STATES)), min_size=3, max_size=8, unique=True))
    unknown, down, *rest = draw(st.permutations(states))
    missing = draw(st.sampled_from([unknown, *rest]))
    up = [state for state in rest if state != missing and draw(st.booleans())]
    return {
        "states": states,
        "up": sorted(up, key=states.index),
        "defaults": {"down": down, "missing": missing, "unknown": unknown},
        "operations": {name: draw(truth_tables(states)) for name in draw(st.sampled_from([["AND"], ["AND", "OR"]]))},
    }


@st.composite
def truth_tables(draw, states: list[str]) -> list[list[str]]:
    """A sound table: two states give their nearest common ancestor in a random tree; in a chain that is an order."""
    order = draw(st.permutations(states))
    is_chain = draw(st.booleans())
    above = {state: order[i - 1 if is_chain else draw(st.integers(0, i - 1))] for i, state in enumerate(order) if i}

    def line(state: str) -> list[str]:
        return [state, *(line(above[state]) if state in above else [])]

    lines = [[a, b, next(each for each in line(a) if each in line(b))] for a in states for b in states]
    return [each for each in lines if states.index(each[0]) <= states.index(each[1])]
