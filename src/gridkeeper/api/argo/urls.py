"""Addresses of ARGO's web API; with and without the slash at the end, for clients write both."""

from django.urls import re_path

from gridkeeper.api.argo import figure_views

app_name = "argo"

_REPORT = r"(?P<report>[^/]+)"

urlpatterns = [
    re_path(rf"^v2/results/{_REPORT}(?P<rest>(?:/[^/]+)+)/?$", figure_views.results_v2),
    re_path(rf"^v2/status/{_REPORT}(?P<rest>(?:/[^/]+)+)/?$", figure_views.status_v2),
    re_path(rf"^(?P<version>v3)/results/{_REPORT}/?$", figure_views.results_v3),
    re_path(rf"^(?P<version>v3)/results/{_REPORT}/id/(?P<identifier>[^/]+)/?$", figure_views.results_v3_by_resource),
    re_path(rf"^(?P<version>v3)/status/{_REPORT}/?$", figure_views.status_v3),
    re_path(rf"^(?P<version>v3)/status/{_REPORT}/id/(?P<identifier>[^/]+)/?$", figure_views.status_v3_by_resource),
]
