"""Several web processes on one PostgreSQL: who signs in at one is known to all, and a stream goes on at another."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.database import Listener, Server
from api.http import live as live_module
from api.http.services import WebOptions
from tests.contract.test_http_live import stream
from tests.support.desk import pressed
from tests.support.desk_place import share
from tests.support.http import PASSWORD, HttpStack, http_stack

Two = tuple[HttpStack, HttpStack]
QUIET = WebOptions(beat_ms=600_000)  # a stream that looks at each beat would hear without a bell


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    """Two stacks with folders of their own on one desk, each hearing the other's bell."""
    with contextlib.ExitStack() as stack:
        (tmp_path / "a").mkdir()
        (tmp_path / "b").mkdir()
        first = stack.enter_context(http_stack(tmp_path / "a", web=QUIET))
        share(tmp_path / "a", tmp_path / "b")
        second = stack.enter_context(http_stack(tmp_path / "b", web=QUIET))
        for one in (first, second):
            assert isinstance(one.database.place, Server)
            bell = Listener(one.database.place, one.changed.notify)
            bell.start()
            stack.callback(bell.stop)
        yield first, second


def press(stack: HttpStack, number: int) -> str:
    """A press that this process hears: the id of the alert."""
    effect = pressed(f"e{number}", stack.now_ms, trigger=f"t{number}")
    stack.desk.apply("live", 0, number, number + 1, [effect])
    return effect.alert_id


def test_a_session_holds_at_every_process(two: Two) -> None:
    """Cookie and CSRF token of one are taken by the other; logged out there, it is over here."""
    first, second = two
    browser = first.person()
    elsewhere = second.client(cookies=dict(browser.cookies), headers={"x-csrf-token": browser.headers["x-csrf-token"]})
    alert_id = first.press()

    claim = elsewhere.post(f"/api/v1/alerts/{alert_id}/claim", json={}, headers={"idempotency-key": "k1"})
    assert claim.status_code == 200, claim.text
    again = browser.post(f"/api/v1/alerts/{alert_id}/claim", json={}, headers={"idempotency-key": "k1"})
    assert again.json() == claim.json(), "the same key at another process answers the same"
    assert elsewhere.delete("/api/v1/session").status_code in {200, 204}
    assert browser.get("/api/v1/alerts").status_code == 401


def test_tries_to_log_in_are_counted_over_all(two: Two) -> None:
    """Ten wrong passwords, in turn here and there: the next one is refused at both."""
    first, _ = two
    first.person()
    knocking = [stack.client() for stack in two]
    wrong = {"user": "ola", "password": "not the password"}
    codes = [knocking[number % 2].post("/api/v1/session", json=wrong).status_code for number in range(10)]
    assert set(codes) == {401}
    for client in knocking:
        assert client.post("/api/v1/session", json={"user": "ola", "password": PASSWORD}).status_code == 429


def test_a_change_at_one_process_reaches_the_streams_of_the_other(two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the bell alone: nobody looks by itself here."""
    monkeypatch.setattr(live_module, "SAFETY_NET_MS", 600_000)
    first, second = two
    with second.server() as url, stream(second, url) as live:
        live.next("beat")
        alert_id = first.press()
        assert live.next("alert")["data"]["ref"] == alert_id


def test_a_stream_resumes_at_another_process_without_a_gap(two: Two) -> None:
    """What came while nobody was connected, and what came at either, is given once, in order."""
    first, second = two
    with first.server() as url, stream(first, url) as live:
        live.next("beat")
        before = press(first, 0)
        assert live.next("alert")["data"]["ref"] == before
        last_id = live.last_id
    missed = [press(two[number % 2], number) for number in (1, 2, 3)]
    with second.server() as url, stream(second, url, last_id) as live:
        assert [live.next("alert")["data"]["ref"] for _ in missed] == missed
