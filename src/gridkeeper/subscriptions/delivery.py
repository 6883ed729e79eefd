"""Sending what is due: by mail and webhook, tried again with growing waits, with a log of what became of it."""

import json
import smtplib
import socket
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.core.signing import Signer
from django.db import connection, transaction
from django.db.models import Q
from django.urls import reverse

from gridkeeper.probes.native.check import CheckFailedError
from gridkeeper.probes.native.connect import require_allowed
from gridkeeper.subscriptions.models import Channel, Delivery, DeliveryState, Notice
from gridkeeper.subscriptions.rules import next_wait, signature

log = structlog.get_logger(__name__)

#: A sender that dies in the middle leaves its delivery to the next one after this time.
_LEASE = timedelta(minutes=5)
_AT_ONCE = 100
_TIMEOUT_S = 10.0
_UNSUBSCRIBE = Signer(salt="gridkeeper.subscriptions.unsubscribe")


class DeliveryError(Exception):
    """This attempt failed; the message says why, in words for the log of deliveries."""


def send_due(now: datetime) -> int:
    """Sends what is due; returns how many went out. At least once: a crash after sending may repeat one message."""
    return sum(_attempt(delivery, now) for delivery in _claim(now))


def _claim(now: datetime) -> list[Delivery]:
    """Deliveries that are ours for the time of a lease: two senders never take the same."""
    with transaction.atomic():
        due = Delivery.objects.filter(state=DeliveryState.WAITING, due_at__lte=now).order_by("due_at", "pk")
        due = due.select_for_update(skip_locked=connection.features.has_select_for_update_skip_locked, of=("self",))
        found = list(due.select_related("notice", "subscription", "user")[:_AT_ONCE])
        Delivery.objects.filter(pk__in=[each.pk for each in found]).update(due_at=now + _LEASE)
    return found


def _attempt(delivery: Delivery, now: datetime) -> bool:
    stopped = _why_not(delivery)
    if stopped:
        _close(delivery, DeliveryState.GIVEN_UP, error=stopped)
        return False
    try:
        _SENDERS[Channel(delivery.channel)](delivery, now)
    except DeliveryError as error:
        _note_failure(delivery, str(error), now)
        return False
    _close(delivery, DeliveryState.SENT, sent_at=now)
    return True


def _why_not(delivery: Delivery) -> str:
    """Why it is not to be sent any more; "" where it is."""
    if delivery.subscription is None:
        return "the subscription was ended before this was sent"
    if delivery.subscription.paused_at is not None:
        return "the subscription was paused before this was sent"
    return "" if delivery.user.is_active else "the account is closed"


def _note_failure(delivery: Delivery, error: str, now: datetime) -> None:
    wait = next_wait(delivery.attempts + 1)
    log.warning("delivery failed", delivery=delivery.key, channel=delivery.channel, error=error, gives_up=wait is None)
    if wait is None:
        _close(delivery, DeliveryState.GIVEN_UP, error=error)
        return
    delivery.attempts += 1
    delivery.due_at, delivery.error = now + wait, error[:500]
    delivery.save(update_fields=["attempts", "due_at", "error"])


def _close(delivery: Delivery, state: DeliveryState, *, error: str = "", sent_at: datetime | None = None) -> None:
    delivery.attempts += 1
    delivery.state, delivery.error, delivery.sent_at, delivery.due_at = state, error[:500], sent_at, None
    delivery.save(update_fields=["state", "attempts", "error", "sent_at", "due_at"])


def base_url() -> str:
    """Where readers reach us, without a slash at the end."""
    config = settings.GRIDKEEPER
    return (config.base_url or f"http://{config.host}:{config.port}").rstrip("/")


def unsubscribe_path(subscription_key: str) -> str:
    """Ends the subscription without sign-in; only who got the mail knows it."""
    return reverse("subscriptions:unsubscribe", args=[_UNSUBSCRIBE.sign(subscription_key)])


