"""Nagios object configuration: read as Nagios reads it, imported with a report, and run."""

import asyncio
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.probes.models import LatestStatus, ProfileEntry, Test
from gridkeeper.probes.nagios_actions import import_nagios, lines_of, plan_of, preview_nagios, read_folder
from gridkeeper.probes.nagios_commands import CommandError, words_of
from gridkeeper.probes.nagios_objects import read_objects
from gridkeeper.probes.nagios_plan import make_plan
from gridkeeper.registry.models import Service
from tests.builders import NOW, a_service, a_site, a_user, a_vo
from tests.probes.test_engine import Listener, _closing, _engine_until
from tests.services import require_service

SYSTEM = Actor.system("cli")
PLUGINS = "/usr/lib/nagios/plugins"
COMMANDS = """
define command {
    command_name    check_port
    command_line    $USER1$/check_tcp -H $HOSTADDRESS$ -p $ARG1$ $ARG2$
}
define command{
    command_name    check_web
    command_line    $USER1$/check_http -I $HOSTADDRESS$ -H $HOSTNAME$ -p $_HOSTWEBPORT$ -u '$ARG1$'
}
define command{
    command_name    check_say
    command_line    $USER1$/check_dummy $ARG1$ "$ARG2$"   ; a comment
}
"""


def _plan(text, **files):
    return make_plan(read_objects({"commands.cfg": COMMANDS, "objects.cfg": text, **files}))


def _host(name, more=""):
    return f"define host{{\n host_name {name}\n address 192.0.2.1\n {more}\n}}\n"


def test_a_service_is_a_type_and_a_test_on_its_host():
    plan = _plan(
        _host("web1") + "define service{\nhost_name web1\nservice_description Web port\ncheck_command check_port!80\n}"
    )
    [test], [service] = plan.tests, plan.services
    assert test.name == service.type == "nagios.Web-port"
    assert test.content["command"] == f"{PLUGINS}/check_tcp"
    assert test.content["arguments"] == ["-H", "$HOSTADDRESS$", "-p", "80"]
    assert (test.content["interval_s"], test.content["max_attempts"]) == (300, 3)
    assert (service.hostname, service.address) == ("web1", "192.0.2.1")
    assert not plan.problems


def test_what_differs_in_a_word_is_a_property_and_what_differs_in_more_a_test_of_its_own():
    plan = _plan(
        _host("a", "_WEBPORT 80") + _host("b", "_WEBPORT 8080") + _host("c")
        + "define service{\nhost_name a,b\nservice_description Web\ncheck_command check_web!/x y\n}\n"
        + "define service{\nhost_name c\nservice_description Web\ncheck_command check_port!80!-w 3\n}\n"
    )  # fmt: skip
    first, second = plan.tests
    assert (first.name, second.name) == ("nagios.Web", "nagios.Web-2")
    assert first.content["arguments"][-4:] == ["-p", "$PROPERTY:nagios_arg6$", "-u", "/x y"]
    assert [dict(item.properties) for item in plan.services] == [{"nagios_arg6": "80"}, {"nagios_arg6": "8080"}, {}]
    assert second.content["arguments"][-2:] == ["-w", "3"]


TEMPLATES = """
define service{
    name            generic
    check_interval  10
    max_check_attempts 4
    hostgroup_name  web
    notes           from generic
    register        0
}
define service{
    name            fast
    check_interval  1
    notes           from fast
    register        0
}
define hostgroup{
    hostgroup_name  web
    members         a
}
define hostgroup{
    hostgroup_name  all
    hostgroup_members web,mail
}
define hostgroup{
    hostgroup_name  mail
}
"""


