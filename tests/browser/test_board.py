"""The board in Chromium over the real desk: sound, acts, races, blindness, keyboard, phone width, accessibility."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from api.http.services import WebOptions
from tests.support.board import (
    DESK,
    PHONE,
    FakeDemo,
    axe_violations,
    board_stack,
    expect_live,
    overflows,
    serving,
    signed_in,
    stranger,
)
from tests.support.desk import out_of_bed
from tests.support.http import HttpStack

PAGES = [
    "/",
    "/residents",
    "/residents/r1",
    "/unwatched",
    "/devices",
    "/rules",
    "/why?subject=r1&rule=R01",
    "/tests",
    "/shifts",
    "/dead-letters",
    "/try",
    "/nei",
]

WORDS = {
    "nb": (
        "Jeg tar den", "På vei", "Fremme", "Ferdig", "Ja, ferdig", "Toalett", "Var hos personen", "Lagre dokumentasjon",
    ),
    "en": (
        "I take it", "On my way", "On site", "Ended", "Yes, ended", "Toilet", "Was with the person",
        "Save documentation",
    ),
}  # fmt: skip


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with board_stack(tmp_path, demo=FakeDemo(), web=WebOptions(beat_ms=500)) as made:
        made.person("ola", "s1", roles=("carer", "operator"))
        made.person("ida", "s2")
        yield made


@pytest.fixture
def base(stack) -> Iterator[str]:
    with serving(stack) as address:
        yield address


def p1(page: Page) -> Locator:
    return page.locator(".card.p1").first


def test_a_press_stands_on_the_board_within_a_second_with_sound_and_title(stack, base, browser):
    """A P1 comes by itself: card, count in the title and on the tab, and sound asked for again and again."""
    page = signed_in(browser, base, "ola")
    expect(page.locator(".empty")).to_contain_text("Ingen trenger deg nå.")
    stack.press()
    expect(p1(page)).to_contain_text("Kari N.", timeout=1_000)
    expect(page).to_have_title(re.compile(r"^\(1\) "), timeout=1_000)
    expect(page.locator("#tab-icon")).to_have_attribute("href", "/tab-icon/1.svg")
    expect(page.locator("html")).to_have_attribute("data-sound-last", "ring")
    expect(page.locator("html")).to_have_attribute("data-sound-asked", re.compile(r"^[2-9]"), timeout=6_000)
    expect(page.locator("#announce")).to_contain_text("Kari N.")


def test_a_p2_sounds_once_and_a_muted_board_does_not(stack, base, browser):
    """P2 asks for sound once; muted, a new P1 asks for none and the board says that it is muted."""
    page = signed_in(browser, base, "ola")
    stack.apply(out_of_bed("e1", stack.now_ms))
    expect(page.locator("html")).to_have_attribute("data-sound-last", "once")
    page.get_by_role("button", name="Slå av lyd").click()
    expect(page.locator(".strip .muted")).to_contain_text("Lyd av til")
    asked = page.locator("html").get_attribute("data-sound-asked")
    stack.press()
    expect(p1(page)).to_be_visible()
    assert page.locator("html").get_attribute("data-sound-asked") == asked
    assert page.locator("html").get_attribute("data-ringing") == "no"


def test_two_browsers_one_gets_it_the_other_is_told(stack, base, browser):
    """Both tap; one has it, the other reads who, and both boards show the same."""
    stack.press()
    ola, ida = signed_in(browser, base, "ola"), signed_in(browser, base, "ida", lang="en", viewport=DESK)
    expect(p1(ida)).to_be_visible()
    ida.route("**/parts/**", lambda route: route.abort())  # her page has not heard yet
    p1(ola).get_by_role("button", name="Jeg tar den").click()
    expect(p1(ola)).to_contain_text("Du har den")
    p1(ida).get_by_role("button", name="I take it").click()
    expect(p1(ida).locator(".said")).to_contain_text(re.compile(r"^Ola took it \d+ s ago\.$"))
    ida.unroute("**/parts/**")
    ida.evaluate("window.board.refresh()")
    expect(p1(ida)).to_contain_text("Ola has it")
    expect(ida.locator(".card.p1.unclaimed")).to_have_count(0)
    expect(ola.locator("html")).to_have_attribute("data-ringing", "no")


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_from_claim_to_documented_on_a_phone(stack, base, browser, lang):
    """On my way, on site, ended in two taps, documented with cause, action and contact, in both languages."""
    words = WORDS[lang]
    stack.press()
    page = signed_in(browser, base, "ola", lang=lang)
    p1(page).locator(".what a").click()
    acts = page.locator(".acts")
    for name in words[:3]:
        acts.get_by_role("button", name=name, exact=True).click()
    acts.locator("summary", has_text=re.compile(f"^{words[3]}$")).click()
    acts.get_by_role("button", name=words[4]).click()
    acts.get_by_label(words[5], exact=True).check()
    acts.get_by_label(words[6], exact=True).check()
    acts.locator("input[name=contact][value=spoke]").check()
    acts.get_by_role("button", name=words[7]).click()
    expect(page.locator(".timeline")).to_contain_text(words[5])
    assert overflows(page) <= 0
    page.goto(base)
    expect(page.locator(".card")).to_have_count(0)


def test_why_unfolds_events_rule_and_clock(stack, base, browser):
    """The reason stands in words; unfolded it has limits with origin, events, what was held back, rule and version."""
    effect = out_of_bed("e1", stack.now_ms)
    stack.apply(effect)
    page = signed_in(browser, base, "ola", viewport=DESK)
    page.get_by_role("link", name="Hvorfor?").first.click()
    expect(page.locator("#why .because").first).to_be_visible()
    page.locator("#why summary").click()
    for text in ("Hendelsene bak", "Hva som ble holdt tilbake", "Klokka", effect.rule_version):
        expect(page.locator("#why")).to_contain_text(text)
    expect(page).to_have_url(f"{base}/alerts/{effect.alert_id}")


def test_a_killed_server_is_told_within_five_seconds(stack, browser):
    """No beat: a red bar over the whole width with the age of what is shown, and the calm sentence is gone."""
    with serving(stack) as base:
        page = signed_in(browser, base, "ola")
        expect_live(page)
        expect(page.locator(".empty-calm")).to_be_visible()
    expect(page.locator("#blind")).to_be_visible(timeout=5_000)
    expect(page.locator("#blind")).to_contain_text("Tavlen er ikke oppdatert siden")
    expect(page.locator("#blind")).to_contain_text(re.compile(r"\(\d+ s\)"))
    expect(page.locator(".empty-calm")).not_to_be_visible()
    expect(page).to_have_title(re.compile(r"^⚠ "))
    assert page.evaluate("document.getElementById('blind').offsetWidth") == PHONE["width"]


def test_a_deaf_service_is_told_though_the_page_lives(stack, base, browser):
    """The feed's clock is another one: no canary, red bar, however well the page hears the service."""
    page = signed_in(browser, base, "ola")
    expect_live(page)
    stack.feed.state, stack.feed.gap_since_ms = "blind", stack.now_ms - 61_000
    expect(page.locator(".feed-blind")).to_contain_text("Tjenesten hører ingenting fra hjemmene.")
    expect(page.locator("html")).to_have_attribute("data-page", "live")
    stack.feed.state, stack.feed.gap_since_ms = "live", None
    expect(page.locator(".feed-blind")).to_have_count(0)


