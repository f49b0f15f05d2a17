"""Silence is an event: by when each gateway and device must be heard again, and what it means when it is not.

Pure. Theory of operation. Only what arrives live proves life: what a broker kept (retain flag) does not. A message from
a device proves the device and the gateway it came through. A registered address that was never heard is "not yet
installed": it has no pulse, no timer, and holds nothing. After MISSED intervals without a sign of life a gateway is
offline. So is a device, if its gateway was heard within the last of these intervals (or it has none); else it is
suspect, since its silence may be its gateway's. The gateway's next sign of life gives it one more interval; the
gateway's silence ends the suspicion, for a device behind an offline gateway is unknown, not dead (ecosystem §4.5), and
counts afresh when the gateway is back. A will, or a bridge's word, is a hint that only speeds this up; "it is
online" from a bridge or a broker's copy takes back no more than such a word. While our own feed is lost nobody's
silence means anything; all counts begin again after it.

    state      | heard         | due               | due, gateway in doubt | told offline | gateway: heard     | offline
    (no pulse) | alive         | -                 | -                     | offline      | -                  | -
    alive      | alive         | offline "silent"  | suspect               | offline      | -                  | alive¹
    suspect    | alive         | -                 | -                     | offline      | alive, 1 interval  | alive¹
    offline    | alive "heard" | -                 | -                     | offline      | -                  | offline
    ¹ without a timer until the gateway is back.

Timers lie in one heap, in the order (due, address). A sign of life does not touch the heap: an entry that comes up
too early is put back at its true time, so a message costs a dict look-up. What the heap holds is no state.
Intervals: as the gateway or device said itself, else as in the site file, else DEFAULT_INTERVAL_MS for gateways and
DEVICE_INTERVAL_MS for devices: what is silent for three days is missed, whatever nobody wrote down (promise 4).
"""

from __future__ import annotations

from heapq import heappop, heappush

from ingest.pulse import HEARD, REPORTED, SILENT, WILL, LivenessState, Pulse, Tell, Transition
from ingest.registry import Assignment, Registry
from ingest.roles import watched_closely

MISSED = 3
DEFAULT_INTERVAL_MS = 300_000
DEVICE_INTERVAL_MS = 86_400_000  # nobody said: three days of silence are R37's cap, and most batteries report daily
SILENT_MAX_MS = 3 * DEVICE_INTERVAL_MS  # R37's cap, however long its own interval …
CLOSE_MAX_MS = DEVICE_INTERVAL_MS  # … and for what guards a life
SHORTEST_MS, LONGEST_MS = 1_000, 7 * 86_400_000  # what we believe of an interval that a device tells
STRAGGLERS_MS = 5_000  # messages that were still under way when the feed broke


