"""Addresses of the tests' pages."""

from django.urls import path

from gridkeeper.probes import (
    catalogue_views,
    cause_views,
    credential_views,
    engine_views,
    pack_views,
    profile_views,
    views,
    worker_views,
)

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
    path("new/", catalogue_views.TestNew.as_view(), name="test_new"),
    path("try/<int:trial_id>/", catalogue_views.trial, name="trial"),
    path("import/", pack_views.NagiosImport.as_view(), name="import_nagios"),
    path("packs/", pack_views.pack_list, name="packs"),
    path("packs/<str:name>/", pack_views.PackPage.as_view(), name="pack"),
    path("profiles/", profile_views.profiles, name="profiles"),
    path("profiles/<str:vo>/", profile_views.profile, name="profile"),
    path("credentials/", credential_views.credentials, name="credentials"),
    path("credentials/new/", credential_views.CredentialNew.as_view(), name="credential_new"),
    path("credentials/<int:credential_id>/", credential_views.credential, name="credential"),
    path("credentials/<int:credential_id>/edit/", credential_views.CredentialEdit.as_view(), name="credential_edit"),
    path("credentials/<int:credential_id>/end/", credential_views.CredentialEnd.as_view(), name="credential_end"),
    path("credentials/<int:credential_id>/renew/", credential_views.renew, name="credential_renew"),
    path("<str:name>/", views.test, name="test"),
    path("<str:name>/edit/", catalogue_views.TestEdit.as_view(), name="test_edit"),
    path("<str:name>/versions/", catalogue_views.versions, name="versions"),
    path("<str:name>/versions/compare/", catalogue_views.compare_link, name="versions_compare"),
    path("<str:name>/versions/<int:version>/", catalogue_views.VersionRestore.as_view(), name="version_restore"),
    path("<str:name>/switch/", views.TestSwitch.as_view(), name="test_switch"),
]
