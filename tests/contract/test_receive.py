"""Receive over a real journal: order, times, acknowledgement after the sync, copies, huge payloads."""

import time

import msgspec
import pytest

from ingest.clock import ClockStepped, VirtualClock
from ingest.codec import MAX_PAYLOAD_BYTES
from ingest.journal import JournalError
from ingest.receive import Receiver
from ingest.receive_entry import KEPT_WHOLE_BYTES, ReceiveLimits
from tests.support.intake import class_of, intakes
from tests.support.journals import NOON_MS, message, sqlite_journal
from tests.support.waiting import wait_until


@pytest.fixture
def open_intake(tmp_path):
    """Opens intakes on one folder, one after another, as after a restart."""
    with intakes(tmp_path) as open_it:
        yield open_it


@pytest.fixture
def intake(open_intake):
    """A receiver over an empty journal."""
    return open_intake()


def test_a_message_is_told_only_once_it_is_on_disk(intake):
    """`on_synced` gets the seq under which another reader already finds the row."""
    found = []
    intake.clock.set(NOON_MS + 5)
    intake.receiver.submit(
        "mqtt", "a/b", b"x", 1, True, "mqtt", lambda seq: found.extend(intake.journal.raw.read(seq - 1, 1))
    )
    assert intake.receiver.flush(5)

    assert found == [
        msgspec.structs.replace(message(), received_at_ms=NOON_MS + 5, topic="a/b", payload=b"x", qos=1, retain=True,
                                link="mqtt", seq=1)
    ]  # fmt: skip


def test_acknowledgements_keep_the_order_of_arrival(intake):
    """A thousand messages: their seqs are told in order, each once."""
    for number in range(1_000):
        intake.send(str(number).encode())
    assert intake.receiver.flush(5)

    assert intake.synced == list(range(1, 1_001))
    assert [row.payload for row in intake.rows()] == [str(number).encode() for number in range(1_000)]


def test_time_never_goes_back(open_intake):
    """Neither with the clock nor over a restart with a clock that stands before the last row."""
    intake = open_intake()
    intake.clock.set(NOON_MS + 10_000)
    intake.send(b"1")
    assert intake.receiver.flush(5)
    intake = open_intake()
    assert intake.clock.now_ms() < NOON_MS + 10_000
    intake.send(b"2")
    assert intake.receiver.flush(5)

    assert [row.received_at_ms for row in intake.rows()] == [NOON_MS + 10_000] * 2


def test_one_broken_callback_harms_nobody(intake, error_logs):
    """An edge that raises does not keep the next one from its acknowledgement."""
    intake.receiver.submit("mqtt", "t", b"1", on_synced=lambda _: 1 / 0)
    intake.send(b"2")
    assert intake.receiver.flush(5)

    assert intake.synced == [2]
    assert intake.receiver.health().callback_errors == 1
    assert len(error_logs) == 1
    error_logs.clear()


def test_records_taken_in_together_stand_together(intake):
    """`submit_many` gives the last row's seq when all are on disk, stamps them, and needs no list to be short."""
    records = [message(number) for number in range(2_500)]
    assert intake.receiver.submit_many(records).result(5) == 2_500

    assert {row.received_at_ms for row in intake.rows()} == {NOON_MS}
    assert intake.receiver.submit_many([]).result(0) == 2_500


def test_a_replay_keeps_times_and_marks(intake):
    """With `keep_times` the records' own times and dup marks stand, but time does not go back."""
    records = [message(3, dup=True), message(1), message(4)]
    intake.receiver.submit_many(records, keep_times=True).result(5)

    assert [row.received_at_ms - NOON_MS for row in intake.rows()] == [3_000, 3_000, 4_000]
    assert [row.dup for row in intake.rows()] == [True, False, False]


def test_more_records_than_the_queue_holds(open_intake):
    """Only what is not yet synced counts, so a long list passes through a short queue."""
    intake = open_intake(limits=ReceiveLimits(queue_rows=10, batch_rows=10))

    assert intake.receiver.submit_many([message(number) for number in range(500)]).result(10) == 500


