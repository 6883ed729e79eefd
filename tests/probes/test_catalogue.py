"""Tests as data: versions, differences, profiles, packs."""

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.probes import packs as pack_folders
from gridkeeper.probes.catalogue import FIELDS, SAMPLES, content_of, differences
from gridkeeper.probes.catalogue_actions import create_test, edit_test, restore_version
from gridkeeper.probes.instances import load_instances
from gridkeeper.probes.models import CauseRule, ProfileEntry, Test, TestVersion
from gridkeeper.probes.pack_actions import install_pack, preview_pack
from gridkeeper.probes.pack_rules import merge, read_pack
from gridkeeper.probes.packs import Pack, PackError, packs
from gridkeeper.probes.profile_actions import Line, Use, borrowed, change_profile, changes_between, profile_of
from gridkeeper.probes.running import macros_of
from tests.builders import NOW, a_service, a_service_type, a_test, a_user, a_vo, in_profile

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("cli")
LATER = NOW + timedelta(hours=1)
TCP = {
    "abbreviation": "tcp", "title": "Port answers", "kind": "native", "command": "tcp", "arguments": {"port": 2811},
    "meaning": "The port accepts connections.", "procedure": "1. Start the daemon.\n2. Run it again.",
}  # fmt: skip


def _created(name="org.example.tcp", **fields):
    return create_test(SYSTEM, name=name, content=TCP | fields, reason="new", now=NOW)


def _edited(test, **changes):
    return edit_test(SYSTEM, test=test, changes=changes, reason="tuned", now=LATER)


def test_every_edit_is_a_version_that_stays_readable():
    test = _created()
    other = _created("org.example.other")
    _edited(test, interval_s=300, depends_on=["org.example.other"], procedure="1. Start the daemon.\n2. Ask the site.")
    first, second = TestVersion.objects.filter(test=test).order_by("version")
    assert [(item.version, item.reason) for item in (first, second)] == [(1, "new"), (2, "tuned")]
    found = {item.field: item for item in differences(first.content, second.content)}
    assert set(found) == {"interval_s", "depends_on", "procedure"}
    assert (found["interval_s"].old, found["interval_s"].new) == ("900 s", "300 s")
    assert ("-", "2. Run it again.") in found["procedure"].lines
    assert list(test.depends_on.all()) == [other]


def test_what_says_the_same_is_no_version():
    test = _created()
    assert _edited(test, **content_of(test)).version == 1


def test_a_test_of_before_versions_keeps_how_it_stood():
    test = a_test("CE-js", title="Job submission")
    _edited(test, title="Submission of a job")
    assert list(test.versions.values_list("version", "content__title")) == [
        (2, "Submission of a job"),
        (1, "Job submission"),
    ]


def test_an_older_version_comes_back_as_a_new_one():
    test = _edited(_created(), interval_s=300)
    restored = restore_version(SYSTEM, test=test, version=1, reason="too often", now=LATER)
    assert (restored.version, restored.interval_s) == (3, 900)
    with pytest.raises(ValidationError, match="no version 9"):
        restore_version(SYSTEM, test=test, version=9, reason="x", now=LATER)


def test_nobody_overwrites_what_came_between():
    test = _created()
    _edited(test, interval_s=300)
    with pytest.raises(ValidationError, match="version 2 meanwhile"):
        edit_test(SYSTEM, test=test, changes={"interval_s": 60}, reason="x", now=LATER, seen=1)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"command": "telepathy"}, "command", "no native check"),
        ({"arguments": {"prot": 1}}, "arguments", "`prot`"),
        ({"arguments": {"expect": "$NOPE$"}}, "arguments", "is no macro"),
        ({"arguments": ["-p", "1"]}, "arguments", "Write an object"),
        ({"kind": "plugin", "command": "/bin/sh", "arguments": []}, "command", "GRIDKEEPER_PLUGIN_DIRS"),
        ({"kind": "plugin", "command": "/usr/lib/nagios/plugins/../../x", "arguments": []}, "command", "folder"),
        ({"kind": "plugin", "command": "/usr/lib/nagios/plugins/x", "arguments": {"a": 1}}, "arguments", "a list"),
        ({"interval_s": 0}, "interval_s", "greater than or equal to 1"),
        ({"validity_s": 60}, "validity_s", "longest interval"),
        ({"fastest_interval_s": 3600}, "fastest_interval_s", "lies between"),
        ({"depends_on": ["nothing"]}, "depends_on", "no test nothing"),
        ({"rides_in": "CE-js"}, "rides_in", "its kind is passive"),
        ({"kind": "passive", "command": "", "arguments": {}, "rides_in": "nothing"}, "rides_in", "no job test"),
        ({"kind": "telepathy"}, "kind", "not a valid choice"),
    ],
)  # fmt: skip
def test_a_definition_that_could_not_run_is_refused_by_field(fields, field, words):
    with pytest.raises(ValidationError) as refused:
        _created(**fields)
    assert words in " ".join(refused.value.message_dict[field])
    assert not Test.objects.exists()


