"""The page of mirrors in a browser: readable at both widths, and a decision by a click."""

import os

import pytest
from django.test import Client
from playwright.sync_api import Page, expect

from gridkeeper.people.models import User
from gridkeeper.registry.models import MirrorConflict, MirrorSource, Site
from tests.builders import NOW, a_site

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]

FIELDS = {
    "official_name": ("University of Alpha, Department of Physics", "University of Alpha"),
    "contact_email": ("grid@alpha.example.org", "old@alpha.example.org"),
    "scopes": (["EGI", "wlcg"], ["EGI"]),
    "existence": ("open", "gone"),
}


@pytest.fixture
def site(transactional_db) -> Site:
    site = a_site(name="ALPHA", official_name=FIELDS["official_name"][0])
    source = MirrorSource.objects.create(
        url="https://goc.example.org/gocdbpi", federation="EGI", first_at=NOW, tried_at=NOW, succeeded_at=NOW,
        problem="https://goc.example.org/gocdbpi/private/?method=get_site: answered 503 Service Unavailable; "
        "nothing was changed",
    )  # fmt: skip
    for name, (here, there) in FIELDS.items():
        MirrorConflict.objects.create(
            source=source, kind="site", object_key=site.key, object_name="ALPHA", field=name, here=here, there=there,
            edited_by="bob", edited_at=NOW, found_at=NOW,
        )  # fmt: skip
    return site


def sign_in(page: Page, url: str) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="root-password"))
    value = client.cookies["sessionid"].value
    page.context.add_cookies([{"name": "sessionid", "value": value, "url": url}])


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_differences_are_readable_and_decided_by_a_click(page: Page, live_server, site, width, scheme):
    sign_in(page, live_server.url)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{live_server.url}/registry/mirror/")
    expect(page.get_by_role("main")).to_contain_text("answered 503")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/mirror-{width}-{scheme}.png", full_page=True)
    row = page.locator("tr", has_text="official name")
    row.get_by_role("button", name="Take theirs").click()
    expect(page.get_by_role("main")).not_to_contain_text("Department of Physics")
    assert Site.objects.get(pk=site.pk).official_name == "University of Alpha"
    page.locator("tr", has_text="contact email").get_by_role("button", name="Keep ours").click()
    expect(page.get_by_role("main")).to_contain_text("Ours, by root")
