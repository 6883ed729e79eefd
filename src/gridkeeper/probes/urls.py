"""Addresses of the tests' pages."""

from django.urls import path

from gridkeeper.probes import cause_views, engine_views, views, worker_views

app_name = "probes"
urlpatterns = [
    path("", views.tests, name="tests"),
    path("causes/", cause_views.causes, name="causes"),
    path("causes/new/", cause_views.CauseNew.as_view(), name="cause_new"),
    path("causes/<int:rule>/accept/", cause_views.CauseAccept.as_view(), name="cause_accept"),
    path("causes/<int:rule>/reject/", cause_views.CauseReject.as_view(), name="cause_reject"),
    path("causes/<int:rule>/remove/", cause_views.CauseRemove.as_view(), name="cause_remove"),
    path("engine/", engine_views.engine, name="engine"),
    path("pauses/", engine_views.pauses, name="pauses"),
    path("pauses/new/", engine_views.PauseNew.as_view(), name="pause_new"),
    path("pauses/<int:pause>/end/", engine_views.PauseEnd.as_view(), name="pause_end"),
    path("workers/", worker_views.workers, name="workers"),
    path("workers/<str:name>/switch/", worker_views.WorkerSwitch.as_view(), name="worker_switch"),
    path("workers/<str:name>/forget-key/", worker_views.WorkerKeyForget.as_view(), name="worker_key"),
    path("<str:name>/", views.test, name="test"),
    path("<str:name>/switch/", views.TestSwitch.as_view(), name="test_switch"),
]
