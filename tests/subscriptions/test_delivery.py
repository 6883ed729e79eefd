"""Messages arrive: at a real SMTP server and a real webhook; are tried again; are logged."""

import hashlib
import hmac
import json
from datetime import timedelta
from email.policy import default

import pytest

from gridkeeper.people.actor import Actor
from gridkeeper.subscriptions import actions
from gridkeeper.subscriptions.delivery import forget_old, send_due
from gridkeeper.subscriptions.models import Delivery, Notice, Subscription
from gridkeeper.subscriptions.rules import RETRIES
from tests.builders import NOW, a_service, a_user
from tests.subscriptions.servers import smtp_server, webhook
from tests.subscriptions.test_notices import declared, subscribed

pytestmark = [pytest.mark.django_db]
HOSTILE = 'Power \r\nBcc: all@example.org\r\n <script>alert(1)</script> "quotes" ümlaut 日本 \u202e'


@pytest.fixture
def box(settings):
    with smtp_server() as box:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", box.port
        yield box


@pytest.fixture
def hook(settings):
    with webhook() as hook:
        settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"denied_networks": []})
        yield hook


def test_a_mail_arrives_with_words_link_thread_and_a_way_out(box, client):
    service = a_service()
    subscribed(a_user("alice"), f"site:{service.site.key}")
    downtime = declared(service)
    assert send_due(NOW) == 1
    [(recipients, message)] = box.messages
    assert recipients == ["alice@example.org"]
    assert service.site.name in message["Subject"]
    text = message.get_content()
    assert service.hostname in text
    assert downtime.get_absolute_url() in text
    assert message["References"] == f"<downtime-{downtime.key}@127.0.0.1>"
    assert Delivery.objects.get().state == "sent"
    link = message["List-Unsubscribe"].strip("<>")
    path = link[link.index("/subscriptions/") :]
    assert b"End this subscription" in client.get(path).content
    assert Subscription.objects.count() == 1
    client.post(path)
    assert not Subscription.objects.exists()
    assert client.get(path).status_code == 200
    assert client.get(path[:-3] + "x/").status_code == 404


def test_hostile_text_makes_no_header_and_arrives_intact(box):
    service = a_service()
    subscribed(a_user("alice"))
    downtime = declared(service)
    notice = Notice.objects.get()
    notice.title, notice.text = HOSTILE[:300], HOSTILE
    notice.save()
    send_due(NOW)
    [(recipients, message)] = box.messages
    assert recipients == ["alice@example.org"]
    assert message["Bcc"] is None
    assert "<script>alert(1)</script>" in message.get_content()
    assert "ümlaut 日本" in str(message["Subject"])
    assert message.policy is default
    assert downtime


def test_a_refused_mail_is_tried_again_and_given_up_in_the_end(box):
    subscribed(a_user("alice"))
    declared(a_service())
    box.refusals = ["451 try later", "451 try later"]
    assert send_due(NOW) == 0
    delivery = Delivery.objects.get()
    assert "451" in delivery.error
    assert delivery.due_at == NOW + RETRIES[0]
    assert send_due(NOW + RETRIES[0] - timedelta(seconds=1)) == 0
    assert send_due(NOW + RETRIES[0]) == 0
    assert send_due(NOW + RETRIES[0] + RETRIES[1]) == 1
    assert len(box.messages) == 1


def test_no_server_is_given_up_after_the_last_wait_and_can_be_sent_again(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    alice = a_user("alice")
    subscribed(alice)
    declared(a_service())
    moment = NOW
    for wait in (*RETRIES, timedelta()):
        send_due(moment)
        moment += wait
    send_due(moment)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("given up", len(RETRIES) + 1)
    assert "refused" in delivery.error.lower()
    actions.send_again(Actor(user=alice), delivery=delivery, now=moment)
    with smtp_server() as box:
        settings.EMAIL_PORT = box.port
        assert send_due(moment) == 1


def test_a_webhook_is_signed_and_says_what_happened(hook):
    service = a_service()
    subscription = subscribed(a_user("alice"), "", channel="webhook", target=hook.url)
    declared(service)
    assert send_due(NOW) == 1
    [(headers, body)] = hook.calls
    stamp, _, mac = headers["X-Gridkeeper-Signature"].partition(",")
    signed = f"{stamp.removeprefix('t=')}.".encode() + body
    assert mac == "v1=" + hmac.new(subscription.secret.encode(), signed, hashlib.sha256).hexdigest()
    said = json.loads(body)
    assert said["event"] == "downtime.declared"
    assert f"site:{service.site.key}" in said["touched"]
    assert headers["X-Gridkeeper-Delivery"] == said["delivery"]


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_webhook_that_does_not_take_it_is_called_again_and_no_redirect_is_followed(hook, status):
    hook.statuses = [status, 200]
    subscribed(a_user("alice"), "", channel="webhook", target=hook.url)
    declared(a_service())
    assert send_due(NOW) == 0
    assert str(status) in Delivery.objects.get().error
    assert send_due(NOW + RETRIES[0]) == 1
    assert len(hook.calls) == 2


def test_no_webhook_reaches_a_denied_network():
    subscribed(a_user("alice"), "", channel="webhook", target="http://169.254.169.254/latest/meta-data/")
    declared(a_service())
    assert send_due(NOW) == 0
    assert "DENIED_NETWORKS" in Delivery.objects.get().error


def test_what_was_paused_or_ended_meanwhile_is_not_sent(box):
    alice = a_user("alice")
    paused, ended = subscribed(alice), subscribed(alice, "", target="other@example.org")
    declared(a_service())
    actions.pause(Actor(user=alice), subscription=paused, now=NOW)
    actions.unsubscribe(Actor(user=alice), subscription=ended)
    assert send_due(NOW) == 0
    assert not box.messages
    assert set(Delivery.objects.values_list("state", flat=True)) == {"given up"}


def test_two_senders_never_send_the_same(box):
    subscribed(a_user("alice"))
    declared(a_service())
    from gridkeeper.subscriptions.delivery import _claim

    assert len(_claim(NOW)) == 1
    assert send_due(NOW) == 0
    assert send_due(NOW + timedelta(minutes=6)) == 1


def test_old_notices_are_forgotten_once_nothing_of_them_waits(box):
    subscribed(a_user("alice"))
    declared(a_service())
    assert forget_old(NOW + timedelta(days=1)) == 0
    send_due(NOW)
    assert forget_old(NOW + timedelta(days=1)) > 0
    assert not Notice.objects.exists()
