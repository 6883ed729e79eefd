"""GOCDB's write API: properties, endpoints and fields, by machines that sites have named and by people."""

import json
from ipaddress import ip_network

import pytest
from django.test import override_settings
from django.utils import timezone

from gridkeeper.people.actor import Actor
from gridkeeper.people.tokens import create_token
from gridkeeper.registry.models import ApiCredential, CredentialKind, Endpoint
from tests.builders import ERA, a_service, a_site, a_user, an_endpoint

pytestmark = pytest.mark.django_db

SUBJECT = "/DC=org/DC=example/CN=robot.example.org"
CERTIFICATE = {"x-client-dn": SUBJECT, "x-client-verify": "SUCCESS"}


@pytest.fixture(autouse=True)
def _behind_proxy(settings):
    values = {
        "client_dn_header": "X-Client-Dn", "client_verify_header": "X-Client-Verify",
        "trusted_proxies": [ip_network("127.0.0.1/32")],
    }  # fmt: skip
    with override_settings(GRIDKEEPER=settings.GRIDKEEPER.model_copy(update=values)):
        yield


@pytest.fixture
def service():
    """A service of a site that has named the machine."""
    site = a_site(key="2G0", properties={"old": "1"})
    ApiCredential.objects.create(
        site=site, kind=CredentialKind.X509, identifier=SUBJECT, valid_from=ERA, may_write=True
    )
    return a_service(of=site, key="14G0", type="CE", properties={"old": "1", "other": "2"}, is_monitored=False)


@pytest.fixture
def send(client):
    """Sends a body as JSON, by the machine's certificate unless headers say otherwise; -> status, message."""

    def send(verb, path, body=None, headers=CERTIFICATE):
        data = body if isinstance(body, str | bytes) else "" if body is None else json.dumps(body)
        answer = getattr(client, verb.lower())(
            f"/gocdbpi/v5/{path}", data, content_type="application/json", headers=headers
        )
        if answer.status_code == 204:
            assert answer.content == b""
            return 204, ""
        error = answer.json()
        assert list(error) == ["Error"]
        assert error["Error"]["Code"] == answer.status_code
        return answer.status_code, error["Error"]["Message"]

    return send


def properties(subject):
    subject.refresh_from_db()
    return subject.properties


PATHS = {"site": "site/{}", "service": "Service/{}", "endpoint": "ENDPOINT/{}"}


@pytest.fixture(params=PATHS)
def bearer(request, service):
    """Each kind of object that has properties, with its path by number and by key."""
    found = {"site": service.site, "service": service}.get(request.param)
    subject = found or an_endpoint(of=service, key="70G0", properties={"old": "1"})
    return subject, PATHS[request.param]


def test_post_adds_properties_by_number_or_key(send, bearer):
    subject, path = bearer
    kept = dict(subject.properties)

    assert send("POST", path.format(subject.pk) + "/ExtensionProperties", {"a": "1", "b": True}) == (204, "")
    assert send("POST", path.format(subject.key) + "/extensionproperties", [{"c": 3}]) == (204, "")
    assert properties(subject) == kept | {"a": "1", "b": "true", "c": "3"}


def test_post_adds_nothing_where_one_is_there(send, bearer):
    subject, path = bearer
    kept = dict(subject.properties)
    status, message = send("POST", path.format(subject.pk) + "/extensionproperties", {"new": "1", "old": "2"})

    assert (status, "'old'" in message) == (409, True)
    assert properties(subject) == kept
    assert send("POST", path.format(subject.pk) + "/extensionproperties/old", {"value": "2"})[0] == 409


def test_put_sets_properties_and_leaves_others(send, bearer):
    subject, path = bearer
    kept = dict(subject.properties)

    assert send("PUT", path.format(subject.pk) + "/extensionproperties", {"old": "2", "new": "3"})[0] == 204
    assert send("PUT", path.format(subject.pk) + "/extensionproperties/a%20b", {"value": "x"})[0] == 204
    assert properties(subject) == kept | {"old": "2", "new": "3", "a b": "x"}


