"""Addresses of the pages of profiles, reports and weights, below /availability/."""

from django.urls import path

from gridkeeper.availability.profiles import edit_views, views, weight_views

profile_patterns = [
    path("profiles/", views.profiles, name="profiles"),
    path("profiles/import/", edit_views.ImportProfile.as_view(), name="profile_import"),
    path("profiles/metrics/<str:vo>/export/", views.export_metrics, name="metric_profile_export"),
    path("profiles/<str:kind>/new/", edit_views.NewProfile.as_view(), name="profile_new"),
    path("profiles/<str:kind>/<str:name>/", views.profile, name="profile"),
    path("profiles/<str:kind>/<str:name>/edit/", edit_views.EditProfile.as_view(), name="profile_edit"),
    path("profiles/<str:kind>/<str:name>/compare/", views.compare, name="profile_compare"),
    path("profiles/<str:kind>/<str:name>/close/", edit_views.CloseProfile.as_view(), name="profile_close"),
    path("profiles/<str:kind>/<str:name>/export/", views.export, name="profile_export"),
    path("weights/", weight_views.weights, name="weights"),
    path("weights/set/", weight_views.ImportWeights.as_view(), name="weights_set"),
    path("weights/<int:pk>/remove/", weight_views.RemoveWeight.as_view(), name="weight_remove"),
]
