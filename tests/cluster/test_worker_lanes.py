"""The lanes beside each other on a real Kafka: RAW to inputs to effects, the floor, clocks, a worker that is stuck."""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec

from ingest.codecs import default_codecs
from ingest.record import CLOCK, EVENT, MQTT, SETTING, Input, RawRecord
from ingest.source_fold import SourceFold
from ingest.topics import ALARMS, INPUTS, RAW, Origins, Placement, decode_input, decode_raw
from rules.effects import LIVE
from rules.lanes import SOURCE
from rules.state_moves import FLOOR
from simulators.furniture import make_ward
from simulators.life import messages_in
from simulators.message import record_of
from tests.bench.decoded import DAY, settings
from tests.support.effect_store import EffectStore
from tests.support.simulated import oslo
from tests.support.waiting import wait_until
from tests.support.ward_inputs import HOUR_MS, SITE
from tests.support.worker_process import Logs, WorkerProcess

PARTITIONS = 4
WAIT_S = 60.0


def ward_records() -> list[RawRecord]:
    """A small ward's settings and four hours of its messages, as RAW has them, and a clock at the end."""
    ward, from_ms = make_ward(5, 6), oslo(DAY, 0)
    messages = [record_of(one) for one in messages_in(ward, from_ms, from_ms + 4 * HOUR_MS, oslo)]
    return [*settings(ward, from_ms), *messages, RawRecord(from_ms + 40 * HOUR_MS, CLOCK)]


def by_home(inputs: list[Input]) -> list[tuple[str, str, str, int]]:
    """What homes hear, whatever the order between devices: (home, kind, id, time)."""
    return sorted(
        (one.home, one.kind, one.event.event_id if one.event else "", one.received_at_ms)
        for one in inputs
        if one.home and one.kind == EVENT
    )


def read_inputs(logs: Logs, log: str = INPUTS) -> tuple[list[Input], int]:
    """What a reader takes of a log, and how many rows were written twice."""
    found, twice = [], 0
    for partition, end in logs.ends(log).items():
        origins = Origins()
        for row in logs.reader.read(logs.layout.topic(log), partition, 0, end):
            sourced = decode_input(row.value, row.offset)
            if origins.new(sourced):
                found.append(sourced.input)
            else:
                twice += 1
    return found, twice


def wait_source(logs: Logs, store: EffectStore) -> None:
    """Until all of RAW is folded."""

    def done() -> bool:
        applied = logs.positions(store, SOURCE)
        return all(applied.get(one, 0) >= end for one, end in logs.ends(RAW).items())

    wait_until(done, "the end of raw", WAIT_S, 0.1)


