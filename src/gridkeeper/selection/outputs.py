"""The answer as text and as JSON: one shape for the command, the API and the export of the page."""

from datetime import datetime
from typing import Any

from gridkeeper.selection.judge import Answer
from gridkeeper.selection.rules import Entry, Reason, ServiceVerdict, Verdict


def as_text(answer: Answer) -> str:
    """One line per site: its name, then "good" or what excludes it."""
    width = max((len(verdict.site.name) for verdict in answer.verdicts), default=0)
    return "".join(f"{verdict.site.name:<{width}}  {_one_line(verdict.sentence)}\n" for verdict in answer.verdicts)


def _one_line(text: str) -> str:
    # reasons and descriptions are free text: a line break in one would look like another site
    return " ".join(text.split())


def as_json(answer: Answer) -> dict[str, Any]:
    """The answer for programs; times are UTC, ISO 8601."""
    return {
        "vo": answer.vo,
        "at": iso(answer.at),
        "critical_tests_of": answer.profile.owner,
        "good": len(answer.good),
        "excluded": len(answer.excluded),
        "sites": [verdict_json(verdict) for verdict in answer.verdicts],
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """A site with its verdict, its reasons and its services."""
    return {
        "site": verdict.site.name,
        "key": verdict.site.key,
        "region": verdict.site.region,
        "is_good": verdict.is_good,
        "good_until": iso(verdict.good_until),
        "list_entry": entry_json(verdict.entry) if verdict.entry else None,
        "reasons": [reason_json(reason) for reason in verdict.reasons],
        "services": [_service_json(service) for service in verdict.services],
    }


def _service_json(verdict: ServiceVerdict) -> dict[str, Any]:
    return {
        "service_type": verdict.service.service_type,
        "hostname": verdict.service.hostname,
        "is_good": verdict.is_good,
        "reasons": [reason.sentence for reason in verdict.reasons],
    }


def reason_json(reason: Reason) -> dict[str, Any]:
    """A reason; words that do not apply are left empty, times null."""
    return {
        "kind": reason.kind.value,
        "sentence": reason.sentence,
        "service_type": reason.service_type,
        "hostname": reason.hostname,
        "test": reason.test,
        "status": reason.status.name if reason.status is not None else None,
        "since": iso(reason.since),
    }


def entry_json(entry: Entry) -> dict[str, Any]:
    """A list entry."""
    return {
        "id": entry.id,
        "kind": entry.kind.value,
        "reason": entry.reason,
        "author": entry.author,
        "created_at": iso(entry.created_at),
        "expires_at": iso(entry.expires_at),
    }


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, with Z."""
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
