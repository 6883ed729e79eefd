"""The pages and the API of subscriptions."""

import pytest

from gridkeeper.subscriptions.models import Delivery, Subscription
from tests.builders import a_service, a_site, a_user
from tests.subscriptions.test_notices import declared, subscribed

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(client):
    user = a_user("alice")
    user.email = "alice@example.org"
    user.save()
    client.force_login(user)
    return user


def test_subscribe_see_change_pause_test_and_end_by_page(client, alice):
    site = a_site()
    assert b"told of nothing yet" in client.get("/subscriptions/").content
    assert (
        f'value="site:{site.key}" selected'.encode() in client.get(f"/subscriptions/new/?about=site:{site.key}").content
    )
    form = {"about": f"site:{site.key}", "kinds": ["downtime.declared"], "channel": "mail", "target": ""}
    answer = client.post("/subscriptions/new/", form)
    subscription = Subscription.objects.get()
    assert answer.url == f"/subscriptions/{subscription.key}/"
    page = client.get(answer.url).content.decode()
    assert f"Site {site.name}" in page
    client.post(answer.url, {"kinds": ["downtime.begun", "downtime.ended"]})
    subscription.refresh_from_db()
    assert subscription.kinds == ["downtime.begun", "downtime.ended"]
    for verb in ("pause", "resume", "test"):
        assert client.post(f"{answer.url}{verb}/").status_code == 302
    assert Delivery.objects.get().notice.kind == "test"
    assert b"This is a test" in client.get("/subscriptions/log/").content
    assert client.post(f"{answer.url}end/").url == "/subscriptions/"
    assert not Subscription.objects.exists()
    assert client.post(f"{answer.url}dance/").status_code == 404


def test_errors_stand_beside_their_field_and_lose_nothing(client, alice):
    form = {"about": "", "kinds": ["downtime.soon"], "channel": "webhook", "target": "ftp://x"}
    answer = client.post("/subscriptions/new/", form)
    assert answer.status_code == 422
    assert b"ftp://x" in answer.content
    assert b"https://" in answer.content


def test_strangers_are_sent_to_sign_in_and_others_see_nothing(client, alice):
    subscription = subscribed(alice)
    client.force_login(a_user("bob"))
    assert client.get(f"/subscriptions/{subscription.key}/").status_code == 404
    assert client.post(f"/subscriptions/{subscription.key}/end/").status_code == 404
    client.logout()
    assert client.get("/subscriptions/").status_code == 302
    assert client.get("/api/v1/subscriptions").status_code == 401


def test_the_api_subscribes_lists_and_ends(client, alice):
    from gridkeeper.people.actor import Actor
    from gridkeeper.people.tokens import create_token
    from tests.builders import NOW

    _, secret = create_token(Actor(user=alice), user=alice, name="t", scopes=["*"], expires_at=None, now=NOW)
    headers = {"Authorization": f"Bearer {secret}"}
    body = {"about": "", "kinds": ["downtime"], "channel": "webhook", "target": "https://hooks.example.org/x"}
    made = client.post("/api/v1/subscriptions", body, "application/json", headers=headers)
    assert made.status_code == 201
    assert made.json()["secret"]
    declared(a_service())
    listed = client.get("/api/v1/deliveries", headers=headers).json()
    assert [item["event"] for item in listed["items"]] == ["downtime.declared"]
    assert client.get("/api/v1/subscriptions", headers=headers).json()["count"] == 1
    assert client.delete(f"/api/v1/subscriptions/{made.json()['key']}", headers=headers).status_code == 204
    bad = client.post("/api/v1/subscriptions", body | {"kinds": ["x"]}, "application/json", headers=headers)
    assert bad.status_code == 422
