"""Addresses of the tests' pages."""

from django.urls import path

from gridkeeper.probes import views

app_name = "probes"
urlpatterns = [
    path("", views.tests, name="tests"),
    path("<str:name>/", views.test, name="test"),
    path("<str:name>/switch/", views.TestSwitch.as_view(), name="test_switch"),
]