def subscription_key_of(signed: str) -> str:
    """The key in an unsubscribe address. Raises django.core.signing.BadSignature for one that we did not make."""
    return str(_UNSUBSCRIBE.unsign(signed))


def _send_mail(delivery: Delivery, now: datetime) -> None:
    """One mail; notices of one object share a thread, RFC 8058 lets the reader unsubscribe by one click."""
    notice, subscription = delivery.notice, delivery.subscription
    assert subscription is not None, "checked before"
    domain = urlsplit(base_url()).hostname or "gridkeeper"
    leave = base_url() + unsubscribe_path(subscription.key)
    body = (
        f"{notice.text}\n\n{base_url()}{notice.path}\n\n-- \nYou are told because of: {subscription}.\nStop: {leave}\n"
    )
    message = EmailMessage(
        subject=f"[{settings.GRIDKEEPER.federation_name}] {notice.title}".replace("\n", " ").replace("\r", " "),
        body=body,
        to=[delivery.target],
        headers={
            "Message-ID": f"<{delivery.key}@{domain}>",
            "References": f"<{notice.thread}@{domain}>",
            "List-Unsubscribe": f"<{leave}>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Auto-Submitted": "auto-generated",
            "X-Gridkeeper-Event": notice.kind,
        },
    )
    try:
        message.send()
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise DeliveryError(f"mail to {delivery.target}: {type(error).__name__}: {error}") from error


def payload(delivery: Delivery) -> bytes:
    """What a webhook gets: JSON, UTF-8."""
    notice = delivery.notice
    body = {
        "delivery": delivery.key, "event": notice.kind, "event_id": notice.event, "at": notice.at.isoformat(),
        "title": notice.title, "text": notice.text, "url": base_url() + notice.path, "touched": notice.touched,
        "detail": notice.detail,
    }  # fmt: skip
    return json.dumps(body, ensure_ascii=False).encode()


def _send_webhook(delivery: Delivery, now: datetime) -> None:
    subscription = delivery.subscription
    assert subscription is not None, "checked before"
    body = payload(delivery)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "gridkeeper",
        "X-Gridkeeper-Event": delivery.notice.kind,
        "X-Gridkeeper-Delivery": delivery.key,
        "X-Gridkeeper-Signature": signature(subscription.secret, int(now.timestamp()), body),
    }
    answer = _post(delivery.target, body, headers)
    if not answer.is_success:
        raise DeliveryError(f"{delivery.target} answered {answer.status_code}; a status of 2xx is asked for")


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
    """Sent to the very address that was found allowed: a name cannot point elsewhere between check and use."""
    try:
        parsed = httpx.URL(url)
        address = _allowed_address(parsed)
        literal = f"[{address}]" if ":" in address else address
        with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
            return client.post(
                parsed.copy_with(host=literal), content=body, headers={**headers, "Host": parsed.netloc.decode()},
                extensions={"sni_hostname": parsed.host},
            )  # fmt: skip
    except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
        raise DeliveryError(f"{url}: {type(error).__name__}: {error}") from error


def _allowed_address(url: httpx.URL) -> str:
    """The first address of the host; raises DeliveryError where a setting forbids to reach it."""
    try:
        address = str(ip_address(url.host))
    except ValueError:
        found = socket.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
        address = str(found[0][4][0])
    try:
        require_allowed(address)
    except CheckFailedError as error:
        raise DeliveryError(f"{url.host}: {error}") from error
    return address


_SENDERS: Mapping[Channel, Callable[[Delivery, datetime], None]] = {
    Channel.MAIL: _send_mail,
    Channel.WEBHOOK: _send_webhook,
}


def forget_old(before: datetime) -> int:
    """Deletes notices of before, with their deliveries; returns how many."""
    finished = Notice.objects.filter(created_at__lt=before).exclude(Q(deliveries__state=DeliveryState.WAITING))
    return finished.delete()[0]