@pytest.mark.parametrize(
    ("directives", "hosts", "interval_s"),
    [
        ("use generic", {"a"}, 600),
        ("use fast,generic", {"a"}, 60),
        ("use generic\ncheck_interval 2", {"a"}, 120),
        ("use generic\nhostgroup_name +mail", {"a", "b"}, 600),
        ("use generic\nhostgroup_name null\nhost_name c", {"c"}, 600),
        ("hostgroup_name all", {"a", "b"}, 300),
        ("host_name *,!b", {"a", "c"}, 300),
        ("hostgroup_name *,!mail", {"a", "b"}, 300),
        ("hostgroup_name all\nhost_name c,!a", {"b", "c"}, 300),
    ],
)
def test_inheritance_groups_and_exclusions_are_those_of_nagios(directives, hosts, interval_s):
    text = TEMPLATES + _host("a") + _host("b", "hostgroups mail") + _host("c")
    plan = _plan(f"{text}define service{{\nservice_description Port\ncheck_command check_port!80\n{directives}\n}}")
    assert {item.hostname for item in plan.services} == hosts
    assert plan.tests[0].content["interval_s"] == interval_s


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("host_name a\ncheck_command check_nothing", "there is no command 'check_nothing'"),
        ("host_name a", "no check_command"),
        ("host_name b\ncheck_command check_port!1", "there is no host b"),
        ("hostgroup_name b\ncheck_command check_port!1", "there is no host group b"),
        ("use none\nhost_name a\ncheck_command check_port!1", "no service template 'none'"),
        ("host_name a\ncheck_command check_port!1; rm -rf x", ""),
        ("host_name a\ncheck_command check_port!1 | tee x", "needs a shell"),
        ("host_name a\ncheck_command check_port!`id`", "runs another command"),
        ("host_name a\ncheck_command check_port!$LONGDATETIME$", "$LONGDATETIME$ has no value"),
        ("host_name a\ncheck_command check_say!0!don't", ""),
        ("host_name a\ncheck_command check_port!don't", "quotes do not close"),
        ("check_command check_port!1", "is on no host"),
    ],
)
def test_what_cannot_be_taken_over_is_told_with_file_and_line(service, words):
    plan = _plan(_host("a") + f"define service{{\nservice_description X\n{service}\n}}")
    said = [str(problem) for problem in plan.problems]
    assert bool(words) == bool(said)
    if words:
        assert said[0].startswith("objects.cfg:6: ")
        assert words in said[0]


def test_templates_that_use_each_other_in_circles_are_told_of_and_keep_nobody_waiting():
    """Followed along every way there are 10^20 of these."""
    names = [f"t{number}" for number in range(10)]
    circle = "".join(f"define service{{\nname {name}\nregister 0\nuse {','.join(names)}\n}}\n" for name in names)
    plan = _plan(f"{circle}{_host('a')}define service{{\nservice_description X\nuse t0\nhost_name a\n"
                 "check_command check_port!1\n}")  # fmt: skip
    assert [test.name for test in plan.tests] == ["nagios.X"]
    assert any("use each other in a circle" in problem.text for problem in plan.problems)


def test_passive_services_are_tests_that_others_report():
    text = _host("a") + "define service{\nhost_name a\nservice_description X\nactive_checks_enabled 0\n}"
    assert _plan(text).tests[0].content["kind"] == "passive"


def test_host_checks_are_tests_too_and_what_has_no_place_is_counted():
    plan = _plan(_host("a", "check_command check_say!0!up") + "define contact{\ncontact_name me\n}\nnonsense")
    assert [test.name for test in plan.tests] == ["nagios.host"]
    assert plan.ignored == {"contact": 1}
    assert "belongs to no definition" in str(plan.problems[0])


@given(
    st.text(max_size=300),
    st.lists(st.sampled_from(["define host{", "}", "use x", "name x", "\\", "host_name +a,!b,*"])),
)
def test_any_text_is_read_to_its_end(noise, lines):
    make_plan(read_objects({"noise.cfg": "\n".join([*lines, noise, *lines])}))


_WORD = st.text(st.characters(codec="ascii", exclude_characters="$`\n\0!\\"), min_size=1, max_size=20)


@given(st.lists(_WORD, min_size=1, max_size=5))
def test_quoted_arguments_arrive_as_they_are(words):
    line = " ".join("'" + word.replace("'", "'\"'\"'") + "'" for word in words)
    assert words_of(f"/x {line}", [], {})[1:] == words


@given(st.text(max_size=100))
def test_no_command_line_breaks_out(line):
    try:
        words = words_of(line, [], {})
    except CommandError:
        return
    assert words
    assert "`" not in line


def _two_hundred(port):
    """40 hosts with a host check and four services each, by templates, groups, custom variables and arguments."""
    hosts = "".join(
        f"define host{{\n use linux\n host_name node{number:02}.example.org\n address 127.0.0.1\n"
        f" hostgroups {'web' if number % 2 else 'mail'}\n _WEBPORT {port}\n}}\n"
        for number in range(40)
    )
    return f"""
interval_length=1
$USER1$={PLUGINS}
define host{{
    name linux
    check_command check_say!0!up
    check_interval 2
    max_check_attempts 1
    register 0
}}
define service{{
    name two-seconds
    check_interval 2
    max_check_attempts 1
    register 0
}}
{hosts}
define hostgroup{{
    hostgroup_name web
}}
define hostgroup{{
    hostgroup_name mail
}}
define hostgroup{{
    hostgroup_name everything
    hostgroup_members web,mail
}}
define service{{
    use two-seconds
    hostgroup_name everything
    service_description Port
    check_command check_port!{port}!-e hello
}}
define service{{
    use two-seconds
    hostgroup_name web,mail
    service_description Custom port
    check_command check_port!$_HOSTWEBPORT$
}}
define service{{
    use two-seconds
    host_name *
    service_description Says its name
    check_command check_say!0!I am $HOSTNAME$ of $HOSTGROUPNAME$
}}
define service{{
    use two-seconds
    hostgroup_name web
    service_description Warns
    check_command check_say!1!it is warm
}}
define service{{
    use two-seconds
    hostgroup_name mail
    service_description Closed port
    check_command check_port!1
}}
"""


