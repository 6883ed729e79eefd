"""Following another registry: what changes there changes here, what people edit here stays, outages change nothing."""

import gzip
from datetime import timedelta

import pytest

from gridkeeper.people.actor import Actor, recording
from gridkeeper.people.models import User
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.registry.importers.pi_client import Cache, PiClient
from gridkeeper.registry.importers.report import UnreadableSourceError
from gridkeeper.registry.mirror import follow
from gridkeeper.registry.mirror_actions import decide
from gridkeeper.registry.models import (
    Downtime,
    Endpoint,
    ImportRun,
    MirrorConflict,
    MirrorSource,
    Ngi,
    RoleGrant,
    Scope,
    Service,
    ServiceGroup,
    Site,
)
from gridkeeper.registry.signals import happened
from tests.builders import NOW, a_site, a_user
from tests.registry.import_inputs import REAL, import_gocdb, needs_real_input
from tests.registry.other_registry import OtherRegistry, body, half, serving, status
from tests.registry.test_export import all_answers, empty

pytestmark = pytest.mark.django_db

TYPE = """<SERVICE_TYPE PRIMARY_KEY="4G0"><SERVICE_TYPE_NAME>CE</SERVICE_TYPE_NAME>
  <SERVICE_TYPE_DESC>Compute</SERVICE_TYPE_DESC></SERVICE_TYPE>"""
NGI = '<NGI PRIMARY_KEY="9G0" NAME="NGI_CH"><NAME>NGI_CH</NAME><EMAIL>ngi@example.org</EMAIL></NGI>'


def a_site_element(number, **fields):
    words = {"OFFICIAL_NAME": "Official", "CONTACT_EMAIL": "site@example.org"} | fields
    inner = "".join(f"<{tag}>{text}</{tag}>" for tag, text in words.items())
    return (
        f'<SITE ID="{number}" PRIMARY_KEY="{number}G0" NAME="SITE-{number}"><SHORT_NAME>SITE-{number}</SHORT_NAME>'
        f"<ROC>NGI_CH</ROC><PRODUCTION_INFRASTRUCTURE>Production</PRODUCTION_INFRASTRUCTURE>"
        f"<CERTIFICATION_STATUS>Certified</CERTIFICATION_STATUS>{inner}<SCOPES><SCOPE>EGI</SCOPE></SCOPES></SITE>"
    )


def a_service_element(number, **fields):
    inner = "".join(f"<{tag}>{text}</{tag}>" for tag, text in fields.items())
    return (
        f'<SERVICE_ENDPOINT PRIMARY_KEY="{number}G1"><HOSTNAME>ce{number}.example.org</HOSTNAME><SERVICE_TYPE>CE'
        f"</SERVICE_TYPE><IN_PRODUCTION>Y</IN_PRODUCTION><NODE_MONITORED>Y</NODE_MONITORED><SITENAME>SITE-{number}"
        f"</SITENAME><ENDPOINTS><ENDPOINT><ID>{number}</ID><NAME>main</NAME><URL>https://ce{number}</URL></ENDPOINT>"
        f"</ENDPOINTS>{inner}</SERVICE_ENDPOINT>"
    )


# 1773475200 is 2026-03-14 08:00 UTC, four days after NOW
def a_downtime_element(number, start=1773475200):
    return (
        f'<DOWNTIME PRIMARY_KEY="{number}G2" CLASSIFICATION="SCHEDULED"><SEVERITY>OUTAGE</SEVERITY><DESCRIPTION>Disks'
        f"</DESCRIPTION><INSERT_DATE>1773129600</INSERT_DATE><START_DATE>{start}</START_DATE><END_DATE>{start + 7200}"
        f"</END_DATE><SERVICES><SERVICE><HOSTNAME>ce{number}.example.org</HOSTNAME><SERVICE_TYPE>CE</SERVICE_TYPE>"
        f"<HOSTED_BY>SITE-{number}</HOSTED_BY><AFFECTED_ENDPOINTS><ENDPOINT><ID>{number}</ID><NAME>main</NAME>"
        f"</ENDPOINT></AFFECTED_ENDPOINTS></SERVICE></SERVICES></DOWNTIME>"
    )


def a_user_element(role="Site Administrator", on="SITE-1", kind="site"):
    return (
        '<EGEE_USER PRIMARY_KEY="7G0"><FORENAME>Ada</FORENAME><SURNAME>Lovelace</SURNAME><EMAIL>ada@example.org</EMAIL>'
        f"<CERTDN>/CN=Ada</CERTDN><USER_ROLE><USER_ROLE>{role}</USER_ROLE><ON_ENTITY>{on}</ON_ENTITY>"
        f"<ENTITY_TYPE>{kind}</ENTITY_TYPE></USER_ROLE></EGEE_USER>"
    )


