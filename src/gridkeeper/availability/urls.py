"""Addresses of the availability pages."""

from django.urls import path

from gridkeeper.availability import computation_views, overview_views, sla_views, views
from gridkeeper.availability.drill.urls import drill_patterns
from gridkeeper.availability.profiles.urls import profile_patterns
from gridkeeper.availability.recomputations.urls import recomputation_patterns

app_name = "availability"
urlpatterns = [
    path("", views.month, name="month"),
    path("tiers/", overview_views.tiers, name="tiers"),
    path("services/", overview_views.services, name="services"),
    path("hours/", overview_views.good_hours, name="hours"),
    path("trends/", overview_views.trend_page, name="trends"),
    path("sla/", sla_views.sla, name="sla"),
    path("sites/<str:key>/", views.site, name="site"),
    path("computations/", computation_views.computations, name="computations"),
    path("computations/<str:day>/again/", computation_views.again, name="computation_again"),
    *profile_patterns,
    *recomputation_patterns,
    *drill_patterns,
]
