"""A job's name tells whether anybody waits for it."""

from datetime import timedelta

import pytest

from gridkeeper.probes.jobs.names import is_left, job_name
from tests.builders import NOW


@pytest.mark.parametrize(("later", "wanted"), [(0, False), (599, False), (600, True), (86400, True), (-86400, False)])
def test_a_job_is_left_behind_ten_minutes_after_the_end_of_its_trip(later, wanted):
    assert is_left(job_name("0123456789abcdef", NOW), NOW + timedelta(seconds=later)) is wanted


@pytest.mark.parametrize(
    "name",
    [
        "", "analysis", "gridkeeper", "gridkeeper-0123456789ab", "my-gridkeeper-0123456789ab-20200101T000000Z",
        "gridkeeper-0123456789ab-20200101T000000Z-mine", "gridkeeper-0123456789ab-20200230T000000Z",
        "gridkeeper-0123456789ab-20200101T000000Z\n", "gridkeeper-0123456789ab-99991231T235959Z",
    ],
)  # fmt: skip
def test_what_we_did_not_name_is_nobodys_to_remove(name):
    assert not is_left(name, NOW)
