"""The error pages: each says what to do, and shows without the rest of the shell."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.test import override_settings
from django.urls import path


def _raise(error: Exception):
    def view(request):
        raise error

    return view


urlpatterns = [
    path("400/", _raise(SuspiciousOperation("odd"))),
    path("403/", _raise(PermissionDenied("alice may not do that"))),
    path("404/", _raise(Http404("no such site"))),
    path("500/", _raise(ZeroDivisionError("secret words"))),
]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "words"),
    [
        (400, "send it again"),
        (403, "alice may not do that"),
        (404, "Search for it"),
        (500, "tell the administrator the address and the time"),
    ],
)
@override_settings(ROOT_URLCONF="tests.web.test_errors")
def test_an_error_says_what_to_do(client, code, words):
    client.raise_request_exception = False
    response = client.get(f"/{code}/")
    page = response.content.decode()
    assert response.status_code == code
    assert words in page
    assert 'href="/"' in page
    assert "secret words" not in page