def test_dependencies_make_no_circle():
    first = _created("a")
    _created("b", depends_on=["a"])
    _created("c", depends_on=["b"])
    with pytest.raises(ValidationError, match="a needs c needs b needs a"):
        _edited(first, depends_on=["c"])


def test_only_superusers_define_tests_and_addresses_of_pages_are_no_names():
    with pytest.raises(NotPermittedError):
        create_test(Actor(user=a_user("bob", vo=a_vo())), name="x", content=TCP, reason="x", now=NOW)
    with pytest.raises(ValidationError, match="address of a page"):
        _created("packs")
    _created("x")
    with pytest.raises(ValidationError, match="already"):
        _created("x")
    admin = Actor(user=User.objects.create_superuser("admin", password="admin"))
    assert create_test(admin, name="y", content=TCP, reason="x", now=NOW).versions.get().author == admin.user


def test_the_first_line_of_a_vo_takes_over_what_it_relied_on():
    in_profile(a_vo("ops"), a_test("CE-js"))
    lhcb, tcp = a_vo("lhcb"), _created()
    assert borrowed(lhcb).name == "ops"
    line = Line("CE", tcp.name)
    assert change_profile(SYSTEM, vo=lhcb, changes={line: Use.RUN}, reason="wanted", now=NOW) == 1
    assert profile_of(lhcb) == {Line("CE", "CE-js"): Use.CRITICAL, line: Use.RUN}
    assert borrowed(lhcb) is None
    assert change_profile(SYSTEM, vo=lhcb, changes={line: Use.RUN}, reason="again", now=NOW) == 0
    change_profile(SYSTEM, vo=lhcb, changes={line: Use.NONE}, reason="noisy", now=LATER)
    ended = ProfileEntry.objects.get(vo=lhcb, test=tcp)
    assert (ended.valid_from, ended.valid_until) == (NOW, LATER)


def test_managers_change_their_own_vos_profile():
    a_service_type("CE")
    test, lhcb = _created(), a_vo("lhcb")
    change = {"changes": {Line("CE", test.name): Use.CRITICAL}, "reason": "x", "now": NOW}
    assert change_profile(Actor(user=a_user("carla", vo=lhcb)), vo=lhcb, **change) == 1
    with pytest.raises(NotPermittedError):
        change_profile(Actor(user=a_user("mallory", vo=a_vo("atlas"))), vo=lhcb, **change)
    with pytest.raises(ValidationError, match="no service type XX"):
        change_profile(SYSTEM, vo=lhcb, changes={Line("XX", test.name): Use.RUN}, reason="x", now=NOW)


_LINES = st.builds(Line, st.sampled_from("AB"), st.sampled_from("xyz"))
_USES = st.dictionaries(_LINES, st.sampled_from([Use.RUN, Use.CRITICAL]))


@given(_USES, _USES)
def test_changes_lead_from_one_profile_to_the_other(before, after):
    changed = before | changes_between(before, after)
    assert {line: use for line, use in changed.items() if use != Use.NONE} == after


def _pack(tmp_path, **fields):
    test = TCP | {"name": "org.example.tcp", "service_types": ["CE", "SE"], "is_critical": True} | fields
    other = TCP | {"name": "org.example.more", "depends_on": ["org.example.tcp"], "service_types": ["CE"]}
    rule = {"cause": "org.example.tcp", "effect": "org.example.more", "reach": "service"}
    return Pack("example", tmp_path, {"title": "Examples", "tests": [other, test], "causes": [rule]}, ())


@pytest.fixture
def install(monkeypatch, tmp_path):
    def installed(**fields):
        options = {name: fields.pop(name) for name in ("overwrite", "vos") if name in fields}
        known = {"example": _pack(tmp_path, **fields)}
        monkeypatch.setattr("gridkeeper.probes.pack_actions.packs", lambda: known)
        return install_pack(SYSTEM, name="example", **{"vos": []} | options, reason="wanted", now=NOW)

    return installed


