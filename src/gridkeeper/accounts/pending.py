"""An identity that was proved in this session and belongs to nobody yet: kept until its holder says what to do."""

from dataclasses import asdict
from datetime import datetime, timedelta

from django.http import HttpRequest

from gridkeeper.people.identities import Claim

_KEY = "proved_identity"
#: After so long it is to be proved again.
_KEPT_FOR = timedelta(minutes=15)


def keep(request: HttpRequest, claim: Claim, now: datetime) -> None:
    request.session[_KEY] = {"claim": asdict(claim), "proved_at": now.isoformat()}


def kept(request: HttpRequest, now: datetime) -> Claim | None:
    """What was proved in this session a short while ago."""
    found = request.session.get(_KEY)
    if not found or now - datetime.fromisoformat(found["proved_at"]) > _KEPT_FOR:
        return None
    return Claim(**found["claim"])


def drop(request: HttpRequest) -> None:
    request.session.pop(_KEY, None)