@pytest.mark.parametrize("size", [KEPT_WHOLE_BYTES, KEPT_WHOLE_BYTES + 1, 3 * KEPT_WHOLE_BYTES])
def test_a_huge_payload_is_kept_or_cut_never_a_crash(intake, size):
    """Up to 4 MiB whole; beyond, so much that every codec still says too_large, and the row says how large it was."""
    intake.send(b"x" * size)
    assert intake.receiver.flush(5)

    row = intake.rows()[0]
    if size <= KEPT_WHOLE_BYTES:
        assert (len(row.payload), row.link) == (size, "mqtt")
    else:
        assert (len(row.payload), row.link) == (MAX_PAYLOAD_BYTES + 1, f"mqtt;truncated={size}")
    assert intake.receiver.health().truncated == (size > KEPT_WHOLE_BYTES)


def test_a_copy_after_a_broken_link_is_marked(intake):
    """Not acknowledged when the link broke, and here again with the same topic and bytes: `dup`, once."""
    for payload in (b"1", b"2"):
        intake.send(payload)
    assert intake.receiver.flush(5)
    intake.receiver.acknowledged("mqtt", 1)
    intake.now_s = 60.0
    intake.receiver.link_broken("mqtt")
    for payload in (b"1", b"2", b"2"):
        intake.send(payload)
    intake.send(b"2", qos=0)
    assert intake.receiver.flush(5)

    assert [row.dup for row in intake.rows()] == [False, False, False, True, False, False]
    assert intake.receiver.health().dup == 1


def test_copies_are_known_over_a_restart(open_intake):
    """After a crash, rows beyond the stored watermark may come again; the ones before it are new messages."""
    intake = open_intake()
    for payload in (b"1", b"2", b"3"):
        intake.send(payload)
    assert intake.receiver.flush(5)
    intake.receiver.acknowledged("mqtt", 1)
    intake.now_s = 60.0
    intake.receiver.tick()  # notes the watermark, written with the next commit or an idle second
    intake = open_intake()
    for payload in (b"1", b"2", b"3", b"3"):
        intake.send(payload)
    assert intake.receiver.flush(5)

    assert [row.dup for row in intake.rows()[3:]] == [False, True, True, False]


def test_the_watermark_moves_on_after_the_restart(open_intake):
    """A row that came again and was acknowledged is not expected a third time."""
    intake = open_intake()
    intake.send(b"1")
    assert intake.receiver.flush(5)
    intake = open_intake()
    intake.send(b"1")
    assert intake.receiver.flush(5)
    intake.receiver.acknowledged("mqtt", 2)
    intake.now_s = 60.0
    intake.receiver.tick()
    intake = open_intake()

    assert intake.journal.raw.acked() == {"mqtt": 2}
    intake.send(b"1")
    assert intake.receiver.flush(5)
    assert [row.dup for row in intake.rows()] == [False, True, False]


def test_a_step_of_the_clock_becomes_a_row(intake, monkeypatch):
    """`clock.stepped` enters RAW like everything else that the folds must know."""
    stepped = [ClockStepped(NOON_MS, NOON_MS + 5_000, "adopted")]
    monkeypatch.setattr(intake.clock, "check", lambda: stepped.pop() if stepped else None)
    intake.receiver.tick()
    intake.now_s = 2.0
    intake.receiver.tick()
    assert intake.receiver.flush(5)

    assert [(row.kind, row.payload) for row in intake.rows()] == [
        ("feed", ClockStepped(NOON_MS, NOON_MS + 5_000, "adopted").payload())
    ]


def test_closing_waits_for_what_was_accepted(intake):
    """`close` refuses new messages, loses none of the old ones, and stops the watchdog."""
    intake.receiver.start()
    for number in range(500):
        intake.send(str(number).encode())

    assert intake.receiver.close()
    assert len(intake.synced) == 500
    with pytest.raises(JournalError, match="closed"):
        intake.send(b"late")


def test_the_watchdog_ticks_by_itself(tmp_path):
    """Started, it retries, reports and notes watermarks without being asked."""
    with sqlite_journal(tmp_path) as journal:
        receiver = Receiver(
            journal.raw, VirtualClock(NOON_MS), class_of=class_of, on_emergency=print,
            monotonic=lambda: time.monotonic() * 100,
        )  # fmt: skip
        receiver.start()
        receiver.submit("mqtt", "t", b"1", 1, False, "mqtt", lambda seq: receiver.acknowledged("mqtt", seq))
        wait_until(lambda: journal.raw.acked() == {"mqtt": 1}, "the watermark on disk")

        assert receiver.close()
