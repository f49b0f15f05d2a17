"""The home fold alone with the whole shipped book, from decoded inputs: speed, size (`rules_size.py`), a month, a peer.

Homes are a simulated ward's (`simulators/`), decoded once by the source fold before anything is measured. Speed is by
CPU time, so that other work on the machine disturbs it little. The whole takes a quarter of an hour on two quiet cores.
"""

from __future__ import annotations

import gc
import multiprocessing
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import msgspec

from ingest.codecs import default_codecs
from ingest.source_fold import SourceFold
from rules.book_file import shipped_book
from simulators.furniture import make_ward
from simulators.life import messages_in
from simulators.message import record_of
from tests.bench.decoded import DAY, SEED, SITE, Pauses, decoded, settings, settled
from tests.bench.report import Figure, median, spread, whole
from tests.bench.rules_size import growth
from tests.support.simulated import DAY_MS, oslo

SPEED_RESIDENTS = 100
RUNS = 5
MONTH_RESIDENTS, MONTH_DAYS, MONTH_EVENTS = 400, 30, 6_000_000
DAYS_MEASURED = 3  # of the month: to make its events takes ten times as long as to fold them
PEER_HOW = "pip install bytewax==0.21.1"  # of this benchmark alone, so no dependency of the project


def engine() -> list[Figure]:
    """A day of a simulated ward, all its events."""
    ward = make_ward(SEED, SPEED_RESIDENTS)
    from_ms = oslo(DAY, 0)
    begun, events = decoded(ward, from_ms, from_ms + DAY_MS)
    rates, raised = [], 0
    pauses = Pauses()
    for _ in range(RUNS):
        fold = settled(begun)
        gc.collect()
        gc.freeze()  # as the runner does when it has loaded
        with pauses:
            started_s = time.process_time()
            raised = sum(len(fold.apply(given)) for given in events)
            rates.append(len(events) / (time.process_time() - started_s))
        gc.unfreeze()
    rules = len(shipped_book().rules)
    return [
        Figure(
            "home fold alone, full book, one core, decoded inputs", spread(rates),
            f"{whole(len(events))} events of {SPEED_RESIDENTS} simulated residents, {rules} rules, {raised} effects; "
            f"longest pause of the collector {pauses.longest_s * 1e3:.1f} ms",
            "≥ 100 000/s", median(rates) >= 100_000,
        )
    ]  # fmt: skip


def month() -> list[Figure]:
    """Some days of 400 residents on two processes, each with half of the homes, from decoded inputs in memory."""
    started_s = time.perf_counter()
    fresh = multiprocessing.get_context("spawn")  # a fork of a process that just held 125 000 homes takes 10 GB more
    with ProcessPoolExecutor(2, fresh) as pool:
        halves = list(pool.map(_half_month, (0, 1)))
    wall_s = time.perf_counter() - started_s
    folded_s = max(half[1] for half in halves)
    events = sum(half[0] for half in halves)
    at_aim = folded_s * MONTH_EVENTS / events
    return [
        Figure(
            f"a month of {MONTH_RESIDENTS} residents replayed on 2 cores, by proportion from {DAYS_MEASURED} days",
            f"{at_aim:.0f} s for {whole(MONTH_EVENTS)} events",
            f"measured {folded_s:.1f} s for {whole(events)} ({whole(events * MONTH_DAYS / DAYS_MEASURED)} a month as "
            f"simulated); making them took {wall_s - folded_s:.0f} s more", "< 90 s", at_aim < 90,
        )
    ]  # fmt: skip


def _half_month(half: int) -> tuple[int, float]:
    """(events, seconds of folding) of one half of the homes, day by day so that memory stays small."""
    ward = make_ward(SEED + half, MONTH_RESIDENTS // 2)
    from_ms = oslo(DAY, 0)
    source = SourceFold(SITE, default_codecs())
    fold = settled([given for record in settings(ward, from_ms) for given in source.apply(record).inputs])
    events, folding_s = 0, 0.0
    for day in range(DAYS_MEASURED):
        begin_ms = from_ms + day * DAY_MS
        told = messages_in(ward, begin_ms, begin_ms + DAY_MS, oslo)
        given = [one for message in told for one in source.apply(record_of(message)).inputs]
        started_s = time.perf_counter()
        for one in given:
            fold.apply(one)
        folding_s += time.perf_counter() - started_s
        events += len(given)
    return events, folding_s


def peer() -> list[Figure]:
    """Bytewax on the same events with one filter and a keyed counter, where it is installed."""
    ward = make_ward(SEED, SPEED_RESIDENTS)
    from_ms = oslo(DAY, 0)
    _, events = decoded(ward, from_ms, from_ms + DAY_MS)
    with tempfile.TemporaryDirectory(prefix="vardevakt-peer-") as folder:
        path = Path(folder) / "events.jsonl"
        path.write_bytes(b"".join(msgspec.json.encode(given.event) + b"\n" for given in events))
        script = Path(__file__).with_name("bytewax_peer.py")
        done = subprocess.run([sys.executable, str(script), str(path)], capture_output=True, text=True, check=False)
    name = "Bytewax, same events, one filter and a keyed counter"
    if done.returncode:
        return [Figure(name, "not measured", f"`{PEER_HOW}`; {done.stderr.strip()[-60:]}")]
    return [Figure(name, f"{whole(float(done.stdout))}/s", "from JSON lines, one worker, parsing included")]


def rules() -> list[Figure]:
    """All of it."""
    return [*engine(), *growth(), *month(), *peer()]
