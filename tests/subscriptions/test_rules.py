from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.subscriptions.rules import GROUPS, KINDS, RETRIES, concerns, next_wait, signature, wants


@pytest.mark.parametrize(
    ("kinds", "kind", "expected"),
    [
        (["downtime"], "downtime.soon", True),
        (["downtime.soon"], "downtime.soon", True),
        (["downtime.soon"], "downtime.begun", False),
        (["role", "downtime.begun"], "downtime.begun", True),
        ([], "downtime.begun", False),
        (["down"], "downtime.begun", False),
    ],
)
def test_a_kind_or_its_group_is_wanted(kinds, kind, expected):
    assert wants(kinds, kind) is expected


@given(st.sampled_from(sorted(KINDS)))
def test_every_kind_is_wanted_by_its_group_and_no_other(kind):
    assert [group for group in GROUPS if wants([group], kind)] == [kind.partition(".")[0]]


def test_a_subscription_concerns_what_it_touches():
    assert concerns("", ["site:A"])
    assert concerns("site:A", ["site:A", "ngi:B"])
    assert not concerns("site:C", ["site:A", "ngi:B"])


def test_waits_grow_and_end():
    waits = [next_wait(attempts) for attempts in range(1, len(RETRIES) + 2)]
    assert waits[:-1] == sorted(waits[:-1])
    assert waits[-1] is None
    assert sum(RETRIES, timedelta()) > timedelta(days=1)


@given(st.binary(), st.binary(), st.integers(0, 2**40))
def test_a_signature_is_of_the_body_and_the_time(first, second, at):
    same = signature("secret", at, first) == signature("secret", at, second)
    assert same is (first == second)
    assert signature("secret", at, first) != signature("secret", at + 1, first)
    assert signature("secret", at, first) != signature("other", at, first)
