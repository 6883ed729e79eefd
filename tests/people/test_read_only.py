import pytest
import rules
from django.core.exceptions import ValidationError

from gridkeeper.people import read_only as mode
from gridkeeper.people.actor import Actor
from gridkeeper.people.models import ReadOnlyChange, User
from gridkeeper.people.permission import NotPermittedError, ReadOnlyError, is_permitted, require
from gridkeeper.people.read_only_switch import switch_read_only
from gridkeeper.people.tokens import create_token
from tests.builders import NOW, a_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _read_anew():
    """What a test switches ends with it; the answer that is kept for two seconds must, too."""
    for name in ("change_it", "read_it"):
        rules.add_perm(f"people.{name}", rules.always_true)
    mode.forget()
    yield
    mode.forget()
    for name in ("change_it", "read_it"):
        rules.remove_perm(f"people.{name}")


def _on(reason="moving to another machine"):
    return switch_read_only(Actor.system("cli"), is_on=True, reason=reason, now=NOW)


def test_nobody_changes_anything_and_reading_stays_open():
    alice = Actor(user=a_user("alice"))
    require(alice, "people.change_it")
    _on()
    with pytest.raises(ReadOnlyError, match="read-only for now: moving to another machine"):
        require(alice, "people.change_it")
    require(alice, "people.read_it")
    assert is_permitted(Actor.system("cli"), "people.change_it")
    with pytest.raises(ReadOnlyError):
        create_token(alice, user=alice.user, name="x", scopes=["*"], expires_at=None, now=NOW)


def test_the_setting_alone_does_it_too(settings):
    settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update={"read_only": True})
    with pytest.raises(ReadOnlyError, match="GRIDKEEPER_READ_ONLY"):
        require(Actor(user=a_user("alice")), "people.change_it")


def test_superusers_switch_also_back_and_each_switch_is_kept():
    admin = Actor(user=User.objects.create_superuser("admin"))
    switch_read_only(admin, is_on=True, reason="works", now=NOW)
    with pytest.raises(ValidationError, match="read-only already"):
        switch_read_only(admin, is_on=True, reason="works", now=NOW)
    switch_read_only(admin, is_on=False, reason="done", now=NOW)
    with pytest.raises(ValidationError, match="open to changes already"):
        switch_read_only(admin, is_on=False, reason="done", now=NOW)
    log = ReadOnlyChange.objects.order_by("pk")
    assert [(change.is_on, change.changed_by, change.reason) for change in log] == [
        (True, "admin", "works"), (False, "admin", "done"),
    ]  # fmt: skip
    require(admin, "people.change_it")


def test_others_do_not_switch_and_a_reason_is_wanted():
    with pytest.raises(NotPermittedError):
        switch_read_only(Actor(user=a_user("alice")), is_on=True, reason="fun", now=NOW)
    with pytest.raises(ValidationError, match="say why"):
        _on(reason=" ")


def test_permission_checks_ask_the_database_once_in_a_while(django_assert_num_queries):
    alice = Actor(user=a_user("alice"))
    mode.forget()
    with django_assert_num_queries(1):
        for _ in range(50):
            is_permitted(alice, "people.change_it")


def test_pages_have_a_banner_and_refuse_what_is_sent(client):
    alice = a_user("alice")
    client.force_login(alice)
    assert "Read-only for now" not in client.get("/account/").content.decode()
    _on(reason="<b>hostile</b>")
    page = client.get("/account/").content.decode()
    assert "Read-only for now" in page
    assert "&lt;b&gt;hostile" in page
    answer = client.post("/account/", {"title": "Dr"})
    assert answer.status_code == 503
    assert "Nothing was changed" in answer.content.decode()
    alice.refresh_from_db()
    assert alice.title == ""
    assert client.post("/accounts/logout/").status_code == 302


def test_the_api_says_so_with_503(client):
    client.force_login(a_user("alice"))
    _on()
    body = {"name": "x", "scopes": ["*"]}
    answer = client.post("/api/v1/tokens", body, content_type="application/json")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "moving to another machine"
    assert answer["Retry-After"]
    assert client.get("/api/v1/tokens").status_code == 200


def test_a_superuser_ends_it_by_its_page(client):
    client.force_login(User.objects.create_superuser("admin"))
    _on()
    assert "Open to changes" in client.get("/read-only/").content.decode()
    assert client.post("/read-only/", {"reason": "done"}).status_code == 302
    assert mode.read_only() is None
    client.force_login(a_user("alice"))
    assert client.get("/read-only/").status_code == 403
