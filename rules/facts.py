"""What is known about one home: who lives there, with what, and how things stand. Shared by all its rules. Pure.

Facts are kept once per home instead of in each rule: presence, away, last seen, who is on the spot, which ways
are broken. Only inputs change them (`fact_events.py`, `fact_settings.py`), so they replay. Here stand the tables
and the questions that rules ask.

Everything is bounded by what is registered in the home: devices, residents, gateways; staff and pauses by a limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ingest.event import BUFFERED, LATE, Event
from rules.doses import Dispenser, Dose
from rules.parameters import Written
from rules.sign import Sign

CALL_ROLES = ("pendant", "wrist", "cord", "hub", "panic", "button")  # what a person can call for help with
NEVER_MS = -1  # before all that is told here, and one byte in a state

# Why a call device cannot reach us, worst word last. They are words of the pages (`unwatched_reason`).
FLAT, OUT_OF_RANGE, ACCUMULATOR_LOW = "trigger_flat", "out_of_range", "accumulator_low"
DEVICE_SILENT, GATEWAY_SILENT = "device_silent", "gateway_silent"

HOME, LEAVING, OUT, ENTERED = "home", "leaving", "out", "entered"  # phases of presence.py
SENSORS = "sensors"  # a broken way: every sensor that could see the person live is silent as a device
SENSES = ("motion", "room", "presence", "person", "bed", "chair", "door")
"""Families of traces by which a home sees somebody live."""
ACTS = ("bed", "chair", "presence", "person", "alarm", "contact", "answered")
"""… one word of which is somebody at home."""


class Resident(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Pseudonymous part of a resident."""

    id: str
    risks: tuple[str, ...] = ()
    critical: bool = False


class Device(msgspec.Struct, frozen=True, gc=False, array_like=True):
    id: str
    role: str | None = None
    model: str | None = None
    room: str | None = None
    resident: str | None = None
    gateway: str | None = None
    interval_ms: int = 0  # how often it reports, as it is registered; 0: nobody said


class Measure(msgspec.Struct, frozen=True, gc=False, array_like=True):
    id: str
    resident: str
    service: str
    from_date: str | None = None
    until_date: str | None = None


class Plan(msgspec.Struct, frozen=True, gc=False, array_like=True):
    id: str
    resident: str
    rule: str
    set: dict[str, Written] = {}
    from_date: str | None = None
    until_date: str | None = None


class Pause(msgspec.Struct, frozen=True, gc=False, array_like=True):
    id: str
    resident: str
    from_ms: int
    until_ms: int
    rules: tuple[str, ...] = ()  # empty = all that can be paused