def test_an_act_without_connection_says_that_it_was_not_sent(stack, base, browser):
    """A tap that could not be sent never looks as if it had been."""
    stack.press()
    page = signed_in(browser, base, "ola")
    page.route("**/claim", lambda route: route.abort())
    p1(page).get_by_role("button", name="Jeg tar den").click()
    expect(p1(page).locator(".said")).to_contain_text("Ikke sendt")


def test_everything_by_keyboard(stack, base, browser):
    """J moves, Enter opens, T takes, ? tells."""
    stack.press()
    page = signed_in(browser, base, "ola", viewport=DESK)
    expect(p1(page)).to_be_visible()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("?")
    page.keyboard.press("j")
    expect(p1(page)).to_have_class(re.compile(r"\bat\b"))
    page.keyboard.press("Enter")
    expect(page.locator("#pane #alert")).to_be_visible()
    page.keyboard.press("t")
    expect(p1(page)).to_contain_text("Du har den")


def test_nothing_jumps_under_a_finger(stack, base, browser):
    """While a finger is down nothing moves; when it is lifted, what came in is there."""
    stack.apply(out_of_bed("e1", stack.now_ms))
    page = signed_in(browser, base, "ola")
    button = page.locator(".card.p2").get_by_role("button", name="Jeg tar den")
    place = button.bounding_box()
    assert place is not None
    page.mouse.move(place["x"] + 5, place["y"] + 5)
    page.mouse.down()
    stack.press()
    expect(page).to_have_title(re.compile(r"^\(1\)|^\(2\)"))
    expect(page.locator("html")).to_have_attribute("data-ringing", "yes")
    assert button.bounding_box() == place
    page.mouse.move(5, place["y"] + 200)
    page.mouse.up()
    expect(p1(page)).to_be_visible()


