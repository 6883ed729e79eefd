import pytest

from gridkeeper.registry.models import Service
from gridkeeper.vos.models import Vo
from tests.builders import a_service, a_site, a_user, a_vo, an_ngi

pytestmark = pytest.mark.django_db
HOSTILE = '"><script>alert(1)</script>'
CAST = ("alice", "bob", "carol", "dave", "anonymous")


@pytest.fixture
def service() -> Service:
    site = a_site(ngi=an_ngi(name="Italy"), name="ROMA1")
    a_user("alice", site=site)
    a_user("bob", ngi=site.ngi)
    service = a_service(of=site)
    a_user("carol", vo=a_vo("lhcb", supported_by=[service]))
    a_user("dave")
    return service


@pytest.fixture
def as_(client):
    def sign_in(name: str):
        client.logout()
        if name != "anonymous":
            assert client.login(username=name, password=f"{name}-password")
        return client

    return sign_in


@pytest.mark.parametrize("who", CAST)
def test_everybody_may_read_and_people_are_for_people_who_are_signed_in(as_, service, who):
    client = as_(who)
    assert "lhcb" in client.get("/vos/").content.decode()
    text = client.get("/vos/lhcb/").content.decode()
    assert "ROMA1" in text
    assert ("<li>carol" in text) == (who != "anonymous")
    assert ("/vos/lhcb/edit/" in text) == (who == "carol")
    support = f"/vos/services/{service.key}/support/"
    assert (support in client.get(f"/sites/{service.site.key}/services/").content.decode()) == (who in {"alice", "bob"})


@pytest.mark.parametrize(
    ("path", "allowed"), [("lhcb/edit/", {"carol"}), ("services/{key}/support/", {"alice", "bob"})]
)
@pytest.mark.parametrize("who", CAST)
def test_a_changing_page_is_for_those_with_the_role(as_, service, path, allowed, who):
    address = f"/vos/{path.format(key=service.key)}"
    client = as_(who)
    expected = 200 if who in allowed else 302 if who == "anonymous" else 403
    assert client.get(address).status_code == expected
    sent = client.post(address, {"long_name": "changed", "reason": "because", "seen": 0})
    assert sent.status_code == expected or who in allowed
    assert Vo.objects.get(name="lhcb").long_name == ""  # `seen` was out of date even for carol


def test_carol_edits_her_vo(as_, service):
    client = as_("carol")
    seen = client.get("/vos/lhcb/edit/").context["form"].initial["seen"]
    inputs = {"long_name": HOSTILE, "home_url": "javascript:alert(1)", "reason": "full name", "seen": seen}
    assert client.post("/vos/lhcb/edit/", inputs).status_code == 302
    text = client.get("/vos/lhcb/").content.decode()
    assert HOSTILE not in text
    assert 'href="javascript' not in text
    assert "full name" in text


def test_alice_sets_what_her_service_supports(as_, service):
    atlas = a_vo("atlas")
    client = as_("alice")
    address = f"/vos/services/{service.key}/support/"
    assert "checked" in client.get(address).content.decode()
    assert client.post(address, {"vos": [atlas.pk], "reason": ""}).status_code == 422
    response = client.post(address, {"vos": [atlas.pk], "reason": "pledge"})
    assert response.status_code == 302
    assert [row.vo.name for row in service.vo_support.current()] == ["atlas"]


@pytest.mark.parametrize("path", ["nobody/", "nobody/edit/", "services/none/support/"])
def test_what_is_not_there_is_404(as_, service, path):
    assert as_("carol").get(f"/vos/{path}").status_code == 404


@pytest.mark.parametrize("count", [2, 40])
def test_a_vo_asks_as_few_queries_with_many_services(client, django_assert_max_num_queries, count):
    a_vo("lhcb", supported_by=[a_service() for _ in range(count)])
    with django_assert_max_num_queries(8):
        client.get("/vos/lhcb/")
