"""What happened to accounts, for packages above that keep a person's name in words of their own."""

from django.dispatch import Signal

#: Sent inside the transaction, with `user` (emptied), `former` (the user name that was), `label` ("deleted person
#: abc123"), `now` and `by_whom`. Receivers replace the name wherever they keep it.
person_deleted = Signal()
