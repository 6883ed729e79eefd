"""Addresses of the pages of good sites, below /good-sites/. The VO and the instant stand in the query."""

from django.urls import path

from gridkeeper.selection import change_views, views

app_name = "selection"
urlpatterns = [
    path("", views.sites, name="sites"),
    path("tests/", change_views.critical_tests, name="tests"),
    path("lists/", change_views.lists, name="lists"),
    path("lists/<int:entry>/remove/", change_views.remove, name="remove"),
]
