"""The live stream on a real port: resumes without a gap, beats, is woken by commits, and ends with the server."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
import pytest

from api.http import live as live_module
from api.http.services import WebOptions
from api.routes import live as routes_live
from tests.support.http import HttpStack, http_stack, slug
from tests.support.waiting import wait_until


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path, web=WebOptions(beat_ms=200, live_clients_max=3)) as made:
        yield made


class Stream:
    """One open stream, read event by event, as a browser's EventSource does."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()
        self.last_id: str | None = None
        self.seen: list[str] = []  # what changed, in the order told

    def next(self, *names: str) -> dict[str, Any]:
        """The next event, or the next of these names."""
        event: dict[str, Any] = {}
        for line in self._lines:
            if line:
                name, _, value = line.partition(": ")
                event[name] = value
            elif event:
                self.last_id = event.get("id", self.last_id)
                event["data"] = msgspec.json.decode(event["data"])
                self.seen += [event["data"]["ref"]] if "ref" in event["data"] else []
                if not names or event["event"] in names:
                    return event
                event = {}
        raise EOFError


@contextlib.contextmanager
def stream(
    stack: HttpStack, url: str, last_id: str | None = None, *, read_s: float = 10.0, **params: Any
) -> Iterator[Stream]:
    """`read_s`: how long it waits for a line."""
    token = stack.accounts.create_machine_key("stream", ("carer",), stack.now_ms)
    headers = {"authorization": f"Bearer {token}"} | ({"last-event-id": last_id} if last_id else {})
    with (
        httpx2.Client(base_url=url, timeout=httpx2.Timeout(10, read=read_s)) as client,
        client.stream("GET", "/api/v1/live", headers=headers, params=params) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response)


def press_all(stack: HttpStack, count: int) -> None:
    for number in range(count):
        stack.press(f"e{number}", trigger=f"vardevakt:gw-1/p{number}|pendant")


def last_change(stack: HttpStack) -> int:
    return int(stack.machine().get("/api/v1/alerts").headers["x-last-change"])


def test_a_stream_says_where_it_stands_and_then_what_changes(stack):
    """Hello with the newest id, then each change of an alert with its id and reference."""
    with stack.server() as url, stream(stack, url) as live:
        before = last_change(stack)
        hello = live.next()
        alert_id = stack.press()
        change = live.next("alert")

    assert (hello["event"], hello["id"], hello["retry"]) == ("hello", str(before), "1000")
    assert change["data"]["ref"] == alert_id
    assert change["id"] == str(change["data"]["id"])
    assert change["data"]["at"].endswith("Z")


def test_a_stream_cut_again_and_again_misses_and_repeats_nothing(stack):
    """While alerts keep coming, a reader that breaks off and resumes with Last-Event-ID sees each change once."""
    total = 60
    start = last_change(stack)
    seen: list[int] = []
    with stack.server() as url:
        writer = threading.Thread(target=press_all, args=(stack, total))
        writer.start()
        last_id: str | None = str(start)
        while True:
            with stream(stack, url, last_id) as live:
                for _ in range(7):
                    event = live.next("alert", "beat")
                    if event["event"] == "alert":
                        seen.append(int(event["id"]))
                last_id = live.last_id
            if not writer.is_alive() and seen and seen[-1] >= last_change(stack):
                break
        writer.join()

    assert seen == list(range(start + 1, last_change(stack) + 1))
    assert len(seen) >= total


def test_after_a_list_the_stream_goes_on_where_the_list_stood(stack):
    """`X-Last-Change` of the list given as `after` closes the hole between list and stream."""
    with stack.server() as url:
        after = last_change(stack)
        alert_id = stack.press()
        with stream(stack, url, after=after) as live:
            assert live.next("alert")["data"]["ref"] == alert_id


