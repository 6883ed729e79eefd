"""Addresses of ARGO's web API; with and without the slash at the end, for clients write both."""

from django.urls import re_path

from gridkeeper.api.argo import (
    detail_views,
    figure_views,
    profile_views,
    recomputation_views,
    topology_views,
    trend_views,
    weight_views,
)

app_name = "argo"

_REPORT = r"(?P<report>[^/]+)"
_KEY = r"(?P<key>[^/]+)"

urlpatterns = [
    re_path(rf"^v2/results/{_REPORT}(?P<rest>(?:/[^/]+)+)/?$", figure_views.results_v2),
    re_path(rf"^v2/status/{_REPORT}(?P<rest>(?:/[^/]+)+)/?$", figure_views.status_v2),
    re_path(rf"^(?P<version>v3)/results/{_REPORT}/?$", figure_views.results_v3),
    re_path(rf"^(?P<version>v3)/results/{_REPORT}/id/(?P<identifier>[^/]+)/?$", figure_views.results_v3_by_resource),
    re_path(rf"^(?P<version>v3)/status/{_REPORT}/?$", figure_views.status_v3),
    re_path(rf"^(?P<version>v3)/status/{_REPORT}/id/(?P<identifier>[^/]+)/?$", figure_views.status_v3_by_resource),
    re_path(rf"^v2/trends/{_REPORT}/(?P<kind>flapping|status)/(?P<level>[a-z]+)/?$", trend_views.trends),
    re_path(r"^v2/metric_result/(?P<hostname>[^/]+)(?:/(?P<metric>[^/]+))?/?$", detail_views.metric_result),
    re_path(rf"^v2/latest/{_REPORT}/(?P<group_type>[^/]+)(?:/(?P<group>[^/]+))?/?$", detail_views.latest),
    re_path(r"^v2/topology/endpoints/?$", topology_views.endpoints),
    re_path(rf"^v2/topology/endpoints?/by_report/{_REPORT}/?$", topology_views.endpoints_of_report),
    re_path(r"^v2/topology/groups/?$", topology_views.groups),
    re_path(rf"^v2/topology/groups/by_report/{_REPORT}/?$", topology_views.groups_of_report),
    re_path(r"^v2/topology/service-types/?$", topology_views.service_types),
    re_path(r"^v2/topology/tags/?$", topology_views.tags),
    re_path(rf"^v2/topology/stats/{_REPORT}/?$", topology_views.stats),
    re_path(r"^v2/downtimes/?$", topology_views.downtimes),
    re_path(r"^v2/weights/?$", weight_views.every),
    re_path(rf"^v2/weights/{_KEY}/?$", weight_views.one),
    re_path(r"^v2/recomputations/?$", recomputation_views.every),
    re_path(rf"^v2/recomputations/{_KEY}/?$", recomputation_views.one),
    re_path(rf"^v2/recomputations/{_KEY}/status/?$", recomputation_views.status),
]
for _word, (_every, _one) in profile_views.RESOURCES.items():
    urlpatterns += [re_path(rf"^v2/{_word}/?$", _every), re_path(rf"^v2/{_word}/{_KEY}/?$", _one)]
urlpatterns.append(re_path(r"^v[23](?:/.*)?$", figure_views.nowhere))
