"""People, roles, contacts, service groups and scopes of a GOCDB."""

from datetime import timedelta

import pytest
from django.contrib.auth import authenticate

from gridkeeper.people.models import Identity, User
from gridkeeper.registry.models import (
    Downtime,
    Federation,
    Ngi,
    NgiMembership,
    RoleGrant,
    Scope,
    ServiceGroup,
    Site,
)
from tests.builders import NOW, a_user
from tests.registry.import_inputs import import_gocdb, problems
from tests.registry.test_import_gocdb import DOWNTIME, NGI, SERVICE, SITE, TYPE, a_file

pytestmark = pytest.mark.django_db


def a_role(role="Site Administrator", on="ALPHA", kind="site", more=""):
    return (
        f"<USER_ROLE><USER_ROLE>{role}</USER_ROLE><ON_ENTITY>{on}</ON_ENTITY><ENTITY_TYPE>{kind}</ENTITY_TYPE>{more}"
        "</USER_ROLE>"
    )


def a_person(*roles, key="7G0", forename="Ada", dn="/C=UK/CN=Ada", more=""):
    return (
        f'<EGEE_USER USER_ID="1" PRIMARY_KEY="{key}"><FORENAME>{forename}</FORENAME><SURNAME>Lovelace</SURNAME>'
        f"<TITLE>Countess</TITLE><EMAIL>ada@example.org</EMAIL><TEL>+41</TEL><CERTDN>{dn}</CERTDN>"
        f"<HOMESITE>ALPHA</HOMESITE>{more}{''.join(roles)}</EGEE_USER>"
    )


def everything(folder, *more):
    return import_gocdb(a_file(folder, "all.xml", TYPE, NGI, SITE, SERVICE), a_file(folder, "people.xml", *more))


def test_a_person_has_a_profile_a_confirmed_certificate_and_roles_but_no_password(tmp_path):
    report = everything(tmp_path, a_person(a_role(), a_role("Regional Staff (ROD)", "NGI_CH", "ngi")))
    assert problems(report) == []
    person = User.objects.get()
    assert (person.key, person.username, person.get_full_name(), person.title, person.telephone, person.home_site) == (
        "7G0", "ada.lovelace", "Ada Lovelace", "Countess", "+41", "ALPHA",
    )  # fmt: skip
    assert not person.has_usable_password()
    assert (person.is_superuser, person.is_staff) == (False, False)
    assert authenticate(username="ada.lovelace", password="") is None
    identity = person.identities.get()
    assert (identity.kind, identity.identifier, identity.confirmed_at) == ("X.509", "/C=UK/CN=Ada", NOW)
    assert {(grant.role, grant.on.name) for grant in RoleGrant.objects.all()} == {
        ("Site Administrator", "ALPHA"), ("Regional Staff (ROD)", "NGI_CH"),
    }  # fmt: skip
    record = RoleGrant.history.first()
    assert (record.history_source, record.history_change_reason) == (
        "import",
        "import of gocdb from all.xml people.xml",
    )


@pytest.mark.parametrize(
    ("role", "finding"),
    [
        (a_role("Janitor"), "role people.xml:3 USER_ROLE: the role is unknown here"),
        (a_role(on="BETA"), "role people.xml:3 USER_ROLE: the role is on an object that is not registered"),
        (a_role("Regional Staff (ROD)"), "role people.xml:3 USER_ROLE: the role is held on a ngi here"),
        (a_role(kind="planet"), "person people.xml:3 USER_ROLE: the role names no object that holds roles; left out"),
        (a_role(on=""), "person people.xml:3 USER_ROLE: the role names no object that holds roles; left out"),
    ],
)
def test_a_role_that_cannot_go_in_is_reported_and_the_person_goes_in(tmp_path, role, finding):
    report = everything(tmp_path, a_person(role, a_role()))
    assert problems(report) == [finding]
    assert RoleGrant.objects.count() == 1


