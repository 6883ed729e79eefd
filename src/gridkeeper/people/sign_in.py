"""How people sign in: local accounts that an administrator makes; nobody signs up alone."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest


class _NoPermissions:
    """Rights come from roles (`permission.py`), never from Django's tables: nothing is looked up there."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()


class PasswordBackend(_NoPermissions, ModelBackend):
    """Name and password."""


class SecondFactorBackend(_NoPermissions, AuthenticationBackend):  # type: ignore[misc]
    """allauth's flows: codes, certificates, issuers."""


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes sign-up: accounts come from `gridkeeper createadmin` or from an administrator."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
