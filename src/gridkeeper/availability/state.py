"""What the address of a page of figures says: report, measure, period. All state is in the address."""

from datetime import date, datetime
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest
from django.urls import NoReverseMatch, reverse

from gridkeeper.availability import queries
from gridkeeper.availability.levels import region_title
from gridkeeper.availability.measures import MEASURES, Targets
from gridkeeper.availability.months import Month
from gridkeeper.availability.periods import Kind, Span
from gridkeeper.availability.profiles.documents import ReportDocument
from gridkeeper.availability.queries import Place
from gridkeeper.core.windows import as_utc

#: What goes along from page to page.
_CARRIED = ("report", "vo", "measure", "period")
#: The measures that the pages know which explain a day.
_EXPLAINED = ("availability", "reliability")
#: Kinds of regions that are called otherwise than in a report's document.
_WORDS = {"vo": "VO"}
_TABS = (
    ("Table", "availability:month"), ("Tier-0/1", "availability:tiers"), ("Services", "availability:services"),
    ("Hours", "availability:hours"), ("Trends", "availability:trends"), ("SLA", "availability:sla"),
)  # fmt: skip


class State:
    """Raises Http404 saying what is wrong with the address."""

    def __init__(self, request: HttpRequest, now: datetime) -> None:
        self.path = request.path
        self.now = as_utc(now)
        self.today = self.now.date()
        self.given = {name: str(value) for name, value in request.GET.items() if value and name != "format"}
        self.definitions = [
            each for each in queries.definitions(self.today) if each.document.is_public or request.user.is_authenticated
        ]
        self.report = self._report()
        self.measure = self.given.get("measure", MEASURES[0])
        if self.measure not in MEASURES:
            raise Http404(f"The measure is {', '.join(MEASURES)}, not {self.measure!r}.")
        self.period = self._period()
        # A page of a month of 500 sites has 15,000 links, which differ in site and part alone.
        self._carried: dict[tuple[tuple[str, str], ...], str] = {}
        self._pages: dict[str, str] = {}
        self._days: dict[str, tuple[str, str]] = {}

    def _report(self) -> str:
        named = self.given.get("report") or self.given.get("vo")
        names = [each.name for each in self.definitions]
        if named and named not in names:
            raise Http404(f"There is no report {named!r}; there are {', '.join(names) or 'none'}.")
        return named or queries.default_report()

    def _period(self) -> Span:
        """A month in the older form of addresses counts too."""
        text = self.given.get("period", "")
        first, last = self.given.get("from", ""), self.given.get("to", "")
        try:
            if first and last:
                text = f"{first}..{last}"
            if not text and "month" in self.given:
                text = str(Month.parse(self.given["month"]))
            return Span.parse(text) if text else Span.of(Kind.MONTH, self.today)
        except ValueError as error:
            raise Http404(str(error)) from error

    @cached_property
    def document(self) -> ReportDocument:
        """What the report is today."""
        known = {each.name: each.document for each in self.definitions}
        return known[self.report] if self.report in known else ReportDocument()

    @property
    def targets(self) -> Targets:
        return Targets.asked_by(self.document)

    @property
    def words(self) -> tuple[str, str]:
        """What the report calls its regions and its sites."""
        document = self.document
        return (_WORDS.get(document.region_kind, document.region_kind), document.group_kind.replace("_", " "))

    def region_name(self, place: Place) -> str:
        """Of a region; a tier is a number in the registry."""
        return region_title(self.document.region_kind, place.region_name or place.region)

    @property
    def target(self) -> Any:
        return self.targets.of(self.measure)

    def query(self, **changes: str) -> str:
        """The same view with something changed, as a query string; defaults are left out."""
        if "period" in changes:
            changes = {"month": "", "from": "", "to": ""} | changes
        if "report" in changes:
            changes = {"vo": ""} | changes
        wanted = {name: value for name, value in (self.given | changes).items() if value}
        return f"?{urlencode(wanted)}" if wanted else self.path

    def carried(self, **changes: str) -> str:
        """What goes along to another page of figures: report, measure, period."""
        key = tuple(changes.items())
        if key not in self._carried:
            self._carried[key] = self._query_of(changes)
        return self._carried[key]

    def _query_of(self, changes: dict[str, str]) -> str:
        given = {name: self.given.get(name, "") for name in _CARRIED}
        if not given["period"] and self.period != Span.of(Kind.MONTH, self.today):
            given["period"] = str(self.period)
        wanted = {name: value for name, value in (given | changes).items() if value}
        return f"?{urlencode(wanted)}" if wanted else ""

    def to_explain(self, **changes: str) -> str:
        """What goes along to the pages that explain a day or a month."""
        measure = self.measure if self.measure in _EXPLAINED else ""
        return self.carried(period="", measure="" if measure == _EXPLAINED[0] else measure, **changes)

    def day_url(self, site: str, day: date) -> str:
        if site not in self._days:
            before, _, after = reverse("availability:day", args=[site, day]).rpartition(str(day))
            self._days[site] = (before, after + self.to_explain())
        before, after = self._days[site]
        return f"{before}{day}{after}"

    def site_url(self, site: str, **changes: str) -> str:
        if site not in self._pages:
            self._pages[site] = reverse("availability:site", args=[site])
        return self._pages[site] + self.carried(**changes)

    def context(self) -> dict[str, Any]:
        """What the switches, tabs and downloads of each page need."""
        return {
            "state": self,
            "targets": self.targets,
            "tabs": self._tabs(),
            "report_links": [
                (each.name, each.document.title, self.query(report=each.name), each.name == self.report)
                for each in self.definitions
            ],
            "measure_links": [(name, self.query(measure=name), name == self.measure) for name in MEASURES],
            "csv_url": self.query(format="csv"),
            "json_url": self.query(format="json"),
            "parquet_url": self.query(format="parquet"),
            **self._period_links(),
        }

    def _period_links(self) -> dict[str, Any]:
        span = self.period
        # Another kind of period opens where this one ends, but never in the future.
        anchor = min(span.last, max(self.today, span.first))
        kinds = [kind for kind in Kind if kind is not Kind.ANY]
        return {
            "kind_links": [
                (kind.value, self.query(period=str(Span.of(kind, anchor))), kind is span.kind) for kind in kinds
            ],
            "previous_url": self.query(period=str(span.previous)),
            "next_url": self.query(period=str(span.next)) if span.end <= self.today else "",
            "this_url": "" if span.first <= self.today < span.end else self.query(period=""),
            "kept": [
                (name, value) for name, value in self.given.items() if name not in ("period", "month", "from", "to")
            ],
        }

    def _tabs(self) -> list[tuple[str, str, bool]]:
        found = [(label, url_of(name)) for label, name in _TABS]
        return [(label, url + self.carried(), url == self.path) for label, url in found if url]


def url_of(name: str, *arguments: Any) -> str:
    """The page's address; empty where this installation has no such page."""
    try:
        return reverse(name, args=arguments)
    except NoReverseMatch:
        return ""
