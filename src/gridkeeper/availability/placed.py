"""Rows that name nodes of a tree become rows of the lake's tables, which say where they stand."""

from datetime import date

import ibis
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gridkeeper.availability import tables
from gridkeeper.availability.judge import Judgement
from gridkeeper.availability.levels import Level
from gridkeeper.availability.plan_inputs import Table
from gridkeeper.availability.topology import Names
from gridkeeper.availability.tree import Path, Tree
from gridkeeper.core.windows import Window


def words(names: Names, path: Path) -> dict[str, str]:
    """What tables.PLACE asks of a path. What has no name is called by its key."""
    region, site = path.region, path.site
    named = {
        "level": path.level.label,
        "region_name": names.regions.get(region, region),
        "site_name": names.sites.get(site, site),
    }
    return {name: named[name] if name in named else getattr(path, name) for name in tables.PLACE}


def places_of(tree: Tree, names: Names) -> pa.Table:
    """What tables.PLACE asks of every node, by their numbers: with dictionaries, since the words are few."""
    own = tree.named()
    said: dict[str, list[str]] = {name: [] for name in tables.PLACE}
    for path in own:
        for name, word in words(names, path).items():
            said[name].append(word)
    numbers = np.fromiter(own.values(), np.int64, len(own))
    metrics, services = tree.metrics_of_blocks()
    columns = []
    for name in tables.PLACE:
        encoded = pa.array(said[name], pa.string()).dictionary_encode()
        codes, dictionary = np.empty(tree.size, np.int32), encoded.dictionary.to_pylist()
        codes[numbers] = encoded.indices
        codes[metrics] = codes[services]
        if name == "level":
            codes[metrics] = _code(dictionary, Level.METRIC.label)
        if name == "metric":
            codes[metrics] = _codes_of_names(tree, dictionary)
        columns.append(pa.DictionaryArray.from_arrays(codes, pa.array(dictionary, pa.string())))
    return pa.table(columns, names=list(tables.PLACE))


def _codes_of_names(tree: Tree, dictionary: list[str]) -> NDArray[np.int32]:
    """Of the metrics of all blocks; names that the dictionary lacks are added to it."""
    sets = {id(each.block.metrics): each.block.metrics for each in tree.blocks}
    known = {word: code for code, word in enumerate(dictionary)}
    for name in dict.fromkeys(name for each in sets.values() for name in each.names):
        known.setdefault(name, len(known))
    dictionary[:] = known
    codes = {key: np.array([known[name] for name in each.names], np.int32) for key, each in sets.items()}
    none = np.empty(0, np.int32)
    return np.concatenate([none, *[codes[id(each.block.metrics)] for each in tree.blocks]])


def _code(dictionary: list[str], word: str) -> int:
    """Its place in the dictionary, to which it is added where it is not in it."""
    if word not in dictionary:
        dictionary.append(word)
    return dictionary.index(word)


class Placed:
    """The places of one tree."""

    def __init__(self, tree: Tree, names: Names, day: date) -> None:
        key = ("places", id(names))
        if key not in tree.made:
            tree.made[key] = (places_of(tree, names), names)  # the names with them, so that no others get their id
        self._places = tree.made[key][0]
        self._day = day

    def rows(self, judgement: Judgement) -> dict[str, pa.Table]:
        """What the lake keeps of a judgement, by the names of its tables."""
        return {
            tables.DAY_TABLE.name: self.figures(judgement.halves["figures"], tables.DAY_TABLE.schema),
            tables.HOUR_TABLE.name: self.figures(judgement.halves["hours"], tables.HOUR_TABLE.schema),
            tables.TIMELINE_TABLE.name: self.timelines(judgement),
        }

    def figures(self, halves: tuple[Table, Table], schema: pa.Schema) -> pa.Table:
        return pa.concat_tables([self._place(half, schema) for half in halves])

    def timelines(self, judgement: Judgement) -> pa.Table:
        levels = [periods for level, periods in judgement.timelines.items() if level is not Level.METRIC]
        periods = levels[0].union(*levels[1:])
        midnight_s = int(Window.of_day(self._day).start.timestamp())
        moments = {name: (periods[f"{name}_s"] + midnight_s) * 1_000_000 for name in ("start", "end")}
        words = [(periods.status == code, state) for state, code in judgement.operations.codes.items()]
        return self._place(periods.mutate(**moments, state=ibis.cases(*words)), tables.TIMELINE_TABLE.schema)

    def _place(self, rows: Table, schema: pa.Schema) -> pa.Table:
        found = rows.to_pyarrow()
        columns = dict(zip(found.column_names, found.columns, strict=True))
        places = self._places.take(columns.pop("node"))
        columns |= dict(zip(places.column_names, places.columns, strict=True))
        columns["date"] = pa.repeat(pa.scalar(self._day, pa.date32()), found.num_rows)
        absent = pa.nulls(found.num_rows, pa.float64())  # weights, of nearly all nodes
        typed = [
            columns[field.name] if field.name in tables.PLACE else columns.get(field.name, absent).cast(field.type)
            for field in schema
        ]
        return pa.table(typed, names=schema.names)
