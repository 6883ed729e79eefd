"""Events that are written directly equal those of the library, byte for byte."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from icalendar import Event

from gridkeeper.feeds import calendar_lines
from gridkeeper.feeds.answers import writable

#: Much of what is escaped, folded or longer than one octet.
_TEXTS = st.text(alphabet=st.sampled_from("ab \\N^n;,:\"'\r\n\tüß€漢😀\x07"), max_size=400).map(writable) | st.text(
    max_size=200
).map(writable)
_INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9990, 1, 1), timezones=st.just(UTC))


@given(_TEXTS, st.lists(_TEXTS, min_size=1, max_size=4), _INSTANTS, st.integers(min_value=0, max_value=10**6))
def test_an_event_is_what_the_library_writes(text, words, moment, number):
    known = Event()
    known.add("dtstamp", moment)
    known.add("sequence", number)
    known.add("summary", text)
    known.add("categories", words)
    known.add("url", "https://example.org/a,b;c/" + "d" * (number % 200))
    known.add("uid", "8eb6ac65-5aca-524d-950f-fae9944b8c38")
    ours = calendar_lines.event(
        [
            ("DTSTAMP", calendar_lines.instant(moment)),
            ("SEQUENCE", str(number)),
            ("SUMMARY", calendar_lines.escaped(text)),
            ("CATEGORIES", calendar_lines.texts(words)),
            ("URL", "https://example.org/a,b;c/" + "d" * (number % 200)),
            ("UID", "8eb6ac65-5aca-524d-950f-fae9944b8c38"),
        ]
    )
    assert ours == known.to_ical(sorted=False)
