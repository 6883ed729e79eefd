"""Addresses of the feeds, below /feeds/."""

from django.urls import path

from gridkeeper.feeds import pages, views

app_name = "feeds"
urlpatterns = [
    path("", pages.index, name="index"),
    path("my/", pages.make_address, name="make_address"),
    path("my/<str:secret>/<str:name>", views.personal, name="personal"),
    *[path(name, views.public, {"name": name}, name=name.replace(".", "_")) for name in views.FEEDS],
]
