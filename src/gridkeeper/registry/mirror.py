"""Mirror mode: follows another registry's programmatic interface, one run after another.

A run fetches everything before it changes anything, and changes everything in one transaction: an outage, half an
answer or a changed layout leaves this registry as it was. What people here have edited stays; see
`importers.follow` and docs/howto/mirror.md.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from gridkeeper.people.actor import Actor, recording
from gridkeeper.registry.importers.follow import Difference, Follow
from gridkeeper.registry.importers.gocdb_live import fetch
from gridkeeper.registry.importers.pi_client import PiClient
from gridkeeper.registry.importers.report import Report, UnreadableSourceError
from gridkeeper.registry.importers.run import DryRunError, Progress, Silent, Source, apply_source, keep_report
from gridkeeper.registry.models import ConflictState, MirrorConflict, MirrorSource

#: Share of a kind that may vanish at once, unless told otherwise.
CLOSING_RATIO = 0.1
#: Records of one kind that cannot be read: as many as dirt explains, and no more.
_REJECTED_ALWAYS = 5
_REJECTED_RATIO = 0.2


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of a run: the report of what changed, and every difference that stays."""

    report: Report
    differences: tuple[Difference, ...]


def follow(
    client: PiClient,
    federation: str,
    *,
    now: datetime,
    is_dry_run: bool = False,
    closing_ratio: float = CLOSING_RATIO,
    progress: Progress | None = None,
) -> Followed:
    """One run. Raises UnreadableSourceError, with nothing changed but the source's `problem`."""
    report = Report("mirror", client.base, federation, is_dry_run)
    show = progress or Silent()
    show.begin("Fetching", None)
    try:
        parsed = _parse(client, report, show)
        show.begin("Applying", len(parsed.records))
        return _apply(client.base, parsed, report, now, closing_ratio, show)
    except UnreadableSourceError as error:
        if not is_dry_run:
            _note_problem(client.base, federation, str(error), now)
        raise


def _parse(client: PiClient, report: Report, show: Progress) -> Source:
    reader = fetch(client, report, lambda _: show.advance(1))
    records = reader.parse()
    _check_layout(report)
    return Source(records, reader.closing_origins, reader.origin_of)


def _check_layout(report: Report) -> None:
    """Much that cannot be read is no dirt: the other side has changed its layout, and we know too little to go on."""
    for kind, counts in report.counts.items():
        if counts.rejected > max(_REJECTED_ALWAYS, counts.read * _REJECTED_RATIO):
            example = next(item for item in report.of_level("rejected") if item.kind == kind)
            raise UnreadableSourceError(
                f"{report.origin}: {counts.rejected} of {counts.read} {kind} records cannot be read, perhaps its "
                f"layout has changed; nothing was changed. The first: {example.name} {example.field}: {example.problem}"
            )


def _apply(url: str, parsed: Source, report: Report, now: datetime, closing_ratio: float, show: Progress) -> Followed:
    actor = Actor.system("import")
    with recording(actor, report.reason):
        try:
            with transaction.atomic():
                source = _locked(url, report.federation, now)
                policy = _policy(source, closing_ratio)
                apply_source(parsed, report, actor, now, show, policy=policy, last_seen=source.seen or None)
                found = tuple(policy.found.values())
                if report.is_dry_run:
                    raise DryRunError
                _keep_differences(source, found, now)
                _keep_state(source, report, now)
        except DryRunError:
            pass
    return Followed(report, found)


def _locked(url: str, federation: str, now: datetime) -> MirrorSource:
    """The row of the source, locked: two mirrors of one source at once would each close what the other made."""
    defaults = {"federation": federation, "first_at": now, "tried_at": now}
    MirrorSource.objects.get_or_create(url=url, defaults=defaults)
    source = MirrorSource.objects.select_for_update().get(url=url)
    if source.federation != federation:
        raise UnreadableSourceError(
            f"{url}: is followed as the federation {source.federation}; name that with --federation, or forget the "
            "mirror first: gridkeeper mirror forget URL"
        )
    return source


def _policy(source: MirrorSource, closing_ratio: float) -> Follow:
    rows = list(source.conflicts.all())
    accepted = frozenset((row.kind, row.object_key, row.field) for row in rows if row.state == ConflictState.THEIRS)
    disputed = frozenset((row.kind, row.object_key) for row in rows if row.state != ConflictState.THEIRS)
    return Follow(closing_ratio, accepted, disputed, is_news=source.succeeded_at is not None)


def _keep_differences(source: MirrorSource, found: tuple[Difference, ...], now: datetime) -> None:
    """The list becomes what this run found. A decision for ours holds until theirs is another one."""
    known = {(row.kind, row.object_key, row.field): row for row in source.conflicts.all()}
    for difference in found:
        row = known.pop(difference.place, None)
        if row is None:
            row = MirrorConflict(
                source=source, kind=difference.kind, object_key=difference.key, field=difference.field, found_at=now
            )
        elif row.there != difference.there:
            row.state, row.found_at = ConflictState.OPEN, now
        row.object_name = difference.name[:400]
        row.here, row.there = difference.here, difference.there
        row.edited_by, row.edited_at = difference.edited_by, difference.edited_at
        row.save()
    for row in known.values():
        row.delete()


def _keep_state(source: MirrorSource, report: Report, now: datetime) -> None:
    document = report.as_dict()
    source.seen = document["seen"]
    source.counts = document["counts"]
    source.tried_at = source.succeeded_at = now
    source.problem = ""
    source.save()
    if report.has_changes:
        # A run that changed nothing leaves no report: there are many of them.
        report.seen.clear()
        keep_report(report, now)


def _note_problem(url: str, federation: str, problem: str, now: datetime) -> None:
    defaults: dict[str, Any] = {"tried_at": now, "problem": problem}
    MirrorSource.objects.update_or_create(
        url=url, defaults=defaults, create_defaults={**defaults, "federation": federation, "first_at": now}
    )
