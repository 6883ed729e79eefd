"""How people sign in: local accounts that an administrator makes; nobody signs up alone."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes sign-up: accounts come from `gridkeeper createadmin` or from an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