class Liveness:
    """See the module. `tell` is called with each transition, in order."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._pulses: dict[str, Pulse] = {}
        self._behind: dict[str, dict[str, None]] = {}  # gateway address -> addresses heard through it
        self._suspects: dict[str, dict[str, None]] = {}  # gateway address -> those whose silence it may explain
        self._heap: list[tuple[int, str]] = []
        self._timers: dict[str, int] = {}  # address -> its entry of the heap that counts
        self._lost_ms = 0
        self._back_ms = 0

    def heard(self, address: str, via: str | None, now_ms: int, tell: Tell) -> None:
        """A live message came from `address`, through the gateway at `via` (a registered one, else None)."""
        pulse = self._pulses.get(address)
        if pulse is None:
            pulse = self._pulses[address] = Pulse(now_ms)
            self._schedule(address, pulse, now_ms)
        else:
            pulse.last_heard_ms = now_ms
            pulse.asked_ms = 0
            if pulse.offline or pulse.suspect:
                self._recover(address, pulse, now_ms, tell)
        if address in self._suspects:
            self._ask(address, now_ms)
        if via is not None and via != address:
            if pulse.via != via:
                self._link(address, pulse, via, now_ms)
            self.heard(via, None, now_ms, tell)

    def hint(self, address: str, now_ms: int, tell: Tell, *, live: bool, gateway: bool) -> None:
        """Somebody said that `address` is offline: its will, a bridge, or (not `live`) a broker's copy of that.

        Whatever the age of the word: its home was told too, and must be told when the address comes back.
        """
        pulse = self._pulses.get(address)
        if pulse is None:
            pulse = self._pulses[address] = Pulse(now_ms if live else 0)
        if not pulse.offline:
            self._declare(address, pulse, WILL if gateway else REPORTED, now_ms, tell)

    def taken_back(self, address: str, now_ms: int, tell: Tell) -> bool:
        """A bridge, or what a broker kept, says that `address` is online: whether that changes anything.

        It ends what was only said before. It proves no life: who is silent by our own count stays so, and no count
        begins again (ecosystem §3: a dead pendant looks alive for a day).
        """
        pulse = self._pulses.get(address)
        if pulse is None or not pulse.offline or pulse.reason == SILENT:
            return False
        pulse.offline = False
        due_ms = self._due_ms(address, pulse, now_ms)
        pulse.offline = True
        if due_ms is not None and due_ms <= now_ms:
            return False
        self._recover(address, pulse, now_ms, tell, REPORTED)
        return True

    def told_interval(self, address: str, interval_ms: int, now_ms: int) -> None:
        """The address said how often it reports."""
        pulse = self._pulses.get(address)
        if pulse is not None and SHORTEST_MS <= interval_ms <= LONGEST_MS and pulse.interval_ms != interval_ms:
            pulse.interval_ms = interval_ms
            self._schedule(address, pulse, now_ms)

    def registry_changed(self, addresses: list[str], now_ms: int) -> None:
        """Devices or gateways with these addresses, old or new, were changed."""
        for address in addresses:
            for each in (address, *sorted(self._behind.get(address, ()))):
                pulse = self._pulses.get(each)
                if pulse is not None:
                    self._schedule(each, pulse, now_ms)

    def feed_lost(self, since_ms: int) -> None:
        self._lost_ms = self._lost_ms or since_ms

    def feed_back(self, now_ms: int) -> None:
        self._lost_ms = 0
        self._back_ms = now_ms

    def feed_heard(self, now_ms: int) -> None:
        """A live message came over the feed. One that was still under way when it broke proves nothing."""
        if self._lost_ms and now_ms - self._lost_ms > STRAGGLERS_MS:
            self.feed_back(now_ms)

    def next_due_ms(self) -> int | None:
        """Not later than the next timer: an entry that comes up too early costs a clock record, no more."""
        return self._heap[0][0] if self._heap and not self._lost_ms else None

    def fire(self, until_ms: int, now_ms: int, tell: Tell) -> None:
        """Fire what is due at `until_ms`, each at its own time, but never before `now_ms`, the fold's time."""
        while self._heap and self._heap[0][0] <= until_ms and not self._lost_ms:
            due_ms, address = heappop(self._heap)
            pulse = self._pulses.get(address)
            if pulse is None or self._timers.get(address) != due_ms:
                continue  # replaced by a later look
            del self._timers[address]
            at_ms = max(due_ms, now_ms)
            true_ms = self._due_ms(address, pulse, at_ms)
            if true_ms is None or true_ms > due_ms:
                self._look(address, pulse, at_ms, true_ms)
            else:
                self._silent(address, pulse, true_ms, at_ms, tell)

    def forget(self, address: str) -> None:
        pulse = self._pulses.pop(address, None)
        self._timers.pop(address, None)
        if pulse is not None and pulse.via:
            self._behind.get(pulse.via, {}).pop(address, None)
            self._unsuspect(address, pulse)

    def behind(self, gateway_address: str) -> list[str]:
        """Addresses heard through this gateway, sorted."""
        return sorted(self._behind.get(gateway_address, ()))

    def pulse(self, address: str) -> Pulse | None:
        return self._pulses.get(address)

    def offline(self) -> list[str]:
        """Addresses that are offline now, sorted."""
        return sorted(address for address, pulse in self._pulses.items() if pulse.offline)

    def overview(self, now_ms: int) -> dict[str, tuple[int, bool, int]]:
        """Address -> (last heard, online, interval or 0), for pages."""
        return {
            address: (
                pulse.last_heard_ms,
                not pulse.offline,
                self._interval_ms(pulse, self._registry.resolve(address, now_ms)),
            )
            for address, pulse in self._pulses.items()
        }

    def state(self) -> LivenessState:
        return LivenessState(self._pulses, self._lost_ms, self._back_ms)

    def restore(self, state: LivenessState, now_ms: int) -> None:
        """Take over a state; the registry must be restored already."""
        self._pulses, self._lost_ms, self._back_ms = state.pulses, state.lost_ms, state.back_ms
        self._behind, self._suspects, self._heap, self._timers = {}, {}, [], {}
        for address, pulse in self._pulses.items():
            if pulse.via:
                self._behind.setdefault(pulse.via, {})[address] = None
                if pulse.suspect:
                    self._suspects.setdefault(pulse.via, {})[address] = None
        for address, pulse in self._pulses.items():
            self._schedule(address, pulse, now_ms)

    def interval_ms(self, address: str, now_ms: int) -> int:
        """How often this address is to be heard, as far as we know; 0 for one that was never heard or is nobody's."""
        pulse = self._pulses.get(address)
        return 0 if pulse is None else self._interval_ms(pulse, self._registry.resolve(address, now_ms))

    def _interval_ms(self, pulse: Pulse, assignment: Assignment | None) -> int:
        if assignment is None:
            return 0
        default_ms = DEFAULT_INTERVAL_MS if assignment.is_gateway else DEVICE_INTERVAL_MS
        return pulse.interval_ms or assignment.interval_ms or default_ms

    def _gateway(self, pulse: Pulse, now_ms: int) -> Pulse | None:
        """Pulse of the gateway whose silence would explain this one's; None when there is no such gateway."""
        gateway = self._pulses.get(pulse.via) if pulse.via else None
        if gateway is None:
            return None
        assignment = self._registry.resolve(pulse.via, now_ms)
        return gateway if assignment is not None and assignment.is_gateway else None

    def _due_ms(self, address: str, pulse: Pulse, now_ms: int) -> int | None:
        if pulse.offline or pulse.suspect:
            return None
        assignment = self._registry.resolve(address, now_ms)
        interval_ms = self._interval_ms(pulse, assignment)
        if not interval_ms:
            return None
        from_ms = max(pulse.last_heard_ms, self._back_ms)
        gateway = self._gateway(pulse, now_ms)
        if gateway is not None:
            if gateway.offline:
                return None
            from_ms = max(from_ms, gateway.back_ms)
        most_ms = SILENT_MAX_MS
        if assignment is not None and watched_closely(assignment.role):
            most_ms = max(CLOSE_MAX_MS, interval_ms + interval_ms // 4)  # its own word may be due but once a day
        return max(from_ms + min(MISSED * interval_ms, most_ms), pulse.asked_ms + min(interval_ms, most_ms))

    def _schedule(self, address: str, pulse: Pulse, now_ms: int) -> None:
        self._look(address, pulse, now_ms, self._due_ms(address, pulse, now_ms))

    def _look(self, address: str, pulse: Pulse, now_ms: int, due_ms: int | None) -> None:
        """Put the next look at this address into the heap: when due, or when a change dated ahead begins to hold."""
        until_ms = self._registry.valid_until_ms(address, now_ms)
        if until_ms is not None and (due_ms is None or until_ms < due_ms):
            due_ms = until_ms
        if due_ms is None:
            self._timers.pop(address, None)
        elif self._timers.get(address) != due_ms:
            self._timers[address] = due_ms
            heappush(self._heap, (due_ms, address))
            if len(self._heap) > 2 * len(self._timers) + 64:  # replaced entries of devices that change their mind
                self._heap = sorted((due_ms, address) for address, due_ms in self._timers.items())

    def _silent(self, address: str, pulse: Pulse, due_ms: int, now_ms: int, tell: Tell) -> None:
        gateway = self._gateway(pulse, now_ms)
        interval_ms = self._interval_ms(pulse, self._registry.resolve(address, now_ms))
        if gateway is None or gateway.last_heard_ms >= due_ms - interval_ms:
            self._declare(address, pulse, SILENT, now_ms, tell)
        else:
            pulse.suspect = True
            self._suspects.setdefault(pulse.via, {})[address] = None

    def _ask(self, gateway_address: str, now_ms: int) -> None:
        """The gateway is alive: its suspects have one more interval to show that they are."""
        for address in sorted(self._suspects.pop(gateway_address)):
            pulse = self._pulses[address]
            pulse.suspect, pulse.asked_ms = False, now_ms
            self._schedule(address, pulse, now_ms)

    def _declare(self, address: str, pulse: Pulse, reason: str, now_ms: int, tell: Tell) -> None:
        since_ms = pulse.last_heard_ms if reason == SILENT else now_ms
        self._unsuspect(address, pulse)
        pulse.offline, pulse.since_ms, pulse.reason, pulse.asked_ms = True, since_ms, reason, 0
        self._timers.pop(address, None)
        for suspect in sorted(self._suspects.pop(address, ())):
            self._pulses[suspect].suspect = False  # held: its gateway explains its silence
        tell(Transition(address, online=False, reason=reason, at_ms=now_ms, effective_ms=since_ms))

    def _recover(self, address: str, pulse: Pulse, now_ms: int, tell: Tell, reason: str = HEARD) -> None:
        was_offline = pulse.offline
        self._unsuspect(address, pulse)
        pulse.offline, pulse.since_ms, pulse.reason = False, 0, ""
        if was_offline:
            pulse.back_ms = now_ms
            tell(Transition(address, online=True, reason=reason, at_ms=now_ms, effective_ms=now_ms))
        self.registry_changed([address], now_ms)  # its own timer, and those of the devices that wait for it

    def _unsuspect(self, address: str, pulse: Pulse) -> None:
        if pulse.suspect:
            pulse.suspect = False
            waiting = self._suspects.get(pulse.via, {})
            waiting.pop(address, None)
            if not waiting:
                self._suspects.pop(pulse.via, None)

    def _link(self, address: str, pulse: Pulse, via: str, now_ms: int) -> None:
        if pulse.via:
            self._behind.get(pulse.via, {}).pop(address, None)
        pulse.via = via
        self._behind.setdefault(via, {})[address] = None
        self._schedule(address, pulse, now_ms)
