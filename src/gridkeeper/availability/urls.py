"""Addresses of the availability pages."""

from django.urls import path

from gridkeeper.availability import computation_views, views
from gridkeeper.availability.drill.urls import drill_patterns
from gridkeeper.availability.profiles.urls import profile_patterns
from gridkeeper.availability.recomputations.urls import recomputation_patterns

app_name = "availability"
urlpatterns = [
    path("", views.month, name="month"),
    path("sites/<str:key>/", views.site, name="site"),
    path("computations/", computation_views.computations, name="computations"),
    path("computations/<str:day>/again/", computation_views.again, name="computation_again"),
    *profile_patterns,
    *recomputation_patterns,
    *drill_patterns,
]