def a_group_element(*numbers):
    members = "".join(
        f'<SERVICE_ENDPOINT PRIMARY_KEY="{number}G1"><HOSTNAME>ce{number}.example.org</HOSTNAME>'
        "<SERVICE_TYPE>CE</SERVICE_TYPE></SERVICE_ENDPOINT>"
        for number in numbers
    )
    return f'<SERVICE_GROUP PRIMARY_KEY="5G0"><NAME>GROUP</NAME><MONITORED>Y</MONITORED>{members}</SERVICE_GROUP>'


@pytest.fixture
def other():
    """Five sites with a service and a downtime each, in pages of two; a group and a person."""
    there = OtherRegistry()
    there.set("get_service_types", TYPE)
    there.set("get_ngi", NGI)
    there.set("get_site", *map(a_site_element, range(1, 6)))
    there.set("get_service_endpoint", *map(a_service_element, range(1, 6)))
    there.set("get_downtime_nested_services", *map(a_downtime_element, range(1, 6)))
    there.set("get_service_group", a_group_element(1, 2))
    there.set("get_user", a_user_element())
    with serving(there):
        yield there


def run(other, *, now=NOW, cache=None, **options):
    with PiClient(other.url, cache=Cache(cache)) as client:
        return follow(client, "EGI", now=now, **options)


def edit(subject, **values):
    """Somebody here edits the object."""
    person = User.objects.filter(username="bob").first() or a_user("bob")
    with recording(Actor(user=person), "we know better"):
        for name, value in values.items():
            setattr(subject, name, value)
        subject.save()
    return subject


def changed(subject, **fields):
    """Replaces one site there."""
    return [a_site_element(number, **(fields if number == subject else {})) for number in range(1, 6)]


def fields_of(followed):
    return sorted((each.kind, each.key, each.field) for each in followed.differences)


def test_a_first_run_takes_everything_over_page_by_page(other):
    followed = run(other)
    assert not followed.report.of_level("rejected")
    assert followed.differences == ()
    assert {site.key for site in Site.objects.current()} == {f"{n}G0" for n in range(1, 6)}
    assert Downtime.objects.get(key="1G2").affected.get().endpoints.get().endpoint == Endpoint.objects.get(key="1")
    assert ServiceGroup.objects.get().members.current().count() == 2
    assert RoleGrant.objects.get().on == Site.objects.get(name="SITE-1")
    assert Scope.objects.get().name == "EGI"
    # five objects in pages of two: 0, 2, 4 and the empty one at 5
    assert sum("get_site&" in path for path in other.asked) == 4
    assert all("/gocdbpi/public/" in path for path in other.asked)


def test_a_second_run_changes_nothing_and_asks_conditionally(other, tmp_path):
    run(other, cache=tmp_path)
    records, imports = Site.history.count(), ImportRun.objects.count()
    with PiClient(other.url, cache=Cache(tmp_path)) as client:
        followed = follow(client, "EGI", now=NOW + timedelta(hours=1))
        assert client.unchanged == client.requests > 0
    assert not followed.report.has_changes
    assert (Site.history.count(), ImportRun.objects.count()) == (records, imports)


def test_what_changes_there_changes_here(other):
    run(other)
    other.set("get_site", *changed(2, OFFICIAL_NAME="Renamed"))
    run(other)
    site = Site.objects.get(name="SITE-2")
    assert site.official_name == "Renamed"
    assert site.history.first().history_source == "import"


def test_what_vanishes_there_is_closed_here(other):
    run(other)
    other.set("get_service_endpoint", *map(a_service_element, range(1, 5)))
    other.set("get_downtime_nested_services", *map(a_downtime_element, range(1, 5)))
    later = NOW + timedelta(hours=1)
    run(other, now=later)
    assert Service.objects.get(key="5G1").valid_until == later
    assert Downtime.objects.get(key="5G2").cancelled_at == later


def test_a_role_that_ends_there_ends_here(other):
    run(other)
    other.set("get_user", a_user_element(on="SITE-2"))
    run(other)
    assert [grant.on.name for grant in RoleGrant.objects.all()] == ["SITE-2"]
    assert RoleGrant.history.filter(history_type="-").get().history_source == "import"


