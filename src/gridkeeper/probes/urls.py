"""Addresses of the tests' pages."""

from django.urls import path

from gridkeeper.probes import views

app_name = "probes"
urlpatterns = [
    path("", views.tests, name="tests"),
    path("<str:name>/", views.test, name="test"),
]
