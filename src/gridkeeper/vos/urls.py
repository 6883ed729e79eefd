"""Addresses of the pages of VOs, below /vos/."""

from django.urls import path

from gridkeeper.vos import views
from gridkeeper.vos.lists import VoList

app_name = "vos"
urlpatterns = [
    path("", VoList.as_view(), name="vos"),
    path("services/<str:key>/support/", views.ServiceSupport.as_view(), name="service_support"),
    path("<str:name>/", views.vo, name="vo"),
    path("<str:name>/edit/", views.VoEdit.as_view(), name="vo_edit"),
]
