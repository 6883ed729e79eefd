"""Decisions about telling: who matches, when to try again, how a webhook is signed. Pure."""

import hashlib
import hmac
from collections.abc import Collection
from datetime import timedelta

#: Kinds that can be asked for, in words. "downtime" stands for all that begin so.
KINDS = {
    "downtime.declared": "Downtime declared",
    "downtime.changed": "Downtime changed or extended",
    "downtime.soon": "Downtime begins soon",
    "downtime.begun": "Downtime has begun",
    "downtime.ended": "Downtime has ended",
    "downtime.cancelled": "Downtime cancelled",
    "certification.changed": "Certification of a site changed",
    "role.requested": "Role asked for",
    "role.granted": "Role granted",
    "role.rejected": "Request for a role rejected",
    "role.revoked": "Role revoked or expired",
    "site.added": "Site added",
    "site.closed": "Site closed",
    "status.failed": "A test fails",
    "status.recovered": "A test that failed is good again",
    "good_site.out": "A site is good for a VO no longer",
    "good_site.in": "A site became good for a VO",
    "good_service.out": "A service is good for a VO no longer",
    "good_service.in": "A service became good for a VO",
}
GROUPS = tuple(dict.fromkeys(kind.partition(".")[0] for kind in KINDS))
#: Groups of kinds in words.
GROUP_WORDS = {
    "downtime": "Downtimes", "certification": "Certification", "role": "Roles", "site": "Sites", "status": "Tests",
    "good_site": "Good sites", "good_service": "Good services",
}  # fmt: skip
#: Events of the registry that are told under another name.
SAME_AS = {
    "downtime.extended": "downtime.changed",
    "downtime.severity": "downtime.changed",
    "downtime.part_ended": "downtime.changed",
    "role.expired": "role.revoked",
    "role.delegated": "role.granted",
}
#: How long before its start a downtime is announced again.
SOON = timedelta(hours=24)
#: What begun or ended longer ago than this is not news: after a long standstill nobody wants a flood.
STALE = timedelta(hours=6)

#: Waits after a failed attempt. Then it is given up, and the log says so.
RETRIES = (
    timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2), timedelta(hours=12),
    timedelta(hours=24),
)  # fmt: skip


def wants(kinds: Collection[str], kind: str) -> bool:
    """True where one of the kinds asked for is the event's kind or its group.

    >>> wants(["downtime"], "downtime.soon"), wants(["downtime.begun"], "downtime.soon")
    (True, False)
    """
    return kind in kinds or kind.partition(".")[0] in kinds


def concerns(about: str, touched: Collection[str]) -> bool:
    """True where the event touches what the subscription is about; "" is about everything."""
    return not about or about in touched


def next_wait(attempts: int) -> timedelta | None:
    """How long to wait after that many failed attempts (1 is the first); None: give up.

    >>> next_wait(1), next_wait(7)
    (datetime.timedelta(seconds=60), None)
    """
    return RETRIES[attempts - 1] if attempts <= len(RETRIES) else None


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """The header X-Gridkeeper-Signature: HMAC-SHA256 over "timestamp.body", so that a copy cannot be sent again later.

    >>> signature("s", 1, b"{}")
    't=1,v1=b253639bcd705ed1cda3073f66104f16988bd40272584dea7d0d345ae93e61cc'
    """
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"
