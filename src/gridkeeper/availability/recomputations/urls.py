"""Addresses of the pages of recomputations, below /availability/."""

from django.urls import path

from gridkeeper.availability.recomputations import views

recomputation_patterns = [
    path("recomputations/", views.recomputations, name="recomputations"),
    path("recomputations/new/", views.Request.as_view(), name="recomputation_new"),
    path("recomputations/<str:key>/", views.recomputation, name="recomputation"),
    path("recomputations/<str:key>/step/", views.step, name="recomputation_step"),
]
