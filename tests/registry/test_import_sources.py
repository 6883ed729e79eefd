"""Sources from a hostile world: whatever comes in, only the importer's own errors come out."""

import gzip
import io
import json
import os
import tarfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkeeper.registry.importers import archive
from gridkeeper.registry.importers.archive import read_tree
from gridkeeper.registry.importers.countries import country_of
from gridkeeper.registry.importers.osg import parse_osg
from gridkeeper.registry.importers.report import Report, UnreadableSourceError
from gridkeeper.registry.importers.times import TimeProblemError, parse_epoch, parse_oracle, parse_osg_time
from gridkeeper.registry.importers.yaml_lines import Fields, YamlError, parse_yaml
from tests.registry.import_inputs import a_topology, import_osg

YAML = (".yaml",)


def _entry(name, content=b"a: 1", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def _archive(path, *entries):
    with tarfile.open(path, "w:gz") as tar:
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return path


def test_an_archive_gives_its_files_by_path_wherever_its_top_folder_lies(tmp_path):
    path = _archive(tmp_path / "t.tar.gz", _entry("top/b.yaml"), _entry("top/a.yaml"), _entry("top/c.txt"))
    assert [file.path for file in read_tree(path, wanted=YAML)] == ["top/a.yaml", "top/b.yaml"]


def test_folder_and_archive_of_one_topology_give_the_same_records(tmp_path):
    folder = a_topology(tmp_path / "folder")
    packed = tmp_path / "t.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(folder, arcname="osg-topology-main")
    assert parse_osg(folder, Report("osg", "", "OSG")) == parse_osg(packed, Report("osg", "", "OSG"))


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (_entry("../../etc/cron.d/x.yaml"), "outside the archive"),
        (_entry("/etc/x.yaml"), "outside the archive"),
        (_entry("topology/x.yaml", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"), "a link or a device"),
        (_entry("topology/x.yaml", b"", type=tarfile.LNKTYPE, linkname="y"), "a link or a device"),
        (_entry("topology/x.yaml", b"", type=tarfile.CHRTYPE), "a link or a device"),
        (_entry("topology/x.yaml", b"", type=tarfile.FIFOTYPE), "a link or a device"),
    ],
)
def test_an_archive_that_reaches_outside_is_refused_as_a_whole(tmp_path, entry, problem):
    path = _archive(tmp_path / "t.tar.gz", _entry("topology/good.yaml"), entry)
    with pytest.raises(UnreadableSourceError, match=problem):
        list(read_tree(path, wanted=YAML))


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "TOTAL_LIMIT_BYTES", 1024 * 1024)
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(_plain_tar(("big.bin", bytes(3 * 1024 * 1024)))))
    assert path.stat().st_size < 20_000
    with pytest.raises(UnreadableSourceError, match="holds more than"):
        list(read_tree(path, wanted=YAML))


