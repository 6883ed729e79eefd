"""Pictures of the main pages, light and dark, wide and narrow, into docs/screenshots/. Needs Chromium.

python tools/screenshots.py                            of a demo that it starts, lets settle and ends
python tools/screenshots.py --url http://127.0.0.1:8000     of a portal that runs
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parents[1] / "docs" / "screenshots"
SIZES = {1400: 900, 390: 844}
THEMES = ("light", "dark")
#: Further pages, in light alone: what the main ones show of colours is true of them, too.
FURTHER = {"matrix-past": "/matrix/?as_of=12h", "sam": "/matrix/sam/", "engine": "/tests/engine/"}
#: The whole folder stays small enough for the repository.
MOST_BYTES = 4_000_000
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="address of a running portal; without it a demo is started")
    parser.add_argument("--folder", type=Path, default=FOLDER, help=f"default {FOLDER}")
    parser.add_argument("--settle", type=int, default=180, help="seconds that the demo runs before the pictures")
    choice = parser.parse_args()
    choice.folder.mkdir(parents=True, exist_ok=True)
    if choice.url:
        taken = take(choice.url.rstrip("/"), choice.folder)
    else:
        with demo(choice.settle) as url:
            taken = take(url, choice.folder)
    total = sum(path.stat().st_size for path in taken)
    print(f"{len(taken)} pictures, {total / 1e6:.1f} MB, in {choice.folder}")
    if total > MOST_BYTES:
        print(f"that is more than {MOST_BYTES / 1e6:.0f} MB; take them at a smaller size", file=sys.stderr)
        return 1
    return 0


def take(url: str, folder: Path) -> list[Path]:
    """Every page in every theme and width. Raises RuntimeError where a page does not answer."""
    taken = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=_FLAGS
        )
        pages = addresses(browser, url)
        for theme in THEMES:
            for width, height in SIZES.items():
                context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)
                page = context.new_page()
                for name, path in (pages | FURTHER if theme == "light" else pages).items():
                    target = folder / f"{name}-{theme}-{width}.png"
                    _shoot(page, url + path, target)
                    taken.append(target)
                context.close()
        browser.close()
    return taken


def addresses(browser: Browser, url: str) -> dict[str, str]:
    """The main pages; log and site are those of what broke last, as home lists it."""
    page = browser.new_page()
    page.goto(url)
    result = page.locator("main a[href^='/results/']").first
    site = page.locator("main a[href^='/sites/']").first
    pages = {"home": "/", "matrix": "/matrix/"}
    if result.count() and site.count():
        pages["result"] = result.get_attribute("href") or ""
        pages["site"] = site.get_attribute("href") or ""
    else:
        print("nothing is broken: no picture of a log and of a site", file=sys.stderr)
    page.close()
    return pages | {"availability": "/availability/", "good-sites": "/good-sites/"}


def _shoot(page: Page, address: str, target: Path) -> None:
    answer = page.goto(address, wait_until="networkidle")
    if answer is None or not answer.ok:
        raise RuntimeError(f"{address} answers {answer.status if answer else 'nothing'}")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(400)  # charts finish drawing
    page.screenshot(path=target)


@contextmanager
def demo(settle_s: int) -> Iterator[str]:
    """A demo of its own on a free port, ended with Ctrl-C's signal."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = str(Path(sys.executable).with_name("gridkeeper"))
    with tempfile.TemporaryDirectory(prefix="gridkeeper-pictures-") as folder:
        process = subprocess.Popen([command, "demo", "--port", str(port), "--data", f"{folder}/data"])
        try:
            _wait_for(f"{url}/readyz", process)
            print(f"the demo answers; {settle_s} s for results and history")
            time.sleep(settle_s)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(240):
        if process.poll() is not None:
            raise RuntimeError(f"the demo ended with status {process.returncode}")
        try:
            if httpx.get(address).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise RuntimeError(f"{address} did not answer within two minutes")


if __name__ == "__main__":
    sys.exit(main())
