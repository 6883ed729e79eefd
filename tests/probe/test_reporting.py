"""Reports: sent once however often the way breaks, refused ones named."""

import pytest

from gridkeeper.core.status import Status
from gridkeeper.people.actor import Actor
from gridkeeper.people.tokens import create_token
from gridkeeper.probe import Observed, Reporter, ReportingError
from gridkeeper.probe.testing import inbox
from gridkeeper.probes.admission import forget_directory
from gridkeeper.probes.models import LatestStatus
from tests.builders import a_service, a_site, a_test, a_user


def observed(**fields):
    defaults = {"hostname": "ce.example.org", "service_type": "CE", "metric": "CE-js", "status": Status.OK}
    return Observed(**defaults | fields)


def test_a_busy_server_is_asked_again_and_takes_each_once():
    waited = []
    with inbox() as box:
        box.statuses = [503, 502]
        reporter = Reporter(box.url, box.token, sleep=waited.append)
        one = observed(summary="done")
        assert reporter.send([one]).accepted == 1
        again = reporter.send([one, observed()])
    assert (again.accepted, again.duplicates, waited) == (1, 1, [1.0, 5.0])
    assert box.results[one.id]["summary"] == "done"


@pytest.mark.parametrize(("statuses", "words"), [([401], "401"), ([503] * 4, "503"), ([404], "404")])
def test_what_does_not_pass_is_an_error_in_words(statuses, words):
    with inbox() as box:
        box.statuses = statuses
        with pytest.raises(ReportingError, match=words):
            Reporter(box.url, box.token, sleep=lambda _: None).send([observed()])


def test_an_address_that_is_none_is_refused_at_once():
    with pytest.raises(ReportingError, match="give https://SERVER"):
        Reporter("file:///etc/passwd", "t")


def test_nobody_listening_is_said():
    with pytest.raises(ReportingError, match="refused"):
        Reporter("http://127.0.0.1:9", "t", sleep=lambda _: None).send([observed()])


@pytest.mark.django_db(transaction=True)
def test_the_real_server_takes_them_and_names_the_bad(live_server):
    forget_directory()
    site = a_site()
    a_service(of=site, hostname="ce.example.org")
    a_test("CE-js")
    user = a_user("alice", site=site)
    now = observed().executed_at
    _, token = create_token(
        Actor.system(), user=user, name="t", scopes=["probes.submit_results"], expires_at=None, now=now
    )
    receipt = Reporter(live_server.url, token).send([observed(summary="done"), observed(hostname="nowhere.org")])
    assert (receipt.accepted, [one["field"] for one in receipt.rejected]) == (1, ["hostname"])
    refused = Reporter(live_server.url, token).send([observed(metric="CE-jss")])
    assert [(one["index"], one["field"]) for one in refused.rejected] == [(0, "metric")]
    assert LatestStatus.objects.get().summary == "done"
    forget_directory()
