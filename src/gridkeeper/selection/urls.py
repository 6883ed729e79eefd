"""Addresses of the pages of good sites, below /good-sites/. The VO and the instant stand in the query."""

from django.urls import path

from gridkeeper.selection import change_views, proposal_views, views

app_name = "selection"
urlpatterns = [
    path("", views.sites, name="sites"),
    path("tests/", change_views.critical_tests, name="tests"),
    path("lists/", change_views.lists, name="lists"),
    path("lists/<int:entry>/remove/", change_views.remove, name="remove"),
    path("policy/", proposal_views.policy, name="policy"),
    path("proposals/", proposal_views.proposals, name="proposals"),
    path("proposals/<int:proposal>/<str:verb>/", proposal_views.decide, name="decide"),
    path("changes/", proposal_views.changes, name="changes"),
]
