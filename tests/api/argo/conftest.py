"""A federation of two regions with known figures, in an installation of its own."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, override_settings

from gridkeeper.availability.compute import compute_days
from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.tokens import create_token
from gridkeeper.probes.ingest import submit
from tests.availability.days import DAY, DAY_S, at
from tests.builders import NOW, a_downtime, a_result, a_service, a_site, a_test, a_vo, an_ngi, in_profile

H = 3600


@pytest.fixture
def installation(db, tmp_path):
    config = settings.GRIDKEEPER.model_copy(update={"data_dir": tmp_path, "operations_vo": "dteam"})
    with override_settings(GRIDKEEPER=config):
        yield


def a_key(user: User, *scopes: str) -> str:
    """The secret of a new token of that person."""
    actor = Actor(user=user, source="web")
    _, secret = create_token(actor, user=user, name="argo", scopes=scopes or ("*",), expires_at=None, now=NOW)
    return secret


@pytest.fixture
def officer(installation) -> Client:
    """A client with the key of somebody who may do everything."""
    user = User.objects.create_superuser("officer", password="officer-password")
    return Client(headers={"x-api-key": a_key(user)})


@pytest.fixture
def reader(installation) -> Client:
    """A client with the key of somebody who may do nothing."""
    return Client(headers={"x-api-key": a_key(User.objects.create_user("reader", password="reader-password"))})


@pytest.fixture
def federation(installation) -> Any:
    """GOOD is up all day; BAD is critical for 6 h and in downtime for 6 h: A = 50, R = 66.67; QUIET says nothing."""
    regions = {name: an_ngi(name=name) for name in ("Italy", "France")}
    vo, services = a_vo("dteam"), {}
    for name, region in (("GOOD", "Italy"), ("BAD", "Italy"), ("QUIET", "France")):
        site = a_site(name=name, ngi=regions[region])
        services[name] = a_service(
            of=site, hostname=f"ce.{name.lower()}.example", url=f"https://ce.{name.lower()}.example/"
        )
        a_vo("dteam", supported_by=[services[name]])
    in_profile(vo, a_test("CE-js"))
    told = [("GOOD", 0, Status.OK), ("BAD", 0, Status.OK), ("BAD", 12 * H, Status.CRITICAL)]
    submit(
        [
            a_result(services[name], status=status, executed_at=at(second), summary=f"{name} is {status.name}")
            for name, second, status in told
        ],
        now=at(DAY_S + H),
    )
    a_downtime(services["BAD"], start=at(18 * H), end=at(DAY_S))
    compute_days([DAY], at(DAY_S + H))
    return SimpleNamespace(services=services, regions=regions, vo=vo)
