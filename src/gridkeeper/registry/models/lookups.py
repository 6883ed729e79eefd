"""Filters on tags and properties, kept as JSON beside the object: `scopes__has_tag`, `properties__has_pair`."""

import json
from typing import Any

from django.db.models import JSONField, Lookup


@JSONField.register_lookup
class HasTag(Lookup[Any]):
    """`scopes__has_tag="EGI"`: the JSON list holds that word, in exactly that spelling."""

    lookup_name = "has_tag"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        column, params = self.process_lhs(compiler, connection)
        return f"EXISTS (SELECT 1 FROM json_each({column}) AS tag WHERE tag.value = %s)", [*params, self.rhs]  # noqa: S608

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        column, params = self.process_lhs(compiler, connection)
        return f"{column} @> %s::jsonb", [*params, json.dumps([self.rhs])]


@JSONField.register_lookup
class HasPair(Lookup[Any]):
    """`properties__has_pair=("KEY", "VALUE")`: the JSON object holds that value under that key; None: any value."""

    lookup_name = "has_pair"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        column, params = self.process_lhs(compiler, connection)
        key, value = self.rhs
        condition, wanted = ("", [key]) if value is None else (" AND pair.value = %s", [key, value])
        return f"EXISTS (SELECT 1 FROM json_each({column}) AS pair WHERE pair.key = %s{condition})", [*params, *wanted]  # noqa: S608

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        column, params = self.process_lhs(compiler, connection)
        key, value = self.rhs
        if value is None:
            return f"jsonb_exists({column}, %s)", [*params, key]
        return f"{column} @> %s::jsonb", [*params, json.dumps({key: value})]
