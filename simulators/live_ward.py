"""Edge: a ward that lives now, in a thread, over one MQTT connection. For the demo.

Theory of operation. The simulated clock starts `back_ms` ago and runs SPEED times as fast as ours until it has caught
up; never past true time. What happened before now cannot arrive in time: gateways hand it in as what they kept while
they were cut off. A gateway that is unplugged, or a broker that is away, means the same later on: sightings wait in the
gateway's buffer. Alarms of the past are left out, so that nobody is called for hours ago; two missed doses are put in
instead, so that something happens soon. The first act, or a message from outside, ends the hurry at once.

One thread owns clock, devices and buffers; others put work into a bounded queue and wait for its future.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

import structlog

from simulators import doings
from simulators.days import MINUTE, Instant
from simulators.doings import PERSON_ALARMS, Sighting
from simulators.fleet import Fleet
from simulators.life import sightings_in
from simulators.message import Message
from simulators.play import Link
from simulators.ward import VARDEVAKT, Ward

log = structlog.get_logger()

HOUR = 60 * MINUTE
BACK_MS, SPEED = 6 * HOUR, 240
TICK_S = 0.2
LATE_MS = 10_000  # older than this goes the way of buffers
BUFFER_MAX = 5_000  # sightings a gateway keeps; the oldest go first
WORK_MAX = 1_000
AHEAD_MS = 2 * MINUTE


class LiveWard:
    """See the module. `simulate`: people live there; without, only what it is told to do happens."""

    def __init__(
        self, ward: Ward, broker_url: str, instant: Instant, now_ms: Callable[[], int], *, quiet: bool = False,
        simulate: bool = True, ready: Callable[[int], bool] = lambda _since_ms: True,
        outside: Callable[[], bool] = lambda: False, sending: Callable[[Message], None] = lambda _message: None,
    ) -> None:  # fmt: skip
        """`ready(since_ms)`: whether somebody listens again since our connection was lost, asked until it is so.
        `outside`: whether a message came that is not ours, asked while the ward hurries. `sending`: told each message
        before it goes.
        """
        self._ward, self._instant, self._now_ms = ward, instant, now_ms
        self._quiet, self._simulate = quiet, simulate
        self._ready, self._outside, self._sending = ready, outside, sending
        self._fleet = Fleet(ward)
        self._link = Link(broker_url, on_change=self._link_changed)
        self._work: queue.Queue[tuple[Callable[[int], None], Future[None]]] = queue.Queue(WORK_MAX)
        self._bell, self._stopping = threading.Event(), threading.Event()
        self._open, self._lost_ms = False, 0  # connected, and somebody listens; when that was last lost
        self._heap: list[tuple[int, int, Sighting]] = []
        self._number = itertools.count()
        self._buffers: dict[str, deque[Sighting]] = {gateway.id: deque(maxlen=BUFFER_MAX) for gateway in ward.gateways}
        self._unplugged: dict[str, bool] = {}
        self._hushed: dict[str, int] = {}  # device -> until when it sees nothing of what was planned
        self._began_ms: int | None = None
        self._told_ms = self._sim_ms = 0
        self._caught_up = quiet or not simulate
        self._thread = threading.Thread(target=self._run, name="ward", daemon=True)

    # -- from other threads -----------------------------------------------------------------------------------

    def start(self) -> None:
        self._link.start()
        self._thread.start()

    def stop(self) -> None:
        """Ends within a tick; safe to call twice."""
        self._stopping.set()
        self._bell.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self._link.close()

    @property
    def caught_up(self) -> bool:
        """Whether the simulated clock shows true time."""
        return self._caught_up and self._began_ms is not None

    @property
    def unplugged(self) -> tuple[str, ...]:
        return tuple(self._unplugged)

    def do(self, make: Callable[[int], Sequence[Sighting]], hush_ms: int = 0) -> Future[None]:
        """Let happen what `make(now_ms)` gives: the past at once, the future in its time. Done when acknowledged.

        `hush_ms`: for so long the devices concerned see nothing of what was going to happen anyway.
        """
        return self._ask(lambda now_ms: self._happen(make(now_ms), now_ms, hush_ms))

    def unplug(self, gateway: str) -> Future[None]:
        """Cut a gateway off: the broker says its will, its messages wait."""
        return self._ask(lambda now_ms: self._cut(gateway, now_ms))

    def plug(self, gateway: str) -> Future[None]:
        """The gateway comes back and hands in what it kept."""
        return self._ask(lambda now_ms: self._restore(gateway, now_ms))

    def _ask(self, work: Callable[[int], None]) -> Future[None]:
        future: Future[None] = Future()
        try:
            self._work.put_nowait((work, future))
        except queue.Full:
            future.set_exception(ConnectionError("the ward is not running"))
        self._bell.set()
        return future

    def _link_changed(self, _connected: bool) -> None:
        self._bell.set()

    # -- the ward's own thread --------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._bell.wait(TICK_S)
            self._bell.clear()
            now_ms = self._now_ms()
            if self._open and not self._link.connected:
                self._open, self._lost_ms = False, now_ms
            opened = not self._open and self._link.connected and self._ready(self._lost_ms)
            if self._began_ms is None:
                if not opened:
                    continue
                self._begin(now_ms)
            if opened:
                self._open = True
                self._greet(now_ms)
            if not self._caught_up and self._outside():
                self._caught_up = True
            self._advance(now_ms)
            if not self._work.empty():
                if not self._caught_up:
                    self._caught_up = True
                    self._advance(now_ms)
                self._serve(now_ms)

    def _begin(self, now_ms: int) -> None:
        self._began_ms = now_ms
        if not self._simulate:
            return
        self._told_ms = now_ms if self._quiet else now_ms - BACK_MS
        if not self._quiet:
            self._plan(_tale(self._ward, self._told_ms, now_ms))

    def _advance(self, now_ms: int) -> None:
        """Move the simulated clock, and let happen what is due by it."""
        assert self._began_ms is not None, "nothing moves before it has begun"
        if not self._caught_up:
            self._sim_ms = self._began_ms - BACK_MS + (now_ms - self._began_ms) * SPEED
            self._caught_up = self._sim_ms >= now_ms
        self._sim_ms = min(now_ms, self._sim_ms)
        if self._caught_up:
            self._sim_ms = now_ms
        while self._simulate and self._told_ms < self._sim_ms + AHEAD_MS:
            until_ms = max(self._told_ms + HOUR, self._began_ms + HOUR // 2)
            told = sightings_in(self._ward, self._told_ms, until_ms, self._instant)
            past_ms = self._began_ms - LATE_MS
            self._plan(one for one in told if one.at_ms >= past_ms or one.what not in PERSON_ALARMS)
            self._told_ms = until_ms
        due: list[Sighting] = []
        while self._heap and self._heap[0][0] <= self._sim_ms:
            one = heapq.heappop(self._heap)[2]
            if one.thing is None or one.at_ms >= self._hushed.get(one.thing.id, 0):
                due.append(one)
        self._tell(due, now_ms)

    def _plan(self, sightings: Iterable[Sighting]) -> None:
        for one in sightings:
            heapq.heappush(self._heap, (one.at_ms, next(self._number), one))

    def _tell(self, sightings: Sequence[Sighting], now_ms: int) -> None:
        """Each through its gateway: now, as what it had kept, or into its buffer."""
        late: dict[str, list[Sighting]] = {}
        for one in sightings:
            if one.gateway in self._unplugged or not (self._open and self._link.connected):
                self._buffers[one.gateway].append(one)
            elif now_ms - one.at_ms > LATE_MS:
                late.setdefault(one.gateway, []).append(one)
            elif not self._send(self._fleet.tell(one, now_ms)):
                self._buffers[one.gateway].append(one)
        for gateway, kept in late.items():
            if not self._send(self._fleet.empty(gateway, kept, now_ms)):
                self._buffers[gateway].extend(kept)

    def _send(self, messages: Sequence[Message]) -> bool:
        """Whether all have gone; what is said again later has the same key, so nothing comes twice."""
        for message in messages:
            self._sending(message)
            if not self._link.publish(message):
                log.debug("ward_connection_lost", topic=message.topic)
                return False
        return True

    def _greet(self, now_ms: int) -> None:
        """The connection has come up: so have all gateways that are plugged in."""
        for gateway in self._ward.gateways:
            if gateway.id in self._unplugged:
                self._send(self._fleet.leave(gateway.id, now_ms))
            else:
                if self._simulate:
                    self._send(self._fleet.greet(gateway.id, now_ms))
                self._hand_in(gateway.id, now_ms)

    def _hand_in(self, gateway: str, now_ms: int) -> None:
        kept = list(self._buffers[gateway])
        self._buffers[gateway].clear()
        if not self._send(self._fleet.empty(gateway, kept, now_ms)):
            self._buffers[gateway].extend(kept)

    def _happen(self, sightings: Sequence[Sighting], now_ms: int, hush_ms: int) -> None:
        for one in sightings:
            if one.thing is not None and hush_ms:
                self._hushed[one.thing.id] = now_ms + hush_ms
        self._tell([one for one in sightings if one.at_ms <= now_ms], now_ms)
        self._plan([one for one in sightings if one.at_ms > now_ms])

    def _cut(self, gateway: str, now_ms: int) -> None:
        if gateway not in self._unplugged:
            self._send(self._fleet.leave(gateway, now_ms))
            self._unplugged[gateway] = True

    def _restore(self, gateway: str, now_ms: int) -> None:
        if self._unplugged.pop(gateway, None):
            self._send(self._fleet.greet(gateway, now_ms))
            self._hand_in(gateway, now_ms)

    def _serve(self, now_ms: int) -> None:
        """Work that others have asked for, after everything that happened before it."""
        asked: list[Future[None]] = []
        while not self._work.empty():
            work, future = self._work.get_nowait()
            try:
                work(now_ms)
            except (KeyError, ValueError) as error:
                future.set_exception(error)
            else:
                asked.append(future)
        if asked and self._link.connected:
            self._link.drain(2)
        for future in asked:
            future.set_result(None)


def _tale(ward: Ward, from_ms: int, now_ms: int) -> list[Sighting]:
    """Two doses of the hours before: one missed and fetched in the end, one that still lies there.

    Rules wait half a minute of our time with what they hear late: the first is on the board after half a minute, and
    ends when the second comes.
    """
    calm = [person.id for person in ward.residents if not person.critical]
    dispensers = [
        thing for thing in ward.things
        if thing.role == "dispenser" and thing.convention == VARDEVAKT and thing.resident in calm
    ][-2:]  # fmt: skip
    told: list[Sighting] = []
    for place, thing in enumerate(dispensers):
        due_ms = from_ms - 58 * MINUTE if place == 0 else now_ms - 180 * MINUTE
        word = f"extra-{thing.resident}-{due_ms // MINUTE}"
        missed_ms = due_ms + 60 * MINUTE
        story = [(due_ms, doings.DOSE_DUE), (missed_ms, doings.DOSE_MISSED)]
        if place == 0:
            story.append((now_ms - 2 * MINUTE, doings.DOSE_TAKEN))
        told += [Sighting(at_ms, what, thing.gateway, thing, word=word, scheduled_ms=due_ms) for at_ms, what in story]
    return told
