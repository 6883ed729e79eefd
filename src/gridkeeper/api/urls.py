"""Addresses of the API and of the machine-readable pages."""

from django.urls import path

from gridkeeper.api import health
from gridkeeper.api.assembly import api
from gridkeeper.probes.nrdp_views import nrdp

urlpatterns = [
    path("api/v1/", api.urls),
    path("nrdp/", nrdp, name="nrdp"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", health.metrics, name="metrics"),
]
