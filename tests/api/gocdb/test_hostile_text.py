"""Whatever stands in a field, the document is well-formed, and a parser reads the same text back."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from gridkeeper.api.gocdb.methods import METHODS
from gridkeeper.api.gocdb.xml import attribute, empty, escape, extensions, group, leaf, optional, scopes
from gridkeeper.people.models import User
from gridkeeper.registry.models import RoleGrant
from tests.api.gocdb.asking import PRIVATE, ask
from tests.builders import NOW, a_downtime, a_service, a_service_group, a_site, an_endpoint, an_ngi

#: What XML 1.0 cannot carry in any spelling.
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
ANY = st.text(st.characters(codec=None), max_size=60)  # lone surrogates among them
NASTY = "<b>&amp;</b>]]>\"'`\t\r\n<!--<?x?>\u2028\U0001f600é"


def carried(text):
    return FORBIDDEN.sub("", text)


@given(ANY)
def test_text_is_read_back_as_it_was(text):
    (item,) = etree.fromstring(f"<r>{leaf('a', text)}</r>".encode())

    assert (item.text or "") == carried(text)


@given(ANY)
def test_attributes_are_read_back_as_they_were(text):
    (item,) = etree.fromstring(f"<r>{empty('a', 1, b=text)}</r>".encode())

    assert item.get("b") == carried(text)


@given(ANY)
def test_escaping_what_needs_none_changes_nothing(text):
    is_plain = not re.search('[&<>"\r\n\t]', text) and carried(text) == text

    assert not is_plain or escape(text) == attribute(text) == text


@given(ANY, ANY, ANY)
def test_groups_are_well_formed(name, key, value):
    parts = optional("a", name) + group("b", [leaf("c", name)]) + scopes([name]) + extensions(key, {key: value})
    root = etree.fromstring(f"<r>{parts}</r>".encode())

    assert [child.text or "" for child in root.iter("SCOPE")] == [carried(name)]
    assert [child.text or "" for child in root.iter("VALUE")] == [carried(value)]


@pytest.mark.django_db
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40))
def test_any_text_in_any_field_comes_out_whole(client, text):
    site = a_site(official_name=text, description=text, scopes=[text], properties={text: text})
    service = a_service(of=site, url=text, host_dn=text, scopes=[text], properties={text: text})
    endpoint = an_endpoint(of=service, name=text, url=text)
    (told,) = ask(client, "get_service", hostname=service.hostname, scope="")

    assert (told.findtext("URL") or "", told.findtext("HOSTDN") or "") == (carried(text), carried(text))
    assert told.findtext("EXTENSIONS/EXTENSION/KEY") == carried(text)
    assert told.findtext("EXTENSIONS/EXTENSION/VALUE") == carried(text)
    assert told.findtext("SCOPES/SCOPE") == carried(text)
    assert (told.findtext("ENDPOINTS/ENDPOINT/NAME"), told.findtext("ENDPOINTS/ENDPOINT/ID")) == (
        carried(text), str(endpoint.pk)
    )  # fmt: skip
    downtime = a_downtime(service, description=text)
    (told,) = ask(client, "get_downtime", id=downtime.pk, scope="")
    assert told.findtext("DESCRIPTION") == carried(text)


@pytest.mark.django_db
def test_hostile_text_in_every_field_of_every_method(officer):
    """Every text of every object is hostile; every document is read back, and holds it somewhere."""
    texts = {"name": NASTY, "description": NASTY, "email": NASTY, "scopes": [NASTY]}
    ngi = an_ngi(key=NASTY, support_unit=NASTY, rod_email=NASTY, helpdesk_email=NASTY, security_email=NASTY, **texts)
    site = a_site(
        ngi=ngi, key=NASTY, name=NASTY, official_name=NASTY, description=NASTY, home_url=NASTY, contact_email=NASTY,
        contact_tel=NASTY, alarm_email=NASTY, csirt_email=NASTY, csirt_tel=NASTY, giis_url=NASTY, tier=NASTY[:20],
        subgrid=NASTY, country_code="<&", country=NASTY, timezone=NASTY, domain=NASTY, ip_range=NASTY,
        ipv6_range=NASTY, scopes=[NASTY], properties={NASTY: NASTY},
    )  # fmt: skip
    service = a_service(
        of=site, type=NASTY, key=NASTY, hostname=NASTY, url=NASTY, host_dn=NASTY, host_ip=NASTY, host_ipv6=NASTY,
        operating_system=NASTY, architecture=NASTY, scopes=[NASTY], properties={NASTY: NASTY},
    )  # fmt: skip
    service.service_type.description = NASTY
    service.service_type.save()
    an_endpoint(
        of=service, key=NASTY, name=NASTY, url=NASTY, interface_name=NASTY, email=NASTY, properties={NASTY: NASTY}
    )
    a_downtime(service, key=NASTY, description=NASTY, declared_at=NOW)
    group = a_service_group(service, key=NASTY, properties={NASTY: NASTY}, **texts)
    site.certification_changes.create(changed_at=NOW, old=NASTY[:20], new=NASTY[:20], changed_by=NASTY, reason=NASTY)
    person = User.objects.create_user(
        NASTY, key=NASTY, password="x", first_name=NASTY, last_name=NASTY, email=NASTY, title=NASTY[:50],
        description=NASTY, telephone=NASTY, working_hours_start=NASTY[:20], working_hours_end=NASTY[:20],
        home_site=NASTY,
    )  # fmt: skip
    person.identities.create(kind="X.509", identifier=NASTY, added_at=NOW, confirmed_at=NOW)
    for held in ({"site": site}, {"ngi": ngi}, {"federation": ngi.federation}, {"service_group": group}):
        RoleGrant.objects.create(user=person, role=NASTY[:60], **held)

    for method in METHODS:
        more = {"interval": 36500} if method == "get_downtime_to_broadcast" else {}
        root = ask(officer, method, PRIVATE, **more)
        texts_read = [text for each in root.iter() for text in (each.text, *each.attrib.values())]
        assert NASTY in texts_read, method
