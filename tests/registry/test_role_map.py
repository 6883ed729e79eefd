"""The role map: what is refused at load, GOCDB's map converted, and the commands."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gridkeeper.people.models import User
from gridkeeper.registry.importers.report import UnreadableSourceError
from gridkeeper.registry.models import RoleGrant
from gridkeeper.registry.role_commands import register
from gridkeeper.registry.role_map_gocdb import as_toml, read_gocdb_map
from gridkeeper.registry.roles import ROLES, RoleMapError, parse_role_map, read_role_map
from tests.builders import a_site, a_user
from tests.registry.import_inputs import REAL, needs_real_input

ACTIONS = '[actions]\nedit_site = "Edit"\nchange_certification = "Certify"\n'

#: What our map says otherwise than GOCDB's: the name of one role, which EGI has put its own name into.
RENAMED = {"EGI CSIRT Officer": "CSIRT Officer"}


def a_mapping(level: str = '"site"', roles: str = '["Boss"]', actions: str = '["edit_site"]') -> str:
    return f"{ACTIONS}[[mapping]]\nlevel = {level}\nroles = {roles}\nactions = {actions}\n"


def test_a_map_is_read():
    actions, roles = parse_role_map(a_mapping(), "map.toml")
    assert list(actions) == ["edit_site", "change_certification"]
    assert (roles["Boss"].level, roles["Boss"].permissions) == ("site", {"edit_site"})


def test_a_map_by_which_a_site_certifies_itself_is_refused():
    with pytest.raises(RoleMapError, match="no role of a site may change_certification"):
        parse_role_map(a_mapping(actions='["edit_site", "change_certification"]'), "map.toml")


def test_a_role_is_not_lifted_to_a_site_by_a_second_mapping():
    second = '[[mapping]]\nlevel = "ngi"\nroles = ["Boss"]\nactions = ["change_certification"]\n'
    with pytest.raises(RoleMapError, match="belongs to the level site already"):
        parse_role_map(a_mapping() + second, "map.toml")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", r"needs a table \[actions\]"),
        ("\x00", "is not TOML"),
        ("[actions", "is not TOML"),
        ("[actions]\nedit_site = 1", r"needs a table \[actions\]"),
        (ACTIONS, r"needs entries \[\[mapping\]\]"),
        (ACTIONS + "mapping = 1", r"needs a table|needs entries"),
        ("mapping = [1]\n" + ACTIONS, "is no table"),
        (a_mapping(level='"moon"'), "is none of site, ngi"),
        (a_mapping(level="1"), "is none of site, ngi"),
        (a_mapping(roles='"Boss"'), "roles has to be a list of texts"),
        (a_mapping(roles="[1]"), "roles has to be a list of texts"),
        (a_mapping(roles=f'["{"x" * 61}"]'), "at most 60 characters"),
        (a_mapping(actions='["fly"]'), "unknown actions fly"),
        (a_mapping(actions='"edit_site"'), "actions has to be a list of texts"),
    ],
)
def test_what_is_wrong_with_a_map_is_named(text, problem):
    with pytest.raises(RoleMapError, match=problem):
        parse_role_map(text, "map.toml")


def test_a_map_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(RoleMapError, match="cannot be read"):
        read_role_map(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xff")
    with pytest.raises(RoleMapError, match="cannot be read"):
        read_role_map(tmp_path / "latin.toml")


def pairs(roles) -> set[tuple[str, str, str]]:
    return {
        (role.level, RENAMED.get(name, name), action) for name, role in roles.items() for action in role.permissions
    }


@needs_real_input
def test_gocdbs_own_map_allows_what_ours_does():
    converted = read_gocdb_map(REAL / "gocdb" / "RoleActionMappings.xml")
    assert converted.unknown == []
    _, roles = parse_role_map(as_toml(converted), "converted.toml")
    assert pairs(roles) == pairs(ROLES)
    assert set(roles) - set(ROLES) == set(RENAMED)


def an_xml(rules: str, names: str = '<Role id="A">Boss</Role>', over: str = "Site") -> str:
    return (
        '<RoleActionMappingRules xmlns="http://goc.egi.eu/2015/03/spec1.0_r1"><RoleActionMapping>'
        f'<RoleNames over="{over}">{names}</RoleNames>{rules}</RoleActionMapping></RoleActionMappingRules>'
    )


def a_rule(*actions: str, target: str = "Site", ref: str = "A") -> str:
    listed = "".join(f"<Action>{action}</Action>" for action in actions)
    return (
        f'<RoleMapping><Roles><RoleRef idRef="{ref}"/></Roles><EnabledActions><Actions>{listed}</Actions>'
        f"<Target>{target}</Target></EnabledActions></RoleMapping>"
    )


@pytest.fixture
def xml(tmp_path):
    def write(text: str) -> Path:
        path = tmp_path / "map.xml"
        path.write_text(text)
        return path

    return write


def test_gocdb_actions_become_ours(xml):
    converted = read_gocdb_map(xml(an_xml(a_rule("ACTION_EDIT_OBJECT", "ACTION_SITE_ADD_SERVICE"))))
    assert converted.allowed["site"] == {"Boss": {"edit_site", "edit_service", "declare_downtime", "add_service"}}


def test_half_a_right_to_decide_and_unknown_actions_are_left_out_and_named(xml):
    converted = read_gocdb_map(xml(an_xml(a_rule("ACTION_REVOKE_ROLE", "ACTION_FLY"))))
    assert converted.allowed["site"] == {"Boss": set()}
    assert len(converted.unknown) == 2
    assert "map.xml:1: ACTION_REVOKE_ROLE without the rest" in converted.unknown
    assert "map.xml:1: ACTION_FLY on Site" in converted.unknown


def test_a_gocdb_map_by_which_a_site_certifies_itself_is_refused(xml):
    with pytest.raises(RoleMapError, match="no role of a site may change_certification"):
        read_gocdb_map(xml(an_xml(a_rule("ACTION_SITE_EDIT_CERT_STATUS"))))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("<results/>", "is no RoleActionMappings.xml"),
        ("<html>", "HTML page"),
        ("", "is empty"),
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "document type"),
        (an_xml(a_rule("ACTION_EDIT_OBJECT", ref="B")), "no role has the id 'B'"),
        (an_xml("", over="Moon"), "roles over 'Moon'"),
        (an_xml("", names=f'<Role id="A">{"x" * 61}</Role>'), "at most 60 characters"),
    ],
)
def test_what_is_no_gocdb_map_is_refused(xml, text, problem):
    with pytest.raises((UnreadableSourceError, RoleMapError), match=problem):
        read_gocdb_map(xml(text))


def test_names_with_quotes_and_controls_survive(xml):
    converted = read_gocdb_map(xml(an_xml(a_rule("ACTION_EDIT_OBJECT"), names='<Role id="A">"a\\b" \x7f</Role>')))
    _, roles = parse_role_map(as_toml(converted), "converted.toml")
    assert list(roles) == ['"a\\b" \x7f']


def run(*words):
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["roles", *map(str, words)])


def test_the_map_in_use_is_printed_and_reads_the_same():
    answer = run("map")
    assert answer.exit_code == 0
    assert parse_role_map(answer.stdout, "printed.toml")[1] == ROLES


def test_a_map_of_gocdb_is_printed_as_ours_and_what_is_left_out_is_said(xml):
    answer = run("map", "--from", xml(an_xml(a_rule("ACTION_EDIT_OBJECT", "ACTION_FLY"))))
    assert answer.exit_code == 0
    assert parse_role_map(answer.stdout, "printed.toml")[1]["Boss"].level == "site"
    assert "ACTION_FLY on Site: has no counterpart here" in answer.stderr


def test_a_file_that_is_no_map_ends_with_status_2(tmp_path):
    answer = run("map", "--from", tmp_path / "none.xml")
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "there is no such file" in answer.stderr


@pytest.mark.django_db
def test_why_says_yes_by_which_role():
    site = a_site(name="ROMA1")
    a_user("alice", site=site)
    for name in ("ROMA1", site.key, f"site:{site.key}"):
        answer = run("why", "alice", "edit_site", name)
        assert answer.exit_code == 0, answer.stdout
        assert answer.stdout.startswith("yes: alice, edit the site's entry: ROMA1")
        assert "holds: Site Administrator (allows it)" in answer.stdout


@pytest.mark.django_db
def test_why_says_no_and_whom_to_ask():
    site = a_site(name="ROMA1")
    a_user("bob")
    RoleGrant.objects.create(user=a_user("chief"), role="NGI Operations Manager", ngi=site.ngi)
    answer = run("why", "bob", "change_certification", "ROMA1")
    assert answer.exit_code == 3
    assert answer.stdout.startswith("no: bob")
    assert "enough here: no role" in answer.stdout
    assert "can grant it: chief" in answer.stdout


@pytest.mark.django_db
@pytest.mark.parametrize("words", [("nobody", "edit_site", "X"), ("alice", "fly", "X"), ("alice", "edit_site", "none")])
def test_what_there_is_not_ends_with_status_2(words):
    User.objects.create_user(username="alice")
    assert run("why", *words).exit_code == 2
