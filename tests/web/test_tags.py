"""The template tags: each says its fact as word, shape and colour, and escapes what it is given."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest
from django.template import Context, Template
from django.utils import timezone

from gridkeeper.core.status import Status

START = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def render(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


@pytest.mark.parametrize("status", list(Status))
def test_a_mark_is_a_shape_a_word_and_a_colour(status):
    mark = ElementTree.fromstring(render("{% status_mark s %}", s=status))
    assert f"status-{status.label}" in mark.get("class", "")
    assert mark.find("svg") is not None
    assert mark.find("span").text == status.name


def test_no_two_statuses_share_a_shape():
    shapes = {render("{% status_mark s %}", s=status).split("</svg>")[0].split(">", 2)[2] for status in Status}
    assert len(shapes) == len(Status)


@pytest.mark.parametrize("given", [Status.CRITICAL, 2, "CRITICAL", "critical"])
def test_a_status_may_be_given_as_value_number_or_word(given):
    assert "CRITICAL" in render("{% status_mark s %}", s=given)


def test_a_compact_mark_keeps_its_word_for_those_who_listen():
    assert '<span class="visually-hidden">OK</span>' in render('{% status_mark "OK" compact=True %}')


def test_a_moment_is_in_the_reader_s_zone_with_utc_on_hover():
    with timezone.override("Europe/Prague"):
        shown = ElementTree.fromstring(render("{% moment m exact=True %}", m=START))
    assert (shown.text, shown.get("title")) == ("2026-03-10 13:00", "2026-03-10 12:00:00 UTC")
    assert shown.get("datetime") == "2026-03-10T12:00:00Z"


def test_a_moment_that_never_was_is_said():
    assert "never" in render("{% moment m %}", m=None)


def test_an_exact_moment_is_left_alone_by_the_script():
    assert "data-moment" in render("{% moment m %}", m=START)
    assert "data-moment" not in render("{% moment m exact=True %}", m=START)


@pytest.mark.parametrize(
    ("value", "shown"), [(Decimal("97.2222"), "97.22 %"), (Decimal(0), "0.00 %"), (None, "not computable")]
)
def test_per_cent(value, shown):
    assert render("{{ value|percent }}", value=value) == shown


@pytest.mark.parametrize(
    ("summary", "status", "shown"),
    [
        ("CRITICAL: no route", Status.CRITICAL, "no route"),
        ("CRITICAL - no route", Status.CRITICAL, "no route"),
        ("SSH OK - up", Status.OK, "SSH OK - up"),
        ("OKAY", Status.OK, "OKAY"),
        ("WARNING: late", Status.CRITICAL, "WARNING: late"),
    ],
)
def test_what_it_said_does_not_repeat_the_mark_beside_it(summary, status, shown):
    assert render("{{ summary|said:status }}", summary=summary, status=status) == shown


def test_a_strip_is_as_wide_as_its_times():
    """6 h of OK and 2 h of CRITICAL: three quarters and one quarter of 1000."""
    hours = [(0, 6, Status.OK), (6, 8, Status.CRITICAL)]
    segments = [
        {"start": START + timedelta(hours=a), "end": START + timedelta(hours=b), "status": s, "url": f"/{a}"}
        for a, b, s in hours
    ]
    strip = ElementTree.fromstring(render("{% status_strip segments %}", segments=segments))
    rects = [(r.get("class"), r.get("x"), r.get("width")) for r in strip.iter("rect")]
    assert rects == [("status-ok", "0.0", "750.0"), ("status-critical", "750.0", "250.0")]
    assert [link.get("href") for link in strip.iter("a")] == ["/0", "/6"]
    assert "OK 6 h" in strip.get("aria-label", "")


def test_a_short_failure_at_the_end_of_a_strip_can_be_seen():
    """20 seconds of a day would be 0.2 of 1000; it gets 5, inside the bar."""
    segments = [
        {"start": START, "end": START + timedelta(days=1), "status": Status.OK},
        {"start": START + timedelta(days=1), "end": START + timedelta(days=1, seconds=20), "status": Status.CRITICAL},
    ]
    strip = ElementTree.fromstring(render("{% status_strip segments %}", segments=segments))
    last = list(strip.iter("rect"))[-1]
    assert (last.get("x"), last.get("width")) == ("995.0", "5.0")


def test_an_empty_strip_says_so():
    assert "no data" in render("{% status_strip segments %}", segments=[])


def test_a_chart_s_data_cannot_end_its_script_element():
    html = render('{% chart "c" option %}', option={"title": "</script><b>&"})
    assert "</script><b>" not in html
    assert html.count("</script>") == 1


def test_why_holds_its_reasons():
    html = render("{% why label %}because of {{ x }}{% endwhy %}", label="Why 93 %?", x="<b>")
    assert html == (
        '<details class="why"><summary>Why 93 %?</summary><div class="why-body">because of &lt;b&gt;</div></details>'
    )


def test_an_empty_state_says_what_why_and_what_next():
    html = render('{% empty_state "No site yet" "Nobody added one." "Import" "/import/" %}')
    assert "No site yet" in html
    assert "Nobody added one." in html
    assert 'href="/import/"' in html
