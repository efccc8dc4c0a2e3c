"""The claims ledger as a reader uses it: filters by keyboard, links that arrive, small screens."""

from __future__ import annotations

import re

import pytest
from bs4 import BeautifulSoup

from tests.site.conftest import SITE, site_pages

pytestmark = [pytest.mark.site, pytest.mark.browser]
PAGE = SITE / "book/claims.html"


def shown(page):
    return page.locator(".ledger tbody tr:visible").count()


def test_filters_work_from_a_file_and_by_keyboard(visit):
    page = visit(PAGE.as_uri()).page
    everything = shown(page)
    assert everything == page.locator(".ledger tbody tr").count()
    page.locator("select[name=verdict]").focus()
    page.keyboard.type("not test")
    page.keyboard.press("Enter")
    page.locator("select[name=source]").select_option("S0")
    left = shown(page)
    assert 0 < left < everything
    rows = page.locator(".ledger tbody tr:visible")
    for row in rows.all():
        assert row.get_attribute("data-verdict") == "not testable"
        assert "S0" in row.get_attribute("data-source").split("|")
    status = page.locator(".ledger [role=status]")
    assert status.inner_text() == f"{left} of {everything} claims"
    page.get_by_role("button", name="Show all").press("Enter")
    page.wait_for_function(
        "n => document.querySelectorAll('.ledger tbody tr:not([hidden])').length == n",
        arg=everything,
    )


def test_cards_on_a_small_screen_stay_a_table_for_readers_of_the_screen(visit, server):
    page = visit(f"{server}/book/claims.html", width=360).page
    assert page.get_by_role("row").count() > 100
    first = page.locator(".ledger tbody tr").first
    assert first.bounding_box()["width"] <= 360


def test_every_link_of_a_verdict_arrives():
    parsed = {
        name: BeautifulSoup((SITE / name).read_text("utf-8"), "html.parser")
        for name in site_pages()
    }
    ids = {name: {tag["id"] for tag in soup.select("[id]")} for name, soup in parsed.items()}
    for name, soup in parsed.items():
        for link in soup.select(".verdicts a[href], .ledger a[href], .board a[href]"):
            address = str(link["href"])
            if "#" not in address or address.startswith("http"):
                continue
            target, _, anchor = address.partition("#")
            target = re.sub(r"^(\.\./)+", "", target) or name
            assert anchor in ids[target], f"{name}: {address} leads nowhere"


def test_downloads_lie_beside_the_page():
    soup = BeautifulSoup(PAGE.read_text("utf-8"), "html.parser")
    for link in soup.select("a[download]"):
        assert (PAGE.parent / str(link["href"])).stat().st_size > 1000
