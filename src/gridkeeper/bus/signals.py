"""What the bus tells those above it."""

from django.dispatch import Signal

#: Sent with `series`, ids of series in which a repeated fact said something else than the one that stays.
contradicted = Signal()
