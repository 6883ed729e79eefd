"""A month's document as files: the JSON of which the checksum is, and its tables as CSV and Parquet."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gridkeeper.availability.levels import MEASURES
from gridkeeper.web.exports import cell

_PLACE = ("level", "region", "region_name", "site", "site_name", "service_type")
_FIGURES = ("availability", "reliability")
#: Tables of a document by the name that they have in addresses.
TABLES = ("figures", "days")


def rows_of(document: Mapping[str, Any], table: str) -> Iterator[dict[str, Any]]:
    """The lines of a table. figures: a place's month; days: a site's day. Per cent as texts: unrounded."""
    month = {"report": document["report"], "month": document["month"]}
    if table == "figures":
        weighted = sorted({name for row in document["figures"] for name in row if name.startswith("weighted_")})
        for row in document["figures"]:
            yield month | {name: row.get(name) for name in (*_PLACE, *_FIGURES, *MEASURES, *weighted)}
        return
    names = {row["site"]: row["site_name"] for row in document["figures"] if row["level"] == "site"}
    for site, days in document["site_days"].items():
        for day, seconds in days.items():
            place = {"date": day, "report": document["report"], "site": site, "site_name": names.get(site, "")}
            yield place | dict(zip(MEASURES, seconds, strict=True))


def csv_of(document: Mapping[str, Any], table: str) -> bytes:
    """RFC 4180, UTF-8, with a header; nothing in it is a formula."""
    rows = list(rows_of(document, table))
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    names = list(rows[0]) if rows else ["report", "month"]
    writer.writerow(names)
    writer.writerows([cell(row[name]) for name in names] for row in rows)
    return text.getvalue().encode()


def parquet_of(document: Mapping[str, Any], table: str) -> bytes:
    """The same typed: seconds as whole numbers, figures as decimals of 5 places, absent ones null."""
    found = pa.Table.from_pylist(list(rows_of(document, table)))
    for name in _FIGURES:
        if name in found.column_names:
            place = found.column_names.index(name)
            typed = found.column(name).cast(pa.string()).cast(pa.decimal128(8, 5))
            found = found.set_column(place, name, typed)
    sink = pa.BufferOutputStream()
    pq.write_table(found, sink, compression="zstd")
    return bytes(sink.getvalue())


WRITERS = {"csv": (csv_of, "text/csv; charset=utf-8"), "parquet": (parquet_of, "application/vnd.apache.parquet")}
