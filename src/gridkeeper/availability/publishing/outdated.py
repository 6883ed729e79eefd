"""Notices that a published month's figures are other ones now: called whenever days have been computed."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from gridkeeper.availability.models import Computation, PublishedReport
from gridkeeper.availability.months import Month
from gridkeeper.availability.publishing import queries


def note(made: Mapping[tuple[date, str], str], now: datetime) -> list[PublishedReport]:
    """Compares the newest versions with the checksums of days just made; returns those that are newly outdated.

    made: (day, report) -> checksum of its figures as they are now

    A version whose days are all again as they were published is no longer outdated: a recomputation was reverted.
    """
    touched = {(report, Month.of(day)) for day, report in made}
    outdated = []
    for row in _newest(touched):
        days = {day: said["checksum"] for day, said in queries.content(row)["days"].items()}
        differ = {day for day, checksum in _now(row, made).items() if days.get(day) != checksum}
        if differ and row.outdated_since is None:
            row.outdated_since = now
            row.save(update_fields=["outdated_since"])
            outdated.append(row)
        elif not differ and row.outdated_since is not None and _is_as_published(row, days):
            row.outdated_since = None
            row.save(update_fields=["outdated_since"])
    return outdated


def _now(row: PublishedReport, made: Mapping[tuple[date, str], str]) -> dict[str, str]:
    in_month = {day: checksum for (day, report), checksum in made.items() if report == row.report}
    return {day.isoformat(): checksum for day, checksum in in_month.items() if str(Month.of(day)) == row.month}


def _is_as_published(row: PublishedReport, days: Mapping[str, str]) -> bool:
    made = Computation.objects.filter(report=row.report, day__in=list(days)).values_list("day", "checksum")
    return {day.isoformat(): checksum for day, checksum in made} == dict(days)


def _newest(touched: Iterable[tuple[str, Month]]) -> list[PublishedReport]:
    found = [queries.newest(report, month) for report, month in sorted(touched)]
    return [row for row in found if row is not None]
