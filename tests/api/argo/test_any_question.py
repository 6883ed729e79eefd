"""Whatever is asked, the answer is one of ARGO's: nothing that is sent makes us fail."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.argo.asking import read
from tests.api.argo.seeding import day, put_days, put_periods
from tests.builders import a_vo

pytestmark = pytest.mark.usefixtures("installation")

EXAMPLES = int(os.environ.get("ARGO_API_EXAMPLES", "12"))
_WORDS = st.sampled_from(
    ["Report_A", "SITES", "NGI", "ST01", "GROUP_A", "services", "endpoints", "metrics", "SF01", "by_report",
     "id", "é", "%", "*"]
) | st.text(st.characters(codec="utf-8", exclude_characters="/?#"), min_size=1, max_size=8)  # fmt: skip
_FIRST = st.sampled_from(
    ["results", "status", "trends", "latest", "metric_result", "topology", "downtimes", "weights", "recomputations",
     "reports", "operations_profiles", "aggregation_profiles", "metric_profiles", "thresholds_profiles"]
)  # fmt: skip
_NAMES = st.sampled_from(
    ["start_time", "end_time", "granularity", "view", "date", "start_date", "end_date", "top", "pageSize",
     "nextPageToken", "exec_time", "filter", "limit", "strict", "group", "tags", "name", "report"]
)  # fmt: skip
_VALUES = st.sampled_from(
    ["2015-06-22T00:00:00Z", "2015-06-23T23:59:59Z", "2015-06-22", "monthly", "custom", "latest", "details", "-1", "1",
     "Mg==", "LTE=", "9" * 30, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "critical", "scope:~a", "[", "~"]
) | st.text(max_size=6)  # fmt: skip


@pytest.fixture
def report(installation):
    a_vo("Report_A")
    put_days(
        {"level": level, "service_type": "SF01", "hostname": "e01", "date": day("2015-06-22")}
        for level in ("site", "flavour", "service")
    )
    put_periods([{"level": "site", "told": [("2015-06-22T00:00:00Z", "OK")]}])


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    version=st.sampled_from(["v2", "v3"]),
    words=st.tuples(_FIRST, st.lists(_WORDS, max_size=7)),
    parameters=st.dictionaries(_NAMES, _VALUES, max_size=4),
    accept=st.sampled_from(["application/json", "application/xml"]),
)
def test_no_question_makes_us_fail(client, report, version, words, parameters, accept) -> None:
    first, rest = words
    answer = client.get(f"/api/{version}/{'/'.join([first, *rest])}", parameters, headers={"Accept": accept})
    assert answer.status_code in {200, 400, 404}, (answer.request["PATH_INFO"], parameters)
    if accept == "application/json":
        read(answer)
    elif answer.streaming:
        assert b"".join(answer.streaming_content)
