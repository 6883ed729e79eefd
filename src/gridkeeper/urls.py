"""Every address of the product; each package keeps its own below its name."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.account.urls")),
]
