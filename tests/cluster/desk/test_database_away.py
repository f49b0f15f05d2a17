"""PostgreSQL is killed under open boards: they hear nothing, never something old as new, and go on where they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from alerts.database import Listener, Server
from api.http.services import WebOptions
from api.routes import live as routes_live
from tests.contract.test_http_live import Stream, last_change, stream
from tests.support import desk_place
from tests.support.board import board_stack, serving
from tests.support.http import HttpStack
from tests.support.postgres import Postgres
from tests.support.servers import external_url

OFTEN = WebOptions(beat_ms=100)


@pytest.fixture(scope="module")
def mortal() -> Iterator[Postgres]:
    """A PostgreSQL that may be killed."""
    if external_url("postgres") is not None:
        pytest.skip("a PostgreSQL of somebody else's is not ours to kill: unset VARDEVAKT_TEST_POSTGRES_URL")
    with Postgres(mortal=True) as server:
        yield server


@pytest.fixture
def stack(mortal: Postgres, tmp_path: Path) -> Iterator[HttpStack]:
    """A web process there, with its pages and the bell of others."""
    desk_place.use_server(mortal)
    with board_stack(tmp_path, web=OFTEN) as made:
        assert isinstance(made.database.place, Server)
        bell = Listener(made.database.place, made.changed.notify)
        bell.start()
        yield made
        bell.stop()
    desk_place.leave_server()


def told(live: Stream, newest: int) -> list[str]:
    """The alerts that it has told of when it says that it stands at this change."""
    beats = (live.next("beat", "reset") for _ in range(100))
    assert any(one["event"] == "reset" or one["data"]["last"] >= newest for one in beats)
    return live.seen


def test_an_open_stream_is_silent_meanwhile_and_misses_and_repeats_nothing(
    stack: HttpStack, mortal: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No beat, so the board knows that it is blind; the stream does not end, and gives what came before and after once.
    So does one that resumes, and nothing is logged as an error: health says it.
    """
    monkeypatch.setattr(routes_live, "CHECK_S", 0.0)  # each event asks who reads, too
    with serving(stack) as url, stream(stack, url) as kept, stream(stack, url, read_s=1.0) as given_up:
        for one in (kept, given_up):
            one.next("beat")
        pressed = [stack.press("before", trigger="t0")]
        mortal.stop(kill=True)
        with pytest.raises(httpx2.ReadTimeout):  # ten beats are missing; an end would be another error
            given_up.next("reset")
        assert "desk_unreadable" in httpx2.get(f"{url}/health/ready").text

        mortal.start()
        assert kept.next("hello", "reset")["event"] == "hello"
        pressed += [stack.press(f"after{number}", trigger=f"t{number}") for number in (1, 2)]
        newest = last_change(stack)
        assert told(kept, newest) == pressed
        assert httpx2.get(f"{url}/health/ready").status_code == 200
        with stream(stack, url, given_up.last_id) as resumed:
            assert given_up.seen + told(resumed, newest) == pressed


@pytest.mark.expected_errors("who asks is refused, and each refusal is logged")
def test_who_asks_meanwhile_is_told_in_words(stack: HttpStack, mortal: Postgres, error_logs: list[str]) -> None:
    """Ready says no and why, alive says yes, figures go on without those of the desk; a page is a page, which loads
    itself again.
    """
    browser = stack.person()
    assert "vardevakt_desk{" in browser.get("/metrics").text
    mortal.stop(kill=True)

    ready, page, stream_again = (browser.get(path) for path in ("/health/ready", "/", "/api/v1/live"))
    assert (ready.status_code, ready.json()["reasons"][0]["code"]) == (503, "desk_unreadable")
    assert browser.get("/health/live").status_code == 200
    figures = browser.get("/metrics")
    assert (figures.status_code, "vardevakt_live_streams" in figures.text) == (200, True)
    assert "vardevakt_desk{" not in figures.text
    assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert "Ring" in page.text or "ring" in page.text
    assert 'http-equiv="refresh"' in page.text
    assert stream_again.status_code == 503
    pressed = browser.post("/alerts/none/claim", data={"csrf": "x"}, headers={"hx-request": "true"})
    assert (pressed.status_code, "<" in pressed.text) == (503, False)
    assert {line.partition(" ")[0] for line in error_logs} == {"storage_unavailable"}

    mortal.start()
    assert browser.get("/").status_code == 200
