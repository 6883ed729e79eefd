"""Addresses of the registry's pages, below /registry/."""

from django.urls import path

from gridkeeper.registry import action_views, change_views, lists, mirror_views, views
from gridkeeper.registry.downtime_urls import downtime_patterns
from gridkeeper.registry.object_urls import object_patterns
from gridkeeper.registry.role_urls import role_patterns

app_name = "registry"
urlpatterns = [
    *object_patterns,
    path("changes/", change_views.changes, name="changes"),
    path("mirror/", mirror_views.mirror, name="mirror"),
    path("mirror/<int:pk>/decide/", mirror_views.mirror_decide, name="mirror_decide"),
    path("regions/", lists.NgiList.as_view(), name="ngis"),
    path("regions/<str:key>/", views.ngi, name="ngi"),
    path("regions/<str:key>/edit/", action_views.NgiEdit.as_view(), name="ngi_edit"),
    path("regions/<str:key>/<slug:tab>/", views.ngi, name="ngi"),
    path("sites/", lists.SiteList.as_view(), name="sites"),
    path("sites/<str:key>/edit/", action_views.SiteEdit.as_view(), name="site_edit"),
    path("sites/<str:key>/certification/", action_views.SiteCertification.as_view(), name="site_certification"),
    path("sites/<str:key>/<slug:tab>/", views.site_part, name="site_part"),
    path("services/", lists.ServiceList.as_view(), name="services"),
    path("services/<str:key>/edit/", action_views.ServiceEdit.as_view(), name="service_edit"),
    path("services/<str:key>/close/", action_views.ServiceClose.as_view(), name="service_close"),
    path("service-types/", lists.ServiceTypeList.as_view(), name="service_types"),
    *downtime_patterns,
    *role_patterns,
]