def _plain_tar(*files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files:
            info, data = _entry(name, content)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_a_file_that_is_too_big_is_named_and_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FILE_LIMIT_BYTES", 1024)
    path = _archive(tmp_path / "t.tar.gz", _entry("a.yaml", b"x" * 2000), _entry("b.yaml"))
    assert [(file.path, bool(file.problem)) for file in read_tree(path, wanted=YAML)] == [
        ("a.yaml", True),
        ("b.yaml", False),
    ]


def test_links_in_a_folder_are_not_followed(tmp_path):
    (tmp_path / "link.yaml").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe.yaml")
    files = list(read_tree(tmp_path, wanted=YAML))
    assert [(file.path, file.content) for file in files] == [("link.yaml", b""), ("pipe.yaml", b"")]
    assert all("not followed" in file.problem for file in files)


def test_a_file_whose_name_is_not_utf_8_is_named_and_not_read(tmp_path):
    (tmp_path / os.fsdecode(b"caf\xe9.yaml")).write_text("a: 1")
    packed = _archive(tmp_path / "t.tar.gz", _entry(os.fsdecode(b"caf\xe9.yaml")))
    for origin in (tmp_path, packed):
        file = next(iter(read_tree(origin, wanted=YAML)))
        assert (file.path, file.content, file.problem) == ("caf\\xe9.yaml", b"", "has a name that is not UTF-8")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04zip", b"\x1f\x8b\x08\x00", b"<html>", b"x" * 5000])
def test_what_is_no_archive_is_said_in_one_sentence(tmp_path, content):
    path = tmp_path / "t.tar.gz"
    path.write_bytes(content)
    with pytest.raises(UnreadableSourceError, match=r"t\.tar\.gz: is no readable tar|holds no folder topology/"):
        parse_osg(path, Report("osg", "", "OSG"))


def test_a_truncated_archive_is_refused(tmp_path):
    path = _archive(tmp_path / "t.tar.gz", _entry("topology/a.yaml", os.urandom(50_000)))
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(UnreadableSourceError, match="fetch it again"):
        list(read_tree(path, wanted=YAML))


def test_yaml_knows_the_line_of_every_key():
    document = parse_yaml("a: 1\nb:\n  c: x\n  d: [1, 2]\n")
    assert isinstance(document, Fields)
    assert (document, document.lines) == ({"a": 1, "b": {"c": "x", "d": [1, 2]}}, {"a": 1, "b": 2})
    assert (document["b"].line_of("d"), document["b"].line_of("none")) == (4, 3)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.5", 1.5),
        ("true", True),
        ("~", None),
        ("''", ""),
        ("'1'", "1"),
        ("22:30", "22:30"),
        ("2026-01-01", "2026-01-01"),
        ("no", "no"),
        ("0x10", "0x10"),
        ("1e999", "1e999"),
        ("9" * 30, "9" * 30),
        (".nan", ".nan"),
    ],
)
def test_yaml_words_mean_what_they_look_like(text, value):
    assert parse_yaml(f"a: {text}") == {"a": value}


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: ]\n", 2, "did not find expected"),
        ("[" * 1000, 1, "nested deeper"),
        ("- " * 100_000, 1, "nested deeper"),
        ("a: *b", 1, "before its anchor"),
        ("a: &a [*a]", 1, "before its anchor"),
        ("? [1]\n: 2", 1, "a key must be a word"),
        ("a: 1\n---\nb: 2", 2, "second document"),
        ('a: "\\0"', 1, "cannot be stored"),
        (
            "a: &a [x,x]\n"
            + "".join(f"b{n}: &b{n} [{','.join(['*a' if n == 0 else f'*b{n - 1}'] * 9)}]\n" for n in range(9)),
            7,
            "more than",
        ),
    ],
)
def test_yaml_that_does_harm_is_refused_with_its_line(text, line, problem):
    with pytest.raises(YamlError, match=problem) as caught:
        parse_yaml(text)
    assert caught.value.line == line


@settings(deadline=None, max_examples=50)
@given(st.text() | st.text(alphabet="ab:-[]{}&*#?|>'\"\n \t!%", max_size=80))
def test_any_text_is_yaml_or_a_yaml_error(text):
    with suppress(YamlError):
        parse_yaml(text)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=300))
def test_any_bytes_are_an_archive_or_an_unreadable_source(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "t.tar.gz"
    for content in (data, gzip.compress(data), _plain_tar(("topology/a/b/c.yaml", data))):
        path.write_bytes(content)
        with suppress(UnreadableSourceError):
            parse_osg(path, Report("osg", "", "OSG"))


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=300))
def test_any_bytes_in_any_file_of_a_topology_are_records_or_findings(tmp_path_factory, data):
    folder = a_topology(tmp_path_factory.mktemp("any"))
    for file in sorted(folder.rglob("*.yaml")):
        before = file.read_bytes()
        file.write_bytes(data)
        parse_osg(folder, Report("osg", "", "OSG"))
        file.write_bytes(before)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="ab1: @/", max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(alphabet="ab", max_size=3), inner, max_size=2),
    max_leaves=4,
)
_KEYS = st.sampled_from(
    ["Resources", "Services", "Details", "FQDN", "Active", "GroupID", "SupportCenter", "AllowedVOs", "ID", "Tags",
     "VOOwnership", "Class", "StartTime", "EndTime", "CreatedTime", "Severity", "ResourceName", "Latitude", "Country"]
)  # fmt: skip