def test_beats_carry_both_clocks(stack):
    """The page's clock and the feed's state come although nothing happens, and follow the feed into blindness."""
    with stack.server() as url, stream(stack, url) as live:
        beat = live.next("beat")
        stack.feed.state, stack.feed.gap_since_ms = "blind", stack.now_ms - 60_000
        while live.next("beat")["data"]["feed"]["state"] != "blind":
            pass
        blind = live.next("beat")

    assert beat["data"]["at"] == "2026-03-01T01:30:00Z"
    assert beat["data"]["feed"] == {
        "state": "live", "connected": True, "last_canary_at": "2026-03-01T01:29:58Z", "age_ms": 2000, "gap_since": None,
    }  # fmt: skip
    assert "id" not in beat
    assert blind["data"]["feed"]["gap_since"] == "2026-03-01T01:29:00Z"


def test_a_resume_point_from_a_newer_desk_resets(stack):
    """After a restore the reader is told to load everything anew."""
    with stack.server() as url, stream(stack, url, "999999") as live:
        assert [live.next()["event"] for _ in range(2)] == ["reset", "hello"]


@pytest.mark.parametrize("last_id", ["-1", "x", "1 2", "9" * 40, "١"])
def test_a_resume_point_that_is_none_is_refused(stack, last_id):
    """422 with the field, before any stream begins."""
    answer = stack.machine().get("/api/v1/live", headers={"last-event-id": last_id.encode()})

    assert (slug(answer), answer.json()["field"]) == ("bad-field", "Last-Event-ID")


def test_more_streams_than_allowed_are_refused_until_one_ends(stack):
    """A full house is a 503 with Retry-After; a seat that comes free is given again."""
    with stack.server() as url, contextlib.ExitStack() as rest:
        with stream(stack, url) as one:
            others = [rest.enter_context(stream(stack, url)) for _ in range(2)]  # kept: a dropped one closes itself
            for live in (one, *others):
                live.next()
            full = httpx2.get(f"{url}/api/v1/live", headers=stack.machine().headers, timeout=5)
            assert (full.status_code, slug(full), full.headers["retry-after"]) == (503, "too-many-streams", "5")
        wait_until(lambda: "vardevakt_live_streams 2.0" in httpx2.get(f"{url}/metrics").text, "a seat comes free")
        with stream(stack, url) as again:
            assert again.next()["event"] == "hello"


def test_a_commit_wakes_every_open_stream(tmp_path, monkeypatch):
    """A press reaches twenty open streams although none of them would look by itself."""
    monkeypatch.setattr(live_module, "SAFETY_NET_MS", 600_000)
    web = WebOptions(live_clients_max=20, beat_ms=600_000)
    with http_stack(tmp_path, web=web) as stack, stack.server() as url, contextlib.ExitStack() as rest:
        streams = [rest.enter_context(stream(stack, url)) for _ in range(20)]
        for live in streams:
            live.next("beat")
        alert_id = stack.press()

        assert [live.next("alert")["data"]["ref"] for live in streams] == [alert_id] * 20


def test_a_stream_ends_when_its_reader_is_shut_out(stack, monkeypatch):
    """A key that is revoked, like a session that ends, takes its open stream with it."""
    monkeypatch.setattr(routes_live, "CHECK_S", 0.0)
    with stack.server() as url, stream(stack, url) as live:
        live.next("beat")
        ((key_id, _, _),) = stack.accounts.machine_keys()
        stack.accounts.revoke_machine_key(key_id, stack.now_ms)

        with pytest.raises((EOFError, httpx2.RemoteProtocolError)):
            live.next("nothing that ever comes")


def test_the_server_ends_although_streams_are_open(stack):
    """Closing the hub ends the streams, so a stop does not wait for browsers."""
    with contextlib.ExitStack() as rest:
        with stack.server() as url:
            live = rest.enter_context(stream(stack, url))
            live.next()
        with pytest.raises((EOFError, httpx2.RemoteProtocolError)):
            live.next("nothing that ever comes")
