"""The catalogue in a browser: a draft is tried and edited; every page of it fits a phone."""

import pytest
from playwright.sync_api import Page, expect

from gridkeeper.people.actor import Actor
from gridkeeper.people.models import User
from gridkeeper.probes.catalogue_actions import create_test, edit_test
from gridkeeper.probes.credential_actions import Entered, add_credential
from gridkeeper.probes.models import Credential, Test, Trial
from gridkeeper.probes.packs import packs
from tests.builders import NOW, a_service, a_test, a_vo, in_profile

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]
SYSTEM = Actor.system("cli")
PATHS = (
    "", "new/", "CE-port/", "CE-port/edit/", "CE-port/versions/", "profiles/", "profiles/lhcb/", "packs/",
    f"packs/{min(packs())}/", "import/", "credentials/", "credentials/new/", "credentials/{credential}/",
)  # fmt: skip


@pytest.fixture
def signed_in(page: Page, live_server, client) -> Page:
    """A superuser's page of a small installation."""
    client.force_login(User.objects.create_superuser("admin", password="admin"))
    cookie = client.cookies["sessionid"]
    page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": live_server.url}])
    service = a_service(hostname="ce1.example.org", host_ip="192.0.2.1")
    content = {
        "abbreviation": "port", "title": "Gatekeeper answers", "kind": "native", "command": "tcp",
        "arguments": {"port": 2811}, "meaning": "The gatekeeper's port accepts connections.",
        "procedure": "1. Is the daemon running?\n2. Ask the site.", "contact": "The operations team",
    }  # fmt: skip
    test = create_test(SYSTEM, name="CE-port", content=content, reason="new", now=NOW)
    changes = {"interval_s": 300, "procedure": "1. Is the daemon running?\n2. Look at its log.\n3. Ask the site."}
    edit_test(SYSTEM, test=test, changes=changes, reason="the log says more", now=NOW)
    vo = a_vo("lhcb", supported_by=[service])
    in_profile(vo, test)
    in_profile(vo, a_test("CE-js", title="Job submission", kind="job"), critical=False)
    add_credential(
        SYSTEM, name="robot of lhcb", vo=vo, kind="client", reason="needed", now=NOW, entered=Entered("hidden"),
        options={"token_endpoint": "https://iam.example.org/token", "client_id": "gridkeeper"},
    )  # fmt: skip
    return page


def test_a_draft_is_tried_and_what_it_said_comes_by_itself(signed_in, live_server):
    page = signed_in
    page.goto(f"{live_server.url}/tests/CE-port/edit/")
    page.get_by_label("Arguments").fill('{"port": 22}')
    page.get_by_label("On the service").fill("ce1.example.org")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("heading", name="Trial on CE ce1.example.org")).to_be_visible()
    expect(page.get_by_label("Arguments")).to_have_value('{\n "port": 22\n}')
    outcome = {"metric": "CE-port", "status": "CRITICAL", "summary": "connection refused", "duration_ms": 3}
    Trial.objects.update(taken_at=NOW, done_at=NOW, outcomes=[outcome])
    expect(page.get_by_text("connection refused")).to_be_visible()
    page.get_by_label("Reason").fill("the other port")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("CE-port is version 3 now.")).to_be_visible()
    assert Test.objects.get(name="CE-port").arguments == {"port": 22}


@pytest.mark.parametrize("width", [1400, 390])
def test_no_page_of_the_catalogue_is_wider_than_its_screen(signed_in, live_server, width):
    signed_in.set_viewport_size({"width": width, "height": 900})
    credential = Credential.objects.get().pk
    for path in (path.replace("{credential}", str(credential)) for path in PATHS):
        signed_in.goto(f"{live_server.url}/tests/{path}")
        assert signed_in.evaluate("document.documentElement.scrollWidth") <= width, path
