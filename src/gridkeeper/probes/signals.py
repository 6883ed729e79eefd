"""What probes tell those above them."""

from django.dispatch import Signal

#: Sent with `days` (UTC dates before today that a batch has results of) inside the batch's transaction: what a
#: receiver writes to the database becomes durable with the batch or not at all. Receivers do nothing else.
days_touched = Signal()
