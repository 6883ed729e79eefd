"""Every address of the product; each package keeps its own below its name."""

from importlib.util import find_spec

from django.urls import include, path

_PACKAGES = [
    ("registry/", "gridkeeper.registry.urls"),
    ("vos/", "gridkeeper.vos.urls"),
    ("tests/", "gridkeeper.probes.urls"),
    ("availability/", "gridkeeper.availability.urls"),
    ("reports/", "gridkeeper.availability.reports.urls"),
    ("good-sites/", "gridkeeper.selection.urls"),
    ("feeds/", "gridkeeper.feeds.urls"),
    ("", "gridkeeper.feeds.osg_urls"),
    ("subscriptions/", "gridkeeper.subscriptions.urls"),
    ("", "gridkeeper.accounts.urls"),
    ("gocdbpi/", "gridkeeper.api.gocdb.urls"),
    ("api/", "gridkeeper.api.argo.urls"),
    ("", "gridkeeper.api.urls"),
    ("", "gridkeeper.portal.urls"),
]

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    *[path(prefix, include(module)) for prefix, module in _PACKAGES if find_spec(module)],
]
