from __future__ import annotations

import threading
from concurrent.futures import Future

import msgspec
import pytest

from ingest.clock_writer import DOWNTIME_MS, ClockWriter, downtime
from ingest.codecs import default_codecs
from ingest.dead_letters import replay
from ingest.journal import JournalError
from ingest.record import CLOCK, RawRecord, Recorded
from ingest.source_fold import SourceFold
from ingest.source_runner import SNAPSHOT_NAME, SourceRunner
from ingest.source_state import ENGINE
from tests.support.journals import JOURNALS
from tests.support.source import MINUTE_MS, NOON_MS, SITE, Source, press, said, site, status, without_seqs
from tests.support.waiting import wait_until


@pytest.fixture(params=sorted(JOURNALS))
def journal(request, tmp_path):
    """Each implementation of the journal."""
    with JOURNALS[request.param](tmp_path) as opened:
        yield opened


def new_fold() -> SourceFold:
    return SourceFold(SITE, default_codecs())


def runner_of(journal, **options):
    return SourceRunner(new_fold, journal.raw, journal.inputs, journal.snapshots, lambda: NOON_MS, **options)


def day(messages: int = 60) -> list[RawRecord]:
    """A site, presses with resends, and a mat."""
    found = site()
    for number in range(messages):
        at_ms = NOON_MS + number * 20_000
        found.append(press(at_ms, id=str(number // 2)) if number % 3 else said(at_ms, "mat", {"type": "bed.left"}))
    return found


def append(journal, records) -> int:
    seq: int = journal.raw.append(records).result(10)
    return seq


def inputs_of(records) -> list[object]:
    source = Source()
    return list(without_seqs(one for record in records for one in source(record).inputs))


def written(journal) -> list[object]:
    return [msgspec.structs.replace(one, seq=0, raw_seq=0) for one in journal.inputs.read(0, 10_000)]


def test_rows_become_inputs_and_are_announced(journal):
    """A running source fold writes what RAW holds, wakes those who read it, and passes on what is recorded."""
    woken = threading.Event()
    recorded: list[Recorded] = []
    runner = runner_of(journal, on_inputs=woken.set, on_recorded=recorded.extend)
    runner.start()
    last = append(journal, day())
    runner.wake()
    wait_until(lambda: runner.position == last, "the source fold at the end of RAW")
    runner.stop()

    assert written(journal) == inputs_of(day())
    assert woken.is_set()
    assert {entry.ref["id"] for entry in recorded} == {str(number // 2) for number in range(60) if number % 3}
    assert (runner.lag, runner.oldest_age_ms, runner.healthy) == (0, 0, True)
    assert runner.liveness()["vardevakt:gw-1"][1]
    assert runner.next_due() is not None


@pytest.mark.parametrize("snapshot_every", [1, 10, 10_000])
def test_a_restart_anywhere_writes_the_same_rows(journal, snapshot_every):
    """Stopped after any row, with or without a snapshot, the next run goes on with the same memory."""
    records = day()
    append(journal, records)
    for stop_at in (3, 30, 31, len(records)):
        runner = runner_of(journal, after_rows=lambda _size: snapshot_every)
        runner._raw = Limited(journal.raw, stop_at)
        runner.run_until(stop_at)

    assert written(journal) == inputs_of(records)
    assert journal.inputs.position() == len(records)


class Limited:
    """RAW as it was when it had `last` rows."""

    def __init__(self, raw, last: int) -> None:
        self.raw, self.last = raw, last

    def read(self, after_seq, limit):
        return [row for row in self.raw.read(after_seq, limit) if row.seq <= self.last]

    def last_seq(self):
        return self.last


def test_a_snapshot_is_written_at_stop_and_used(journal):
    """The next start begins at the snapshot, and its state is that of the whole journal."""
    last = append(journal, day())
    runner = runner_of(journal)
    runner.start()
    runner.wake()
    wait_until(lambda: runner.position == last, "the source fold at the end of RAW")
    runner.stop()
    kept = journal.snapshots.load(SNAPSHOT_NAME, ENGINE, last)
    source = Source(day())

    assert kept == (last, source.fold.snapshot())
    again = runner_of(journal)
    again._raw = Limited(journal.raw, 0)  # nothing to refold from: it must be the snapshot
    again.run_until(0)
    assert again.position == last


@pytest.mark.parametrize("state", [b"", b"\x93\x01"])
def test_a_snapshot_that_cannot_be_read_costs_a_refold_only(journal, state):
    """Damaged state is left aside, said, and everything is folded again."""
    records = day()
    last = append(journal, records[:20])
    runner_of(journal).run_until(last)
    journal.snapshots.save(SNAPSHOT_NAME, last, ENGINE, state)
    end = append(journal, records[20:])
    runner_of(journal).run_until(end)

    assert written(journal) == inputs_of(records)


@pytest.mark.expected_errors("being fenced is said")
def test_a_second_runner_stops_the_first(journal):
    """When another run has moved the position, this one writes nothing more and stops."""
    append(journal, day(10))
    first, second = runner_of(journal), runner_of(journal)
    first.run_until(5)
    second.run_until(19)
    append(journal, day(10))
    first._position = 5
    first.ready.set()
    with pytest.raises(JournalError):
        first.run_until(30)

    assert first.fenced
    assert journal.inputs.position() == 19


class Failing:
    """INPUTS whose disk fails a few times."""

    def __init__(self, inputs, failures: int, *, written_first: bool = False) -> None:
        self.inputs, self.failures, self.written_first = inputs, failures, written_first

    def write(self, position, folded, expected):
        if self.failures:
            self.failures -= 1
            if self.written_first:
                self.inputs.write(position, folded, expected)
            raise JournalError("disk full")
        self.inputs.write(position, folded, expected)

    def position(self):
        return self.inputs.position()


@pytest.mark.expected_errors("a write that fails is said")
@pytest.mark.parametrize("written_first", [False, True])
def test_a_write_that_fails_is_tried_again(journal, written_first, monkeypatch):
    """A full disk costs time and no row; a row that was on disk after all is not written twice."""
    monkeypatch.setattr("ingest.source_runner.PAUSE_FIRST_S", 0.001)
    last = append(journal, day(10))
    runner = runner_of(journal)
    runner._inputs = Failing(journal.inputs, 1 if written_first else 3, written_first=written_first)
    runner.run_until(last)

    assert written(journal) == inputs_of(day(10))
    assert runner.healthy


def test_a_dead_letter_is_tried_again_with_its_bytes(journal):
    """Its raw bytes become a new row through receive; what RAW does not hold is refused."""
    rubbish = said(NOON_MS, "pendant", b"\x00{")
    seq = append(journal, [rubbish])
    again = replay(journal.raw, journal.raw.append, seq).result(10)
    (row,) = journal.raw.read(seq, 1)

    assert (again, row.topic, row.payload, row.link) == (seq + 1, rubbish.topic, rubbish.payload, "replay")
    with pytest.raises(LookupError):
        replay(journal.raw, journal.raw.append, 99)


class Hand:
    """A clock and a receive that a test moves by hand."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS
        self.due_ms: int | None = None
        self.appended: list[RawRecord] = []
        self.future: Future[int] = Future()
        self.writer = ClockWriter(self.submit, lambda: self.now_ms)
        self.writer.register(lambda: self.due_ms)
        self.writer.register(lambda: None)

    def submit(self, records):
        self.appended += records
        self.future = Future()
        return self.future

    def synced(self):
        self.future.set_result(len(self.appended))


def test_time_moves_only_when_a_timer_is_due():
    """One clock record per need: not before, not while one is under way, not when one that late was written."""
    hand = Hand()
    assert not hand.writer.run_once()
    hand.due_ms = NOON_MS + 5_000
    assert not hand.writer.run_once()
    hand.now_ms = NOON_MS + 5_000
    assert hand.writer.run_once()
    assert not hand.writer.run_once()
    hand.synced()
    assert not hand.writer.run_once()
    hand.due_ms, hand.now_ms = NOON_MS + 6_000, NOON_MS + 7_000
    assert hand.writer.run_once()
    assert [one.kind for one in hand.appended] == [CLOCK, CLOCK]


def test_a_clock_record_that_could_not_be_written_is_asked_for_again():
    """A failing disk stops no clock for good."""
    hand = Hand()
    hand.due_ms = NOON_MS
    assert hand.writer.run_once()
    hand.future.set_exception(JournalError("disk full"))

    assert hand.writer.run_once()


def test_a_gateway_goes_silent_though_nothing_arrives(journal):
    """Runner and clock writer together: the timer fires with the clock's record, at its own time."""
    append(journal, [*site(), status(NOON_MS)])
    runner = runner_of(journal)
    runner.run_until(10)
    clock = ClockWriter(journal.raw.append, lambda: NOON_MS + 15 * MINUTE_MS)
    clock.register(runner.next_due)

    assert clock.run_once()
    wait_until(lambda: journal.raw.last_seq() == 11, "a clock record in RAW")
    runner.run_until(11)
    found = [one.event for one in journal.inputs.read(0, 1_000) if one.event is not None and one.derived]
    assert [(one.type, one.home) for one in found] == [("device.offline", "h1"), ("device.offline", "h2")]


def test_what_a_restart_says_first():
    """Since RAW's last row we heard nothing; an empty RAW and a short pause need no word."""
    (first,) = downtime(NOON_MS, NOON_MS + DOWNTIME_MS, feed=True)

    assert msgspec.json.decode(first.payload)["from_ms"] == NOON_MS
    assert downtime(0, NOON_MS, feed=True) == []
    assert downtime(NOON_MS, NOON_MS + DOWNTIME_MS - 1, feed=True) == []


def test_without_mqtt_nobody_else_says_that_the_pause_is_over():
    """A service that is only spoken to over HTTP hears again as soon as it runs: it must not stay blind for good."""
    facts = downtime(NOON_MS, NOON_MS + DOWNTIME_MS, feed=False)

    assert [msgspec.json.decode(fact.payload)["type"] for fact in facts] == ["feed.lost", "feed.gap"]
