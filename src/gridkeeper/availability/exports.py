"""Figures as a download: CSV and JSON of exactly what a page shows, seconds included."""

from collections.abc import Sequence

from django.http import Http404, HttpResponseBase, StreamingHttpResponse

from gridkeeper.availability.queries import Figure, as_row
from gridkeeper.web.exports import FORMATS, csv_lines, json_lines

_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def download(figures: Sequence[Figure], format: str, filename: str) -> HttpResponseBase:  # noqa: A002
    """The figures, a line each; raises Http404 naming the formats for another one."""
    if format not in FORMATS:
        raise Http404(f"There is no format {format!r}; there are {', '.join(FORMATS)}.")
    lines = [as_row(figure.place, figure.day, figure.hour, figure.seconds) for figure in figures]
    columns = list(lines[0]) if lines else ["date", "site", "availability", "reliability"]
    write = csv_lines if format == "csv" else json_lines
    safe = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in filename)
    return StreamingHttpResponse(
        write(columns, (tuple(line[name] for name in columns) for line in lines)),
        content_type=_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{safe}.{format}"'},
    )
