"""Addresses of the availability pages."""

from django.urls import path

from gridkeeper.availability import views

app_name = "availability"
urlpatterns = [
    path("", views.month, name="month"),
    path("sites/<str:key>/", views.site, name="site"),
    path("sites/<str:key>/<str:day>/", views.day, name="day"),
]
