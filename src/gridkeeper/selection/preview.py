"""What a change would do before it is saved: which sites would leave, which would enter. Changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gridkeeper.registry.models import Site
from gridkeeper.selection.actions import find_service_type, find_test
from gridkeeper.selection.judge import Answer, answer, judged
from gridkeeper.selection.profiles import Profile
from gridkeeper.selection.rules import Entry, ListWord, SiteFacts, Verdict, judge_site
from gridkeeper.selection.wishes import CriticalChange, Wish
from gridkeeper.vos.models import Vo


@dataclass(frozen=True, slots=True)
class Effect:
    """The judgement before and after. leaving, entering: the verdicts after of the sites that change sides."""

    before: Answer
    after: Answer
    leaving: tuple[Verdict, ...]
    entering: tuple[Verdict, ...]

    @property
    def sentence(self) -> str:
        """What it comes to, in one line."""
        counts = f"{len(self.before.good)} sites are good now, {len(self.after.good)} would be"
        if not self.leaving and not self.entering:
            return f"{counts}: no site would change sides"
        return f"{counts}: {_named('leave', self.leaving)}, {_named('enter', self.entering)}"


def _named(verb: str, verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return f"none would {verb}"
    names = ", ".join(verdict.site.name for verdict in verdicts[:5])
    more = f" and {len(verdicts) - 5} more" if len(verdicts) > 5 else ""
    return f"{len(verdicts)} would {verb} ({names}{more})"


def preview_critical_tests(vo: Vo, changes: Sequence[CriticalChange], at: datetime) -> Effect:
    """The effect of `actions.set_critical_tests`. Raises UnknownSubjectError."""
    return preview_wish(vo, Wish(critical=tuple(changes)), "", at)


def preview_entry(vo: Vo, site: Site, entry: Entry | None, at: datetime) -> Effect:
    """The effect of `actions.add_to_list`, or of a removal where `entry` is None."""
    before = answer(vo.name, at)
    return _with_entries(before, before, {site.key: entry})


def preview_wish(vo: Vo, wish: Wish, author: str, at: datetime) -> Effect:
    """The effect of everything that the wish asks for at once. Raises UnknownSubjectError.

    author: who would stand on new list entries
    """
    before = answer(vo.name, at)
    profile = _changed(before.profile, wish)
    after = before if profile == before.profile else judged(profile, at)
    entries: dict[str, Entry | None] = {removal.site: None for removal in wish.remove}
    for listing in wish.add:
        entries[listing.site] = Entry(ListWord(listing.kind), listing.reason, author, at, listing.expires_at)
    return _with_entries(before, after, entries)


def _changed(profile: Profile, wish: Wish) -> Profile:
    for change in wish.critical:
        find_service_type(change.service_type)
        if profile.has_critical(change.service_type, change.test) is not change.is_critical:
            profile = profile.with_change(change.service_type, find_test(change.test), is_critical=change.is_critical)
    return replace(profile, freshest_s=wish.policy.freshest_s) if wish.policy else profile


def _with_entries(before: Answer, after: Answer, entries: Mapping[str, Entry | None]) -> Effect:
    """The effect, with other list entries for those sites; None: none."""
    verdicts = tuple(
        judge_site(_listed(each.site, entries[each.site.key]), vo=after.vo, at=after.at)
        if each.site.key in entries
        else each
        for each in after.verdicts
    )
    return _effect(before, replace(after, verdicts=verdicts))


def _listed(site: SiteFacts, entry: Entry | None) -> SiteFacts:
    return replace(site, entries=(entry,) if entry else ())


def _effect(before: Answer, after: Answer) -> Effect:
    was_good = {verdict.site.key: verdict.is_good for verdict in before.verdicts}
    changed = [verdict for verdict in after.verdicts if was_good.get(verdict.site.key) is not verdict.is_good]
    return Effect(
        before=before,
        after=after,
        leaving=tuple(verdict for verdict in changed if not verdict.is_good),
        entering=tuple(verdict for verdict in changed if verdict.is_good),
    )
