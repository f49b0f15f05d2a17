"""The form of who is rung in Chromium: by keyboard alone at 390 px, refused at the field, mended and saved."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.test_new_pages import LOW
from tests.support.board import axe_violations, board_stack, overflows, serving, signed_in


def test_a_leader_makes_a_chain_by_keyboard_on_a_phone(tmp_path: Path, browser: Browser) -> None:
    """From the list to a new line: a step more, the cursor in it; what could end in silence is said at its field, where
    the cursor stands; mended with the space bar, Enter saves, and the list says it in words.
    """
    with board_stack(tmp_path) as stack:
        stack.person("leder", None, roles=("operator",))
        with serving(stack) as base:
            page = signed_in(browser, base, "leder", bypass_csp=True)
            page.goto(f"{base}/policies")
            page.get_by_role("link", name="Ny linje: Nord").press("Enter")
            page.get_by_label("Navn", exact=False).first.fill("Netter nord")
            page.get_by_label("Fra kl.").fill("22")
            page.get_by_label("Til kl.").fill("7")
            page.get_by_role("button", name="Legg til et trinn").press("Enter")
            added = page.get_by_role("group", name="Trinn 3")
            expect(added.get_by_label("Minutter")).to_be_focused()
            page.keyboard.type("3,5")
            added.get_by_label("alle på vakt").press("Space")
            last = page.get_by_role("group", name="Til slutt, til noen tar den")
            last.get_by_label("vakttelefonen utenfor").press("Space")
            page.get_by_label("Hvorfor").press("Enter")

            refused = last.get_by_text("Siste trinn kan ende med at ingen ringes.")
            expect(refused).to_be_in_viewport()
            expect(last.get_by_label("første på vakt")).to_be_focused()
            expect(page.get_by_label("Fra kl.")).to_have_value("22")
            assert (axe_violations(page), page.evaluate(LOW), overflows(page) <= 0) == ([], [], True)
            last.get_by_label("vakttelefonen utenfor").press("Space")
            page.get_by_label("Hvorfor").press("Enter")
            expect(page).to_have_url(f"{base}/policies?said=policies.saved")
            line = page.get_by_role("listitem").filter(has_text="netter-nord")
            expect(line).to_contain_text("P1 · 22:00-07:00")
            expect(line).to_contain_text("Etter 3 min 30 s: alle på vakt.")
