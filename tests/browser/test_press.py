"""A carer's press never vanishes: whatever the page does meanwhile, it is sent, or the page says that it was not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, Route, expect

from tests.support.board import DESK, board_stack, expect_live, serving, signed_in, stranger
from tests.support.http import HttpStack

SOUND_RUNS = "async () => { await new AudioContext().resume(); await new Promise(requestAnimationFrame); }"
PUSH_DOWN = """(pixels) => {
    const block = document.createElement('div');
    block.style.height = `${pixels}px`;
    document.getElementById('main').prepend(block);
    document.body.offsetHeight;
}"""


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with board_stack(tmp_path) as made:
        made.person("ola", "s1", roles=("carer", "operator"))
        yield made


@pytest.fixture
def base(stack) -> Iterator[str]:
    with serving(stack) as address:
        yield address


def middle(button: Locator) -> tuple[float, float]:
    box = button.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def finger_down(page: Page, button: Locator) -> tuple[float, float]:
    """Where it is."""
    place = middle(button)
    page.mouse.move(*place)
    page.mouse.down()
    return place


def watch_acts(page: Page) -> list[str]:
    """The paths of the acts that the page sends, from now on."""
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    page.on("request", note)
    return sent


def test_the_tap_that_lets_sound_begin_is_an_act_too(stack, base, browser: Browser):
    """The first press of a silent board with a P1 takes the sign "tap for sound" away only after it was a press."""
    stack.press()
    page = signed_in(browser, base, "ola")
    for path, name, then in (("/quiet", "Demp", "passer ikke"), ("/", "Jeg tar den", "Du har den")):
        page.goto(base + path)
        expect_live(page)
        expect(page.locator("#tap-for-sound")).to_be_visible()
        if path == "/quiet":
            page.get_by_label("Hvorfor").fill("Ny seng prøves ut")
        button = page.get_by_role("button", name=name, exact=True)
        place = finger_down(page, button)
        page.evaluate(SOUND_RUNS)
        assert middle(button) == place, "nothing moves under a finger"
        page.mouse.up()
        expect(page.locator("main")).to_contain_text(then)
    expect(page.locator("#tap-for-sound")).to_be_hidden()


def test_a_press_is_on_what_the_finger_went_down_on(stack, base, browser: Browser):
    """The page grows above while a finger or a mouse is down, so that another card lies under it: the pressed one is
    taken, and the other is not. Who slides away to another act has pressed neither.
    """
    for number in range(3):
        stack.now_ms += 1_000
        stranger(stack, number)
    page = signed_in(browser, base, "ola", has_touch=True)
    expect(page.locator(".card")).to_have_count(3)
    keys = [card.get_attribute("data-key") for card in page.locator(".card").all()]
    acts = [page.locator(f"[data-key='{key}'] form.take button") for key in keys]
    sent = watch_acts(page)
    finger_down(page, acts[0])
    page.mouse.move(*middle(acts[1]))
    page.mouse.up()

    finger_down(page, acts[2])
    page.evaluate(PUSH_DOWN, middle(acts[2])[1] - middle(acts[1])[1])
    page.mouse.up()
    expect(page.locator(f"[data-key='{keys[2]}']")).to_contain_text("Du har den")

    touch = page.context.new_cdp_session(page)
    x, y = middle(acts[1])
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    page.evaluate(PUSH_DOWN, y - middle(acts[0])[1])
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.locator(f"[data-key='{keys[1]}']")).to_contain_text("Du har den")
    expect(acts[0]).to_be_visible()
    assert len(sent) == 2


def test_an_act_on_its_way_keeps_its_card(stack, base, browser: Browser):
    """The card changes while its act is under way and the connection then breaks: "not sent" stands where one looks."""
    stack.press()
    page = signed_in(browser, base, "ola")
    held: list[Route] = []
    page.route("**/claim", lambda route: held.append(route))  # noqa: PLW0108 - Playwright cannot wrap a builtin
    card = page.locator(".card.p1").first
    with page.expect_request("**/claim"):
        card.get_by_role("button", name="Jeg tar den").click()
    stack.press("e2")  # another press of the same pendant: the card says so
    stranger(stack, 9)
    expect(page.locator(".card")).to_have_count(2)
    held[0].abort()
    expect(card.locator(".said")).to_contain_text("Ikke sendt")


def test_an_act_that_is_gone_before_the_finger_is_lifted_says_so(stack, base, browser: Browser):
    """Another card opens in the pane under a finger: neither its act is sent nor the old one, and the page says it."""
    alert_id = stack.press()
    page = signed_in(browser, base, "ola", viewport=DESK)
    page.goto(f"{base}/alerts/{alert_id}")
    expect_live(page)
    sent = watch_acts(page)
    finger_down(page, page.locator("#alert .acts").get_by_role("button", name="Jeg tar den"))
    page.evaluate(f"async () => {{ await htmx.ajax('GET', '/parts/alerts/{alert_id}', {{target: '#pane'}}); }}")
    page.mouse.up()
    expect(page.locator("#said")).to_contain_text("Ikke sendt: siden ble en annen")
    assert sent == []
