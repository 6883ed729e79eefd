"""Addresses of published months, below /reports/. They are permanent: old ones are never given another meaning."""

from django.urls import path

from gridkeeper.availability.reports import views

app_name = "reports"
urlpatterns = [
    path("", views.index, name="index"),
    path("<str:report>/<str:month>/", views.report, name="report"),
    path("<str:report>/<str:month>/publish/", views.publish_month, name="publish"),
    path("<str:report>/<str:month>/draft.pdf", views.draft, name="draft"),
    path("<str:report>/<str:month>/v<int:version>/", views.report, name="version"),
    path("<str:report>/<str:month>/v<int:version>/report.json", views.json_document, name="json"),
    path("<str:report>/<str:month>/v<int:version>/report.pdf", views.printable, name="pdf"),
    path("<str:report>/<str:month>/v<int:version>/<str:table>.<str:form>", views.table, name="table"),
]
