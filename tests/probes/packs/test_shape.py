"""Every pack that ships: its tests name checks that exist, with arguments that these take, and say what to do."""

import pytest

from gridkeeper.probes.checks import check_named
from gridkeeper.probes.models import Test
from gridkeeper.probes.packs import packs

_TESTS = [(pack.name, one) for pack in packs().values() for one in pack.content.get("tests", ())]
_NAMES = {one["name"] for _, one in _TESTS}
_FIELDS = {field.name for field in Test._meta.get_fields()} | {"service_types", "is_critical"}


def _cases():
    return [pytest.param(one, id=f"{pack}:{one['name']}") for pack, one in _TESTS]


def test_every_pack_has_a_title_and_says_what_it_is():
    for pack in packs().values():
        assert pack.content["title"]
        assert pack.content["description"].strip()


def test_names_and_columns_are_used_once():
    names = [one["name"] for _, one in _TESTS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("one", _cases())
def test_a_test_says_what_it_proves_and_what_to_do(one):
    assert not set(one) - _FIELDS
    assert one["meaning"]
    assert "1. " in one["procedure"]
    assert one["logs"]
    assert one["contact"]
    assert one["service_types"]
    assert one.get("timeout_s", 60) <= one.get("interval_s", 900)
    assert len(one["abbreviation"]) <= 20
    assert set(one.get("depends_on", ())) <= _NAMES


@pytest.mark.parametrize("one", [case for case in _cases() if case.values[0]["kind"] == "native"])
def test_a_native_check_takes_the_arguments_of_its_test(one):
    check_named(one["command"]).parse(one.get("arguments", {}))


def test_causes_name_tests_of_packs():
    for pack in packs().values():
        for cause in pack.content.get("causes", ()):
            assert {cause["cause"], cause.get("effect", cause["cause"])} <= _NAMES, pack.name
            assert cause["reach"] in {"service", "host", "site", "region"}
