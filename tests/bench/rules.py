"""The home fold alone with the whole shipped book, from decoded inputs: speed, growth, memory, base, a month.

Homes are a simulated ward's (`simulators/`), decoded once by the source fold before anything is measured. Large sites
are made of copies of these homes, so that 125 000 residents need no hour of settings.
"""

from __future__ import annotations

import gc
import hashlib
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

import msgspec

from alerts.projection import relayed
from alerts.site_items import settings_of
from ingest.codecs import default_codecs
from ingest.event import Event
from ingest.record import EVENT, SETTING, Input, RawRecord
from ingest.source_fold import SourceFold
from rules.book_file import shipped_book
from rules.home_fold import HomeFold
from rules.home_state import Home
from simulators.furniture import make_ward
from simulators.life import messages_in
from simulators.message import record_of
from simulators.ward import Ward
from tests.bench.report import Figure, median, spread, whole
from tests.support.simulated import DAY_MS, oslo, site_file

SEED = 4
DAY = date(2026, 3, 2)
SPEED_RESIDENTS = 100
RUNS = 3
SIZES = (100, 1_000, 10_000)  # 125 000 sensor homes need 12 GB and more than five minutes on two shared cores
SITE_RESIDENTS = 125_000
EVENTS_A_HOME = 24  # of the same hours whatever the size, so that as many timers come due for each event
MONTH_RESIDENTS, MONTH_DAYS, MONTH_EVENTS = 400, 30, 6_000_000
MIB = 1_048_576
_homes = msgspec.msgpack.Decoder(Home)


def settings(ward: Ward, at_ms: int) -> list[RawRecord]:
    """The ward's site as the desk would relay it."""
    found = []
    for one in settings_of(site_file(ward)):
        assert relayed(one.kind)
        found.append(RawRecord(at_ms, SETTING, one.setting_id, msgspec.json.encode(one, order="sorted")))
    return found


def decoded(ward: Ward, from_ms: int, to_ms: int) -> tuple[list[Input], list[Input]]:
    """(settings, events) as the home fold reads them."""
    source = SourceFold("solbakken", default_codecs())
    begun = [given for record in settings(ward, from_ms) for given in source.apply(record).inputs]
    events: list[Input] = []
    for message in messages_in(ward, from_ms, to_ms, oslo):
        events += source.apply(record_of(message)).inputs
    return begun, [given for given in events if given.kind == EVENT]


def settled(begun: Sequence[Input]) -> HomeFold:
    fold = HomeFold(shipped_book(), "solbakken")
    for given in begun:
        fold.apply(given)
    return fold


def engine() -> list[Figure]:
    """A day of a simulated ward, all its events."""
    ward = make_ward(SEED, SPEED_RESIDENTS)
    from_ms = oslo(DAY, 0)
    begun, events = decoded(ward, from_ms, from_ms + DAY_MS)
    rates, raised = [], 0
    pauses = _Pauses()
    for _ in range(RUNS):
        fold = settled(begun)
        gc.freeze()  # as the runner does when it has loaded
        with pauses:
            started_s = time.process_time()
            raised = sum(len(fold.apply(given)) for given in events)
            rates.append(len(events) / (time.process_time() - started_s))
    rules = len(shipped_book().rules)
    return [
        Figure(
            "home fold alone, full book, one core, decoded inputs", spread(rates),
            f"{whole(len(events))} events of {SPEED_RESIDENTS} simulated residents, {rules} rules, {raised} effects; "
            f"longest pause of the collector {pauses.longest_s * 1e3:.1f} ms",
            "≥ 100 000/s", median(rates) >= 100_000,
        )
    ]  # fmt: skip