def test_names_of_roles_are_mapped(tmp_path):
    everything(tmp_path, a_person(a_role("EGI CSIRT Officer", "EGI", "project")))
    assert RoleGrant.objects.get().role == "CSIRT Officer"
    assert RoleGrant.objects.get().on == Federation.objects.get(name="EGI")


def test_a_project_that_is_not_here_becomes_a_federation(tmp_path):
    recognised = "<RECOGNISED_IN_PROJECTS><PROJECT ID='1'>WLCG</PROJECT></RECOGNISED_IN_PROJECTS>"
    report = everything(tmp_path, a_person(
        a_role("COD Staff", "WLCG", "project"), a_role("Regional Staff (ROD)", "NGI_CH", "ngi", recognised),
    ))  # fmt: skip
    assert problems(report, "repaired")[0].startswith(
        "federation people.xml:3 project: the project is not a federation"
    )
    membership = NgiMembership.objects.get()
    assert (membership.ngi.name, membership.federation.name) == ("NGI_CH", "WLCG")


def test_two_people_of_one_key_stay_two(tmp_path):
    report = everything(tmp_path, a_person(), a_person(forename="Bob", dn="/CN=Bob"))
    assert problems(report, "repaired") == [
        "person people.xml:4 PRIMARY_KEY: the PRIMARY_KEY is that of Ada Lovelace too; this one got a key of our own"
    ]
    assert {user.first_name: user.identities.get().identifier for user in User.objects.all()} == {
        "Ada": "/C=UK/CN=Ada", "Bob": "/CN=Bob",
    }  # fmt: skip
    assert not everything(tmp_path, a_person(), a_person(forename="Bob", dn="/CN=Bob")).has_changes


def test_a_person_who_is_here_is_found_by_a_confirmed_certificate(tmp_path):
    known = a_user("ada")
    Identity.objects.create(user=known, kind="X.509", identifier="/C=UK/CN=Ada", added_at=NOW, confirmed_at=NOW)
    everything(tmp_path, a_person(a_role()))
    known.refresh_from_db()
    assert User.objects.get() == known
    assert (known.username, known.first_name, known.has_usable_password()) == ("ada", "Ada", True)
    assert RoleGrant.objects.get().user == known


def test_a_mere_claim_to_a_certificate_earns_nobody_a_role(tmp_path):
    thief = a_user("thief")
    Identity.objects.create(user=thief, kind="X.509", identifier="/C=UK/CN=Ada", added_at=NOW)
    report = everything(tmp_path, a_person(a_role()))
    problem = "the certificate is claimed, but not confirmed, by the account thief; kept there"
    assert problems(report) == [f"certificate people.xml:3 CERTDN: {problem}"]
    assert RoleGrant.objects.get().user != thief
    assert not thief.identities.get().confirmed_at


def test_names_of_accounts_are_plain_and_unique(tmp_path):
    a_user("ada.lovelace")
    everything(tmp_path, a_person(), a_person(key="8G0", forename="Ægir &lt;b&gt;", dn="/CN=A"))
    assert set(User.objects.values_list("username", flat=True)) == {"ada.lovelace", "ada.lovelace.2", "gir.b.lovelace"}


def test_what_a_reader_may_not_see_is_not_forgotten(tmp_path):
    everything(tmp_path, a_person(a_role()))
    everything(tmp_path, a_person(a_role()).replace("ada@example.org", "").replace("<TEL>+41", "<TEL>"))
    assert (User.objects.get().email, User.objects.get().telephone) == ("ada@example.org", "+41")


def test_a_role_that_is_told_no_more_ends_unless_it_was_granted_here(tmp_path):
    everything(tmp_path, a_person(a_role(), a_role("Site Security Officer")))
    RoleGrant.objects.filter(role="Site Security Officer").delete()
    RoleGrant.objects.create(user=User.objects.get(), role="Site Security Officer", site=Site.objects.get())
    RoleGrant.history.filter(role="Site Security Officer", history_source="import").delete()
    report = everything(tmp_path, a_person(a_role("Site Operations Manager")))
    assert set(RoleGrant.objects.values_list("role", flat=True)) == {"Site Security Officer", "Site Operations Manager"}
    notes = [line for line in problems(report, "note") if line.startswith("role")]
    assert [line.split(": ", 1)[1] for line in notes] == [
        "vanished from the source; revoked", "vanished from the source, but was granted here; kept",
    ]  # fmt: skip


