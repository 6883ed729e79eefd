"""Whose word counts where a source and this registry differ. An import overwrites; a mirror asks first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gridkeeper.registry.importers.upsert import Run, Table, Wanted


class Overwrite:
    """The source's word counts: what an import does."""

    #: Whether what is new in the source is news for people here (who subscribed), or history that is taken over.
    is_news = False

    def review(self, run: "Run", kind: str, wanted: "Wanted[Any]") -> None:
        """May take columns out of `wanted.changed`, which then stay as they are here."""

    def may_create(self, run: "Run", kind: str, table: "Table[Any]", wanted: "Wanted[Any]") -> bool:
        """Whether a row that is not here is made."""
        return True

    def may_change_parts(self, run: "Run", kind: str, wanted: "Wanted[Any]", field: str) -> bool:
        """Whether what belongs to a row, besides its columns, becomes what the source says."""
        return True

    def may_close(self, run: "Run", kind: str, rows: Sequence[Any]) -> list[Any]:
        """Those of the rows, which the source no longer has, that are closed here."""
        return list(rows)

    def check_closing(self, run: "Run", gone: dict[str, int], before: dict[str, int]) -> None:
        """Sees, before anything is closed, how many of each kind have vanished of how many. May raise."""
