"""Addresses of GOCDB's interface; with and without the slash, for clients write both."""

from django.urls import re_path

from gridkeeper.api.gocdb import views

app_name = "gocdb"

urlpatterns = [
    re_path(r"^(?:public|private)/?(?:index\.php)?$", views.answer, name="answer"),
]
