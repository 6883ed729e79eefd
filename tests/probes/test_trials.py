"""Drafts are tried by a running engine, and leave nothing but their answer."""

import asyncio

import pytest
from django.core.exceptions import ValidationError

from gridkeeper.people.actor import Actor
from gridkeeper.people.permission import NotPermittedError
from gridkeeper.probes.models import LatestStatus, Test, Trial
from gridkeeper.probes.try_actions import request_trial
from tests.builders import NOW, a_service, a_user, a_vo
from tests.probes.test_engine import Listener, _closing, _engine_until

SYSTEM = Actor.system("cli")
DRAFT = {"abbreviation": "tcp", "title": "Port answers", "kind": "native", "command": "tcp"}


def _requested(service, actor=SYSTEM, vo="", **fields):
    return request_trial(actor, name="org.example.draft", content=DRAFT | fields, service=service, vo=vo, now=NOW)


@pytest.mark.django_db(transaction=True)
async def test_a_draft_runs_on_one_service_and_is_stored_nowhere_else(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})

    def _prepared(port):
        service = a_service(hostname="ce.example.org", host_ip="127.0.0.1")
        _requested(service, arguments={"port": port, "expect": "hello"})
        _requested(service, arguments={"port": port, "expect": "good bye"})

    async with Listener() as listener:
        await _in_thread(lambda: _prepared(listener.port))
        await _engine_until(lambda: not Trial.objects.filter(done_at=None).exists())
    good, bad = await _in_thread(lambda: list(Trial.objects.order_by("pk").values_list("outcomes", flat=True)))
    assert good[0]["status"] == "OK"
    assert bad[0]["status"] == "CRITICAL"
    assert "good bye" in bad[0]["summary"]
    assert await _in_thread(lambda: (LatestStatus.objects.count(), Test.objects.count())) == (0, 0)


@pytest.mark.django_db(transaction=True)
async def test_a_trial_that_a_stopped_engine_left_and_one_that_cannot_be_read_end_all_the_same():
    def _prepared():
        left, strange = _requested(a_service()), _requested(a_service())
        Trial.objects.filter(pk=left.pk).update(taken_at=NOW)
        Trial.objects.filter(pk=strange.pk).update(definition={"name": "of another release"})

    await _in_thread(_prepared)
    await _engine_until(lambda: not Trial.objects.filter(done_at=None).exists())
    outcomes = await _in_thread(lambda: [one for (one,) in Trial.objects.order_by("pk").values_list("outcomes")])
    assert outcomes[0][0]["metric"] == "org.example.draft"
    assert outcomes[1][0]["summary"] == "the engine failed on it; see its log"


async def _in_thread(function):
    return await asyncio.to_thread(_closing, function)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"kind": "passive", "command": ""}, "runs nothing"),
        ({"command": "telepathy"}, "no native check"),
        ({"is_per_vo": True}, "name one"),
        ({"vo": "none"}, "no VO none"),
        ({"kind": "plugin", "command": "/bin/sh", "arguments": ["-c", "id"]}, "GRIDKEEPER_PLUGIN_DIRS"),
    ],
)
def test_what_could_not_run_is_refused_before_it_is_tried(fields, words):
    with pytest.raises(ValidationError, match=words):
        _requested(a_service(), **fields)
    assert not Trial.objects.exists()


@pytest.mark.django_db
def test_only_who_may_define_tests_may_try_them_and_not_without_end():
    service = a_service()
    with pytest.raises(NotPermittedError):
        _requested(service, Actor(user=a_user("bob", site=service.site, vo=a_vo())))
    assert _requested(service, timeout_s=3600).definition["timeout_s"] == 120
    for _ in range(9):
        _requested(service)
    with pytest.raises(ValidationError, match="wait for them"):
        _requested(service)
