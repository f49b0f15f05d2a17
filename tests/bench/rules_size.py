"""The home fold as a site grows: cost an event, pauses of the collector, bytes a resident, a base written and loaded.

Large sites are made of copies of one simulated home after a day, so that 125 000 residents need no hour of settings:
in a base, as a service finds it at its start. Events are those of the day after from FROM_HOUR on, the same of each
home whatever the size, so that as many timers come due for each event. The first event of each home stands apart: it
wakes the home, and before it the timers of the night fire. 125 000 residents want some 10 GB.
"""

from __future__ import annotations

import gc
import hashlib
import os
import resource
import tempfile
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ingest.event import Event
from ingest.record import Input
from rules.book_file import shipped_book
from rules.facts import CALL_ROLES
from rules.home_fold import HomeFold
from rules.home_state import FoldState, Home
from rules.homes import packed
from rules.partition_fold import ROWS_A_LOOK, look_through_young
from simulators.furniture import make_ward
from tests.bench.decoded import DAY, SEED, SITE, Pauses, decoded, settled
from tests.bench.report import Figure, whole
from tests.support.simulated import DAY_MS, oslo

SIZES = (100, 1_000, 10_000, 25_000, 125_000)
ROUNDS = {100: 40, 1_000: 4}  # small sites several times, as a few hundred events say nothing
EVENTS_A_HOME = 8
FROM_HOUR = 9
WEIGHED = 1_000  # copies; so many are awake after a restart
AWAKE_MAX_BYTES, SENSORS_MAX_BYTES = 4_096, 10_240
PAUSE_MAX_S = 0.05
CHUNK = 20_000
MIB = 1_048_576
ALARM, SENSORS = "alarm alone", "sensor home"
_homes = msgspec.msgpack.Decoder(Home)
_encoder = msgspec.msgpack.Encoder(order="sorted")


class Cost(msgspec.Struct):
    """Of one size: seconds of CPU and events, with the longest pause of the collector in seconds of CPU."""

    woken_s: float = 0.0
    woken: int = 0
    used_s: float = 0.0
    events: int = 0
    pause_s: float = 0.0

    def told(self) -> str:
        return (
            f"{self.us:.1f} µs (first of a home {self.woken_s / self.woken * 1e6:.0f} µs, "
            f"collector ≤ {self.pause_s * 1e3:.0f} ms)"
        )

    @property
    def us(self) -> float:
        """Microseconds an event once all are awake."""
        return self.used_s / self.events * 1e6


class Kind(msgspec.Struct):
    """A home after a day, and its events of the day after from FROM_HOUR on."""

    home: Home
    events: list[Input]
    what: str  # it is made of


def growth() -> list[Figure]:
    """All of it: the same events for ever more homes with sensors."""
    kinds = _kinds_of_home()
    figures = [_weight(kinds[ALARM], ALARM, AWAKE_MAX_BYTES), _weight(kinds[SENSORS], SENSORS, SENSORS_MAX_BYTES)]
    costs: dict[int, Cost] = {}
    base: list[Figure] = []
    for residents in SIZES:
        costs[residents], base = _site(kinds[SENSORS], residents)
    flat = costs[SIZES[-1]].us / costs[SIZES[0]].us
    pause_s = max(cost.pause_s for cost in costs.values())
    return [
        Figure(
            f"cost an event, {whole(SIZES[0])} → {whole(SIZES[-1])} residents with sensors", f"× {flat:.2f}",
            "; ".join(f"{whole(residents)}: {cost.told()}" for residents, cost in costs.items())
            + f"; {EVENTS_A_HOME} events a home from {FROM_HOUR}:00", "flat", flat < 1.5,
        ),
        Figure(
            "longest pause of the collector, at any of these sizes", f"{pause_s * 1e3:.0f} ms of CPU", "", "≤ 50 ms",
            pause_s <= PAUSE_MAX_S,
        ),
        *figures,
        *base,
    ]  # fmt: skip


# -- the homes -------------------------------------------------------------------------------------------------


