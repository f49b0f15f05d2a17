"""The whole demo in Chromium: simulated ward, broker and folds behind the board (issue 3, items 2, 3 and 5).

Uses the session fixture `demo` of tests/browser/conftest.py: an object or mapping with `http` (base URL).
"""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from alerts.access.accounts import DEMO_PASSWORD
from tests.support.board import DESK, expect_live, signed_in


@pytest.fixture
def board(browser, demo) -> Page:
    """The demo's board, logged in as its first carer."""
    return signed_in(browser, address(demo), "ola", password=DEMO_PASSWORD, viewport=DESK)


def address(demo: Any) -> str:
    return str(demo["http"] if isinstance(demo, dict) else demo.http).rstrip("/")


def try_it(page: Page, demo: Any, group: str) -> None:
    """Press the first button of a group of "Try it"."""
    page.goto(f"{address(demo)}/try")
    page.locator(f"[data-group={group}] button").first.click()
    expect(page.locator("#said")).to_have_text("Sendt.")


def test_a_press_goes_out_as_a_message_and_comes_back_as_an_alert(board, browser, demo):
    """ "Try it" presses a pendant; on a second board the P1 stands within seconds, with its why and its person."""
    other = signed_in(browser, address(demo), "ida", password=DEMO_PASSWORD, viewport=DESK)
    before = other.locator(".card.p1.unclaimed").count()
    try_it(board, demo, "press_pendant")
    expect(other.locator(".card.p1.unclaimed")).not_to_have_count(before)
    expect(other.locator("html")).to_have_attribute("data-ringing", "yes")
    card = other.locator(".card.p1.unclaimed").first
    card.get_by_role("link", name="Hvorfor?").click()
    expect(other.locator("#why .because").first).to_contain_text("Alarm trykket")
    other.locator("#alert").get_by_role("button", name="Jeg tar den").click()
    expect(other.locator("#alert .state")).to_contain_text("Du har den")


def test_a_resident_has_a_day_and_a_month(board, demo):
    """The page of a person draws the day as a band and thirty days as a picture."""
    board.goto(f"{address(demo)}/residents")
    board.locator(".rows a").first.click()
    expect(board.locator("svg.band .tick").first).to_be_attached()
    expect(board.locator("svg.picture rect").first).to_be_attached()


def test_a_stopped_broker_is_told_within_a_minute_and_forgotten_after(board, demo):
    """The board says that it hears nothing, with the time; when the broker is back so is the pulse."""
    expect_live(board)
    try_it(board, demo, "stop_broker")
    expect(board.locator(".feed-blind")).to_contain_text("Tjenesten hører ingenting fra hjemmene.", timeout=75_000)
    board.goto(f"{address(demo)}/unwatched")
    expect(board.locator("main")).to_contain_text(re.compile("Regn med at ingen er sikret"))
    try_it(board, demo, "start_broker")
    expect(board.locator(".feed-blind")).to_have_count(0, timeout=75_000)
