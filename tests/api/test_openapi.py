"""The OpenAPI document is complete, and no request that it allows or forbids makes us fail."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.tokens import create_token
from gridkeeper.wsgi import application
from tests.builders import NOW, a_downtime, a_result, a_service, a_test, a_vo, in_profile

pytestmark = pytest.mark.django_db

schema = schemathesis.pytest.from_fixture("api_schema")


@pytest.fixture
def api_schema(db):
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", application)


@pytest.fixture
def secret(db):
    from gridkeeper.probes.ingest import submit

    service = a_service(hostname="ce.example.org")
    a_downtime(service)
    in_profile(a_vo("dteam", supported_by=[service]), a_test())
    submit([a_result(service)], now=NOW)
    admin = User.objects.create_superuser("admin", password="admin")
    return create_token(Actor.system(), user=admin, name="fuzz", scopes=["*"], expires_at=None, now=NOW)[1]


@schema.parametrize()
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_request_makes_us_fail(case, secret):
    answer = case.call(headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code < 500, answer.text


def test_every_operation_says_what_it_does(api_schema):
    document = api_schema.raw_schema
    nameless = [
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if not operation.get("summary") or not operation.get("description")
    ]
    assert nameless == []
