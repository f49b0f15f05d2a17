"""The iterator behind every live stream: no gap, no double, no poll in between, shared reads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from api.http import live
from api.http.live import LiveFull, LiveHub, Wakeup


class Changes:
    """Rows in memory with the reads counted; `add` commits one and rings, as the desk does."""

    def __init__(self, wakeup):
        self.rows = []
        self.reads = 0
        self._wakeup = wakeup

    def add(self):
        self.rows.append({"id": len(self.rows) + 1, "kind": "alert", "ref": "a", "at": 0})
        self._wakeup.notify()

    def read(self, after_id, limit):
        self.reads += 1
        return self.rows[after_id : after_id + limit]

    def last(self):
        return len(self.rows)


def make_hub(*, clients_max=10, beat_ms=60_000):
    wakeup = Wakeup()
    changes = Changes(wakeup)
    return changes, LiveHub(wakeup, changes.read, changes.last, clients_max=clients_max, beat_ms=beat_ms)


@pytest.fixture
def no_safety_net(monkeypatch):
    """Nothing but the wake-up makes a stream look again."""
    monkeypatch.setattr(live, "SAFETY_NET_MS", 600_000)


async def take_ids(stream, count):
    ids = []
    async for item in stream:
        ids += [row["id"] for row in item.rows]
        if len(ids) >= count:
            return ids
    return ids


async def test_a_stream_begins_now_and_gives_what_comes_after():
    """Without a resume point old changes stay away and new ones come."""
    changes, hub = make_hub()
    changes.add()
    stream = hub.stream(None)
    hello = await anext(stream)

    changes.add()

    assert (hello.kind, hello.last_id) == ("hello", 1)
    assert await take_ids(stream, 1) == [2]


async def test_resume_gives_each_later_change_once():
    """From any resume point on: every later id, in order, none twice, however many reads it takes."""
    changes, hub = make_hub()
    for _ in range(1000):
        changes.add()

    assert await take_ids(hub.stream(137), 863) == list(range(138, 1001))


async def test_resume_point_of_another_database_resets():
    """A reader that knows more than the desk (restored from a backup) is told to load anew."""
    _, hub = make_hub()
    stream = hub.stream(99)

    assert [(await anext(stream)).kind for _ in range(2)] == ["reset", "hello"]


async def test_resume_point_before_the_oldest_change_resets():
    """A reader that slept while old changes were cut is told to load anew, not given a gap."""
    changes, hub = make_hub()
    for _ in range(9):
        changes.add()
    hub._first = lambda: 5

    assert (await anext(hub.stream(3))).kind == "reset"
    assert (await anext(hub.stream(4))).kind == "hello"


async def test_changes_wake_the_stream_without_polling(no_safety_net):
    """Commits in another thread reach the stream by the wake-up alone."""
    changes, hub = make_hub()
    stream = hub.stream(None)
    await anext(stream)
    waiting = asyncio.create_task(take_ids(stream, 200))
    thread = threading.Thread(target=lambda: [changes.add() for _ in range(200)])
    thread.start()

    assert await asyncio.wait_for(waiting, 10) == list(range(1, 201))
    thread.join()


async def test_one_read_serves_all_streams_at_the_same_place():
    """Fifty boards that stand at the same change cost one query, not fifty."""
    changes, hub = make_hub(clients_max=50)
    changes.add()
    streams = [hub.stream(0) for _ in range(50)]

    got = await asyncio.gather(*(take_ids(stream, 1) for stream in streams))

    assert got == [[1]] * 50
    assert changes.reads < 10


async def test_a_ring_during_a_read_is_not_lost(no_safety_net):
    """A change committed while a read is under way reaches who waits for that read, and who asks while it runs."""
    changes, hub = make_hub()
    plain_read = changes.read
    reading, go_on = threading.Event(), threading.Event()

    def slow_first_read(after_id, limit):
        rows = plain_read(after_id, limit)
        if not reading.is_set():
            reading.set()
            go_on.wait(5)
        return rows

    hub._read = slow_first_read
    streams = [hub.stream(None) for _ in range(2)]
    for stream in streams:
        await anext(stream)
    first = asyncio.create_task(take_ids(streams[0], 1))
    await asyncio.to_thread(reading.wait, 5)
    changes.add()
    second = asyncio.create_task(take_ids(streams[1], 1))
    await asyncio.sleep(0)
    go_on.set()

    assert list(await asyncio.wait_for(asyncio.gather(first, second), 10)) == [[1], [1]]


async def test_beats_come_while_nothing_happens():
    """The pulse beats although there is no change at all."""
    _, hub = make_hub(beat_ms=10)
    stream = hub.stream(None)

    assert [(await anext(stream)).kind for _ in range(4)] == ["hello", "beat", "beat", "beat"]


async def test_beats_come_under_a_flood_too():
    """A stream that always has changes to give still beats."""
    changes, hub = make_hub(beat_ms=0)
    for _ in range(2000):
        changes.add()
    kinds = []
    async for item in hub.stream(0):
        kinds.append(item.kind)
        if item.last_id == 2000 and item.kind == "change":
            break

    assert kinds.count("beat") >= 9


async def test_a_full_house_is_refused_and_a_seat_comes_free_again():
    """No more streams than allowed; one that ends gives its seat back."""
    _, hub = make_hub(clients_max=1)
    hub.check_room()
    stream = hub.stream(None)
    await anext(stream)
    with pytest.raises(LiveFull):
        hub.check_room()

    await stream.aclose()

    hub.check_room()
    assert hub.clients == 0


async def test_closing_the_hub_ends_every_stream():
    """A server that stops is not held up by open boards."""
    _, hub = make_hub()
    streams = [hub.stream(None) for _ in range(3)]
    for stream in streams:
        await anext(stream)
    waiting = asyncio.gather(*(take_ids(stream, 1) for stream in streams))
    await asyncio.sleep(0)

    hub.close()

    assert await asyncio.wait_for(waiting, 5) == [[], [], []]
    with pytest.raises(LiveFull):
        hub.check_room()


async def test_wakeup_may_ring_before_any_loop_and_after_its_loop_closed():
    """Ringing never raises, whoever listens."""
    wakeup = Wakeup()
    wakeup.notify()

    def one_run():
        async def wait_shortly():
            await wakeup.wait(wakeup.rings(), 0.001)

        asyncio.run(wait_shortly())

    await asyncio.to_thread(one_run)
    wakeup.notify()
    wakeup.notify()
    seen = wakeup.rings()
    waiting = asyncio.create_task(wakeup.wait(seen, 5))
    await asyncio.sleep(0)
    wakeup.notify()

    await asyncio.wait_for(waiting, 1)
    assert wakeup.rings() == seen + 1
