"""What the choice of sites tells those above it."""

from django.dispatch import Signal

#: Sent with `changes` (rows of models.GoodChange), inside the transaction that writes them. The first judgement of a
#: VO sends nothing: it says how things stand, not that they changed.
good_changed = Signal()
