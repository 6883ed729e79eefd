"""Addresses of GOCDB's interface; with and without the slash, and in any case, for clients write them so."""

from django.urls import re_path

from gridkeeper.api.gocdb import views, write_views

app_name = "gocdb"

_OBJECT = r"^[vV]5/(?P<kind>[A-Za-z]+)/(?P<identifier>[^/]+)"

urlpatterns = [
    re_path(r"^(?:public|private)/?(?:index\.php)?$", views.answer, name="answer"),
    re_path(_OBJECT + r"/(?P<what>[^/]+)/?$", write_views.write, name="write"),
    re_path(_OBJECT + r"/(?P<what>[^/]+)/(?P<key>.+)$", write_views.write, name="write_key"),
    re_path(r"^[vV]5/(?P<rest>.*)$", write_views.unknown),
]
