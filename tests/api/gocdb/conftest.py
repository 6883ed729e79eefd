"""A small federation with every field filled, one with none, and readers of each kind."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client

from gridkeeper.people.models import Identity, User
from gridkeeper.registry.models import CertificationChange, DowntimeEndpoint, NgiMembership, RoleGrant
from tests.builders import (
    ERA,
    a_downtime,
    a_federation,
    a_scope,
    a_service,
    a_service_group,
    a_service_type,
    a_site,
    an_endpoint,
    an_ngi,
)

SINCE = datetime(2022, 6, 25, 6, 4, 2, tzinfo=UTC)
START = datetime(2022, 6, 27, tzinfo=UTC)


@pytest.fixture
def reader() -> Client:
    """A person who holds no role: has an identity, and reads no personal data."""
    client = Client()
    client.force_login(User.objects.create_user("reader", password="reader-password"))
    return client


@pytest.fixture
def officer() -> Client:
    """A person who may read personal data."""
    client = Client()
    client.force_login(User.objects.create_superuser("officer", password="officer-password"))
    return client


@pytest.fixture
def full() -> Any:
    """Everything filled: one region of two federations, one site, one service, one group, one person."""
    a_scope("EGI", is_default=True)
    federation = a_federation(name="EGI")
    other = a_federation(name="WLCG")
    ngi = an_ngi(
        key="7G0", federation=federation, name="NGI_CH", description="An NGI", email="ngi@example.org", scopes=["EGI"],
        rod_email="rod@example.org", helpdesk_email="help@example.org", security_email="sec@example.org",
        support_unit="SU CH",
    )  # fmt: skip
    NgiMembership.objects.create(ngi=ngi, federation=other, valid_from=ERA)
    site = a_site(
        key="2G0", ngi=ngi, name="ALPHA", official_name="The Alpha Site", description="R&D <here>",
        home_url="http://alpha.example.org/?a=1&b=2", contact_email="c@example.org", contact_tel="+41 1",
        alarm_email="a@example.org", csirt_email="s@example.org", csirt_tel="+41 2",
        giis_url="ldap://b.example.org:2170/o=grid",
        tier="2", subgrid="Swiss sub-grid", country_code="CH", country="Switzerland", timezone="Europe/Zurich",
        latitude=47.360389, longitude=-8.0, domain="example.org", ip_range="192.0.2.0/255.255.255.0",
        ipv6_range="2001:db8::/32", notifications=True, scopes=["EGI", "wlcg"],
        properties={"P4U": "2.5", "VO": "atlas"}, certification_since=SINCE,
    )  # fmt: skip
    service = a_service(
        key="14G0", of=site, type="CREAM-CE", hostname="ce.example.org", url="https://ce.example.org:8443/ce?x=1&y=2",
        host_dn="/DC=org/CN=ce.example.org", host_ip="192.0.2.7", host_ipv6="2001:db8::7", operating_system="Alma",
        architecture="x86_64", is_beta=True, notifications=True, scopes=["EGI"],
        properties={"InformationSystem": "a&b"},
    )  # fmt: skip
    endpoint = an_endpoint(
        key="70G0", of=service, name="cream", url="https://ce.example.org/cream", interface_name="CREAM",
        is_monitored=True, email="e@example.org", properties={"K": "V"},
    )  # fmt: skip
    group = a_service_group(
        service,
        key="5G0",
        name="GROUP_1",
        description="Some",
        email="g@example.org",
        scopes=["EGI"],
        properties={"G": "1"},
    )
    downtime = a_downtime(
        service, key="100G0", description="New <disks>", declared_at=SINCE, start=START, end=START + timedelta(days=1)
    )
    affected = downtime.affected.get()
    DowntimeEndpoint.objects.create(affected=affected, endpoint=endpoint)
    change = CertificationChange.objects.create(
        site=site, changed_at=SINCE, old="Uncertified", new="Certified", changed_by="/CN=bob", reason="All well"
    )
    person = User.objects.create_user(
        "ann", password="ann-password", email="ann@example.org", first_name="Ann", last_name="Lee", title="Dr",
        description="Deputy", telephone="+41 3", working_hours_start="09:00", working_hours_end="17:00",
        home_site="ALPHA",
    )  # fmt: skip
    Identity.objects.create(user=person, kind="X.509", identifier="/C=CH/CN=Ann Lee", added_at=ERA, confirmed_at=ERA)
    for role, held in {
        "Site Administrator": {"site": site},
        "NGI Operations Manager": {"ngi": ngi},
        "COD Staff": {"federation": federation},
        "Service Group Administrator": {"service_group": group},
    }.items():
        RoleGrant.objects.create(user=person, role=role, **held)
    kind = a_service_type("CREAM-CE")
    kind.key, kind.description = "4G0", "A compute element"
    kind.save()
    return SimpleNamespace(
        federation=federation, other=other, ngi=ngi, site=site, service=service, endpoint=endpoint, group=group,
        kind=kind, downtime=downtime, affected=affected, change=change, person=person,
    )  # fmt: skip
