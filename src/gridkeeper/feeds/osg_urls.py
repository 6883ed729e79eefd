"""Addresses that programs written for the OSG topology read; they stand at the root, as there."""

from django.urls import path

from gridkeeper.feeds import osg_views

app_name = "osg"
urlpatterns = [
    path("rgsummary/xml", osg_views.rgsummary, name="rgsummary"),
    path("rgdowntime/xml", osg_views.rgdowntime, name="rgdowntime"),
    path("rgdowntime/ical", osg_views.rgdowntime_ical, name="rgdowntime_ical"),
    path("vosummary/xml", osg_views.vosummary, name="vosummary"),
]
