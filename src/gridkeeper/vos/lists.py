"""The list of VOs: filter, table, page."""

from typing import Any

import django_tables2 as tables
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.text import Truncator

from gridkeeper.vos.models import Vo
from gridkeeper.vos.queries import with_counts
from gridkeeper.web.filters import ListFilter
from gridkeeper.web.lists import Empty, ListView
from gridkeeper.web.tables import ListTable, NumberColumn


class VoFilter(ListFilter):
    """VOs."""

    search_fields = ("name", "long_name", "description")


class VoTable(ListTable):
    """VOs."""

    card_title = "name"
    card_facts = ("site_count", "service_count")
    name = tables.Column(linkify=True, verbose_name="VO")
    long_name = tables.Column(verbose_name="Full name")
    site_count = NumberColumn(verbose_name="Sites")
    service_count = NumberColumn(verbose_name="Services")
    description = tables.Column(orderable=False)

    def render_description(self, value: str) -> str:
        return Truncator(value).chars(90)


class VoList(ListView):
    """Every VO with what serves it."""

    title = "VOs"
    lead = "The communities (virtual organisations) that use the sites."
    nouns = ("VO", "VOs")
    filterset_class = VoFilter
    table_class = VoTable
    export_name = "vos"
    export_fields = {
        "key": "key", "name": "name", "long_name": "long_name", "home_url": "home_url",
        "description": "description", "sites": "site_count", "services": "service_count",
    }  # fmt: skip
    search_hint = "Name or words of the description"

    def get_queryset(self) -> "QuerySet[Vo]":
        return Vo.objects.current()

    def decorated(self, rows: "QuerySet[Any]") -> "QuerySet[Any]":
        return with_counts(rows)

    def empty(self) -> Empty:
        return Empty(
            "No VO yet",
            "Import a topology that names VOs on the server's console (gridkeeper import osg …).",
            "Look at the sites",
            reverse("registry:sites"),
        )
