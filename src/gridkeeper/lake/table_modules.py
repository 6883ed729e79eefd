"""Which modules describe tables of the lake. They are imported when a table is looked up first.

Describing a table takes pyarrow, and most commands never come to the lake.
"""

from importlib import import_module

_names: list[str] = []


def provide(name: str) -> None:
    """Names a module that calls `lake.tables.register_table`; to be called in `AppConfig.ready`."""
    if name not in _names:
        _names.append(name)


def load() -> None:
    """Imports those that are not imported yet."""
    for name in _names:
        import_module(name)
