"""The printable report of a month, made by WeasyPrint from the template `availability/reports/sheet.html`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.contrib.staticfiles import finders
from django.template.loader import render_to_string

_STYLE = "availability/report.css"


class PdfMissingError(RuntimeError):
    """WeasyPrint cannot run here; the message says what to install."""


def pdf_of(context: Mapping[str, Any]) -> bytes:
    """The report as PDF. Raises PdfMissingError where WeasyPrint or Pango, which draws its letters, is missing."""
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        raise PdfMissingError(
            f"PDF needs WeasyPrint and Pango, of which something is not installed here ({error}). Install the packages "
            "libpango-1.0-0 and libpangoft2-1.0-0 of your system; CSV, Parquet and JSON need nothing."
        ) from error
    page = weasyprint.HTML(
        string=render_to_string("availability/reports/sheet.html", dict(context)), url_fetcher=_refuse
    )
    return bytes(page.write_pdf(stylesheets=[weasyprint.CSS(string=_style())]))


def _style() -> str:
    path = finders.find(_STYLE)
    assert isinstance(path, str), f"{_STYLE} is a part of this package"
    return Path(path).read_text()


def _refuse(url: str, *_: Any, **__: Any) -> dict[str, Any]:
    """Nothing is fetched: all that the report shows stands in it."""
    raise ValueError(f"the report refers to {url}; it must not refer to anything")