CONTACT = """<CONTACT USER_ID="7G0" PRIMARY_KEY="7G0"><FORENAME>Ada</FORENAME><SURNAME>Lovelace</SURNAME>
  <EMAIL>ada@example.org</EMAIL><CERTDN>/C=UK/CN=Ada</CERTDN><ROLE_NAME>{role}</ROLE_NAME></CONTACT>"""


@pytest.mark.parametrize(
    ("element", "role", "on"),
    [
        ('<SITE ID="2G0" PRIMARY_KEY="2G0" NAME="ALPHA"><SHORT_NAME>ALPHA</SHORT_NAME>{}</SITE>',
         "Site Administrator", "ALPHA"),
        ('<ROC ID="9" ROC_NAME="NGI_CH"><ROCNAME>NGI_CH</ROCNAME><MAIL_CONTACT>x@example.org</MAIL_CONTACT>{}</ROC>',
         "Regional Staff (ROD)", "NGI_CH"),
        ('<Project ID="1" NAME="EGI">{}</Project>', "COD Staff", "EGI"),
    ],
)  # fmt: skip
def test_contacts_are_people_with_roles(tmp_path, element, role, on):
    report = everything(tmp_path, element.format(CONTACT.format(role=role)))
    assert problems(report) == []
    assert (RoleGrant.objects.get().role, RoleGrant.objects.get().on.name) == (role, on)
    assert User.objects.get().email == "ada@example.org"
    assert Site.objects.get().official_name == "The Alpha Site"
    assert Ngi.objects.get().description == "Swiss"


def test_a_contact_and_a_user_of_one_key_are_one_person(tmp_path):
    contacts = '<SITE PRIMARY_KEY="2G0" NAME="ALPHA"><SHORT_NAME>ALPHA</SHORT_NAME>{}</SITE>'
    everything(tmp_path, contacts.format(CONTACT.format(role="Site Security Officer")), a_person(a_role()))
    assert User.objects.get().title == "Countess"
    assert RoleGrant.objects.count() == 2


def test_security_information_completes_a_site_and_a_site_without_it_forgets_nothing(tmp_path):
    security = '<SITE PRIMARY_KEY="2G0" NAME="ALPHA"><SHORT_NAME>ALPHA</SHORT_NAME><CSIRT_EMAIL>csirt@example.org</CSIRT_EMAIL><CSIRT_TEL>+1</CSIRT_TEL></SITE>'  # noqa: E501
    site = SITE.replace("<ROC>", "<CSIRT_EMAIL>csirt@example.org</CSIRT_EMAIL><ROC>")
    files = a_file(tmp_path, "a.xml", TYPE, NGI, site), a_file(tmp_path, "b.xml", security)
    import_gocdb(*files)
    assert (Site.objects.get().csirt_email, Site.objects.get().csirt_tel) == ("csirt@example.org", "+1")
    assert not import_gocdb(*files).has_changes


GROUP = """<SERVICE_GROUP ID="5" PRIMARY_KEY="5G0"><NAME>GROUP</NAME><DESCRIPTION>Ours</DESCRIPTION>
  <MONITORED>Y</MONITORED><CONTACT_EMAIL>group@example.org</CONTACT_EMAIL>
  <SERVICE_ENDPOINT PRIMARY_KEY="14G0"><HOSTNAME>ce.example.org</HOSTNAME><SERVICE_TYPE>CREAM-CE</SERVICE_TYPE>
  </SERVICE_ENDPOINT>{more}<SCOPES><SCOPE>EGI</SCOPE></SCOPES>
  <EXTENSIONS><EXTENSION><LOCAL_ID>1</LOCAL_ID><KEY>K</KEY><VALUE>V</VALUE></EXTENSION></EXTENSIONS></SERVICE_GROUP>"""