def _all_are_known():
    try:
        return LatestStatus.objects.exclude(hard_status=Status.MISSING).count() == 200
    except OperationalError:  # SQLite in memory refuses a busy table instead of waiting for it
        return False


@pytest.mark.service
@pytest.mark.django_db(transaction=True)
def test_a_configuration_of_200_services_imports_and_runs(settings, tmp_path):
    require_service(Path(PLUGINS, "check_tcp").exists(), "monitoring-plugins")
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})

    def _imported(port):
        (tmp_path / "objects").mkdir()
        (tmp_path / "objects" / "hosts.cfg").write_text(_two_hundred(port))
        (tmp_path / "commands.cfg").write_text(COMMANDS)
        files = read_folder(tmp_path)
        return import_nagios(SYSTEM, files=files, site=a_site(), vo=a_vo("ops"), reason="leave Nagios", now=NOW)

    async def main():
        async with Listener() as listener:
            report = await asyncio.to_thread(_closing, lambda: _imported(listener.port))
            await _engine_until(_all_are_known, 60)
            return report

    report = asyncio.run(main())
    assert (len(report.tests_added), len(report.services_added), report.problems) == (6, 200, [])
    by_test = {}
    for metric, status in LatestStatus.objects.values_list("metric", "hard_status"):
        by_test.setdefault(metric, []).append(Status(status).name)
    assert {metric: sorted(set(found)) for metric, found in by_test.items()} == {
        "nagios.host": ["OK"], "nagios.Port": ["OK"], "nagios.Custom-port": ["OK"], "nagios.Says-its-name": ["OK"],
        "nagios.Warns": ["WARNING"], "nagios.Closed-port": ["CRITICAL"],
    }  # fmt: skip
    said = LatestStatus.objects.get(metric="nagios.Says-its-name", hostname="node03.example.org").summary
    assert said == "OK: I am node03.example.org of web"


@pytest.mark.django_db
def test_an_import_done_again_changes_what_changed_only():
    text = (
        _host("a") + _host("b") + "define service{\nhost_name a\nservice_description X\ncheck_command check_port!%s\n}"
    )
    site, vo = a_site(), a_vo("ops")
    given_to = {"site": site, "vo": vo, "reason": "x", "now": NOW}
    preview = preview_nagios(SYSTEM, files={"x.cfg": COMMANDS + text % 80}, **given_to)
    assert preview.services_added == ["a nagios.X"]
    assert not Test.objects.exists()
    import_nagios(SYSTEM, files={"x.cfg": COMMANDS + text % 80}, **given_to)
    again = import_nagios(SYSTEM, files={"x.cfg": COMMANDS + text % 80}, **given_to)
    assert (again.tests_added, again.tests_changed, again.services_known) == ([], [], ["a nagios.X"])
    changed = import_nagios(SYSTEM, files={"x.cfg": COMMANDS + text % 81}, **given_to)
    assert changed.tests_changed == ["nagios.X"]
    assert ProfileEntry.objects.get().vo == vo
    assert "1 changed" in next(iter(lines_of(changed)))


@pytest.mark.django_db
def test_what_cannot_run_here_is_left_out_and_said():
    text = _host("a") + "define service{\nhost_name a\nservice_description %s\ncheck_command %s\n}\n"
    own = "define command{\ncommand_name own\ncommand_line /opt/own/check\n}\n"
    files = {"x.cfg": COMMANDS + own + text % ("X", "own") + text % ("Y", "check_port!1")}
    a_service(hostname="a", type="nagios.Y")
    report = import_nagios(SYSTEM, files=files, site=a_site(), vo=a_vo("ops"), reason="x", now=NOW)
    said = [str(problem) for problem in report.problems]
    assert any("GRIDKEEPER_PLUGIN_DIRS" in line for line in said)
    assert any("belongs to the site" in line for line in said)
    assert not Service.objects.filter(service_type__name="nagios.X").exists()


@pytest.mark.django_db
def test_only_who_may_define_tests_imports_and_an_empty_configuration_says_why():
    arguments = {"site": a_site(), "vo": a_vo("ops"), "reason": "x", "now": NOW}
    with pytest.raises(NotPermittedError):
        import_nagios(Actor(user=a_user("bob", vo=a_vo("ops"))), files={}, **arguments)
    with pytest.raises(ValidationError, match="define no service"):
        plan_of({"x.cfg": "nonsense"})
