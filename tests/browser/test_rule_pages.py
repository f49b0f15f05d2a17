"""The rule book in Chromium at phone width: read, opened and left by keyboard, and light."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Browser, expect

from api.board.router import board_router
from api.http.app import create_app
from api.running.rule_book import ServedBook, settle_book
from rules.book_file import shipped_book
from tests.support.board import axe_violations, board_stack, overflows, serving, signed_in

LIST_MAX_BYTES = 100_000


def test_a_persons_book_on_a_phone_and_by_keyboard(tmp_path: Path, browser: Browser) -> None:
    """From the person's page to a rule and back with the keyboard alone; it fits, and axe is quiet."""
    with board_stack(tmp_path) as stack:
        settle_book(stack.store, shipped_book(), stack.now_ms)
        services = replace(stack.app.state.services, rule_book=ServedBook(stack.store))
        stack.app = create_app(services, [board_router(services)])
        stack.person("ola", "s1")
        with serving(stack) as base:
            page = signed_in(browser, base, "ola", bypass_csp=True)
            page.goto(f"{base}/residents/r1")
            page.get_by_role("link", name="Reglene som gjelder for personen").press("Enter")
            expect(page).to_have_url(f"{base}/rules?resident=r1")
            expect(page.locator("#R05")).to_contain_text("Uten tiltak")
            assert (axe_violations(page), overflows(page) <= 0) == ([], True)
            assert len(page.content().encode()) < LIST_MAX_BYTES
            page.locator("#R05 a").press("Enter")
            expect(page.get_by_role("heading", level=1)).to_contain_text("Ute av sengen for lenge")
            expect(page.get_by_role("row", name="Varer lenger enn")).to_contain_text("20 min")
            assert (axe_violations(page), overflows(page) <= 0) == ([], True)
            page.get_by_role("link", name="‹ Regler").press("Enter")
            expect(page.locator("#R05")).to_be_in_viewport()