def test_a_pack_brings_tests_profile_lines_and_causes(install):
    a_service_type("CE")
    ops = a_vo("ops")
    report = install(vos=[ops])
    assert report.created == ["org.example.tcp", "org.example.more"]
    assert report.missing_types == ["SE"]
    assert profile_of(ops) == {
        Line("CE", "org.example.tcp"): Use.CRITICAL,
        Line("CE", "org.example.more"): Use.RUN,
    }
    assert str(CauseRule.objects.get()) == "org.example.more follows from org.example.tcp (the same service)"
    again = install(vos=[ops])
    assert again.is_nothing
    assert again.unchanged == ["org.example.tcp", "org.example.more"]


def test_an_upgrade_keeps_what_people_changed_and_says_so(install):
    install()
    _edited(Test.objects.get(name="org.example.tcp"), interval_s=300)
    report = install(interval_s=600, timeout_s=20)
    test = Test.objects.get(name="org.example.tcp")
    assert (test.interval_s, test.timeout_s, test.version) == (300, 20, 3)
    assert [item.new for item in report.kept["org.example.tcp"]] == ["600 s"]
    # The pack's newer word is known now; what people set is still theirs.
    assert install(interval_s=600, timeout_s=20).kept["org.example.tcp"]
    install(interval_s=600, timeout_s=20, overwrite=True)
    assert Test.objects.get(name="org.example.tcp").interval_s == 600


def test_a_line_that_was_taken_out_of_a_profile_does_not_come_back(install):
    a_service_type("CE")
    ops = a_vo("ops")
    install(vos=[ops])
    line = Line("CE", "org.example.more")
    change_profile(SYSTEM, vo=ops, changes={line: Use.NONE}, reason="noisy", now=LATER)
    install(vos=[ops], timeout_s=20)
    assert line not in profile_of(ops)


def test_a_preview_changes_nothing(install, monkeypatch, tmp_path):
    known = {"example": _pack(tmp_path)}
    monkeypatch.setattr("gridkeeper.probes.pack_actions.packs", lambda: known)
    report = preview_pack(SYSTEM, name="example", vos=[], reason="", now=NOW)
    assert report.created
    assert not Test.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"tests": [{"name": "x"}]}, "test x: give abbreviation"),
        ({"tests": [{"name": "x", "colour": "red"}]}, "colour: no such field"),
        ({"tests": "x"}, "no list of tables"),
        ({"causes": [{"cause": "x"}]}, "`cause` and `reach`"),
    ],
)
def test_a_pack_that_cannot_be_read_names_pack_test_and_field(tmp_path, content, words):
    with pytest.raises(PackError, match=words) as refused:
        read_pack(Pack("broken", tmp_path, content, ()))
    assert "pack broken" in str(refused.value)


@pytest.mark.parametrize("name", sorted(packs()))
def test_every_pack_that_ships_can_be_installed_and_is_documented(name):
    for pack in packs().values():
        for test in read_pack(pack).tests:
            for word in test.service_types:
                a_service_type(word)
    install_pack(SYSTEM, name=name, vos=[a_vo("ops")], reason="all", now=NOW)
    for test in Test.objects.filter(pack=name):
        assert all((test.meaning, test.procedure, test.contact)), test
        assert ProfileEntry.objects.filter(test=test).exists(), test
    assert install_pack(SYSTEM, name=name, vos=[a_vo("ops")], reason="again", now=NOW).is_nothing


_VALUES = st.dictionaries(st.sampled_from(FIELDS[:5]), st.integers(0, 3))


@given(_VALUES, _VALUES, _VALUES)
def test_a_merge_takes_or_keeps_every_field_in_which_they_differ(base, ours, theirs):
    plan = merge(base=base, ours=ours, theirs=theirs)
    assert set(plan.taken) | set(plan.kept) == {name for name in theirs if theirs[name] != ours.get(name)}
    assert not set(plan.taken) & set(plan.kept)
    assert merge(base=base, ours=ours, theirs=theirs, overwrite=True).kept == {}
    assert merge(base=ours, ours=ours, theirs=theirs).kept == {}


def test_definitions_are_checked_with_every_macro_that_runs_know():
    service = a_service(hostname="ce.example.org")
    in_profile(a_vo(supported_by=[service]), _created())
    [instance] = load_instances().values()
    assert set(SAMPLES) == {*macros_of(instance), "X509PROXY", "TOKENFILE"}


def test_the_group_of_entry_points_is_the_one_that_is_documented():
    assert pack_folders.GROUP == "gridkeeper.packs"