@pytest.mark.django_db
@settings(deadline=None, max_examples=50)
@given(st.dictionaries(_KEYS, _VALUES), st.dictionaries(_KEYS, _VALUES))
def test_documents_of_any_shape_are_rows_or_findings(tmp_path_factory, group, inner):
    folder = a_topology(tmp_path_factory.mktemp("any"))
    nested = {**group, "Resources": {"R": {**inner, "Services": {"CE": inner}}}}
    for text in (json.dumps(group), json.dumps(nested)):
        (folder / "topology/Uni/Campus/Group.yaml").write_text(text)
        (folder / "topology/Uni/Campus/Group_downtime.yaml").write_text(json.dumps([inner]))
        (folder / "topology/Uni/Campus/SITE.yaml").write_text(json.dumps(inner))
        (folder / "virtual-organizations/alpha.yaml").write_text(json.dumps(inner))
        import_osg(folder, dry_run=True)


@pytest.mark.parametrize(
    ("text", "instant", "zone"),
    [
        ("Jun 5, 2016 12:00 +0000", "2016-06-05T12:00:00+00:00", ""),
        ("Jun 05, 2016 9:00 -0700", "2016-06-05T16:00:00+00:00", ""),
        ("Jun 5, 2016 12:00 +05:30", "2016-06-05T06:30:00+00:00", ""),
        ("Jun 5, 2016 12:00 UTC", "2016-06-05T12:00:00+00:00", "UTC"),
        ("Jan 5, 2016 12:00 EST", "2016-01-05T17:00:00+00:00", "EST"),
        ("July 5, 2016 1:00 PM pdt", "2016-07-05T20:00:00+00:00", "PDT"),
        ("Dec 31, 2016 12:30 AM CST", "2016-12-31T06:30:00+00:00", "CST"),
    ],
)
def test_osg_times(text, instant, zone):
    moment, name = parse_osg_time(text)
    assert (moment.isoformat(), name) == (instant, zone)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Jun 5, 2016 12:00", "no offset"),
        ("Jun 5, 2016 12:00 CET", "zone name 'CET'"),
        ("Jun 31, 2016 12:00 +0000", "no date"),
        ("Jun 5, 2016 25:00 +0000", "no date"),
        ("Jux 5, 2016 12:00 +0000", "month 'Jux'"),
        ("Jun 5, 2016 13:00 PM EST", "hour 13 PM"),
        ("Jun 5, 2016 12:00 +9900", "no place on earth"),
        ("Jan 1, 0001 00:00 +0100", "no date"),
        ("soon", "is not written like"),
        ("", "is not written like"),
    ],
)
def test_osg_times_that_cannot_be_read_for_sure(text, problem):
    with pytest.raises(TimeProblemError, match=problem):
        parse_osg_time(text)


@settings(deadline=None, max_examples=50)
@given(st.text() | st.from_regex(r"[A-Z][a-z]{2} \d{1,2}, \d{4} \d{1,2}:\d\d [A-Z+-]\d{0,4}", fullmatch=True))
def test_any_text_is_a_time_or_a_time_problem(text):
    for parse in (parse_osg_time, parse_epoch, parse_oracle):
        with suppress(TimeProblemError):
            parse(text)


def test_milliseconds_are_no_epoch():
    with pytest.raises(TimeProblemError, match="milliseconds"):
        parse_epoch("1293004800000"[:12])


@pytest.mark.parametrize(
    ("word", "code"), [("United States of America", "US"), ("ch", "CH"), ("UK", "GB"), ("Mars", "")]
)
def test_countries_by_code_or_name(word, code):
    assert country_of(word)[0] == code