def test_delete_removes_those_named_or_all(send, bearer):
    subject, path = bearer
    base = path.format(subject.pk) + "/extensionproperties"
    send("PUT", base, {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5"})

    assert send("DELETE", base, {"a": "", "b": "2"})[0] == 204
    assert send("DELETE", f"{base}/c")[0] == 204
    assert send("DELETE", f"{base}/d", {"value": "4"})[0] == 204
    assert {"a", "b", "c", "d"}.isdisjoint(properties(subject))
    assert "e" in properties(subject)
    assert send("DELETE", base)[0] == 204
    assert properties(subject) == {}


def test_delete_removes_nothing_that_is_not_there_or_is_another(send, bearer):
    subject, path = bearer
    base, kept = path.format(subject.pk) + "/extensionproperties", dict(subject.properties)

    assert send("DELETE", base, {"old": "", "never": ""}) == (404, f"{subject} has no property 'never'")
    assert send("DELETE", f"{base}/never")[0] == 404
    assert send("DELETE", base, {"old": "another"})[0] == 409
    assert send("DELETE", f"{base}/old", {"value": "another"})[0] == 409
    assert properties(subject) == kept


def test_each_change_is_recorded_with_the_machine_and_the_request(send, service):
    send("PUT", "service/14G0/extensionproperties", {"a": "1"})
    record = service.history.first()

    assert (record.history_actor, record.history_source) == (SUBJECT, "api")
    assert record.history_change_reason == "GOCDB write API: PUT /gocdbpi/v5/service/14G0/extensionproperties"


def test_post_adds_an_endpoint_with_what_its_service_says(send, service):
    assert send("POST", "service/14G0/Endpoint", [{"name": " new ", "url": "https://x.example.org"}])[0] == 204
    endpoint = service.endpoints.get()

    assert (endpoint.name, endpoint.url) == ("new", "https://x.example.org")
    assert (endpoint.interface_name, endpoint.is_monitored) == ("CE", False)
    assert send("POST", "service/14G0/Endpoint", {"name": "new", "url": "https://y.example.org"})[0] == 409
    assert send("POST", "service/14G0/Endpoint", {"name": "second"})[0] == 400


def test_put_adds_an_endpoint_or_sets_what_it_names(send, service):
    full = {"name": "e", "url": "https://x.example.org", "interfaceName": "I", "description": "d", "monitored": True}
    assert send("PUT", "service/14G0/endpoint", full)[0] == 204
    assert send("PUT", "service/14G0/endpoint", {"name": "e", "description": "other"})[0] == 204
    endpoint = service.endpoints.get()

    assert (endpoint.url, endpoint.interface_name, endpoint.description, endpoint.is_monitored) == (
        "https://x.example.org", "I", "other", True
    )  # fmt: skip


def test_delete_closes_an_endpoint_of_that_service_only(send, service):
    mine, other = an_endpoint(of=service), an_endpoint(of=a_service(of=service.site))

    assert send("DELETE", f"service/14G0/endpoint/{other.pk}")[0] == 404
    assert send("DELETE", "service/14G0/endpoint")[0] == 400
    assert send("DELETE", f"service/14G0/endpoint/{mine.pk}")[0] == 204
    assert send("DELETE", f"service/14G0/endpoint/{mine.key}")[0] == 404
    assert list(Endpoint.objects.current()) == [other]


@pytest.mark.parametrize(
    ("path", "field", "value", "expected"),
    [
        ("service", "Email", "x@example.org", "x@example.org"), ("service", "Production", False, False),
        ("service", "beta", "true", True), ("service", "Notify", 1, True), ("service", "Description", "d", "d"),
        ("service", "Host_DN", "/DC=org/CN=x", "/DC=org/CN=x"), ("service", "host_ip", "192.0.2.1", "192.0.2.1"),
        ("service", "Host_IP_V6", "2001:db8::1", "2001:db8::1"), ("service", "HOST_OS", "Alma", "Alma"),
        ("service", "Host_Arch", "arm64", "arm64"), ("service", "URL", "https://x.example.org", "https://x.example.org"),
        ("endpoint", "Name", "renamed", "renamed"), ("endpoint", "InterfaceName", "I", "I"),
        ("endpoint", "Monitored", True, True), ("endpoint", "email", "x@example.org", "x@example.org"),
    ],
)  # fmt: skip
def test_put_sets_a_field(send, service, path, field, value, expected):
    subject = service if path == "service" else an_endpoint(of=service)
    names = {
        "production": "in_production", "beta": "is_beta", "notify": "notifications", "monitored": "is_monitored",
        "host_ip_v6": "host_ipv6", "host_os": "operating_system", "host_arch": "architecture",
        "interfacename": "interface_name",
    }  # fmt: skip
    assert send("PUT", f"{path}/{subject.pk}/{field}", {"value": value}) == (204, "")
    subject.refresh_from_db()

    assert getattr(subject, names.get(field.lower(), field.lower())) == expected


def test_post_fills_what_is_empty_and_overwrites_nothing(send, service):
    assert send("POST", "service/14G0/description", {"value": "first"})[0] == 204
    assert send("POST", "service/14G0/description", {"value": "second"})[0] == 409
    assert send("POST", "service/14G0/production", {"value": True})[0] == 400
    assert send("DELETE", "service/14G0/description")[0] == 400


@pytest.mark.parametrize(
    ("verb", "path", "body", "status"),
    [
        ("PUT", "service/999/extensionproperties", {"a": "1"}, 404),
        ("PUT", "service/99999999999999999999/extensionproperties", {"a": "1"}, 404),
        ("PUT", "service/nothing/extensionproperties", {"a": "1"}, 404),
        ("PUT", "service/14G0%00/extensionproperties", {"a": "1"}, 404),
        ("PUT", "ngi/14G0/extensionproperties", {"a": "1"}, 404),
        ("PUT", "service/14G0", {"a": "1"}, 404),
        ("PUT", "", {"a": "1"}, 404),
        ("PUT", "service/14G0/colour", {"value": "red"}, 400),
        ("PUT", "site/2G0/description", {"value": "red"}, 400),
        ("PUT", "site/2G0/endpoint", {"name": "a", "url": "https://x"}, 400),
        ("PUT", "service/14G0/url/x", {"value": "red"}, 400),
        ("PUT", "service/14G0/extensionproperties", None, 400),
        ("POST", "service/14G0/extensionproperties", "", 400),
        ("PUT", "service/14G0/extensionproperties", "{", 400),
        ("PUT", "service/14G0/extensionproperties", b"\xff\xfe", 400),
        ("PUT", "service/14G0/extensionproperties", '{"a": NaN}', 400),
        ("PUT", "service/14G0/extensionproperties", '{"a": "\\ud800"}', 400),
        ("PUT", "service/14G0/extensionproperties", "[" * 100_000, 400),
        ("PUT", "service/14G0/extensionproperties", "[]", 400),
        ("PUT", "service/14G0/extensionproperties", "{}", 400),
        ("PUT", "service/14G0/extensionproperties", '"a"', 400),
        ("PUT", "service/14G0/extensionproperties", [{"a": "1"}, {"b": "2"}], 400),
        ("PUT", "service/14G0/extensionproperties", {"a": None}, 400),
        ("PUT", "service/14G0/extensionproperties", {"a": {"b": "c"}}, 400),
        ("PUT", "service/14G0/extensionproperties", {"a": "\x00"}, 400),
        ("PUT", "service/14G0/extensionproperties", {"": "1"}, 400),
        ("PUT", "service/14G0/extensionproperties", {"a=b": "1"}, 400),
        ("PUT", "service/14G0/extensionproperties", {"k": "x" * 5000}, 400),
        ("PUT", "service/14G0/extensionproperties", {str(n): "1" for n in range(300)}, 400),
        ("PUT", "service/14G0/extensionproperties", '{"a": "' + "x" * 1_100_000 + '"}', 400),
        ("PUT", "service/14G0/extensionproperties/a", {"a": "1"}, 400),
        ("PUT", "service/14G0/extensionproperties/a", {"value": "1", "more": "2"}, 400),
        ("PUT", "service/14G0/production", {"value": "perhaps"}, 400),
        ("PUT", "service/14G0/host_ip", {"value": "300.1.1.1"}, 400),
        ("PUT", "service/14G0/url", {"value": "javascript:alert(1)"}, 400),
        ("POST", "service/14G0/endpoint", {"url": "https://x"}, 400),
        ("POST", "service/14G0/endpoint", {"name": "a", "url": "https://x", "colour": "red"}, 400),
        ("POST", "service/14G0/endpoint/1", {"name": "a", "url": "https://x"}, 400),
        ("PATCH", "service/14G0/extensionproperties", {"a": "1"}, 405),
        ("GET", "service/14G0/extensionproperties", None, 405),
    ],
)
def test_it_refuses(send, service, verb, path, body, status):
    kept = properties(service)

    assert send(verb, path, body)[0] == status
    assert properties(service) == kept
    assert not Endpoint.objects.exists()


def test_who_is_nobody_or_somebody_else_changes_nothing(client, send, service):
    other = a_site()
    ApiCredential.objects.create(
        site=other, kind=CredentialKind.X509, identifier="/CN=other", valid_from=ERA, may_write=True
    )
    ApiCredential.objects.create(site=service.site, kind=CredentialKind.X509, identifier="/CN=reads", valid_from=ERA)
    ApiCredential.objects.create(
        site=service.site,
        kind=CredentialKind.X509,
        identifier="/CN=closed",
        valid_from=ERA,
        valid_until=ERA,
        may_write=True,
    )
    path, body = "service/14G0/extensionproperties", {"old": "2"}

    assert send("PUT", path, body, headers={})[0] == 403
    assert send("PUT", path, body, headers={"authorization": "Bearer gk_forged"})[0] == 403
    for name in ("/CN=other", "/CN=reads", "/CN=closed", "/CN=unknown"):
        assert send("POST", path, body, headers=CERTIFICATE | {"x-client-dn": name})[0] == 403, name
    assert send("PUT", path, body, headers=CERTIFICATE | {"x-client-verify": "FAILED:expired"})[0] == 403
    assert properties(service)["old"] == "1"


def test_a_person_changes_what_they_may_by_token(send, service):
    def bearer(user, **more):
        given = {"name": "t", "scopes": ["registry"], "expires_at": None, "now": timezone.now()} | more
        return {"authorization": f"Bearer {create_token(Actor.system(), user=user, **given)[1]}"}

    path = "service/14G0/extensionproperties"
    assert send("PUT", path, {"by": "ann"}, headers=bearer(a_user("ann", site=service.site)))[0] == 204
    assert send("PUT", path, {"by": "bob"}, headers=bearer(a_user("bob", site=a_site())))[0] == 403
    assert (
        send("PUT", path, {"by": "cat"}, headers=bearer(a_user("cat", site=service.site), scopes=["probes"]))[0] == 403
    )
    assert properties(service)["by"] == "ann"
    assert service.history.first().history_actor == "ann"


def test_a_session_needs_the_secret_of_our_own_pages(client, service):
    client.force_login(a_user("ann", site=service.site))
    path = "/gocdbpi/v5/service/14G0/extensionproperties"

    assert client.put(path, '{"by": "ann"}', content_type="application/json").status_code == 204
    strict = type(client)(enforce_csrf_checks=True)
    strict.force_login(a_user("eve", site=service.site))
    assert strict.put(path, '{"by": "eve"}', content_type="application/json").status_code == 403


def test_the_past_cannot_be_changed_and_read_only_refuses(send, service, settings):
    assert send("PUT", "service/14G0/extensionproperties?as_of=1h", {"a": "1"})[0] == 409
    with override_settings(GRIDKEEPER=settings.GRIDKEEPER.model_copy(update={"read_only": True})):
        assert send("PUT", "service/14G0/extensionproperties", {"a": "1"})[0] == 503
    assert "a" not in properties(service)


def test_what_was_closed_is_not_there(send, service):
    closed = an_endpoint(of=service, valid_until=ERA)
    assert send("PUT", f"endpoint/{closed.pk}/extensionproperties", {"a": "1"})[0] == 404
    orphan = an_endpoint(of=service)
    service.valid_until = timezone.now()
    service.save()

    assert send("PUT", f"endpoint/{orphan.pk}/extensionproperties", {"a": "1"})[0] == 404
    assert send("PUT", "service/14G0/extensionproperties", {"a": "1"})[0] == 404
