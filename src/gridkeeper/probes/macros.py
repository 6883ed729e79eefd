"""Macros in the arguments of tests, filled in from the registry."""

import re
from collections.abc import Mapping
from typing import Any

_MACRO = re.compile(r"\$([A-Z]+)(?::([^$]+))?\$")


class MacroError(ValueError):
    """An argument names a macro that does not exist, or that has no value for this service."""


def expand(value: Any, macros: Mapping[str, str], properties: Mapping[str, str]) -> Any:
    """The value with macros filled in, in strings at any depth. Raises MacroError naming the macro.

    >>> expand(["-H", "$HOSTNAME$"], {"HOSTNAME": "ce.example.org"}, {})
    ['-H', 'ce.example.org']
    """
    if isinstance(value, str):
        return _MACRO.sub(lambda match: _value(match, macros, properties), value)
    if isinstance(value, list):
        return [expand(item, macros, properties) for item in value]
    if isinstance(value, dict):
        return {key: expand(item, macros, properties) for key, item in value.items()}
    return value


def _value(match: re.Match[str], macros: Mapping[str, str], properties: Mapping[str, str]) -> str:
    name, key = match[1], match[2]
    if name == "PROPERTY" and key:
        if key not in properties:
            raise MacroError(f"{match[0]}: the service has no property {key!r}; set it in the registry")
        return str(properties[key])
    if key or name not in macros:
        known = " ".join(f"${known}$" for known in sorted(macros))
        raise MacroError(f"{match[0]} is no macro; there are {known} $PROPERTY:key$")
    if not macros[name]:
        raise MacroError(f"{match[0]}: the registry has no value of it for this service")
    return macros[name]
