"""What may go wrong when good sites are asked for or their rules are changed."""

from collections.abc import Sequence


class SelectionError(Exception):
    """The package's family: the message says what, where, and what to do."""


class UnknownVoError(SelectionError):
    """No VO of that name existed at the instant asked for."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        self.known = list(known)
        hint = f"known are {', '.join(self.known)}" if self.known else "no VO was registered at that time"
        super().__init__(f"there is no VO {name!r}; {hint}")


class UnknownSubjectError(SelectionError):
    """A site, test, service type or list entry that does not exist."""


class WishError(SelectionError):
    """A change that cannot be read or made as it stands."""


class ApprovalNeededError(SelectionError):
    """The VO wants a second manager's word for a change: it is to be proposed, not made."""
