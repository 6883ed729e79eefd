"""Addresses of the pages about roles, part of `urls`."""

from django.urls import path

from gridkeeper.registry import role_pages, role_views

role_patterns = [
    path("roles/", role_views.role_map, name="roles"),
    path("roles/why/", role_views.why, name="role_why"),
    path("roles/mine/", role_views.own_roles, name="role_own"),
    path("roles/requests/", role_views.requests, name="role_requests"),
    path("roles/confirm/", role_views.confirm, name="role_confirm"),
    path("roles/requests/<str:key>/decide/", role_pages.RoleDecidePage.as_view(), name="role_decide"),
    path("roles/requests/<str:key>/withdraw/", role_pages.RoleWithdrawPage.as_view(), name="role_withdraw"),
    path("roles/<int:pk>/revoke/", role_pages.RoleRevokePage.as_view(), name="role_revoke"),
    path("roles/<int:pk>/delegate/", role_pages.RoleDelegatePage.as_view(), name="role_delegate"),
    path("roles/<slug:level>/<str:key>/request/", role_pages.RoleRequestPage.as_view(), name="role_request"),
    path("roles/<slug:level>/<str:key>/grant/", role_pages.RoleGrantPage.as_view(), name="role_grant"),
]
