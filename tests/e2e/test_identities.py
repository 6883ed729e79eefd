"""Signing in as people do: codes of an app, and an identity of an OpenID Connect issuer that is linked."""

import re
from collections.abc import Iterator

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from playwright.sync_api import BrowserContext, Page, expect

from gridkeeper.people.models import User
from gridkeeper.people.read_only import forget
from tests.builders import a_site, a_user
from tests.oidc_issuer import CLIENT, SECRET, SmallIssuer, running_issuer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("browser")]


@pytest.fixture
def issuer(settings, tmp_path) -> Iterator[SmallIssuer]:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    with running_issuer() as running:
        changes = {
            "oidc_issuer": running.url, "oidc_name": "University sign-in", "oidc_client_id": CLIENT,
            "oidc_client_secret_file": secret,
        }  # fmt: skip
        settings.GRIDKEEPER = settings.GRIDKEEPER.model_copy(update=changes)
        yield running


@pytest.fixture(autouse=True)
def _changeable() -> Iterator[None]:
    """The answer that is kept for two seconds does not outlive its test."""
    yield
    forget()


@pytest.fixture
def reader(context: BrowserContext) -> Iterator[Page]:
    """A page that may go to the issuer, which is another host; scripts and the policy still must not complain."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    assert complaints == []


def _sign_in(page: Page, url: str) -> None:
    page.goto(f"{url}/accounts/login/?next=/account/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("alice-password")
    page.get_by_role("button", name="Sign in", exact=True).click()


def _sign_out(page: Page) -> None:
    page.locator("details.account summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def _code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def test_codes_are_switched_on_and_asked_at_the_next_sign_in(page: Page, live_server, transactional_db):
    a_user("alice", site=a_site())
    _sign_in(page, live_server.url)
    page.get_by_role("link", name="Signing in").click()
    page.get_by_role("link", name="Switch on").click()
    page.get_by_role("link", name="Switch on").click()
    page.get_by_label("Password").fill("alice-password")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("img", name="QR code of the secret below")).to_be_visible()
    secret = page.locator("#secret").inner_text()
    page.get_by_label("The code that the app shows now").fill(_code(secret))
    page.get_by_role("button", name="Switch on").click()
    codes = re.findall(r"\d{8}", page.locator("#codes").inner_text())
    assert len(codes) == 10
    _sign_out(page)
    _sign_in(page, live_server.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("One-time code")
    page.get_by_label("Code of your app, or a recovery code").fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).to_have_url(f"{live_server.url}/account/")


def test_an_identity_is_linked_by_confirmation_and_opens_the_account(
    reader: Page, live_server, issuer, transactional_db
):
    a_user("alice", site=a_site())
    page = reader
    _sign_in(page, live_server.url)
    page.get_by_role("link", name="Signing in").click()
    page.get_by_role("link", name="University sign-in").click()
    expect(page.get_by_role("status").first).to_contain_text("Confirm below that it is yours")
    expect(page.get_by_role("main")).to_contain_text("opens nothing yet")
    page.get_by_role("button", name="It is mine").click()
    expect(page.get_by_role("main")).to_contain_text("opens your account from now on")
    _sign_out(page)
    page.goto(f"{live_server.url}/accounts/login/?next=/account/identities/")
    page.get_by_role("link", name="University sign-in").click()
    expect(page).to_have_url(f"{live_server.url}/account/identities/")
    expect(page.locator(".account-name")).to_have_text("alice")


def test_a_stranger_is_asked_whether_they_are_new(reader: Page, live_server, issuer, transactional_db):
    page = reader
    page.goto(f"{live_server.url}/accounts/login/")
    page.get_by_role("link", name="University sign-in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nobody here knows you by that yet")
    page.get_by_role("button", name="Make an account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Alice Rossi")


@pytest.mark.parametrize("width", [390, 1400])
def test_no_page_of_an_account_is_wider_than_the_screen(page: Page, live_server, transactional_db, width):
    alice = a_user("alice", site=a_site(name="A-SITE-WITH-A-RATHER-LONG-NAME-TO-FIT"))
    alice.identities.create(
        kind="X.509",
        identifier="/DC=org/DC=example/O=A very long organisation/CN=" + "Alice " * 30,
        added_at=alice.date_joined,
    )
    page.set_viewport_size({"width": width, "height": 844})
    _sign_in(page, live_server.url)
    wide = {}
    for path in ("account/", "account/identities/", "account/tokens/", "account/sessions/", "account/delete/",
                 "accounts/2fa/", f"people/{alice.key}/"):  # fmt: skip
        page.goto(f"{live_server.url}/{path}")
        wide[path] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert {path: extra for path, extra in wide.items() if extra > 0} == {}


def test_read_only_mode_is_said_on_every_page_and_locks_its_forms(page: Page, live_server, transactional_db):
    User.objects.create_superuser("alice", password="alice-password")
    _sign_in(page, live_server.url)
    page.get_by_role("link", name="Read-only mode").click()
    page.get_by_label("Reason").fill("moving to another machine")
    page.get_by_role("button", name="Make it read-only").click()
    page.goto(f"{live_server.url}/account/")
    expect(page.locator("[data-read-only]")).to_contain_text("moving to another machine")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.goto(f"{live_server.url}/read-only/")
    page.get_by_label("Reason").fill("done")
    page.get_by_role("button", name="Open to changes").click()
    expect(page.locator("[data-read-only]")).to_have_count(0)
