"""Addresses of the pages that explain, below /availability/."""

from django.urls import path

from gridkeeper.availability.drill import month_views, shares_view, views

drill_patterns = [
    path("why/", shares_view.why, name="why_all"),
    path("sites/<str:key>/why/", month_views.why, name="why"),
    path("sites/<str:key>/what-if/", month_views.suppose, name="what_if"),
    path("sites/<str:key>/<str:day>/", views.day, name="day"),
]
