"""The board's pages over the HTTP stack, and a browser that looks at them.

For tests of pages: real desk, real log-in, real templates. What only the whole service has (folds, broker, simulated
ward) is the business of the fixture `demo` in tests/browser/conftest.py.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, expect

from api.board.router import board_router
from api.http.app import create_app
from tests.support.http import PASSWORD, HttpStack, http_stack
from tests.support.waiting import wait_until

AXE = Path(__file__).resolve().parent.parent / "browser" / "vendor" / "axe.min.js"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}
PATIENCE_MS = 20_000  # a busy machine is slow; what must be quick has a limit of its own in its test
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@dataclass
class Action:
    """Something "Try it" offers."""

    id: str
    group: str
    subject_label: str


@dataclass
class FakeDemo:
    """The simulated ward as "Try it" sees it; remembers what was asked for."""

    ran: list[str] = field(default_factory=list)

    def actions(self) -> list[Action]:
        return [Action("press:r1", "press_pendant", "Kari Nordmann"), Action("stop", "stop_broker", "Megler")]

    async def run(self, action_id: str) -> None:
        self.ran.append(action_id)

    def close(self) -> None:
        self.ran.append("closed")

    def paste_line(self) -> str:
        return "mosquitto_pub -t vardevakt/1/gw-1/pendant-7/event -m '{}'"


@contextlib.contextmanager
def board_stack(folder: Path, *, demo: FakeDemo | None = None, **options: Any) -> Iterator[HttpStack]:
    """The HTTP stack with the board's pages; time runs only when the test moves `now_ms`."""
    with http_stack(folder, **options) as stack:
        services = replace(stack.services(), demo=demo)
        stack.app = create_app(services, [board_router(services)])
        yield stack


@contextlib.contextmanager
def serving(stack: HttpStack, port: int = 0) -> Iterator[str]:
    """The pages on a real port, again and again on the same one if need be: the base URL."""
    services = stack.app.state.services
    stack.app = create_app(services, [board_router(services)])  # a closed hub of live streams stays closed
    config = uvicorn.Config(stack.app, host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=30)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="test-board", daemon=True)
    thread.start()
    wait_until(lambda: server.started, "uvicorn starts")
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        stack.app.state.hub.close()
        server.should_exit = True
        thread.join(40)


def key_of(html: str) -> str:
    """The idempotency key that the first form of a page carries."""
    found = re.search(r'name="key" value="([0-9a-f]+)"', html)
    assert found, "the page offers an act"
    return found[1]


def signed_in(
    browser: Browser, base: str, user: str, *, password: str = PASSWORD, lang: str = "nb", **options: Any
) -> Page:
    """A page of a browser of its own, logged in by the form, so that its first tap has been made."""
    expect.set_options(timeout=PATIENCE_MS)
    context: BrowserContext = browser.new_context(**({"viewport": PHONE} | options))
    context.add_cookies([{"name": "lang", "value": lang, "url": base}])
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{base}/login")
    page.locator("input[name=user]").fill(user)
    page.locator("input[name=password]").fill(password)
    page.locator("button.primary").click()
    page.wait_for_selector("#strip", state="attached")
    return page


def expect_live(page: Page) -> None:
    """The page hears its beat."""
    expect(page.locator("html")).to_have_attribute("data-page", "live")
    expect(page.locator("html")).to_have_attribute("data-beats", re.compile(r"\d+"))


def axe_violations(page: Page) -> list[str]:
    """What axe-core finds wrong on the page as it stands, one line each."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(
        "async (tags) => (await axe.run(document, {runOnly: {type: 'tag', values: tags}})).violations", WCAG
    )
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary'][:160]}" for one in found for node in one["nodes"]
    ]


def overflows(page: Page) -> int:
    """How many pixels the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def stranger(stack: HttpStack, number: int) -> str:
    """A press of a pendant that belongs to nobody."""
    fields = {"resident": None, "subject": f"d{number}", "trigger": f"t{number}", "home": f"address:{number}"}
    return stack.press(f"e{number}", **fields)