def test_an_edit_here_stays_and_is_listed_with_who_and_when(other):
    run(other)
    edit(Site.objects.get(name="SITE-2"), official_name="Ours")
    followed = run(other)
    assert Site.objects.get(name="SITE-2").official_name == "Ours"
    conflict = MirrorConflict.objects.get()
    assert (conflict.kind, conflict.object_key, conflict.field) == ("site", "2G0", "official_name")
    assert (conflict.here, conflict.there, conflict.edited_by) == ("Ours", "Official", "bob")
    assert conflict.edited_at is not None
    assert not followed.report.has_changes


def test_an_edit_stays_also_after_the_mirror_wrote_another_field_of_the_object(other):
    run(other)
    edit(Site.objects.get(name="SITE-2"), official_name="Ours")
    other.set("get_site", *changed(2, CONTACT_EMAIL="new@example.org"))
    run(other)
    run(other)
    site = Site.objects.get(name="SITE-2")
    assert (site.official_name, site.contact_email) == ("Ours", "new@example.org")
    assert MirrorConflict.objects.get().field == "official_name"


def test_an_edit_that_both_sides_made_is_no_conflict(other):
    run(other)
    edit(Site.objects.get(name="SITE-2"), official_name="Same")
    run(other)
    other.set("get_site", *changed(2, OFFICIAL_NAME="Same"))
    run(other)
    assert not MirrorConflict.objects.exists()


def test_what_people_registered_themselves_is_left_alone(other):
    run(other)
    own = a_site(name="OWN", ngi=Ngi.objects.get())
    assert run(other).differences == ()
    own.refresh_from_db()
    assert own.valid_until is None


@pytest.mark.parametrize(
    ("prepare", "expected"),
    [
        (lambda: edit(Service.objects.get(key="5G1"), description="kept"), ("service", "5G1", "existence")),
        (lambda: edit(Downtime.objects.get(key="5G2"), description="kept"), ("downtime", "5G2", "existence")),
    ],
)
def test_what_vanishes_there_but_was_edited_here_stays_until_somebody_decides(other, prepare, expected):
    run(other)
    prepare()
    other.set("get_service_endpoint", *map(a_service_element, range(1, 5)))
    other.set("get_downtime_nested_services", *map(a_downtime_element, range(1, 5)))
    assert expected in fields_of(run(other))
    assert expected in fields_of(run(other))
    conflict = MirrorConflict.objects.get(kind=expected[0], field="existence")
    assert (conflict.here, conflict.there) == ("open", "gone")
    decide(Actor.system("cli"), conflict=conflict, whose="theirs", now=NOW)
    run(other)
    assert not MirrorConflict.objects.filter(kind=expected[0], field="existence").exists()


def test_what_people_closed_here_does_not_come_back_by_itself(other):
    run(other)
    edit(Service.objects.get(key="5G1"), valid_until=NOW)
    assert ("service", "5G1", "existence") in fields_of(run(other))
    assert Service.objects.get(key="5G1").valid_until == NOW
    decide(Actor.system("cli"), conflict=MirrorConflict.objects.get(kind="service"), whose="theirs", now=NOW)
    run(other)
    assert Service.objects.get(key="5G1").valid_until is None


def test_a_role_revoked_here_is_not_granted_again(other):
    run(other)
    with recording(Actor(user=a_user("bob")), "left the institute"):
        RoleGrant.objects.get().delete()
    followed = run(other)
    assert not RoleGrant.objects.exists()
    difference = followed.differences[0]
    assert (difference.kind, difference.here, difference.there, difference.edited_by) == (
        "role", "removed", "present", "bob",
    )  # fmt: skip


def test_a_member_removed_here_is_not_added_again(other):
    run(other)
    edit(ServiceGroup.objects.get().members.get(service__key="1G1"), valid_until=NOW + timedelta(hours=1))
    run(other, now=NOW + timedelta(hours=2))
    assert ServiceGroup.objects.get().members.current().count() == 1
    assert MirrorConflict.objects.get().kind == "group member"


def test_ours_holds_until_theirs_is_another_one(other):
    run(other)
    edit(Site.objects.get(name="SITE-2"), official_name="Ours")
    run(other)
    decide(Actor.system("cli"), conflict=MirrorConflict.objects.get(), whose="ours", now=NOW)
    run(other)
    assert MirrorConflict.objects.get().state == "ours"
    other.set("get_site", *changed(2, OFFICIAL_NAME="Another"))
    run(other)
    assert MirrorConflict.objects.get().state == "open"
    assert Site.objects.get(name="SITE-2").official_name == "Ours"