STRANGER = '<SERVICE_ENDPOINT PRIMARY_KEY="99G0"><HOSTNAME>no.example.org</HOSTNAME></SERVICE_ENDPOINT>'


def test_a_service_group_has_its_services_scopes_and_properties(tmp_path):
    report = everything(tmp_path, GROUP.format(more=STRANGER))
    group = ServiceGroup.objects.get()
    assert (group.key, group.description, group.email, group.is_monitored) == ("5G0", "Ours", "group@example.org", True)
    assert (group.scopes, group.properties) == (["EGI"], {"K": "V"})
    assert [member.service.key for member in group.members.all()] == ["14G0"]
    assert problems(report) == [
        "group member people.xml:3 SERVICE_ENDPOINT: the group names a service that is not registered"
    ]


def test_a_member_that_leaves_is_closed(tmp_path):
    everything(tmp_path, GROUP.format(more=""))
    emptied = GROUP.format(more="").replace("14G0", "").replace("<HOSTNAME>ce.example.org</HOSTNAME>", "")
    later = NOW + timedelta(days=1)
    import_gocdb(a_file(tmp_path, "people.xml", emptied), now=later)
    assert ServiceGroup.objects.get().members.get().valid_until == later


def test_scopes_are_objects(tmp_path):
    tags = [
        f'<tag grid_id="0"><name key="primary">{name}</name><reserved>{flag}</reserved></tag>'
        for name, flag in (("Local", 0), ("wlcg", 1))
    ]
    report = everything(tmp_path, *tags)
    # EGI stands on the site and the service, and in no list
    assert dict(Scope.objects.values_list("name", "is_reserved")) == {"Local": False, "wlcg": True, "EGI": False}
    assert [line for line in problems(report, "note") if "made as an optional one" in line]


def test_affected_endpoints_of_a_downtime(tmp_path):
    affected = "<AFFECTED_ENDPOINTS><ENDPOINT><ID>7056</ID><NAME>cream</NAME></ENDPOINT></AFFECTED_ENDPOINTS>"
    report = everything(tmp_path, DOWNTIME.replace("<AFFECTED_ENDPOINTS/>", affected))
    assert problems(report) == []
    part = Downtime.objects.get().affected.get().endpoints.get()
    assert part.endpoint.name == "cream"
    assert part.history.get().history_source == "import"
    assert not everything(tmp_path, DOWNTIME.replace("<AFFECTED_ENDPOINTS/>", affected)).has_changes
    everything(tmp_path, DOWNTIME)
    assert not Downtime.objects.get().affected.get().endpoints.exists()


def test_an_affected_endpoint_that_is_not_registered_is_reported(tmp_path):
    affected = "<AFFECTED_ENDPOINTS><ENDPOINT><ID>1</ID><NAME>none</NAME></ENDPOINT></AFFECTED_ENDPOINTS>"
    report = everything(tmp_path, DOWNTIME.replace("<AFFECTED_ENDPOINTS/>", affected))
    assert problems(report, "repaired") == [
        "downtime people.xml:3 AFFECTED_ENDPOINTS: names an address that is not registered; left out"
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("<root><name>Europe/Rome</name><name>Mars/X</name></root>", "time zones: 1 of 2 are not known here: Mars/X"),
        ("<root><name>Europe/Rome</name><name>Asia/Iran</name></root>", "time zones: all 2 are known here"),
        ("<results><group><name>CH</name><group_type><Name>Country</Name></group_type></group></results>",
         "countries: all 1 are known here"),
        ("<results><certification_status><name>Golden</name></certification_status></results>",
         "certification statuses: 1 of 1 are not known here: Golden"),
    ],
)  # fmt: skip
def test_lists_of_words_are_held_against_ours(tmp_path, words, said):
    path = tmp_path / "words.xml"
    path.write_text(words)
    assert said in import_gocdb(path).of_level("note")[0].problem
