"""What plugins and senders write, made hostile: nothing raises, nothing grows, what is kept reads back the same.

`FUZZ_S=600 pytest tests/probes/test_hostile_texts.py` goes on for that many seconds (docs/howto/results.md).
"""

import os
import time
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gridkeeper.core.status import RESULT_STATUSES
from gridkeeper.probes.passive import (
    PassiveError,
    RecordError,
    parse_json_list,
    parse_nagios_lines,
    parse_ndjson,
)
from gridkeeper.probes.perfdata import (
    ITEM_LIMIT,
    LINE_LIMIT,
    is_alarming,
    parse_output,
    parse_perfdata,
    parse_range,
)

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
_FOR_S = float(os.environ.get("FUZZ_S", "0"))
_MUCH = settings(
    max_examples=150 if not _FOR_S else 2000,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)

#: Bits that the grammars know, so that what hypothesis joins from them comes near to what they accept.
_BITS = st.sampled_from(
    [
        "|", "=", "'", "''", ";", ";;;;", "@", "~", ":", "U", "%", "KB", "ms", "c", " ", "\t", "\n", "\r\n", "\\n",
        "\x00",
        "\ufffd", "\u2028", "\x85", "-", "+", ".", "1", "0", "9" * 400, "1e308", "1e309", "-1e-400", "1e", "inf", "nan",
        "time=", "'free space'=", "[1772366400]", "[", "]", "PROCESS_SERVICE_CHECK_RESULT", "ce.example.org", "CE-js",
        "/dteam", "OK", "２", "é", "\U0001f4a9", "x" * 5000,
    ]
)  # fmt: skip
texts = st.lists(_BITS | st.text(max_size=12), max_size=30).map("".join)
bodies = st.binary(max_size=300) | texts.map(lambda text: text.encode(errors="surrogatepass")[:20_000])


def _type_of(hostname: str, metric: str) -> str:
    if hostname != "ce.example.org":
        raise RecordError("hostname", f"no service is registered on {hostname!r}")
    return "CE"


def _check_output(text: str) -> None:
    output = parse_output(text)
    assert "\n" not in output.summary
    assert "\x00" not in output.text + output.perfdata
    assert len(output.items) <= ITEM_LIMIT
    assert all(len(line) <= LINE_LIMIT + 60 for line in output.text.split("\n"))
    assert len(output.problems) <= 6 * ITEM_LIMIT + 1


def _check_perfdata(text: str) -> None:
    items, _ = parse_perfdata(text)
    again, problems = parse_perfdata(" ".join(map(str, items)))
    assert not problems
    assert again == items


def _check_range(text: str) -> None:
    limits = parse_range(text)
    if limits is None:
        return
    assert parse_range(str(limits)) == limits
    assert is_alarming(limits, limits.start) is limits.is_inverted


def _check_bodies(body: bytes) -> None:
    for parse in (
        lambda: parse_ndjson(body, NOW),
        lambda: parse_json_list(body, NOW),
        lambda: parse_nagios_lines(body, NOW, _type_of),
    ):
        try:
            parsed = parse()
        except PassiveError:
            continue
        assert len(parsed.records) == len(parsed.codes) == len(parsed.indexes)
        assert all(code in {status.value for status in RESULT_STATUSES} for code in parsed.codes)
        places = sorted([*parsed.indexes, *(one.index for one in parsed.rejected)])
        assert places == list(range(len(places)))
        assert all(str(one.problem) and one.remedy for one in parsed.rejected)


lines = st.builds(
    "[{}] {};{};{};{};{}".format,
    st.sampled_from(["1772366400", "0", "99999999999", "٣", "-1", "17723664000000"]) | texts,
    st.sampled_from(["PROCESS_SERVICE_CHECK_RESULT", "PROCESS_HOST_CHECK_RESULT"]),
    st.sampled_from(["ce.example.org", "", "x" * 256]) | texts,
    st.sampled_from(["CE-js", "CE-js/dteam", "/", "x" * 101]) | texts,
    st.sampled_from(["0", "3", "4", "OK", "", "٢", "²"]) | texts,
    texts,
)
CHECKS = [
    pytest.param(_check_output, texts, id="output"),
    pytest.param(_check_perfdata, texts, id="perfdata"),
    pytest.param(_check_range, texts, id="range"),
    pytest.param(_check_bodies, bodies, id="bodies"),
    pytest.param(_check_bodies, st.lists(lines, max_size=5).map(lambda each: "\n".join(each).encode()), id="lines"),
]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("check", "hostile"), CHECKS)
def test_nothing_hostile_gets_through(check, hostile):
    end = time.monotonic() + _FOR_S / len(CHECKS)
    while True:
        _MUCH(given(hostile)(check))()
        if time.monotonic() >= end:
            break