def growth() -> list[Figure]:
    """The same events for ever more homes: cost an event, memory a resident, base written and loaded."""
    kinds = _kinds_of_home()
    figures = [_weights(kinds)]
    costs: list[str] = []
    first = last = 0.0
    for residents in SIZES:
        fold, events = _copies(kinds["sensor home"], residents)
        pauses = _Pauses()
        with pauses:
            started_s = time.process_time()
            for given in events:
                fold.apply(given)
            us = (time.process_time() - started_s) / len(events) * 1e6
        first, last = first or us, us
        costs.append(f"{whole(residents)}: {us:.1f} µs, collector ≤ {pauses.longest_s * 1e3:.0f} ms")
        if residents == SIZES[-1]:
            figures += _base(fold)
        del fold
    flat = last / first
    name = f"cost an event, {whole(SIZES[0])} → {whole(SIZES[-1])} residents"
    grown = Figure(name, f"× {flat:.2f}", "; ".join(costs), "flat", flat < 1.5)
    return [grown, *figures]


def _kinds_of_home() -> dict[str, tuple[bytes, list[Input]]]:
    """A home of each kind after a day: its state, and its events of the next."""
    ward = make_ward(SEED, 20)
    from_ms = oslo(DAY, 0)
    begun, events = decoded(ward, from_ms, from_ms + 2 * DAY_MS)
    fold = settled(begun)
    later = [given for given in events if given.received_at_ms >= from_ms + DAY_MS]
    for given in events[: len(events) - len(later)]:
        fold.apply(given)
    by_size = sorted(fold.state.homes.values(), key=lambda home: len(msgspec.msgpack.encode(home)))
    alone = [home for home in by_size if len(home.facts.residents) == 1]
    picked = {"alarm alone": alone[0], "sensor home": alone[-1]}
    return {
        name: (msgspec.msgpack.encode(home), [given for given in later if given.home == home.facts.home])
        for name, home in picked.items()
    }


def _copies(kind: tuple[bytes, list[Input]], count: int) -> tuple[HomeFold, list[Input]]:
    """A fold of so many copies of one home, and EVENTS_A_HOME events for each, in the order of time."""
    state, events = kind
    fold = HomeFold(shipped_book(), "solbakken")
    for number in range(count):
        home = _homes.decode(state)
        home.facts.home = f"copy{number}"
        fold.state.homes[home.facts.home] = home
    fold.rebuild()
    gc.freeze()  # as the runner does when it has loaded
    return fold, list(_spread(events, count))


