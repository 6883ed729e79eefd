"""The report of an import for people."""

from dataclasses import fields

from rich.console import Console
from rich.table import Table
from rich.text import Text

from gridkeeper.registry.importers.report import Counts, Level, Report, grouped

_HEADINGS: dict[Level, str] = {
    "rejected": "Rejected: did not go in; the source text of each is kept with the report",
    "repaired": "Repaired: went in after the change that is named",
    "note": "To know: went in, or stayed, as it is",
}

#: Shown of the list of files that were read.
_ORIGIN_LIMIT = 200


def print_report(report: Report, console: Console) -> None:
    """Counts per kind, the source's own sums, and every finding with file and line."""
    for level in ("rejected", "repaired", "note"):
        _print_findings(report, console, level)
    if report.figures:
        console.print(_figures(report))
    console.print(_counts(report))
    console.print(Text(_summary(report)), soft_wrap=True)


def _print_findings(report: Report, console: Console, level: Level) -> None:
    findings = report.of_level(level)
    if not findings:
        return
    console.print(Text(f"{_HEADINGS[level]} ({len(findings)})", style="bold"))
    for (kind, problem, remedy), group in grouped(findings).items():
        console.print(Text(f"  {kind}: {problem} -> {remedy} ({len(group)})"), soft_wrap=True)
        for finding in group:
            value = f" {finding.field}={finding.value!r}" if finding.field else ""
            console.print(Text(f"    {finding.place} {finding.name}{value}"), soft_wrap=True)


def _figures(report: Report) -> Table:
    table = Table(title="The source, in its own words", title_justify="left")
    table.add_column("what")
    table.add_column("number", justify="right")
    for name, number in report.figures.items():
        table.add_row(Text(name), str(number))
    return table


def _counts(report: Report) -> Table:
    table = Table(title="Records", title_justify="left")
    table.add_column("kind")
    columns = [column.name for column in fields(Counts)]
    for column in columns:
        table.add_column(column, justify="right")
    for kind, counts in report.counts.items():
        table.add_row(kind, *[str(getattr(counts, column)) for column in columns])
    return table


def _summary(report: Report) -> str:
    origin = report.origin if len(report.origin) <= _ORIGIN_LIMIT else f"{report.origin[:_ORIGIN_LIMIT]}…"
    if report.is_dry_run:
        return "Dry run: nothing was changed." + (" A run would change the above." if report.has_changes else "")
    if not report.has_changes:
        whole = f"federation {report.federation}" if report.federation else "the registry"
        return f"Nothing changed: {whole} was up to date with {origin}."
    if not report.federation:
        return f"Imported {origin}."
    return f"Imported {origin} into federation {report.federation}."
