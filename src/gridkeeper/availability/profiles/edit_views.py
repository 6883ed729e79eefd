"""Pages that change profiles: a new one, another version, its end, an import. What would follow is shown first."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from gridkeeper.availability.models import Profile, ProfileKind, ProfileVersion
from gridkeeper.availability.permissions import EDIT_PROFILE
from gridkeeper.availability.profiles import actions
from gridkeeper.availability.profiles.changes import differences
from gridkeeper.availability.profiles.checks import checked, warnings
from gridkeeper.availability.profiles.documents import parse
from gridkeeper.availability.profiles.exchange import imported
from gridkeeper.availability.profiles.foreseen import foresee
from gridkeeper.availability.profiles.forms import FIRST, FORMS, ImportForm, ProfileForm
from gridkeeper.availability.profiles.views import profile_named, url_of
from gridkeeper.core.windows import as_utc
from gridkeeper.registry.action_pages import ActionPage
from gridkeeper.registry.forms import ReasonForm
from gridkeeper.web.lists import Link


def _crumbs(*more: Link) -> list[Link]:
    month, profiles = reverse("availability:month"), reverse("availability:profiles")
    return [Link("Availability", month), Link("Profiles and reports", profiles), *more]


class _DocumentPage(ActionPage):
    """A form of a document, with a preview that makes the version, judges a day by it, and takes it back."""

    permission, template_name = EDIT_PROFILE, "availability/profiles/edit.html"
    has_preview = True
    kind: ProfileKind

    def make(self, form: ProfileForm, valid_from: date, now: datetime) -> ProfileVersion:
        """Does it, for whatever day it is to hold from. Raises ValidationError."""
        raise NotImplementedError

    def name_of(self, form: ProfileForm) -> str:
        raise NotImplementedError

    def stood(self) -> dict[str, Any]:
        """What the version before says."""
        return {}

    def act(self, form: ProfileForm) -> str:
        self.added = self.make(form, form.cleaned_data["valid_from"], timezone.now())
        return f"{self.added} is saved; it holds from {self.added.valid_from} on."

    def after(self) -> str:
        if isinstance(self.added, ProfileVersion):
            return url_of(self.added.profile)
        return reverse("availability:profiles")

    def _preview(self, request: Any, form: ProfileForm, effects: Any) -> Any:
        now, name, valid_from = timezone.now(), self.name_of(form), form.cleaned_data["valid_from"]
        document = checked(self.kind, name, form.document())
        act: Callable[[date], Any] = lambda day: self.make(form, day, now)  # noqa: E731  (named to be typed)
        foreseen = foresee(act, kind=self.kind, name=name, valid_from=valid_from, now=now)
        changes = differences(self.stood(), document.document()) if self.stood() else []
        more: dict[str, Any] = {"foreseen": foreseen, "changes": changes, "is_preview": True}
        more["warnings"] = list(warnings(document))
        return self._show(request, form, **more)


class NewProfile(_DocumentPage):
    """The first version of a profile of the kind in the address."""

    verb = "Make it"

    def get_subject(self) -> None:
        if self.kwargs["kind"] not in ProfileKind.values:
            raise Http404(f"There is no kind {self.kwargs['kind'][:20]!r}; there are {', '.join(ProfileKind.values)}.")
        self.kind = ProfileKind(self.kwargs["kind"])

    @property
    def heading(self) -> str:
        return f"New {self.kind.label.lower()}"

    @property
    def title(self) -> str:  # type: ignore[override]
        return self.heading

    def breadcrumbs(self) -> list[Link]:
        return _crumbs()

    def get_form(self, data: Any) -> ProfileForm:
        today = as_utc(timezone.now()).date()
        return FORMS[self.kind](data, today=today, document=FIRST[self.kind], is_new=True, seen=None)

    def name_of(self, form: ProfileForm) -> str:
        return str(form.cleaned_data["name"])

    def make(self, form: ProfileForm, valid_from: date, now: datetime) -> ProfileVersion:
        return actions.create(
            self.actor, kind=self.kind, name=self.name_of(form), document=form.document(), valid_from=valid_from,
            reason=form.cleaned_data["reason"], now=now,
        )  # fmt: skip


class EditProfile(_DocumentPage):
    """Another version; `?v=` begins with what an older one says."""

    title, verb = "Edit", "Save as another version"

    def get_subject(self) -> Profile:
        found = profile_named(self.kwargs["kind"], self.kwargs["name"])
        self.kind = ProfileKind(found.kind)
        return found

    @property
    def newest(self) -> ProfileVersion:
        return self.subject.versions.order_by("-number")[0]  # type: ignore[no-any-return]

    def stood(self) -> dict[str, Any]:
        return dict(self.newest.document)

    def breadcrumbs(self) -> list[Link]:
        return _crumbs(Link(self.subject.name, url_of(self.subject)))

    def after(self) -> str:
        return url_of(self.subject)

    def get_form(self, data: Any) -> ProfileForm:
        today, newest = as_utc(timezone.now()).date(), self.newest
        wanted = self.request.GET.get("v", "")
        chosen = self.subject.versions.filter(number=wanted).first() if wanted.isdecimal() else None
        document = parse(self.kind, (chosen or newest).document)
        return FORMS[self.kind](data, today=today, document=document, is_new=False, seen=newest.number)

    def seen_now(self) -> dict[str, Any]:
        return {"seen": self.newest.number}

    def _look_again(self, form: Any) -> None:
        """After "somebody was faster" the same may be sent again: beside it stands what the newest version says."""
        if any(getattr(error, "code", "") == "conflict" for error in form.non_field_errors().as_data()):
            form.data = form.data.copy()
            form.data["seen"] = self.newest.number

    def name_of(self, form: ProfileForm) -> str:
        return str(self.subject.name)

    def make(self, form: ProfileForm, valid_from: date, now: datetime) -> ProfileVersion:
        return actions.save_version(
            self.actor, profile=self.subject, document=form.document(), valid_from=valid_from,
            reason=form.cleaned_data["reason"], now=now, seen=form.cleaned_data["seen"],
        )  # fmt: skip


class CloseProfile(ActionPage):
    """Its end; days before stand."""

    permission, title, verb = EDIT_PROFILE, "Close", "Close it for good"
    is_destructive = True
    consequence = "From tomorrow on nothing is judged by it. The figures of all days until then stay as they are."

    def get_subject(self) -> Profile:
        return profile_named(self.kwargs["kind"], self.kwargs["name"])

    def get_form(self, data: Any) -> ReasonForm:
        return ReasonForm(data)

    def breadcrumbs(self) -> list[Link]:
        return _crumbs(Link(self.subject.name, self.after()))

    def act(self, form: ReasonForm) -> str:
        reason = form.cleaned_data["reason"]
        return f"{actions.close(self.actor, profile=self.subject, reason=reason, now=timezone.now())} is closed."

    def after(self) -> str:
        return url_of(self.subject)


class ImportProfile(ActionPage):
    """A profile from JSON: a new one, or the next version of the one of its name."""

    permission, title, verb = EDIT_PROFILE, "Import a profile", "Import it"
    consequence = "Takes what ARGO's API answers with, or what is exported here."

    def get_subject(self) -> None:
        return None

    @property
    def heading(self) -> str:
        return self.title

    def breadcrumbs(self) -> list[Link]:
        return _crumbs()

    def get_form(self, data: Any) -> ImportForm:
        initial = {"valid_from": as_utc(timezone.now()).date(), "kind": self.request.GET.get("kind", "")}
        return ImportForm(data, files=self.request.FILES if data is not None else None, initial=initial)

    def act(self, form: ImportForm) -> str:
        given = {name: form.cleaned_data[name] for name in ("kind", "name", "valid_from", "reason")}
        self.added = imported(self.actor, text=form.bytes(), now=timezone.now(), **given)
        return f"{self.added} is imported."

    def after(self) -> str:
        return url_of(self.added.profile) if self.added else reverse("availability:profiles")
