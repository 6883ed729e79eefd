"""A headless Chromium for the browser tests, and pages that complain of whatever a reader's browser complains of."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.services import require_service

_CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
#: Alone with our server: no sandbox inside a container, nothing of its own to fetch.
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
#: Tells the page's console of each thing that the content security policy has refused.
_REPORT_CSP = """addEventListener("securitypolicyviolation", (event) =>
    console.error(`CSP ${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));"""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with this folder: the driver's event loop would be in the way of asynchronous tests."""
    require_service(_CHROMIUM.exists(), f"Chromium ({_CHROMIUM}; CHROMIUM names another)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(_CHROMIUM), args=_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A reader of their own: no cookies, wide screen, a zone that is not UTC."""
    reader = browser.new_context(
        viewport={"width": 1400, "height": 900}, timezone_id="Europe/Prague", color_scheme="light"
    )
    reader.set_default_timeout(15_000)
    yield reader
    reader.close()


def _is_complaint(kind: str, text: str) -> bool:
    """A form that is to be corrected answers 422, which browsers note as a failure to load."""
    return kind in ("error", "warning") and "status of 422" not in text


@pytest.fixture
def page(context: BrowserContext, live_server) -> Iterator[Page]:
    """A page whose test fails on console errors, refused content, failed loads and requests to anybody else."""
    page = context.new_page()
    page.add_init_script(_REPORT_CSP)
    complaints: list[str] = []
    ours = urlsplit(live_server.url).netloc
    page.on("console", lambda line: complaints.append(line.text) if _is_complaint(line.type, line.text) else None)
    page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
    page.on(
        "request",
        lambda request: (
            None
            if urlsplit(request.url).netloc == ours or request.url.startswith("data:")
            else complaints.append(f"third party: {request.url}")
        ),
    )
    page.on(
        "response",
        lambda answer: (
            complaints.append(f"{answer.status} {answer.url}") if answer.status > 399 and answer.status != 422 else None
        ),
    )
    yield page
    page.close()
    assert complaints == []
