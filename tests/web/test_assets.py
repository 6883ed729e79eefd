"""Scripts and styles: cached for ever by digest, small, ours alone, and readable in both themes."""

import gzip
import hashlib
import re
from itertools import chain
from pathlib import Path

import pytest

import gridkeeper
from gridkeeper.web.assets import asset_url

PACKAGE = Path(gridkeeper.__file__).parent
VENDOR = PACKAGE / "web" / "static" / "vendor"
CSS = (PACKAGE / "web" / "static" / "gridkeeper" / "gridkeeper.css").read_text()
#: Of the budget of the portal: all scripts and styles together, compressed.
BUDGET_BYTES = 350 * 1024


def test_an_address_bears_a_digest_of_the_content_and_is_cached_for_ever(client):
    url = asset_url("gridkeeper/gridkeeper.css")
    digest = hashlib.sha256(CSS.encode()).hexdigest()[:12]
    assert url == f"/static/gridkeeper/gridkeeper.css?{digest}"
    response = client.get(url)
    assert "immutable" in response["Cache-Control"]
    assert b"".join(response.streaming_content) == CSS.encode()


def test_an_unknown_file_fails_where_it_is_named():
    with pytest.raises(FileNotFoundError, match=r"no\.css"):
        asset_url("gridkeeper/no.css")


def test_all_scripts_and_styles_fit_the_budget():
    files = chain(PACKAGE.rglob("static/**/*.js"), PACKAGE.rglob("static/**/*.css"))
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) < BUDGET_BYTES


def test_vendored_files_are_those_of_the_manifest_with_their_licences():
    listed = dict(reversed(line.split("  ")) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    files = {f"./{path.name}": path for path in VENDOR.iterdir() if path.suffix in {".js", ".css", ".svg"}}
    assert listed == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    assert all(path.with_name(f"{path.name.split('.')[0]}.LICENSE").exists() for path in files.values())


@pytest.mark.parametrize("path", sorted(VENDOR.glob("*.gz")), ids=lambda path: path.name)
def test_a_compressed_twin_holds_the_same(path):
    assert gzip.decompress(path.read_bytes()) == path.with_suffix("").read_bytes()


def test_nothing_is_fetched_from_elsewhere():
    ours = [
        file for file in PACKAGE.rglob("static/**/*.[cj]s*") if "vendor" not in file.parts and file.suffix != ".svg"
    ]
    found = {
        str(file): re.findall(r"(?:url\(|import|src=|fetch\()\s*[\"']?(?:https?:)?//", file.read_text())
        for file in ours
    }
    assert {name: hits for name, hits in found.items() if hits} == {}
    tabler = (VENDOR / "tabler.min.css").read_text()
    assert re.findall(r"url\([\"']?(?!data:|[\"']?data:|#)[^)]*", tabler) == []


@pytest.mark.parametrize("template", sorted(PACKAGE.rglob("templates/**/*.html")), ids=lambda path: path.name)
def test_no_template_has_inline_script_or_style(template):
    """The content security policy would refuse it, and the page would be broken only in the browser."""
    text = template.read_text()
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text)
    assert not re.search(r"<style|<script(?![^>]*(src=|application/json))", text)


def _themes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r"(:root, \[data-bs-theme=\"light\"\]|\[data-bs-theme=\"dark\"\]) \{(.*?)\n\}", CSS, re.DOTALL)
    names = {"light": blocks[0][1], "dark": next(body for head, body in blocks if "dark" in head)}
    return {name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", body)) for name, body in names.items()}


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, bright = sorted((_luminance(one), _luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


_WORDS = ("ok", "warning", "critical", "unknown", "missing", "downtime", "excluded")
_PAIRS = [(f"s-{word}-fg", f"s-{word}-bg") for word in _WORDS] + [
    (ink, ground) for ink in ("gk-ink", "gk-soft", "gk-accent") for ground in ("gk-paper", "gk-ground", "gk-hover")
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), _PAIRS)
def test_text_has_contrast_of_wcag_aa(theme, ink, ground):
    colours = _themes()[theme]
    assert _contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("word", _WORDS)
def test_the_shape_of_a_mark_has_contrast_of_wcag_aa(theme, word):
    """3 : 1 for shapes that carry meaning, against the paper on which a compact mark stands."""
    colours = _themes()[theme]
    assert _contrast(colours[f"s-{word}"], colours["gk-paper"]) >= 3
