"""Pages of packs, and of the import from Nagios: what would follow is shown before anything is done."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from gridkeeper.people.permission import is_permitted
from gridkeeper.probes.catalogue_forms import NagiosForm, PackForm
from gridkeeper.probes.models import Test
from gridkeeper.probes.nagios_actions import NagiosReport, import_nagios, lines_of, preview_nagios
from gridkeeper.probes.pack_actions import PackReport, install_pack, pack_named, preview_pack
from gridkeeper.probes.pack_rules import read_pack
from gridkeeper.probes.packs import Pack, PackError, broken_packs, packs
from gridkeeper.probes.permissions import EDIT_TEST
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.models import Site
from gridkeeper.web.lists import Link


@require_safe
def pack_list(request: HttpRequest) -> HttpResponse:
    """What ships, and what of it is installed."""
    rows = rows_of_packs()
    broken = sorted((folder.name, why) for folder, why in broken_packs().items())
    return render(request, "probes/packs.html", {"rows": rows, "broken": broken})


def rows_of_packs() -> list[dict[str, Any]]:
    """The packs that can be read: their tests, why the tests cannot be read, how many are installed and are new."""
    installed: dict[str, list[str]] = {}
    for name, pack in Test.objects.exclude(pack="").values_list("name", "pack"):
        installed.setdefault(pack, []).append(name)
    return [_row(pack, installed.get(pack.name, [])) for pack in packs().values()]


def _row(pack: Pack, installed: list[str]) -> dict[str, Any]:
    try:
        names, problem = [test.name for test in read_pack(pack).tests], ""
    except PackError as error:
        names, problem = [], str(error)
    new = len(set(names) - set(installed))
    return {"pack": pack, "tests": names, "problem": problem, "installed": len(installed), "new": new}


class PackPage(ActionPage):
    """One pack: its tests with their documentation, and its installation."""

    permission, template_name = EDIT_TEST, "probes/pack.html"
    title = "Install or upgrade"
    report: PackReport | None = None

    def check(self) -> None:
        """Reading is for everybody; the action itself asks who may."""

    def get_subject(self) -> Pack:
        try:
            return pack_named(self.kwargs["name"])
        except ValidationError as error:
            raise Http404(" ".join(error.messages)) from error

    def get_form(self, data: Any) -> PackForm:
        return PackForm(data, operations_vo=settings.GRIDKEEPER.operations_vo)

    @property
    def heading(self) -> str:
        return f"Pack {self.subject.title}"

    def content(self) -> Any:
        try:
            return read_pack(self.subject)
        except PackError as error:
            return {"problem": str(error)}

    def installed(self) -> set[str]:
        """Names of tests that there are pages of."""
        return set(Test.objects.values_list("name", flat=True))

    def may_install(self) -> bool:
        return is_permitted(self.actor, EDIT_TEST)

    def breadcrumbs(self) -> list[Link]:
        return [Link("Tests", reverse("probes:tests")), Link("Packs", reverse("probes:packs"))]

    def after(self) -> str:
        return reverse("probes:pack", args=[self.subject.name])

    def _arguments(self, form: PackForm) -> dict[str, Any]:
        chosen = {name: form.cleaned_data[name] for name in ("vos", "overwrite", "reason")}
        return {"name": self.subject.name, "now": timezone.now(), **chosen}

    def _preview(self, request: HttpRequest, form: PackForm, effects: Any) -> HttpResponse:
        report = preview_pack(self.actor, **self._arguments(form))
        return self._show(request, form, report=report, is_preview=True)

    def act(self, form: PackForm) -> str:
        return install_pack(self.actor, **self._arguments(form)).sentence


class NagiosImport(ActionPage):
    """Object configuration of Nagios, with a report before and after."""

    permission, template_name, title, verb = EDIT_TEST, "probes/nagios.html", "Import from Nagios", "Import"
    consequence = (
        "Hosts become services of one site, each service description a test. Nothing is removed; done again, it "
        "changes what changed."
    )

    def get_subject(self) -> None:
        return None

    def get_form(self, data: Any) -> NagiosForm:
        return NagiosForm(data, files=self.request.FILES if data is not None else None)

    @property
    def heading(self) -> str:
        return self.title

    def site_names(self) -> list[str]:
        return list(Site.objects.current().order_by("name").values_list("name", flat=True)[:2000])

    def breadcrumbs(self) -> list[Link]:
        return [Link("Tests", reverse("probes:tests"))]

    def after(self) -> str:
        return reverse("probes:import_nagios")

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The report stands on the page that did it; a preview puts the texts into the field, to be sent again."""
        form = self.get_form(request.POST)
        if not form.is_valid():
            return self._show(request, form, status=422)
        is_preview = request.POST.get("step") == "preview"
        do = preview_nagios if is_preview else import_nagios
        where = {name: form.cleaned_data[name] for name in ("site", "vo", "reason")}
        try:
            report: NagiosReport = do(self.actor, files=form.texts(), now=timezone.now(), **where)
        except ValidationError as error:
            form.add_error(None, error)
            return self._show(request, form, status=422)
        if is_preview:
            shown = request.POST.copy()
            shown["text"] = "\n".join(form.texts().values())
            form.data = shown
        return self._show(request, form, report=report, lines=list(lines_of(report)), is_preview=is_preview)