def test_a_new_row_out_of_sight_is_told(stack, base, browser):
    """Scrolled away, a row that comes in above shows as "1 ny" and does not push what one reads."""
    for number in range(8):
        stranger(stack, number)
    page = signed_in(browser, base, "ola")
    expect(page.locator(".card")).to_have_count(8)
    page.locator(".card").last.scroll_into_view_if_needed()
    expect(page.locator(".card").last).to_be_in_viewport()
    stack.now_ms -= 60_000
    stranger(stack, 99)
    expect(page.locator("#fresh")).to_have_text("1 ny")
    expect(page.locator(".card").last).to_be_in_viewport()
    page.locator("#fresh").click()
    expect(page.locator("#fresh")).to_be_hidden()
    assert page.evaluate("window.scrollY") == 0


@pytest.mark.parametrize(
    ("theme", "lang", "size"), [("light", "nb", PHONE), ("dark", "en", PHONE), ("dark", "nb", DESK)]
)
def test_every_page_is_accessible_and_fits(stack, base, browser, theme, lang, size):
    """axe-core finds nothing on any page, in both themes and languages; nothing is wider than the window."""
    alert_id = stack.press()
    stack.apply(out_of_bed("e2", stack.now_ms))
    page = signed_in(browser, base, "ola", lang=lang, viewport=size, color_scheme=theme, bypass_csp=True)
    wrong = {}
    for path in [*PAGES, f"/alerts/{alert_id}", "/?wall=1"]:
        page.goto(base + path)
        page.wait_for_selector("main")
        if found := axe_violations(page):
            wrong[path] = found
        assert overflows(page) <= 0, path
    page.context.clear_cookies(name="vardevakt")
    page.goto(f"{base}/login")

    assert axe_violations(page) == []
    assert wrong == {}


def test_pages_are_light_and_load_nothing_from_outside(stack, base, browser):
    """A page with all its assets is under 200 kB, comes from one host, and keeps its own security policy."""
    stack.press()
    page = signed_in(browser, base, "ola")
    finished, hosts, complaints = [], set(), []
    page.on("response", lambda answer: hosts.add(answer.url.split("/")[2]))
    page.on(
        "console",
        lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None,
    )
    page.on("requestfinished", lambda request: finished.append(request))  # noqa: PLW0108 - Playwright cannot wrap a builtin
    for path in ("/residents/r1", "/"):
        page.goto(base + path)
        page.wait_for_selector(".resident" if path != "/" else ".card")

    assert hosts == {base.removeprefix("http://")}
    assert complaints == []
    assert sum(request.sizes()["responseBodySize"] for request in finished) < 200_000


def test_after_a_restart_the_board_comes_back_by_itself(stack, browser):
    """The same address answers again: the bar goes, and what came in meanwhile is there, without a reload."""
    with serving(stack) as base:
        page = signed_in(browser, base, "ola")
        expect_live(page)
    expect(page.locator("#blind")).to_be_visible(timeout=5_000)
    stack.press()
    with serving(stack, int(base.rpartition(":")[2])):
        expect(page.locator("#blind")).to_be_hidden(timeout=15_000)
        expect(p1(page)).to_be_visible()