def _spread(events: Sequence[Input], count: int) -> Iterator[Input]:
    for number in range(EVENTS_A_HOME * count):
        given = events[number // count]
        event = given.event
        assert isinstance(event, Event)
        home = f"copy{number * 7_919 % count}"
        yield msgspec.structs.replace(given, home=home, event=msgspec.structs.replace(event, home=home))


def _weights(kinds: dict[str, tuple[bytes, list[Input]]]) -> Figure:
    """Memory a resident in the running process, by what is allocated for 2 000 copies."""
    told, met = [], True
    for name, aim_bytes in (("alarm alone", 4_096), ("sensor home", 10_240)):
        gc.collect()
        before = _allocated()
        kept = [_homes.decode(kinds[name][0]) for _ in range(2_000)]
        each = (_allocated() - before) / len(kept)
        told.append(f"{name} {each / 1_024:.1f} kB ({len(kinds[name][0]) / 1_024:.1f} kB in a base)")
        met = met and each <= aim_bytes
        del kept
    tracemalloc.stop()  # else all that comes after it is slower and twice as large
    return Figure("memory a resident", "; ".join(told), "by the allocator, 2 000 copies", "≤ 4 kB and ≤ 10 kB", met)


def _allocated() -> int:
    if not tracemalloc.is_tracing():
        tracemalloc.start(1)
    return tracemalloc.get_traced_memory()[0]


def _base(fold: HomeFold) -> list[Figure]:
    """The state of the largest site to a file and back, and what that is for SITE_RESIDENTS."""
    residents = len(fold.state.homes)
    scale = SITE_RESIDENTS / residents
    with tempfile.TemporaryDirectory(prefix="vardevakt-base-") as folder:
        path = Path(folder) / "base"
        started_s = time.perf_counter()
        state = fold.snapshot()
        path.write_bytes(state)
        written_s = time.perf_counter() - started_s
        size = len(state)
        digest = hashlib.sha256(state).digest()
        del state
        fold.state.homes.clear()
        gc.collect()
        started_s = time.perf_counter()
        state = path.read_bytes()
        assert hashlib.sha256(state).digest() == digest
        fold.restore(state)
        loaded_s = time.perf_counter() - started_s
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1_024
    return [
        Figure(
            f"base of {whole(SITE_RESIDENTS)} residents, from {whole(residents)} by proportion",
            f"written {written_s * scale:.1f} s, loaded {loaded_s * scale:.1f} s",
            f"{whole(size * scale / MIB)} MiB; measured {written_s:.2f} s, {loaded_s:.2f} s, {whole(size / MIB)} MiB, "
            f"peak of the process {whole(peak)} MiB", "< 10 s each", max(written_s, loaded_s) * scale < 10,
        )
    ]  # fmt: skip


def month() -> list[Figure]:
    """A month of 400 residents on two processes, each with half of the homes, from decoded inputs in memory."""
    started_s = time.perf_counter()
    with ProcessPoolExecutor(2) as pool:
        halves = list(pool.map(_half_month, (0, 1)))
    wall_s = time.perf_counter() - started_s
    folded_s = max(half[1] for half in halves)
    events = sum(half[0] for half in halves)
    at_aim = folded_s * MONTH_EVENTS / events
    return [
        Figure(
            f"a month of {MONTH_RESIDENTS} residents replayed on 2 cores",
            f"{folded_s:.0f} s for {whole(events)} events",
            f"= {at_aim:.0f} s for {whole(MONTH_EVENTS)}; making the events took {wall_s - folded_s:.0f} s more",
            "< 90 s",
            at_aim < 90,
        )
    ]  # fmt: skip


def _half_month(half: int) -> tuple[int, float]:
    """(events, seconds of folding) of one half of the homes, day by day so that memory stays small."""
    ward = make_ward(SEED + half, MONTH_RESIDENTS // 2)
    from_ms = oslo(DAY, 0)
    source = SourceFold("solbakken", default_codecs())
    fold = settled([given for record in settings(ward, from_ms) for given in source.apply(record).inputs])
    events, folding_s = 0, 0.0
    for day in range(MONTH_DAYS):
        begin_ms = from_ms + day * DAY_MS
        told = messages_in(ward, begin_ms, begin_ms + DAY_MS, oslo)
        given = [one for message in told for one in source.apply(record_of(message)).inputs]
        started_s = time.perf_counter()
        for one in given:
            fold.apply(one)
        folding_s += time.perf_counter() - started_s
        events += len(given)
    return events, folding_s


class _Pauses:
    """The longest run of the garbage collector inside the block."""

    def __init__(self) -> None:
        self.longest_s, self._begun_s = 0.0, 0.0

    def __enter__(self) -> None:
        gc.callbacks.append(self._note)

    def __exit__(self, *_exc: object) -> None:
        gc.callbacks.remove(self._note)

    def _note(self, phase: str, _info: dict[str, int]) -> None:
        if phase == "start":
            self._begun_s = time.perf_counter()
        else:
            self.longest_s = max(self.longest_s, time.perf_counter() - self._begun_s)


def peer() -> list[Figure]:
    """Bytewax on the same events with one filter and a keyed counter, where it is installed (`pip install bytewax`)."""
    ward = make_ward(SEED, SPEED_RESIDENTS)
    from_ms = oslo(DAY, 0)
    _, events = decoded(ward, from_ms, from_ms + DAY_MS)
    with tempfile.TemporaryDirectory(prefix="vardevakt-peer-") as folder:
        path = Path(folder) / "events.jsonl"
        path.write_bytes(b"".join(msgspec.json.encode(given.event) + b"\n" for given in events))
        script = Path(__file__).with_name("bytewax_peer.py")
        done = subprocess.run([sys.executable, str(script), str(path)], capture_output=True, text=True, check=False)
    name, beside = "Bytewax, same events, one filter and a keyed counter", "from JSON lines, one worker"
    if done.returncode:
        return [Figure(name, "not measured", done.stderr.strip()[-80:])]
    return [Figure(name, f"{whole(float(done.stdout))}/s", beside)]


def rules() -> list[Figure]:
    """All of it."""
    return [*engine(), *growth(), *month(), *peer()]