def _kinds_of_home() -> dict[str, Kind]:
    """Of those who live alone: a home of middling size of those with sensors, and the same with its alarm only."""
    ward = make_ward(SEED, 20)
    from_ms = oslo(DAY, 0)
    begun, events = decoded(ward, from_ms, from_ms + 2 * DAY_MS)
    fold = settled(begun)
    for given in _before(events, from_ms + DAY_MS):
        fold.apply(given)
    alone = [home for home in fold.state.homes.values() if len(home.facts.residents) == 1 and home.facts.measures]
    middling = sorted(alone, key=lambda home: len(msgspec.msgpack.encode(home)))[len(alone) // 2]
    name = middling.facts.home
    own = [given for given in events if given.home == name]
    later_ms = from_ms + DAY_MS + FROM_HOUR * 3_600_000
    later = [given for given in own if given.received_at_ms >= later_ms]
    return {
        SENSORS: Kind(middling, later, _made_of(middling)),
        ALARM: _alarm_alone(name, begun, _before(own, from_ms + DAY_MS)),
    }


def _before(events: Sequence[Input], until_ms: int) -> list[Input]:
    return [given for given in events if given.received_at_ms < until_ms]


def _alarm_alone(name: str, begun: Sequence[Input], first: Sequence[Input]) -> Kind:
    """The same home with nothing but what calls for help and its gateway, and no decision on sensors."""
    kept, others = [], set()
    for given in begun:
        setting = given.setting
        if given.home != name or setting is None:
            continue
        value = setting.value or {}
        if setting.kind == "device" and value.get("role") not in CALL_ROLES:
            others.add(setting.setting_id.partition("/")[2])
        elif setting.kind not in ("measure", "plan"):
            kept.append(given)
    fold = settled(kept)
    for given in first:
        if given.event is not None and given.event.device not in others:
            fold.apply(given)
    home = fold.state.homes[name]
    return Kind(home, [], _made_of(home))


def _made_of(home: Home) -> str:
    facts = home.facts
    return f"{len(facts.devices)} devices, {len(facts.gateways)} gateway, {len(home.instances)} rules at work"


def _base_of(kind: Kind, count: int) -> bytes:
    """The base of a site of so many copies of one home."""
    fold = HomeFold(shipped_book(), SITE)
    copy = _homes.decode(packed(kind.home))
    homes: dict[str, msgspec.Raw] = {}
    for number in range(count):
        copy.facts.home = f"copy{number}"
        homes[copy.facts.home] = msgspec.Raw(packed(copy))
    fields = {name: getattr(fold.state, name) for name in FoldState.__struct_fields__}
    return _encoder.encode({**fields, "homes": homes})


# -- what is measured ------------------------------------------------------------------------------------------


def _weight(kind: Kind, name: str, aim_bytes: int) -> Figure:
    """Memory a resident in the running process with all that hangs on it: timers, keys, tables."""
    base = _base_of(kind, WEIGHED)
    awake, asleep = (_allocated(base, awake_max) / WEIGHED for awake_max in (WEIGHED, 0))
    return Figure(
        f"memory a resident, {name}", f"{awake / 1_024:.1f} kB awake, {asleep / 1_024:.1f} kB asleep",
        f"{kind.what}; by the allocator, of {whole(WEIGHED)} copies", f"≤ {aim_bytes // 1_024} kB",
        awake <= aim_bytes,
    )  # fmt: skip


def _allocated(base: bytes, awake_max: int) -> int:
    """Bytes that a fold of this base holds."""
    fold = HomeFold(shipped_book(), SITE, awake_max=awake_max)
    gc.collect()
    tracemalloc.start(1)
    fold.restore(base)
    gc.collect()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()  # else all that comes after it is slower and twice as large
    return held


def _site(kind: Kind, residents: int) -> tuple[Cost, list[Figure]]:
    """What a site of so many copies costs, and of the largest the figures of its base."""
    cost, pauses = Cost(), Pauses()
    figures: list[Figure] = []
    for _ in range(ROUNDS.get(residents, 1)):
        with tempfile.TemporaryDirectory(prefix="vardevakt-base-") as folder:
            path = Path(folder) / "base"
            path.write_bytes(_base_of(kind, residents))
            started_s = time.perf_counter()
            fold = _loaded(path)
            loaded_s = time.perf_counter() - started_s
            gc.collect()
            gc.freeze()  # as the runner does when it has loaded
            with pauses:
                cost.woken_s += _folded(fold, kind.events, residents, 0, residents)
                cost.used_s += _folded(fold, kind.events, residents, residents, EVENTS_A_HOME * residents)
            cost.woken += residents
            cost.events += (EVENTS_A_HOME - 1) * residents
            if residents == SIZES[-1]:
                figures = [_written(fold, path, residents, loaded_s)]
            del fold
            gc.unfreeze()
    cost.pause_s = pauses.longest_s
    return cost, figures


def _folded(fold: HomeFold, events: Sequence[Input], count: int, first: int, end: int) -> float:
    """Seconds of CPU for events number first to end, in the order of time, round the homes; made some at a time."""
    used_s = 0.0
    for start in range(first, end, CHUNK):
        chunk = [_for_copy(events[number // count], number, count) for number in range(start, min(end, start + CHUNK))]
        started_s = time.process_time()
        for place, given in enumerate(chunk):
            fold.apply(given)
            if not place % ROWS_A_LOOK:
                look_through_young()  # as the runner does
        used_s += time.process_time() - started_s
    return used_s


def _loaded(path: Path) -> HomeFold:
    """A fold from a base on disk, its digest proved as `ingest/base_files.py` does."""
    state = path.read_bytes()
    hashlib.sha256(state).hexdigest()
    fold = HomeFold(shipped_book(), SITE)
    fold.restore(state)
    return fold


def _written(fold: HomeFold, path: Path, residents: int, loaded_s: float) -> Figure:
    """The base after these events, to disk."""
    started_s = time.perf_counter()
    state = fold.snapshot()
    hashlib.sha256(state).hexdigest()
    with path.open("wb") as file:
        file.write(state)
        os.fsync(file.fileno())
    written_s = time.perf_counter() - started_s
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
    return Figure(
        f"base of {whole(residents)} residents with sensors", f"written {written_s:.1f} s, loaded {loaded_s:.1f} s",
        f"{whole(len(state) / MIB)} MiB on disk; peak of the process {whole(peak)} MiB", "< 10 s each",
        max(written_s, loaded_s) < 10,
    )  # fmt: skip


def _for_copy(given: Input, number: int, count: int) -> Input:
    event = given.event
    assert isinstance(event, Event), "only events were kept"
    home = f"copy{number * 7_919 % count}"
    return msgspec.structs.replace(given, home=home, event=msgspec.structs.replace(event, home=home))
