"""The OpenAPI document is complete, and no request that it allows or forbids makes us fail."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.people.tokens import create_token
from gridkeeper.wsgi import application
from tests.builders import NOW, a_downtime, a_result, a_service, a_test, a_vo, in_profile

pytestmark = pytest.mark.django_db


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


def _failures(operation, secret):
    """What makes us fail among the requests that hypothesis makes for one operation."""
    failures = []

    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy())
    def send(case):
        answer = case.call(headers={"Authorization": f"Bearer {secret}"})
        if answer.status_code >= 500:
            failures.append(f"{operation.label}: {answer.status_code} {answer.text[:300]}")

    send()
    return failures


@pytest.mark.timeout(900)
def test_no_request_makes_us_fail(api_schema, secret):
    operations = [result.ok() for result in api_schema.get_all_operations()]
    assert operations
    assert [failure for operation in operations for failure in _failures(operation, secret)[:1]] == []


def test_every_operation_says_what_it_does(api_schema):
    document = api_schema.raw_schema
    nameless = [
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if not operation.get("summary") or not operation.get("description")
    ]
    assert nameless == []
