"""The test of our own credentials: green while they last, and red in time with what to do."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from gridkeeper.people.actor import Actor
from gridkeeper.probes.checks import check_named
from gridkeeper.probes.credential_actions import Entered, add_credential, end_credential
from gridkeeper.probes.credential_rules import lifetime_status
from gridkeeper.probes.models import Credential, CredentialSecret
from gridkeeper.probes.native.check import Target
from gridkeeper.probes.packs.credentials import LifetimeArguments, judge
from tests.builders import NOW, a_vo
from tests.certificates import Authority

SYSTEM = Actor.system("cli")


@pytest.fixture
def robot(settings, tmp_path):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"credential_key_file": tmp_path / "keys"})

    def entered(days):
        files = Authority(tmp_path, f"CA {days}").issue(("DC", "org"), ("CN", "Robot"), days=days)
        pem = files.certificate.read_text() + files.key.read_text()
        return add_credential(
            SYSTEM, name="robot of lhcb", vo=a_vo("lhcb"), kind="x509", options={}, entered=Entered(pem),
            reason="needed", now=datetime.now(UTC),
        )  # fmt: skip

    return entered


def _said(vo="lhcb"):
    check = check_named("credential-lifetime")
    return asyncio.run(check.run(Target("portal.example.org"), check.parse({"vo": vo}), 20))


def _failing(hours):
    until = datetime.now(UTC) + timedelta(hours=hours)
    CredentialSecret.objects.update(issued=b"x", issued_until=until, failure="the issuer answered 401: invalid_client")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("days", "change", "status", "words"),
    [
        (30, None, "OK", "29 days are left"),
        (10, None, "WARNING", "ask for a new one"),
        (2, None, "CRITICAL", "get a new one today"),
        (30, lambda: _failing(5), "WARNING", "renewing it fails"),
        (30, lambda: _failing(-1), "CRITICAL", "invalid_client"),
        (30, lambda: Credential.objects.update(not_after=datetime.now(UTC)), "CRITICAL", "it ended at"),
    ],
)
def test_it_warns_before_a_credential_ends(robot, days, change, status, words):
    robot(days)
    if change:
        change()
    outcome = judge(list(Credential.objects.select_related("secret")), LifetimeArguments(vo="lhcb"), datetime.now(UTC))
    assert outcome.status.name == status
    assert "robot of lhcb: " in outcome.summary
    assert words in outcome.summary
    assert "'robot of lhcb'=" in outcome.perfdata


@pytest.mark.django_db(transaction=True)
def test_a_vo_without_credentials_has_nothing_to_renew_and_one_that_was_ended_counts_no_more(robot):
    credential = robot(30)
    connection.close()
    assert _said().status.name == "OK"
    end_credential(SYSTEM, credential=credential, reason="no more")
    connection.close()
    assert _said().summary == "lhcb: tests act with no credential"


@pytest.mark.parametrize(
    ("issued_in", "failure", "status", "words"),
    [
        (None, "", "OK", "nothing was made from it yet"),
        (5, "", "OK", "it is renewed in time"),
        (-1, "", "WARNING", "is the role `gridkeeper tasks` running?"),
        (5, "timed out", "WARNING", "renewing it fails"),
        (None, "timed out", "CRITICAL", "it cannot be renewed: timed out"),
    ],
)
def test_a_secret_without_an_end_is_judged_by_what_was_made_from_it(issued_in, failure, status, words):
    until = None if issued_in is None else NOW + timedelta(hours=issued_in)
    found = lifetime_status(None, until, failure, now=NOW, warning_days=14, critical_days=3)
    assert (found[0].name, words in found[1]) == (status, True)
