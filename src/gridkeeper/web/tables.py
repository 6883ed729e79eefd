"""Tables of lists: what a column shows, and which columns make the card at phone width. Used by `web.lists`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import django_tables2 as tables
from django.template import Context, Template
from django.utils.html import format_html
from django.utils.safestring import SafeString

#: The mark of the shell for an instant (`{% moment %}`), so that a list shows time as every page does.
_MOMENT = "{% moment value %}"
_STATUS = "{% status_mark value %}"


class ListTable(tables.Table):  # type: ignore[misc]
    """A table of a list page.

    card_title and card_facts name the columns that remain at phone width: the heading and the two facts that matter.
    """

    card_title: ClassVar[str] = ""
    card_facts: ClassVar[Sequence[str]] = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"default": ""} | options)

    def get_column_class_names(self, classes_set: set[str], bound_column: Any) -> set[str]:
        names: set[str] = super().get_column_class_names(classes_set, bound_column)
        return names | {self._card_class(bound_column.name)}

    def _card_class(self, name: str) -> str:
        if name == self.card_title:
            return "card-title-cell"
        return "card-fact" if name in self.card_facts else "card-hidden"


class MomentColumn(tables.Column):  # type: ignore[misc]
    """An instant, in the reader's zone."""

    def render(self, value: Any) -> SafeString:
        return Template(_MOMENT).render(Context({"value": value}))


class StatusColumn(tables.Column):  # type: ignore[misc]
    """A status mark: shape, word and colour."""

    def render(self, value: Any) -> SafeString:
        return Template(_STATUS).render(Context({"value": value}))


class NumberColumn(tables.Column):  # type: ignore[misc]
    """A number, right-aligned in tabular figures."""

    attrs: ClassVar[dict[str, Any]] = {"td": {"class": "num"}, "th": {"class": "num"}}


class WordColumn(tables.Column):  # type: ignore[misc]
    """A value of a closed set, as a badge. `tones` maps values to CSS classes (`tone-good`, `tone-bad`, ...)."""

    def __init__(
        self, *, tones: Mapping[str, str] | None = None, labels: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.tones = dict(tones or {})
        self.labels = dict(labels or {})

    def render(self, value: Any, record: Any, bound_column: Any) -> SafeString:
        word = str(bound_column.accessor.resolve(record))  # the value itself; `value` is a choice's label already
        return format_html('<span class="word {}">{}</span>', self.tones.get(word, ""), self.labels.get(word, word))


class FlagColumn(tables.Column):  # type: ignore[misc]
    """Yes or no, in words."""

    def __init__(self, *, yes: str = "yes", no: str = "no", **options: Any) -> None:
        super().__init__(empty_values=(None,), **options)
        self.words = {True: yes, False: no}

    def render(self, value: bool) -> str:
        return self.words[bool(value)]
