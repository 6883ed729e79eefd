"""The page of mirrors: shown to administrators, decides differences, shows hostile text as text."""

import pytest

from gridkeeper.people.models import User
from gridkeeper.registry.models import MirrorConflict, MirrorSource, Site
from tests.builders import NOW, a_site, a_user

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def conflict():
    site = a_site(name="ALPHA", official_name="Ours")
    source = MirrorSource.objects.create(
        url="https://goc.example.org/gocdbpi", federation="EGI", first_at=NOW, tried_at=NOW, succeeded_at=NOW
    )
    return MirrorConflict.objects.create(
        source=source, kind="site", object_key=site.key, object_name="ALPHA", field="official_name", here="Ours",
        there=HOSTILE, edited_by="bob", edited_at=NOW, found_at=NOW,
    )  # fmt: skip


@pytest.fixture
def operator(client):
    user = User.objects.create_superuser("root", password="root-password")
    client.force_login(user)
    return client


def test_visitors_are_sent_to_sign_in_and_people_without_the_right_are_refused(client, conflict):
    assert client.get("/registry/mirror/").status_code == 302
    client.force_login(a_user("eve"))
    assert client.get("/registry/mirror/").status_code == 403
    assert client.post(f"/registry/mirror/{conflict.pk}/decide/", {"whose": "theirs"}).status_code == 403
    assert Site.objects.get().official_name == "Ours"


def test_it_shows_field_here_there_and_who_edited_it(operator, conflict):
    text = operator.get("/registry/mirror/").content.decode()
    for word in ("ALPHA", "official name", "Ours", "bob", "Keep ours", "Take theirs", "&lt;script&gt;alert(1)"):
        assert word in text
    assert HOSTILE not in text


def test_it_says_why_the_last_run_changed_nothing(operator, conflict):
    MirrorSource.objects.update(problem="get_site: answered 503 Service Unavailable")
    assert "answered 503" in operator.get("/registry/mirror/").content.decode()


def test_without_a_mirror_it_says_how_to_begin(operator):
    assert "gridkeeper mirror gocdb URL" in operator.get("/registry/mirror/").content.decode()


def test_theirs_is_taken(operator, conflict):
    answer = operator.post(f"/registry/mirror/{conflict.pk}/decide/", {"whose": "theirs"}, follow=True)
    assert "is theirs now" in answer.content.decode()
    site = Site.objects.get()
    assert site.official_name == HOSTILE
    record = site.history.first()
    assert (record.history_user.username, record.history_source) == ("root", "import")


def test_ours_is_kept(operator, conflict):
    operator.post(f"/registry/mirror/{conflict.pk}/decide/", {"whose": "ours"})
    conflict.refresh_from_db()
    assert (conflict.state, conflict.decided_by) == ("ours", "root")


@pytest.mark.parametrize("whose", ["", "mine", HOSTILE])
def test_other_words_decide_nothing(operator, conflict, whose):
    answer = operator.post(f"/registry/mirror/{conflict.pk}/decide/", {"whose": whose}, follow=True)
    assert "Say whose word counts" in answer.content.decode()
    conflict.refresh_from_db()
    assert conflict.state == "open"


def test_what_theirs_would_break_is_said(operator, conflict):
    a_site(name="TAKEN")
    MirrorConflict.objects.update(field="name", here="ALPHA", there="TAKEN")
    answer = operator.post(f"/registry/mirror/{conflict.pk}/decide/", {"whose": "theirs"}, follow=True)
    assert "A site of that name exists." in answer.content.decode()
    assert Site.objects.filter(name="ALPHA").exists()