def test_theirs_is_taken_at_once_and_may_change_again(other):
    run(other)
    edit(Site.objects.get(name="SITE-2"), official_name="Ours")
    run(other)
    decide(Actor.system("cli"), conflict=MirrorConflict.objects.get(), whose="theirs", now=NOW)
    assert Site.objects.get(name="SITE-2").official_name == "Official"
    assert not MirrorConflict.objects.exists()
    other.set("get_site", *changed(2, OFFICIAL_NAME="Another"))
    assert run(other).differences == ()
    assert Site.objects.get(name="SITE-2").official_name == "Another"


def test_only_an_administrator_decides(other):
    run(other)
    edit(Site.objects.get(name="SITE-2"), official_name="Ours")
    run(other)
    with pytest.raises(NotPermittedError):
        decide(Actor(user=a_user("eve")), conflict=MirrorConflict.objects.get(), whose="theirs", now=NOW)


def test_a_dry_run_shows_and_changes_nothing(other):
    followed = run(other, is_dry_run=True)
    assert followed.report.counts["site"].created == 5
    assert not Site.objects.exists()
    assert not MirrorSource.objects.exists()


BOMB = gzip.compress(b"<results>" + b" " * (300 << 20) + b"</results>", 9)


@pytest.mark.parametrize(
    ("method", "fault", "problem"),
    [
        ("get_site", status(500), "answered 500"),
        ("get_site", status(503), "answered 503"),
        ("get_site", status(404), "answered 404"),
        ("get_site", status(304), "answered 304"),
        ("get_site", status(302, Location="https://evil.example.org/x?y=z"), "has moved to https://evil.example.org/x;"),
        ("get_site", status(403), "get_site needs an identity"),
        ("get_downtime_nested_services", half, "cannot be reached"),
        ("get_service_endpoint", body(b"<results><SERVICE_ENDPOINT>"), "is no whole XML document"),
        ("get_service_endpoint", body(b""), "is empty"),
        ("get_service_endpoint", body(b"\x00\xff\x13garbage"), "is no whole XML document"),
        ("get_service_endpoint", body(b"<!doctype html><html>Down for maintenance</html>"), "is an HTML page"),
        ("get_service_endpoint", body(b"<other/>"), "answers <other>, not <results>"),
        ("get_service_endpoint", body(b"<results><SERVICE/></results>"), "holds <SERVICE> where <SERVICE_ENDPOINT>"),
        ("get_site", body(b"<results><meta><count>9</count></meta></results>"), "says 9 objects and holds 0"),
        ("get_site", body(b"<results>" + b'<SITE PRIMARY_KEY="1"><A/></SITE>\n' * 9 + b"</results>"), "cannot be read"),
        ("get_site", body(b"hello", Content_Encoding="gzip"), "is damaged gzip"),
        ("get_site", body(gzip.compress(b"<results/>")[:-4], Content_Encoding="gzip"), "breaks off in the middle"),
        ("get_site", body(BOMB, Content_Encoding="gzip"), "is bigger than 256 MiB"),
        (
            "get_site",
            body(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><results>&x;</results>'),
            "declares a document type",
        ),
        (
            "get_site",
            body(b'<results><meta><link rel="next" href="?next_cursor=0"/><count>1</count></meta>'
                 b'<SITE ROC="x" NAME="a"/></results>'),
            "go in circles|cannot be read",
        ),
    ],
)  # fmt: skip
def test_an_outage_changes_nothing_and_is_said_in_one_sentence(other, method, fault, problem):
    run(other)
    before = list(Site.objects.values()), list(Service.objects.values()), Site.history.count()
    other.set("get_service_types", TYPE.replace("Compute", "Changed"))
    other.set("get_site", *changed(1, OFFICIAL_NAME="Changed"))
    other.fault[method] = fault
    with pytest.raises(UnreadableSourceError, match=problem):
        run(other, now=NOW + timedelta(hours=1))
    assert (list(Site.objects.values()), list(Service.objects.values()), Site.history.count()) == before
    source = MirrorSource.objects.get()
    assert (source.succeeded_at, source.tried_at) == (NOW, NOW + timedelta(hours=1))
    assert source.problem
    del other.fault[method]
    run(other, now=NOW + timedelta(hours=2))
    assert MirrorSource.objects.get().problem == ""
    assert Site.objects.get(name="SITE-1").official_name == "Changed"


def test_a_server_that_is_down_changes_nothing(other):
    run(other)
    with pytest.raises(UnreadableSourceError, match="cannot be reached"), PiClient("http://127.0.0.1:9/") as client:
        follow(client, "EGI", now=NOW)
    assert Site.objects.current().count() == 5


def test_what_is_refused_stays_as_it_is(other):
    run(other)
    for method in ("get_user", "get_service_group", "get_ngi"):
        other.fault[method] = status(403)
    other.set("get_roc_list", '<ROC PRIMARY_KEY="9G0" ROC_NAME="NGI_CH"/>')
    followed = run(other)
    assert RoleGrant.objects.count() == ServiceGroup.objects.current().count() == Ngi.objects.current().count() == 1
    assert Ngi.objects.get().email == "ngi@example.org"
    assert not followed.report.has_changes
    refused = [item.name for item in followed.report.of_level("note") if "was refused" in item.problem]
    assert refused == ["get_ngi", "get_service_group", "get_user"]


def test_too_much_at_once_is_not_believed(other):
    other.set("get_site", *map(a_site_element, range(1, 21)))
    other.set("get_service_endpoint", *map(a_service_element, range(1, 21)))
    run(other)
    other.set("get_service_endpoint", *map(a_service_element, range(1, 17)))
    with pytest.raises(UnreadableSourceError, match="4 of 20 services have vanished there at once; nothing"):
        run(other)
    assert Service.objects.current().count() == 20
    run(other, closing_ratio=1.0)
    assert Service.objects.current().count() == 16


def test_a_whole_kind_that_vanishes_is_not_closed(other):
    run(other)
    other.set("get_service_group")
    followed = run(other)
    assert ServiceGroup.objects.current().count() == 1
    assert [item for item in followed.report.of_level("note") if "nothing was closed" in item.problem]


def test_a_token_is_sent_and_needed(other, tmp_path):
    from gridkeeper.registry.importers.pi_client import Access

    other.token = "secret-word"
    with pytest.raises(UnreadableSourceError, match="needs an identity"):
        run(other)
    with PiClient(other.url, Access(token="secret-word")) as client:
        follow(client, "EGI", now=NOW)
    assert Site.objects.count() == 5
    assert "/gocdbpi/private/" in other.asked[-1]
    assert "secret-word" not in str(list(ImportRun.objects.values())) + str(list(MirrorSource.objects.values()))


@pytest.mark.parametrize("url", ["ftp://x", "https://", "nonsense", "https://me:pw@example.org/gocdbpi", "file:///etc"])
def test_an_address_that_is_none_is_refused_without_showing_its_password(url):
    with pytest.raises(UnreadableSourceError) as caught:
        PiClient(url)
    assert "pw" not in str(caught.value)


def test_people_here_hear_of_news_there_but_not_of_what_was_taken_over(other):
    told = []

    def note(event, **_):
        told.append((event.kind, event.subject.key))

    happened.connect(note)
    try:
        run(other)
        assert told == []
        others = [a_downtime_element(number) for number in range(2, 6)]
        other.set("get_downtime_nested_services", *others, a_downtime_element(1, 1773478800))
        run(other)
        assert told == [("downtime.changed", "1G2")]
        other.set("get_downtime_nested_services", *others)
        run(other)
        assert told[1:] == [("downtime.cancelled", "1G2")]
    finally:
        happened.disconnect(note)


@needs_real_input
def test_our_own_interface_followed_by_a_second_instance_gives_the_same_services(client):
    import_gocdb(*REAL.glob("gocdb/*/*.xml"))
    there = OtherRegistry(page_size=7)
    answers, _ = all_answers(client)
    for method, document in answers.items():
        there.record(method, document)
    empty()
    with serving(there):
        followed = run(there)
        assert not followed.report.of_level("rejected")
        again = run(there)
    assert (again.differences, again.report.has_changes) == ((), False)
    here, _ = all_answers(client)
    for method in ("get_service_types", "get_service", "get_roc_list", "get_site_count_per_country"):
        assert _without_ids(here[method]) == _without_ids(answers[method]), method


def _without_ids(document):
    """Numbers of rows are each instance's own; keys and order by key are not."""
    from lxml import etree

    root = etree.fromstring(document)
    for element in root.iter("GOCDB_PORTAL_URL", "LOCAL_ID", "ID"):
        element.text = ""
    for element in root.iter():
        element.attrib.pop("ID", None)
        element.attrib.pop("TYPE_ID", None)
        element.tail = None
    return sorted(etree.tostring(child) for child in root)
