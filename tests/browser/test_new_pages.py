"""The pages of outages, hand-over, channels, policies, numbers and accounts on a phone, and the menu."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.board import DESK, axe_violations, board_stack, overflows, serving, signed_in

PAGES = {
    "/quiet": ("Stille nå", "Quiet now"),
    "/handover": ("Vaktskifte · Alle soner", "Hand-over · All wards"),
    "/channels": ("Kanaler", "Channels"),
    "/policies": ("Hvem som ringes", "Who is rung"),
    "/reports": ("Tall", "Numbers"),
    "/accounts": ("Kontoer", "Accounts"),
}
LOW = """() => [...document.querySelectorAll('main :is(button, select, summary, .act, .chip, .tap-link)')]
    .filter((e) => e.offsetHeight > 0 && e.offsetHeight < 44).map((e) => e.outerHTML.slice(0, 100))"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One service for this file, with a P1 that nobody has taken."""
    with board_stack(tmp_path_factory.mktemp("pages")) as stack:
        stack.person("ola", "s1", roles=("carer", "operator"))
        stack.press()
        with serving(stack) as address:
            yield address


def wrong_with(page: Page, base: str, lang: str) -> dict[str, object]:
    """What a reader would complain about, per page."""
    found: dict[str, object] = {}
    page.goto(f"{base}/?lang={lang}")
    for path, names in PAGES.items():
        page.goto(base + path)
        name = names[lang == "en"]
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        assert name.partition(" · ")[0] in page.title()
        complaints = (axe_violations(page), page.evaluate(LOW), max(overflows(page), 0))
        if complaints != ([], [], 0):
            found[path] = complaints
    return found


def test_the_new_pages_are_for_people(base: str, browser: Browser) -> None:
    """At 390 px each has its heading and title, fits, has no small target, and axe is quiet: nb by day, en by night."""
    page = signed_in(browser, base, "ola", bypass_csp=True)
    assert wrong_with(page, base, "nb") == {}
    page.emulate_media(color_scheme="dark")
    assert wrong_with(page, base, "en") == {}


def test_the_menu_opens_and_closes_by_keyboard(base: str, browser: Browser) -> None:
    """M opens it on its first entry, Tab walks its groups, Escape closes it and stands on its button again."""
    page = signed_in(browser, base, "ola", viewport=DESK)
    page.keyboard.press("m")
    menu = page.get_by_role("navigation", name="Meny")
    expect(menu.get_by_role("link", name="Køen")).to_be_focused()
    expect(menu.get_by_role("list", name="Vakt", exact=True).get_by_role("link")).to_have_count(3)
    page.keyboard.press("Tab")
    expect(menu.get_by_role("link", name="Uten sikring nå")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator("#menu summary")).to_be_focused()


def test_a_refused_silence_keeps_what_was_written(base: str, browser: Browser) -> None:
    """Everybody and every rule cannot be silenced: the page says so in its own words and keeps the reason."""
    page = signed_in(browser, base, "ola")
    page.goto(f"{base}/quiet")
    page.get_by_label("Hvor lenge").select_option("4")
    page.get_by_label("Hvorfor").fill("Ny seng prøves ut")
    page.get_by_role("button", name="Demp", exact=True).click()
    expect(page.get_by_role("alert").filter(has_text="Regel")).to_contain_text("passer ikke")
    expect(page.get_by_label("Hvorfor")).to_have_value("Ny seng prøves ut")
    expect(page.get_by_label("Hvor lenge")).to_have_value("4")
