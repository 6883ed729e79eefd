"""Good sites from a server, for cron jobs and brokers: fetched, kept in a cache, and never worse than nothing.

The rules, in this order (docs/howto/good-sites.md says them to operators):

1. A whole answer of the server for that VO is believed, printed and kept.
2. Where none comes, the cache is used while it is younger than the oldest age that the caller takes. A site whose
   results have gone stale since, or whose entry has expired, is dropped: a cache makes nothing good for longer.
3. A list of fewer sites than the caller asks for at least is not believed, nor kept.
4. Where nothing can be believed nothing is printed, the output file stays as it is, and the exit status is 3.
5. That the server knows no such VO, or refuses the token, is no outage: status 2, whatever the cache holds.

Standard library only, no Django: a broker needs no installation of ours.
"""

import json
import os
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

#: Statuses by which the server says that the question is wrong, not that it is ill.
_ASKED_WRONGLY = frozenset({400, 401, 403, 404, 422})
_MOST_BYTES = 64 * 1024 * 1024


class ClientError(Exception):
    """Nothing can be believed; the message says why."""


class QuestionError(ClientError):
    """The server says that the question itself is wrong: an unknown VO, a token that opens nothing."""


@dataclass(frozen=True, slots=True)
class Site:
    """A good site. good_until: when it is good no longer unless newer results come; None: a list says so for ever."""

    name: str
    good_until: datetime | None


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. at: the server's instant of judgement; received_at: by the clock of this side; body: as it came."""

    vo: str
    at: datetime
    received_at: datetime
    sites: tuple[Site, ...]
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What is to be used. warning: why it comes from the cache; "" where it is fresh."""

    fetched: Fetched
    sites: tuple[Site, ...]
    warning: str = ""


def fetch(server: str, vo: str, *, token: str = "", timeout_s: float = 20.0, now: datetime) -> Fetched:
    """Asks the server. Raises ClientError, QuestionError."""
    if not server.startswith(("http://", "https://")):
        raise QuestionError(f"{server!r} is no address; give https://SERVER")
    url = f"{server.rstrip('/')}/api/v1/good-sites?{urllib.parse.urlencode({'vo': vo})}"
    headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  the scheme was checked
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            body = answer.read(_MOST_BYTES + 1)
            if answer.length and len(body) <= _MOST_BYTES:
                raise ClientError(f"{url}: the answer ended {answer.length} bytes early")
    except urllib.error.HTTPError as error:
        words = f"{url} answered {error.code} {HTTPStatus(error.code).phrase}: {_detail(error.read(10_000))}"
        raise (QuestionError if error.code in _ASKED_WRONGLY else ClientError)(words) from error
    except (OSError, ValueError) as error:  # also what urllib and http.client raise for broken answers
        raise ClientError(f"{url}: {type(error).__name__}: {error}") from error
    if len(body) > _MOST_BYTES:
        raise ClientError(f"{url} answered more than {_MOST_BYTES} bytes")
    return read_answer(body, vo, now)


def _detail(said: bytes) -> str:
    try:
        return str(json.loads(said).get("detail", ""))[:300]
    except (ValueError, AttributeError):
        return "no answer of ours"


def read_answer(body: bytes, vo: str, received_at: datetime) -> Fetched:
    """The answer in a body. Raises ClientError for whatever is not a whole answer for that VO."""
    try:
        found = json.loads(body)
        sites = tuple(
            Site(str(site["site"]), _instant(site["good_until"])) for site in found["sites"] if site["is_good"] is True
        )
        at = datetime.fromisoformat(found["at"])
        answered, promised = found["vo"], found["good"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ClientError(f"the answer is no list of good sites ({type(error).__name__}: {error})") from error
    if answered != vo or promised != len(sites) or at.tzinfo is None:
        raise ClientError(
            f"the answer is not whole, or not for {vo}: {answered!r}, {promised} promised, {len(sites)} read"
        )
    return Fetched(vo, at, received_at, sites, found)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def still_good(fetched: Fetched, now: datetime) -> tuple[Site, ...]:
    """The sites that are good although nothing newer was heard: those whose results are still fresh.

    Only differences of this side's clock are used, so that a clock that is wrong does no harm.
    """
    there = fetched.at + (now - fetched.received_at)
    return tuple(site for site in fetched.sites if site.good_until is None or site.good_until >= there)


def good_sites(
    server: str,
    vo: str,
    *,
    cache: Path | None,
    max_age: timedelta,
    least: int = 1,
    token: str = "",
    timeout_s: float = 20.0,
    now: datetime,
) -> Found:
    """By the rules above. Raises ClientError where nothing can be believed, QuestionError for a wrong question."""
    try:
        fetched = fetch(server, vo, token=token, timeout_s=timeout_s, now=now)
        if len(fetched.sites) < least:
            raise ClientError(f"only {len(fetched.sites)} sites are good for {vo}, fewer than {least}; not believed")
    except QuestionError:
        raise
    except ClientError as error:
        if cache is None:
            raise
        return _from_cache(cache, vo, max_age, least, str(error), now)
    if cache is not None:
        write_whole(cache, json.dumps({"received_at": now.isoformat(), "answer": fetched.body}))
    return Found(fetched, fetched.sites)


def _from_cache(cache: Path, vo: str, max_age: timedelta, least: int, why: str, now: datetime) -> Found:
    try:
        kept = json.loads(cache.read_bytes())
        received_at = datetime.fromisoformat(kept["received_at"])
        age = now - received_at
        fetched = read_answer(json.dumps(kept["answer"]).encode(), vo, received_at)
    except FileNotFoundError as error:
        raise ClientError(f"{why}; and {cache} holds nothing yet") from error
    except (OSError, ValueError, KeyError, TypeError, ClientError) as error:
        raise ClientError(f"{why}; and {cache} cannot be used: {error}") from error
    if not timedelta(0) <= age <= max_age:
        raise ClientError(f"{why}; and {cache} is of {received_at:%Y-%m-%d %H:%M} UTC, which is too old or ahead")
    sites = still_good(fetched, now)
    if len(sites) < least:
        raise ClientError(f"{why}; and of the {len(fetched.sites)} sites in {cache} only {len(sites)} are still fresh")
    dropped = len(fetched.sites) - len(sites)
    stale = f", without {dropped} whose results went stale" if dropped else ""
    return Found(fetched, sites, f"{why}; used what was heard {int(age.total_seconds())} s ago{stale}")


def write_whole(path: Path, text: str) -> None:
    """Writes a file that readers find whole, old or new, never half; readable as its folder's others are (0644)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def as_lines(sites: Sequence[Site]) -> str:
    """One name a line."""
    return "".join(f"{site.name}\n" for site in sites)


def as_document(found: Found) -> str:
    """The answer as JSON, with only the sites that may be used, and whether it is fresh."""
    names = {site.name for site in found.sites}
    sites = [site for site in found.fetched.body["sites"] if site["site"] in names and site["is_good"] is True]
    body = {**found.fetched.body, "good": len(sites), "sites": sites, "warning": found.warning or None}
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def utc_now() -> datetime:
    """The clock, for the outermost layer."""
    return datetime.now(UTC)
