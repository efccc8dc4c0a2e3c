"""Every page, in a real browser: offline, without errors, accessible, usable when small."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.site.conftest import SITE, site_pages

pytestmark = [pytest.mark.site, pytest.mark.browser]
PAGES = site_pages()

# What the theme itself does, page after page, and we do not mend: rule -> part of the markup.
THEME_FINDINGS = {
    "region": ("sidebar", "skip-link", "search"),
    "label-content-name-mismatch": ("search-button",),
}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_quiet_and_accessible(visit, server, name, scheme):
    seen = visit(f"{server}/{name}", scheme=scheme)
    assert seen.outside == []
    assert seen.errors == []
    assert seen.page.evaluate("document.documentElement.dataset.theme") == scheme
    violations = Axe().run(seen.page).response["violations"]
    ours = [
        (v["id"], node["html"][:200], node["failureSummary"][:300])
        for v in violations
        for node in v["nodes"]
        if not any(part in node["html"] for part in THEME_FINDINGS.get(v["id"], ()))
    ]
    assert ours == []


@pytest.mark.parametrize("name", PAGES)
def test_page_works_from_a_file(visit, name):
    seen = visit((SITE / name).as_uri())
    assert seen.outside == []
    assert seen.errors == []
    assert seen.page.locator("article h1").count() == 1


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_a_small_screen(visit, server, name):
    seen = visit(f"{server}/{name}", width=360)
    overflow = seen.page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0


@pytest.mark.parametrize("name", PAGES)
def test_page_can_be_reached_by_keyboard(visit, server, name):
    seen = visit(f"{server}/{name}")
    seen.page.keyboard.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "Skip to main content"
    reached = set()
    for _ in range(60):
        seen.page.keyboard.press("Tab")
        reached.add(seen.page.evaluate("document.activeElement.outerHTML.slice(0, 200)"))
    assert len(reached) > 5


def test_figures_tell_their_finding():
    texts = []
    for name in PAGES:
        markup = (SITE / name).read_text()
        article = markup.split("<article", 1)[-1].split("</article", 1)[0]
        texts += re.findall(r'<img[^>]*?alt="([^"]*)"', article)
        assert not re.search(r"<img(?![^>]*alt=)", article), f"{name}: an image without alt text"
    assert all(len(text) >= 40 for text in texts), texts
    assert len(set(texts)) == len(texts), "two figures tell the same"
    assert all(re.search(r"\d", text) for text in texts), "a figure's text holds no result"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_light(name):
    assert (SITE / name).stat().st_size <= 1.5e6


def test_site_names_no_foreign_script():
    for name in PAGES:
        markup = (SITE / name).read_text()
        loaded = r'<(?:script|link|img|iframe)[^>]*(?:src|href)="(https?:[^"]*)"'
        sources = re.findall(loaded, markup)
        assert sources == [], name
