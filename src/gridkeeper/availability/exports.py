"""Figures as a download: CSV, JSON and Parquet of exactly what a page shows, seconds included."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse

from gridkeeper.availability.queries import Figure, as_row
from gridkeeper.web.exports import csv_lines, json_lines

FORMATS = ("csv", "json", "parquet")
_WRITERS = {"csv": ("text/csv; charset=utf-8", csv_lines), "json": ("application/json", json_lines)}
_PARQUET = "application/vnd.apache.parquet"
_NONE = ["date", "site", "availability", "reliability"]


def download(figures: Sequence[Figure], format: str, filename: str) -> HttpResponseBase:  # noqa: A002
    """The figures, a line each; raises Http404 naming the formats for another one."""
    lines = [as_row(figure.place, figure.day, figure.hour, figure.seconds) for figure in figures]
    for line, figure in zip(lines, figures, strict=True):
        line["weighted_availability"] = figure.weighted.value("availability") if figure.weighted else None
        line["weighted_reliability"] = figure.weighted.value("reliability") if figure.weighted else None
    return download_rows(lines, format, filename)


def download_rows(lines: Sequence[Mapping[str, Any]], format: str, filename: str) -> HttpResponseBase:  # noqa: A002
    """Lines of one shape. filename: without the extension; raises Http404 naming the formats for another one."""
    if format not in FORMATS:
        raise Http404(f"There is no format {format!r}; there are {', '.join(FORMATS)}.")
    safe = "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in filename)
    headers = {"Content-Disposition": f'attachment; filename="{safe}.{format}"'}
    columns = list(lines[0]) if lines else _NONE
    if format == "parquet":
        return HttpResponse(_parquet(columns, lines), content_type=_PARQUET, headers=headers)
    content_type, write = _WRITERS[format]
    values = (tuple(line[name] for name in columns) for line in lines)
    return StreamingHttpResponse(write(columns, values), content_type=content_type, headers=headers)


def _parquet(columns: Sequence[str], lines: Sequence[Mapping[str, Any]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    # Per cent keep their five decimals; what is not computable everywhere still is a column of numbers.
    table = pa.table({name: pa.array([line[name] for line in lines]) for name in columns})
    fields = [pa.field(field.name, pa.decimal128(8, 5) if _is_percent(field) else field.type) for field in table.schema]
    pq.write_table(table.cast(pa.schema(fields)), buffer, compression="zstd")
    return buffer.getvalue()


def _is_percent(field: Any) -> bool:
    return str(field.name).endswith(("availability", "reliability"))
