"""A real browser over the built site, with every request watched and the network refused."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests.gate import find_browser

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


def site_pages() -> list[str]:
    """List the pages of the table of contents, as addresses within the site."""
    from bookkeeping.execute import pages

    return [f"{page}.html" for page in pages(ROOT)]


@dataclass
class Visit:
    """One page opened, with what it asked for and what it complained about."""

    page: Page
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.fail("no browser: install Chromium, or set CHROMIUM=/path/to/chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            del format, args

    handler = functools.partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture
def visit(browser: Browser):
    """Return a function that opens an address and watches it."""
    contexts = []

    def open_page(address: str, *, scheme: str = "light", width: int = 1100) -> Visit:
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce"
        )
        contexts.append(context)
        seen = Visit(context.new_page())
        home = address.split("/", 3)[:3]

        def watch(route: Route) -> None:
            url = route.request.url
            own = url.startswith(("data:", "blob:", "file:", "/".join(home)))
            if own:
                route.continue_()
            else:
                seen.outside.append(url)
                route.abort()

        seen.page.route("**/*", watch)
        seen.page.on("console", lambda m: seen.errors.append(m.text) if m.type == "error" else None)
        seen.page.on("pageerror", lambda e: seen.errors.append(str(e)))
        seen.page.on("requestfailed", lambda r: seen.errors.append(f"failed: {r.url}"))
        seen.page.goto(address, wait_until="load")
        seen.page.wait_for_timeout(300)
        return seen

    yield open_page
    for context in contexts:
        context.close()
