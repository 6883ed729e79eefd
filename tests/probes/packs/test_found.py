"""Packs of other distributions are found by their entry point; one that is broken stops no other."""

import importlib
import sys

import pytest

from gridkeeper.probes import checks, packs
from gridkeeper.probes.native import CheckArgumentError

PACKAGE = "strange_packs"


@pytest.fixture
def strange(tmp_path, monkeypatch):
    """A distribution with three packs: one that works, one that is no TOML, one that cannot be imported."""
    for name, text in (("good", 'title = "Good"'), ("unreadable", "title ="), ("failing", 'title = "Failing"')):
        folder = tmp_path / PACKAGE / name
        folder.mkdir(parents=True)
        (folder / "pack.toml").write_text(text)
    (tmp_path / PACKAGE / "__init__.py").write_text("")
    (tmp_path / PACKAGE / "failing" / "__init__.py").write_text("import no_such_module_of_ours")
    metadata = tmp_path / "strange-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text(f"[{packs.GROUP}]\nstrange = {PACKAGE}\n")
    monkeypatch.syspath_prepend(tmp_path)
    _forget()
    yield
    monkeypatch.undo()
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]
    _forget()


def _forget():
    importlib.invalidate_caches()
    packs._found.cache_clear()
    checks.checks.cache_clear()


def test_a_pack_of_somebody_else_is_found_beside_ours(strange):
    assert packs.packs()["good"].title == "Good"
    assert "xrootd" in packs.packs()


def test_a_broken_pack_is_named_with_the_cause_and_stops_no_other(strange, admin_client):
    broken = {folder.name: why for folder, why in packs.broken_packs().items()}
    assert sorted(broken) == ["failing", "unreadable"]
    assert "no_such_module_of_ours" in broken["failing"]
    assert checks.check_named("xrootd").name == "xrootd"
    with pytest.raises(CheckArgumentError, match="the pack failing cannot be used"):
        checks.check_named("no-such")
    assert "no_such_module_of_ours" in admin_client.get("/tests/packs/").content.decode()
