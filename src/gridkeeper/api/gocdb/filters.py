"""Parameters that several methods share, as conditions on the tables."""

import re
from collections.abc import Sequence
from typing import Any

from django.db.models import CharField, Lookup, Q

from gridkeeper.api.gocdb.extension_filter import extensions_filter
from gridkeeper.api.gocdb.question import Question
from gridkeeper.api.gocdb.refusal import RefusedError
from gridkeeper.registry.models import Certification, Infrastructure, Scope

SITE = ("sitename", "roc", "country")
STATUS = ("certification_status", "exclude_certification_status", "production_status")
SCOPE = ("scope", "scope_match")

#: Where each parameter of a site looks, from the site.
_SITE_PATHS = {"sitename": "name", "roc": "ngi__name", "country": "country"}


@CharField.register_lookup
class Pattern(Lookup[Any]):
    """`name__pattern="RAL%"`: as SQL's LIKE, the case counts and only `%` is special.

    Not a regular expression: a hostile pattern would keep its matcher busy for hours.
    """

    lookup_name = "pattern"

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        column, params = self.process_lhs(compiler, connection)
        pattern = re.sub(r"[*?[]", r"[\g<0>]", self.rhs).replace("%", "*")
        return f"{column} GLOB %s", [*params, pattern]

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        column, params = self.process_lhs(compiler, connection)
        return f"{column} LIKE %s", [*params, re.sub(r"[\\_]", r"\\\g<0>", self.rhs)]


def like(path: str, value: str) -> Q:
    """Equal; `%` stands for any characters, as in the patterns of SQL that GOCDB takes."""
    return Q(**{f"{path}__pattern" if "%" in value else path: value})


def site_filter(question: Question, to_site: str = "") -> Q:
    """sitename, roc, country; `to_site` leads from the row to its site ("service__site__")."""
    condition = Q()
    for name, path in _SITE_PATHS.items():
        if (value := question.get(name)) is not None:
            condition &= like(to_site + path, value)
    return condition


def status_filter(question: Question, to_site: str = "") -> Q:
    """certification_status, exclude_certification_status, production_status. Raises RefusedError for other words."""
    condition = Q()
    if status := question.one_of("certification_status", Certification.values):
        condition &= Q(**{f"{to_site}certification": status})
    if status := question.one_of("exclude_certification_status", Certification.values):
        condition &= ~Q(**{f"{to_site}certification": status})
    if infrastructure := question.one_of("production_status", Infrastructure.values):
        condition &= Q(**{f"{to_site}infrastructure": infrastructure})
    return condition


def scope_filter(question: Question, path: str = "scopes") -> Q:
    """Objects with any or all of the scopes named; without the parameter, with the default scope of the instance.

    An empty one asks for all objects. Raises RefusedError for a scope_match that is neither.
    """
    match = question.one_of("scope_match", ("any", "all")) or "all"
    names: Sequence[str] = question.words("scope")
    if question.get("scope") is None:
        names = list(Scope.objects.current().filter(is_default=True).values_list("name", flat=True))
    condition = Q()
    for name in names:
        has = Q(**{f"{path}__has_tag": name})
        condition = condition & has if match == "all" else condition | has
    return condition


def property_filter(question: Question, path: str = "properties", name: str = "extensions") -> Q:
    """Objects with the properties that the expression asks for. Raises RefusedError."""
    text = question.get(name)
    return Q() if text is None else extensions_filter(text, path)


def number(question: Question, name: str, highest: float) -> float | None:
    """A number from 0 on; None where it was not sent. Raises RefusedError."""
    text = question.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) or float(text) > highest:
        raise RefusedError(400, f"Invalid {name} value {text[:40]!r} - must be a number from 0 to {highest:g}")
    return float(text)