class Visit(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One of the staff on the spot; the hold ends by itself at `until_ms`."""

    since_ms: int
    until_ms: int


class Trace(msgspec.Struct, gc=False, array_like=True):
    """How one family of events of one device stands (bed, door, motion …), newest by effective time.

    `runs`: the event that began the state that stands, and the one that began the state before it.
    """

    last: Sign
    runs: tuple[Sign, ...] = ()


class Family(msgspec.Struct, gc=False, array_like=True):
    """The traces of one family. A struct, since a table of tables is something for the collector to walk."""

    traces: dict[str, Trace] = {}  # by address


class Loss(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A person cannot call: the last way that broke, and since when."""

    way: str
    device: str
    since_ms: int


class Presence(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where the guess stands whether the one who lives alone is out (`presence.py`). Times by effective time."""

    phase: str = HOME
    since_ms: int = NEVER_MS  # what came before this is history: the door they left by, the proof they were back
    by: str = ""  # door | entrance: what said that somebody went
    device: str | None = None
    room: str | None = None
    due_ms: int | None = None  # when silence will have said enough
    recent: tuple[tuple[int, str], ...] = ()  # pulses that may yet bear out another: when, which sensor
    back_ms: int = NEVER_MS  # of one who is said to be away: since when life goes on at home …
    seen_ms: int = NEVER_MS  # … and when it was last proven
    inward: bool = False  # the door was opened from outside: that it closes again is no leaving


class Situation(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was last told of a resident: what may hold rules back, and whether they can call."""

    staff: bool = False
    away: bool = False  # said or guessed
    out_ms: int | None = None  # … guessed: since when
    way: str | None = None  # a broken way to the home: a gateway's id, "feed" or "sensors"
    lost: Loss | None = None


class Facts(msgspec.Struct, gc=False, array_like=True):
    """Mutable only through `home_fold`; everything in it can be saved at any moment."""

    home: str
    site: str = ""
    ward: str | None = None
    timezone: str = "Europe/Oslo"
    kind: str = "own_home"
    residents: dict[str, Resident] = {}
    devices: dict[str, Device] = {}
    gateways: dict[str, bool] = {}  # gateways that stand in this home
    measures: dict[str, Measure] = {}
    plans: dict[str, Plan] = {}
    pauses: dict[str, Pause] = {}
    versions: dict[str, int] = {}  # setting_id -> version seen
    staff: dict[str, Visit] = {}  # actor -> on the spot
    staff_end_ms: int = NEVER_MS  # when the last of them left
    away_since_ms: dict[str, int] = {}  # resident -> since
    away_reasons: dict[str, str] = {}  # resident -> the reason that was said: hospital, day_centre, …
    away_end_ms: dict[str, int] = {}  # resident -> when they came back
    presence: Presence = Presence()  # whether the one who lives alone is probably out
    out_end_ms: int = NEVER_MS  # when that ended last
    offline_since_ms: dict[str, int] = {}  # device or gateway -> last heard
    unable_since_ms: dict[str, dict[str, int]] = {}  # call device -> why it cannot call -> since
    heard: dict[str, int] = {}  # device -> when it was heard first; "not yet installed" before that
    written_ms: dict[str, int] = {}  # register -> effective time of its last write: who wrote last wins
    families: dict[str, Family] = {}  # of events whose state is remembered: how each stands
    situations: dict[str, Situation] = {}  # resident -> what was last told
    doses: dict[str, Dose] = {}  # "whose/dose id" -> how it stands (doses.py)
    dispensers: dict[str, Dispenser] = {}  # device -> what is known of a dispenser
    feed_lost_ms: int | None = None
    gap_from_ms: int | None = None  # last feed gap
    gap_until_ms: int | None = None
    way_end_ms: dict[str, int] = {}  # resident -> when the way to them was whole again
    late_signs: tuple[Sign, ...] = ()  # heard late, and not taken by the guess yet (late_signs.py) …
    late_due_ms: int | None = None  # … before then

    @property
    def look_ms(self) -> int | None:
        """The home's own timer: when silence, or the settle of late signs, will have said enough."""
        due_ms, late_ms = self.presence.due_ms, self.late_due_ms
        return due_ms if late_ms is None or (due_ms is not None and due_ms < late_ms) else late_ms

    def came_late(self, event: Event) -> bool:
        """Late by over 60 s, buffered, or inside a feed gap: settles before it may raise."""
        quality = event.quality
        if quality and (LATE in quality or BUFFERED in quality):
            return True
        until_ms = self.gap_until_ms
        if until_ms is None or event.effective_at_ms >= until_ms:
            return False
        return self.gap_from_ms is not None and self.gap_from_ms <= event.effective_at_ms

    def traces(self, family: str) -> Iterable[Trace]:
        """How each device of one family stands."""
        known = self.families.get(family)
        return () if known is None else known.traces.values()

    def trace(self, family: str, address: str) -> Trace | None:
        """How one device stands."""
        known = self.families.get(family)
        return None if known is None else known.traces.get(address)

    def staff_present(self, now_ms: int, at_ms: int | None = None) -> bool:
        """Whether somebody of the staff is on the spot, as far as we were told; and was there at `at_ms` already."""
        return any(
            now_ms < visit.until_ms and (at_ms is None or visit.since_ms <= at_ms) for visit in self.staff.values()
        )

    def broken_way(self, resident: str) -> str | None:
        """A gateway that carries this person's devices and is not heard, "feed", "sensors"; None if all ways stand."""
        if self.feed_lost_ms is not None:
            return "feed"
        if not self.offline_since_ms:
            return None
        for device in self.devices.values():
            if device.gateway in self.offline_since_ms and device.resident in (None, resident):
                return device.gateway
        return SENSORS if self.senses_dead(resident) else None

    def senses_dead(self, resident: str) -> bool:
        """Whether each sensor that could have seen this person live is silent as a device."""
        sensors = [
            trace.last.device
            for family in SENSES
            for trace in self.traces(family)
            if trace.last.device is not None and trace.last.resident in (None, resident)
        ]
        return bool(sensors) and all(sensor in self.offline_since_ms for sensor in sensors)

    def out_since_ms(self, resident: str) -> int | None:
        """Since when this person is probably out, though nobody said so; None when they are not."""
        return self.presence.since_ms if self.presence.phase == OUT and resident in self.residents else None

    def said_out(self, resident: str) -> bool:
        """Whether somebody said that this person is out: away, or searched for."""
        searches = (trace.last for trace in self.traces("tracking"))
        return resident in self.away_since_ms or any(
            one.type == "tracking.started" and one.resident == resident for one in searches
        )

    def lived_after(self, at_ms: int) -> bool:
        """Whether somebody lived on at home after an instant: an act, or two motion sensors, as traces stand."""
        acts = [trace for family in ACTS for trace in self.traces(family)]
        pulses = [*self.traces("motion"), *self.traces("room")]
        fetched = any(dose.word == "fetched" and dose.word_ms > at_ms for dose in self.doses.values())
        return (
            fetched
            or any(trace.last.effective_at_ms > at_ms for trace in acts)
            or sum(trace.last.effective_at_ms > at_ms for trace in pulses) > 1
        )

    def call_devices(self, resident: str) -> Iterator[Device]:
        """Devices this person can call with and that have ever been heard."""
        alone = len(self.residents) == 1
        for device in self.devices.values():
            mine = device.resident == resident or (device.resident is None and alone)
            if mine and device.role in CALL_ROLES and device.id in self.heard:
                yield device

    def why_unable(self, device: Device) -> tuple[int, str] | None:
        """(since, why) a press of it would not reach us, as far as we know; None when it would."""
        reasons = [(since_ms, why) for why, since_ms in self.unable_since_ms.get(device.id, {}).items()]
        if device.id in self.offline_since_ms:
            reasons.append((self.offline_since_ms[device.id], DEVICE_SILENT))
        if device.gateway is not None and device.gateway in self.offline_since_ms:
            reasons.append((self.offline_since_ms[device.gateway], GATEWAY_SILENT))
        for hub in self.devices.values() if self.unable_since_ms and device.gateway is not None else ():
            low_ms = self.unable_since_ms.get(hub.id, {}).get(ACCUMULATOR_LOW)
            if low_ms is not None and hub.role == "hub" and hub.gateway == device.gateway:
                reasons.append((low_ms, ACCUMULATOR_LOW))  # when it is empty, what speaks through it is mute too
        return min(reasons, default=None)

    def loss(self, resident: str) -> Loss | None:
        """Whether no device they can call with would reach us; None too for who has none that was ever heard."""
        last: Loss | None = None
        for device in self.call_devices(resident):
            reason = self.why_unable(device)
            if reason is None:
                return None
            if last is None or reason[0] > last.since_ms:
                last = Loss(reason[1], device.id, reason[0])
        return last

    def situation(self, resident: str, now_ms: int) -> Situation:
        """How things stand for one resident now."""
        out_ms = self.out_since_ms(resident)
        return Situation(
            self.staff_present(now_ms),
            resident in self.away_since_ms or out_ms is not None,
            out_ms,
            self.broken_way(resident),
            self.loss(resident),
        )
