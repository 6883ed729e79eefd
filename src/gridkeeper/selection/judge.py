"""Good sites per VO at an instant: the question that pages, API and command ask."""

from dataclasses import dataclass
from datetime import datetime

from gridkeeper.selection.evidence import gather
from gridkeeper.selection.profiles import Profile, profile_at, vo_at
from gridkeeper.selection.rules import Verdict, judge_site


@dataclass(frozen=True, slots=True)
class Answer:
    """Every site judged for a VO at an instant, with the profile by which it was judged."""

    vo: str
    at: datetime
    profile: Profile
    verdicts: tuple[Verdict, ...]

    @property
    def good(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.is_good]

    @property
    def excluded(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.is_good]


def good_sites(vo: str, at: datetime) -> list[Verdict]:
    """The verdict on every site that existed at that instant, by name. Raises UnknownVoError."""
    return list(answer(vo, at).verdicts)


def answer(vo: str, at: datetime) -> Answer:
    """`good_sites` with what it rests on. Raises UnknownVoError."""
    vo_at(vo, at)
    return judged(profile_at(vo, at), at)


def judged(profile: Profile, at: datetime) -> Answer:
    """The answer under a given profile: the VO's own, or one that somebody thinks of."""
    verdicts = tuple(judge_site(site, vo=profile.vo, at=at) for site in gather(profile, at))
    return Answer(profile.vo, at, profile, verdicts)
