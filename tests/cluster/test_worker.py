"""The folds under Faust on a real Kafka: the same effects as on one machine, whatever happens to the workers."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from ingest.client_kafka import Message
from ingest.record import Input
from ingest.topics import INPUTS
from rules.effects import LIVE
from rules.state_moves import FLOOR
from tests.support.effect_store import EffectStore
from tests.support.waiting import wait_until
from tests.support.ward_inputs import embedded, ward_inputs
from tests.support.worker_process import Logs, WorkerProcess, wait_folded

PARTITIONS = 8
ALL = list(range(PARTITIONS))
WAIT_S = 60.0


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> EffectStore:
    """What one machine says of the ward."""
    made = embedded(ward_inputs(), tmp_path_factory.mktemp("embedded") / "one")
    assert len(made.said(LIVE)) > 50
    assert len(made.said(FLOOR)) > 3
    return made


def thirds() -> tuple[Sequence[Input], Sequence[Input], Sequence[Input]]:
    """The ward's hours in three parts."""
    inputs = ward_inputs()
    cut, later = len(inputs) // 3, 2 * len(inputs) // 3
    return inputs[:cut], inputs[cut:later], inputs[later:]


def test_one_worker_says_what_one_machine_says(
    logs: Logs, tmp_path: Path, store: EffectStore, told: EffectStore
) -> None:
    """The same recording through Kafka and Faust, both lanes: the same effects, byte for byte, and each once."""
    logs.write(ward_inputs())
    with WorkerProcess(logs, tmp_path, "one", "live,floor") as worker:
        wait_folded(logs, store)
        wait_folded(logs, store, FLOOR)
        assert worker.held(LIVE) == ALL
        assert worker.stop() == 0
    for lane in (LIVE, FLOOR):
        assert store.said(lane) == told.said(lane)
        for_everybody = sum(b'"home":""' in body for body in store.said(lane))
        assert store.count(lane) == told.count(lane) + for_everybody * (PARTITIONS - 1)


def test_a_worker_that_is_killed_leaves_nothing_undone(
    logs: Logs, tmp_path: Path, store: EffectStore, told: EffectStore
) -> None:
    """Killed between folding and writing, amid the recording: the next one folds again in silence and goes on."""
    first, second, third = thirds()
    logs.write(first)
    with WorkerProcess(logs, tmp_path, "one", "live"):
        wait_folded(logs, store)
        store.block(LIVE)
        logs.write(second)
        wait_until(lambda: store.waiting(LIVE), "a worker amid a step", WAIT_S)
    store.unblock(LIVE)
    logs.write(third)
    with WorkerProcess(logs, tmp_path, "two", "live") as worker:
        wait_folded(logs, store)
        assert {"assigned", "loaded", "refolded"} <= set(worker.decisions(LIVE))
    assert store.said(LIVE) == told.said(LIVE)


def test_a_rebalance_moves_partitions_with_their_state(
    logs: Logs, tmp_path: Path, store: EffectStore, told: EffectStore
) -> None:
    """A second worker joins, later the first leaves in order: nobody is fenced, what stays is not loaded again."""
    first, second, third = thirds()
    with WorkerProcess(logs, tmp_path, "one", "live") as one, WorkerProcess(logs, tmp_path, "two", "live") as two:
        logs.write(first)
        wait_until(lambda: one.held(LIVE) and two.held(LIVE), "both at work", WAIT_S, 0.2)
        wait_until(
            lambda: sorted(one.held(LIVE) + two.held(LIVE)) == ALL, "every partition at one of them", WAIT_S, 0.2
        )
        wait_folded(logs, store)
        logs.write(second)
        wait_folded(logs, store)
        assert one.stop() == 0
        wait_until(lambda: two.held(LIVE) == ALL, "the second has them all", WAIT_S, 0.2)
        logs.write(third)
        wait_folded(logs, store)
        decisions = two.decisions(LIVE)
    assert store.said(LIVE) == told.said(LIVE)
    assert "kept" in decisions
    assert not {"fenced", "failed"} & set(decisions)


def test_a_zombie_is_fenced_and_does_no_harm(logs: Logs, tmp_path: Path, store: EffectStore, told: EffectStore) -> None:
    """Paused amid a step until another has its partitions: woken, it writes nothing, and comes back as a member."""
    first, second, third = thirds()
    with WorkerProcess(logs, tmp_path, "one", "live") as zombie:
        logs.write(first)
        wait_folded(logs, store)
        store.block(LIVE)
        logs.write(second)
        wait_until(lambda: store.waiting(LIVE), "a worker amid a step", WAIT_S)
        zombie.signal(signal.SIGSTOP)
        store.unblock(LIVE)
        with WorkerProcess(logs, tmp_path, "two", "live") as other:
            wait_folded(logs, store)
            assert other.held(LIVE) == ALL
            zombie.signal(signal.SIGCONT)
            wait_until(lambda: "fenced" in zombie.decisions(LIVE), "the fence", WAIT_S, 0.2)
            logs.write(third)
            wait_folded(logs, store)
            wait_until(lambda: sorted(zombie.held(LIVE) + other.held(LIVE)) == ALL, "both members again", WAIT_S, 0.2)
    assert store.said(LIVE) == told.said(LIVE)


def test_a_row_that_nobody_can_read_stops_nobody(
    logs: Logs, tmp_path: Path, store: EffectStore, told: EffectStore
) -> None:
    """Poison amid each partition is set aside and told; what stands behind it is folded."""
    first, second, third = thirds()
    logs.write(first)
    poison = [Message(logs.layout.topic(INPUTS), one, b"", b"\xc1 no row of ours") for one in ALL]
    logs.client.call(logs.client.produce(poison))
    logs.write([*second, *third])
    with WorkerProcess(logs, tmp_path, "one", "live") as worker:
        wait_folded(logs, store)
        assert worker.held(LIVE) == ALL
    said = store.said(LIVE)
    aside = [body for body in said if b'"type":"row"' in body]
    assert len(aside) == PARTITIONS
    assert [body for body in said if body not in aside] == told.said(LIVE)
