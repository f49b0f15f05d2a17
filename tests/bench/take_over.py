"""A worker with many residents is killed, and another process takes them over: how long until all speak again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from api.running.rule_book import engine_version
from ingest.record import Input
from ingest.topics import INPUTS, Layout, Origins
from rules.book_file import shipped_book
from rules.effects import LIVE
from rules.generation import GenerationDesk, GenerationSnapshots
from rules.home_fold import HomeFold
from rules.home_state import FoldState
from rules.homes import packed
from rules.lanes import InputRows
from rules.partitions import rows_between_snapshots
from rules.worker_faust import SESSION_S
from tests.bench import rules_size
from tests.bench.report import Figure, whole
from tests.support.effect_store import EffectStore
from tests.support.file_snapshots import FileSnapshots
from tests.support.waiting import wait_until
from tests.support.ward_inputs import SITE
from tests.support.worker_process import Logs, WorkerProcess

WAIT_S = 600.0


class Sizes(msgspec.Struct, frozen=True):
    """What is measured. `partitions`: of a take-over; the others use half of it."""

    events: int = 100_000
    workers: tuple[int, ...] = (1, 2, 4)
    residents: int = 25_000
    partitions: int = 32


def take_over(servers: str, folder: Path, sizes: Sizes) -> Figure:
    """A worker with all residents is killed and another process begins at once: until every partition speaks again."""
    logs, own = Logs(servers, SITE, sizes.partitions), fresh(folder, "take-over")
    store, size, refold = EffectStore(own), *_settled(logs, own, sizes)
    everyone = list(range(sizes.partitions))
    with WorkerProcess(logs, own, "first", LIVE, session_s=SESSION_S) as first:
        wait_until(lambda: first.held(LIVE) == everyone and _quiet(first), "the first at work", WAIT_S, 0.2)
        first.kill()
        killed_s = time.monotonic()
        with WorkerProcess(logs, own, "second", LIVE, session_s=SESSION_S) as second:
            wait_until(lambda: "assigned" in second.decisions(LIVE), "partitions given", WAIT_S, 0.05)
            given_s = time.monotonic() - killed_s
            wait_until(lambda: second.held(LIVE) == everyone and _quiet(second), "the second at work", WAIT_S, 0.1)
            taken_s = time.monotonic() - killed_s
    assert store.count(LIVE) >= 0
    logs.close()
    return Figure(
        f"take-over of {whole(sizes.residents)} residents with sensors by another worker", f"{taken_s:.1f} s",
        f"from kill -9; {given_s:.1f} s of it until Kafka gives the partitions (session {SESSION_S:.0f} s, the new "
        f"process started meanwhile); {sizes.partitions} partitions, {whole(size / 1_048_576)} MiB of states, "
        f"{whole(refold)} rows folded again",
        "< 10 s", taken_s < 10,
    )  # fmt: skip


def _quiet(worker: WorkerProcess) -> bool:
    """Whether nothing is folded again any more."""
    partitions = worker.standing()["lanes"][LIVE]["partitions"].values()
    return all(position >= applied for position, applied, _ in partitions)


def _settled(logs: Logs, folder: Path, sizes: Sizes) -> tuple[int, int]:
    """States of copies of one home in every partition, and as many rows after them as lie between two snapshots on
    average, all of them applied. (Bytes of the states, rows.)
    """
    kind = rules_size._kinds_of_home()[rules_size.SENSORS]
    homes: dict[int, list[str]] = {}
    for number in range(sizes.residents):
        homes.setdefault(logs.layout.partition_of(f"copy{number}"), []).append(f"copy{number}")
    states, size = GenerationSnapshots(FileSnapshots(folder / "states"), logs.layout), 0
    store = GenerationDesk(EffectStore(folder), logs.layout)
    rows: list[Input] = []
    for partition, names in sorted(homes.items()):
        state = _state(logs.layout, partition, kind, names)
        states.save(f"{LIVE}/{partition}", 0, engine_version(), state)
        size += len(state)
        count = rows_between_snapshots(len(state)) // 2
        rows += [
            _of_home(kind.events[index // len(names) % len(kind.events)], names[index % len(names)])
            for index in range(count)
        ]
    logs.write(rows)
    for partition, end in logs.ends(INPUTS).items():
        store.apply(LIVE, partition, 0, end, ())
    return size, len(rows)


def _state(layout: Layout, partition: int, kind: Any, names: Sequence[str]) -> bytes:
    fold = HomeFold(shipped_book(), layout.site)
    copy = rules_size._homes.decode(packed(kind.home))
    homes: dict[str, msgspec.Raw] = {}
    for name in names:
        copy.facts.home = name
        homes[name] = msgspec.Raw(packed(copy))
    fields = {name: getattr(fold.state, name) for name in FoldState.__struct_fields__}
    made = InputRows(LIVE, partition, HomeFold(shipped_book(), layout.site), layout.generation)
    made.fold.restore(rules_size._encoder.encode({**fields, "homes": homes}))
    made.origins = Origins()
    return made.snapshot()


def _of_home(one: Input, home: str) -> Input:
    assert one.event is not None, "only events were kept"
    return msgspec.structs.replace(one, home=home, event=msgspec.structs.replace(one.event, home=home))


def fresh(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made
