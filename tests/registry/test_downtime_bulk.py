"""Downtimes by the thousand: good rows are kept, bad ones reported with line and field."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gridkeeper.core.windows import Window
from gridkeeper.people.actor import Actor
from gridkeeper.registry.downtime_bulk import COLUMNS, TEMPLATE, BulkFileError, BulkRow, declare_many, parse_csv
from gridkeeper.registry.downtime_commands import register
from gridkeeper.registry.models import Downtime, DowntimeEndpoint, DowntimeService, Service
from gridkeeper.registry.signals import downtimes_changed
from tests.builders import NOW, a_downtime, a_service, a_site, a_user, an_endpoint, an_ngi

HOUR = timedelta(hours=1)
HEADER = ",".join(COLUMNS) + "\n"


@pytest.fixture
def service(db) -> Service:
    return a_service(of=a_site(name="ALPHA"), hostname="ce.alpha.example.org")


@pytest.fixture
def alice(service) -> Actor:
    return Actor(user=a_user("alice", site=service.site), source="api")


def a_row(line: int = 1, **fields) -> BulkRow:
    defaults = {"severity": "OUTAGE", "start": NOW + HOUR, "end": NOW + 2 * HOUR, "description": "Works"}
    return BulkRow(line, **defaults | ({"site": "ALPHA"} if "services" not in fields else {}) | fields)


def outcomes(report) -> list[str]:
    return [line.outcome for line in report.lines]


def test_a_file_of_downtimes_is_read():
    rows, rejected = parse_csv(TEMPLATE)
    assert rejected == []
    assert [row.line for row in rows] == [2, 3]
    assert rows[1].services == ("CE@ce01.example.org", "SRM@se01.example.org")
    assert rows[1].start == datetime(2026, 3, 25, 8, tzinfo=UTC)


def test_semicolons_a_mark_of_order_and_quoted_lines_are_read():
    text = '\ufeffseverity;start;end;description\nwarning;2026-03-24 09:00;2026-03-24T10:00Z;"two\nlines; and more"\n\n'
    (row,), rejected = parse_csv(text)
    assert rejected == []
    assert (row.severity, row.start, row.description) == (
        "WARNING",
        datetime(2026, 3, 24, 9, tzinfo=UTC),
        "two\nlines; and more",
    )


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "names no column"),
        ("start,end\n", "names no column severity, description"),
        ("severity,start,end,description,colour\n", "Unknown columns colour"),
        ("severity,start,end,description,start\n", "stands twice"),
        ("severity,start,end,description\n\x00", "NUL"),
        ('severity,start,end,description\n"' + "x" * 200_000, "not CSV"),
    ],
)
def test_a_file_that_is_none_is_refused_whole(text, match):
    with pytest.raises(BulkFileError, match=match):
        parse_csv(text)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("ALPHA,,,OUTAGE,yesterday,2026-03-24T10:00Z,x", "start"),
        ("ALPHA,,,OUTAGE,2026-03-24T09:00Z,24.3.2026,x", "end"),
        ("ALPHA,,,OUTAGE,2026-03-24T09:00Z", ""),
        ("ALPHA,,,OUTAGE,2026-03-24T09:00Z,2026-03-24T10:00Z,a,b", ""),
    ],
)
def test_a_line_that_cannot_be_read_is_reported_with_its_number(line, field):
    rows, rejected = parse_csv(HEADER + "\n" + line + "\n")
    assert rows == []
    assert [(each.line, each.problems[0][0]) for each in rejected] == [(3, field)]


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text):
    try:
        rows, rejected = parse_csv(HEADER + text)
    except BulkFileError:
        return
    assert all(line.outcome == "rejected" and line.problems for line in rejected)
    assert len({*(row.line for row in rows), *(line.line for line in rejected)}) == len(rows) + len(rejected)


def test_good_rows_are_kept_and_bad_ones_reported(alice, service):
    foreign = a_service(hostname="ce.beta.example.org")
    endpoint, stranger = an_endpoint(of=service), an_endpoint(of=foreign)
    rows = [
        a_row(2),
        a_row(3, end=NOW + HOUR),
        a_row(4, services=("CE@nowhere.example.org",)),
        a_row(5, services=(foreign.key,)),
        a_row(6, services=("ce@CE.alpha.example.org",), start=NOW + 30 * HOUR, end=NOW + 31 * HOUR),
        a_row(7, site="NOWHERE"),
        a_row(8, severity="DARK"),
        a_row(9, endpoints=(endpoint.key,), start=NOW + 40 * HOUR, end=NOW + 41 * HOUR),
        a_row(10, endpoints=(stranger.key,)),
        a_row(11, endpoints=("none",)),
        a_row(12, services=(service.key,), description="x" * 4001),
        a_row(13, site=""),
    ]
    report = declare_many(alice, rows=rows, now=NOW)
    good = {2: "UNSCHEDULED", 6: "SCHEDULED", 9: "SCHEDULED"}
    assert {line.line: line.classification for line in report.lines if line.outcome == "declared"} == good
    fields = {line.line: line.problems[0][0] for line in report.rejected}
    assert fields == {
        3: "end", 4: "services", 5: "", 7: "site", 8: "severity", 10: "endpoints", 11: "endpoints", 12: "description",
        13: "services",
    }  # fmt: skip
    assert Downtime.objects.count() == 3
    assert DowntimeEndpoint.objects.get().endpoint == endpoint
    made = Downtime.objects.get(key=report.lines[0].key)
    assert made.history.get().history_actor == "alice"
    assert made.affected.get().history.get().history_source == "api"


def test_a_dry_run_says_the_same_and_declares_nothing(alice, service):
    rows = [a_row(2), a_row(3, end=NOW), a_row(4, start=NOW + 48 * HOUR, end=NOW + 49 * HOUR)]
    rehearsed = declare_many(alice, rows=rows, now=NOW, is_dry_run=True)
    assert outcomes(rehearsed) == ["would be declared", "rejected", "would be declared"]
    assert not Downtime.objects.exists()
    real = declare_many(alice, rows=rows, now=NOW)
    assert [(a.line, a.classification, a.problems) for a in real.lines] == [
        (a.line, a.classification, a.problems) for a in rehearsed.lines
    ]


def test_a_file_that_is_sent_again_declares_nothing_twice(alice, service):
    rows = [a_row(2), a_row(3)]
    first = declare_many(alice, rows=rows, now=NOW)
    assert outcomes(first) == ["declared", "there already"]
    again = declare_many(alice, rows=rows, now=NOW)
    assert outcomes(again) == ["there already", "there already"]
    assert again.lines[0].key == first.lines[0].key
    Downtime.objects.update(cancelled_at=NOW)
    assert outcomes(declare_many(alice, rows=rows, now=NOW)) == ["declared", "there already"]


@pytest.mark.timeout(400)
def test_ten_thousand_rows_with_errors_in_the_middle(service):
    site = service.site
    for number in range(20):
        a_service(of=site, hostname=f"wn{number}.alpha.example.org")
    begin = NOW + 48 * HOUR
    lines = [
        f"ALPHA,wn{n % 20}.alpha.example.org,,WARNING,{begin + n * HOUR:%Y-%m-%dT%H:%MZ},"
        f"{begin + (n + 1) * HOUR:%Y-%m-%dT%H:%MZ},Reboot {n}"
        for n in range(10_000)
    ]
    lines[5000] = "ALPHA,nohost,,WARNING,2026-04-01T00:00Z,2026-04-01T01:00Z,x"
    lines[5001] = "ALPHA,,,WARNING,not a time,2026-04-01T01:00Z,x"
    lines[5002] = "ALPHA,,,MAYBE,2026-04-01T00:00Z,2026-04-01T01:00Z,x"
    told = []

    def listen(*, window, **_):
        told.append(window)

    downtimes_changed.connect(listen)
    try:
        rows, rejected = parse_csv(HEADER + "\n".join(lines))
        report = declare_many(Actor.system("cli"), rows=rows, now=NOW, rejected=rejected)
    finally:
        downtimes_changed.disconnect(listen)
    assert report.sentence == "9997 declared, 3 rejected"
    # line 1 is the header
    assert [line.line for line in report.rejected] == [5002, 5003, 5004]
    assert Downtime.objects.count() == DowntimeService.objects.count() == 9997
    # what touches is one window: three hours are missing in the middle
    assert told == [
        Window(begin, begin + 5000 * HOUR),
        Window(begin + 5003 * HOUR, begin + 10_000 * HOUR),
    ]


@pytest.mark.django_db
def test_a_region_may_for_its_sites_and_a_site_for_itself():
    ngi = an_ngi()
    one, two = a_service(of=a_site(name="ONE", ngi=ngi)), a_service(of=a_site(name="TWO"))
    bob = Actor(user=a_user("bob", ngi=ngi))
    report = declare_many(bob, rows=[a_row(1, site="ONE"), a_row(2, site="TWO")], now=NOW)
    assert outcomes(report) == ["declared", "rejected"]
    assert list(Downtime.objects.get().services.all()) == [one]
    assert not two.downtimes.exists()


def run(*words, stdin=None):
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["downtime", *map(str, words)], input=stdin)


def text_of(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%MZ}"


def test_a_downtime_lives_on_the_console(service):
    now = datetime.now(UTC)
    times = ("--start", text_of(now - HOUR), "--end", text_of(now + HOUR))
    rehearsed = run("declare", "--site", "ALPHA", *times, "--description", "Works", "--dry-run")
    assert (rehearsed.exit_code, rehearsed.stdout.strip()) == (0, "would be declared, UNSCHEDULED")
    assert run("declare", "--site", "ALPHA", *times, "--description", "Works").exit_code == 0
    downtime = Downtime.objects.get()
    tail = run("extend", downtime.key, "--end", text_of(now + 3 * HOUR), "--reason", "longer")
    assert (tail.exit_code, "extends" in tail.stdout) == (0, True)
    (follower,) = downtime.followed_by.all()
    assert run("cancel", follower.key, "--reason", "not needed").exit_code == 0
    assert run("end", downtime.key, "--reason", "done", "--service", service.key).exit_code == 0
    downtime.refresh_from_db()
    assert downtime.end < now + HOUR
    assert downtime.history.first().history_actor == "cli"


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["cancel", "none", "--reason", "x"], 2, "no downtime"),
        (["end", "{key}", "--reason", "x", "--service", "nowhere"], 1, "No service"),
        (["extend", "{key}", "--reason", "x", "--end", "soon"], 2, "is no time"),
        (["extend", "{key}", "--reason", "x", "--end", "2026-03-24T09:00"], 2, "no offset"),
        (["cancel", "{key}", "--reason", "x"], 1, "has not started"),
        (["declare", "--site", "NONE", "--start", "2026-01-01T00:00Z", "--end", "2026-01-01T01:00Z",
          "--description", "x"], 1, "No site"),
    ],
)  # fmt: skip
def test_the_console_refuses(service, words, status, says):
    now = datetime.now(UTC)
    downtime = a_downtime(service, start=now - HOUR, end=now + HOUR)
    answer = run(*(word.replace("{key}", downtime.key) for word in words))
    assert (answer.exit_code, says in answer.output) == (status, True)


def test_a_file_is_imported_on_the_console(service, tmp_path):
    begin = datetime.now(UTC) + 48 * HOUR
    file = tmp_path / "downtimes.csv"
    with io.StringIO() as text:
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        writer.writerow(["ALPHA", "", "", "OUTAGE", text_of(begin), text_of(begin + HOUR), 'hostile "text", <b>'])
        writer.writerow(["NONE", "", "", "OUTAGE", text_of(begin), text_of(begin + HOUR), "x"])
        file.write_text(text.getvalue())
    rehearsed = run("import", file, "--dry-run")
    assert (rehearsed.exit_code, "1 would be declared, 1 rejected" in rehearsed.stdout) == (1, True)
    answer = run("import", file, "--json")
    assert '"line": 3' in answer.stdout
    assert Downtime.objects.get().description == 'hostile "text", <b>'
    assert run("import", "-", stdin="no,header\n").exit_code == 2
