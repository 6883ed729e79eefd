"""Addresses of accounts; those of signing in by password and of the second factor are allauth's."""

from django.urls import path

from gridkeeper.accounts.views import AccountView

urlpatterns = [
    path("account/", AccountView.as_view(), name="account"),
]
