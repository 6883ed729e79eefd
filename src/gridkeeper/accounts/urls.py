"""Addresses of accounts; those of signing in by password and of the second factor are allauth's."""

from django.urls import path

from gridkeeper.accounts import account_views, people_views, read_only_views, sign_in_views

urlpatterns = [
    path("account/", account_views.profile, name="account"),
    path("account/identities/", account_views.identities, name="account_identities"),
    path("account/tokens/", account_views.tokens, name="account_tokens"),
    path("account/sessions/", account_views.sessions, name="account_sessions"),
    path("account/delete/", account_views.delete, name="account_delete"),
    path("accounts/oidc/", sign_in_views.oidc_start, name="oidc_start"),
    path("accounts/oidc/callback/", sign_in_views.oidc_callback, name="oidc_callback"),
    path("accounts/certificate/", sign_in_views.certificate, name="account_certificate"),
    path("accounts/welcome/", sign_in_views.welcome, name="account_welcome"),
    path("people/", people_views.PeopleList.as_view(), name="people"),
    path("people/<str:key>/", people_views.person, name="person"),
    path("people/<str:key>/delete/", people_views.delete, name="person_delete"),
    path("read-only/", read_only_views.read_only_switch, name="read_only"),
]