def gateway_says(name: str, body: dict[str, object]) -> RawRecord:
    """Something a gateway says now."""
    return RawRecord(time.time_ns() // 1_000_000, MQTT, f"vardevakt/1/{name}", json.dumps(body).encode(), 1)


def registered(name: str) -> RawRecord:
    """A gateway, so that its silence means something."""
    value = {"setting_id": f"gateway/{name}", "version": 1, "kind": "gateway"}
    value["value"] = {"id": name, "home": "h1", "address": f"vardevakt:{name}"}
    return RawRecord(time.time_ns() // 1_000_000, SETTING, payload=msgspec.json.encode(value))


def test_the_source_lane_says_what_one_machine_says(
    logs: Logs, tmp_path: Path, store: EffectStore, placement: Placement
) -> None:
    """RAW in partitions, by two workers, of which one is killed between writing and moving its position: every home
    hears the same events as on one machine, and what was written twice counts once.
    """
    records = ward_records()
    fold = SourceFold(SITE, default_codecs())
    alone = [
        one
        for seq, record in enumerate(records, 1)
        for one in fold.apply(msgspec.structs.replace(record, seq=seq)).inputs
    ]
    store.block(SOURCE)
    logs.write_raw(records, placement)
    with WorkerProcess(logs, tmp_path, "one", SOURCE):
        wait_until(lambda: store.waiting(SOURCE), "rows written, their position not moved", WAIT_S)
    store.unblock(SOURCE)
    with WorkerProcess(logs, tmp_path, "two", SOURCE):
        wait_source(logs, store)
    heard, twice = read_inputs(logs)
    assert by_home(heard) == by_home(alone)
    assert len(by_home(heard)) > 100
    assert twice > 0


def test_one_clock_record_goes_to_the_partition_whose_timer_has_passed(
    logs: Logs, tmp_path: Path, store: EffectStore, placement: Placement
) -> None:
    """A gateway falls silent and nothing else comes: its owner writes one clock record, and the homes hear of it, but
    not of the time, as others' messages to them may be behind.
    """
    logs.write_raw([registered("gw-1")], placement)
    beat = gateway_says("gw-1/status", {"online": True, "interval_seconds": 1})
    logs.write_raw([beat], placement)
    (partition,) = placement(beat)
    with WorkerProcess(logs, tmp_path, "one", SOURCE):
        wait_until(lambda: _kinds(logs).get("device.offline"), "a gateway told offline", WAIT_S, 0.2)
    clocks = {
        one: sum(
            decode_raw(row.value, row.offset).kind == CLOCK
            for row in logs.reader.read(logs.layout.topic(RAW), one, 0, end)
        )
        for one, end in logs.ends(RAW).items()
    }
    assert clocks == {one: int(one == partition) for one in range(PARTITIONS)}
    assert CLOCK not in _kinds(logs)


def test_the_floor_raises_while_the_homes_are_blocked(
    logs: Logs, tmp_path: Path, store: EffectStore, placement: Placement
) -> None:
    """The desk does not answer the home lane: an alarm still goes from RAW through the source lane to the floor."""
    store.block(LIVE)
    with (
        WorkerProcess(logs, tmp_path, "worker", "source,live") as worker,
        WorkerProcess(logs, tmp_path, "floor", FLOOR),
    ):
        logs.write_raw([registered("gw-1")], placement)
        wait_until(lambda: store.waiting(LIVE), "a home lane that waits for its desk", WAIT_S, 0.1)
        press: dict[str, object] = {"type": "alarm.pressed", "trigger": "pendant", "id": "1"}
        logs.write_raw([gateway_says("gw-1/pendant/event", press)], placement)
        wait_until(lambda: store.said(FLOOR), "the floor's alert", WAIT_S, 0.05)
        assert store.said(LIVE) == []
        store.unblock(LIVE)
        wait_until(lambda: store.said(LIVE), "the home lane's word", WAIT_S, 0.1)
        assert worker.standing()["lanes"][LIVE]["failed"] == ""
    (raised,) = store.said(FLOOR)
    assert b'"source":"floor"' in raised
    assert sum(logs.ends(ALARMS).values()) < sum(logs.ends(INPUTS).values()) + PARTITIONS


def test_a_worker_that_is_stuck_ends_and_another_takes_over(
    logs: Logs, tmp_path: Path, store: EffectStore, placement: Placement
) -> None:
    """Its oldest row grows old and nothing moves: the process ends by itself with a code that asks for a new one."""
    logs.write_raw([registered("gw-1")], placement)
    store.block(SOURCE)
    with WorkerProcess(logs, tmp_path, "one", SOURCE, stall_s=4.0) as stuck:
        assert stuck.process is not None
        assert stuck.process.wait(WAIT_S) == 70
        assert "partition_stalled" in stuck.log.read_text()
    store.unblock(SOURCE)
    with WorkerProcess(logs, tmp_path, "two", SOURCE):
        wait_source(logs, store)
    assert read_inputs(logs)[0]


def _kinds(logs: Logs) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in read_inputs(logs)[0]:
        name = one.event.type if one.event else one.kind
        found[name] = found.get(name, 0) + 1
    return found
