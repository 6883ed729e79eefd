"""What the address of a drill-down page asks for: report, measure, and what goes along to the next page."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest

from gridkeeper.availability import queries
from gridkeeper.availability.months import Month
from gridkeeper.availability.rules import TARGETS
from gridkeeper.core.windows import as_utc

MEASURES = tuple(TARGETS)


@dataclass(frozen=True, slots=True)
class Asked:
    """The report (a VO's name, or that of a report of one's own) and the measure, both named by the address.

    known: the reports that the reader may see
    """

    report: str
    measure: str
    given: dict[str, str]
    now: datetime
    known: tuple[str, ...]

    @classmethod
    def of(cls, request: HttpRequest, now: datetime) -> "Asked":
        """Raises Http404 saying what is wrong with the address."""
        known = _readable(request, now)
        named = request.GET.get("report") or request.GET.get("vo") or ""
        if named and named not in known:
            raise Http404(f"There is no report {named!r}; there are {', '.join(known) or 'none'}.")
        measure = request.GET.get("measure") or MEASURES[0]
        if measure not in MEASURES:
            raise Http404(f"The measure is {' or '.join(MEASURES)}, not {measure!r}.")
        given = {name: str(value) for name, value in request.GET.items() if value}
        return cls(named or queries.default_report(), measure, given, now, tuple(known))

    @property
    def target(self) -> Decimal:
        return TARGETS[self.measure]

    @property
    def today(self) -> date:
        return as_utc(self.now).date()

    def carried(self, **changes: str) -> str:
        """What goes along to another page, as a query string: the report and the measure, and these."""
        kept = {name: self.given[name] for name in ("report", "vo", "measure") if name in self.given}
        wanted = {name: value for name, value in (kept | changes).items() if value}
        return f"?{urlencode(wanted)}" if wanted else ""

    def switches(self) -> dict[str, Any]:
        """The links that change the report or the measure and leave the rest of the address as it is."""
        rest = {name: value for name, value in self.given.items() if name not in ("report", "vo")}
        return {
            "asked": self,
            "report_links": [(name, f"?{urlencode({'vo': name} | rest)}", name == self.report) for name in self.known],
            "measure_links": [
                (name, f"?{urlencode(self.given | {'measure': name})}", name == self.measure) for name in MEASURES
            ],
        }


def _readable(request: HttpRequest, now: datetime) -> list[str]:
    """Reports that are not public are there for those who are signed in."""
    definitions = queries.definitions(as_utc(now).date())
    return [each.name for each in definitions if each.document.is_public or request.user.is_authenticated]


def day_of(text: str) -> date:
    """A day as it stands in addresses. Raises Http404 where the text is none."""
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise Http404(f"{text!r} is not a day; write it as 2026-03-01.") from None


def month_of(text: str, today: date) -> Month:
    """A month as it stands in addresses; this one for an empty text. Raises Http404 where it is none."""
    try:
        return Month.parse(text) if text else Month.of(today)
    except ValueError as error:
        raise Http404(str(error)) from error
