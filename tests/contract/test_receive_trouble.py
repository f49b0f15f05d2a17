"""Receive in trouble: a disk nearly full, full, or silent; a full queue; and the alarms among what waits."""

import threading

import msgspec
import pytest

from ingest.journal import JournalError
from ingest.journal_file import JournalOptions
from ingest.receive import SHED
from ingest.receive_entry import ReceiveLimits
from ingest.record import FEED, MQTT
from tests.support.intake import intakes
from tests.support.journals import NOON_MS, message
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


@pytest.mark.expected_errors("the disk is nearly full")
def test_on_low_disk_only_what_may_be_an_alarm_is_kept(open_intake):
    """Alarms, unknown senders and what cannot be classed are committed; the rest is acknowledged in its order,
    dropped, and told as a gap.
    """
    intake = open_intake(options=JournalOptions(reserve_bytes=200_000, max_bytes=600_000))
    intake.send(b"x" * 400_000)
    assert intake.receiver.flush(5)
    wait_until(intake.journal.raw.low_disk, "low_disk")
    for payload in (b"alarm 1", b"other 1", b"unknown 1", b"other 2", b"boom", b"alarm 2"):
        intake.clock.advance(1_000)
        intake.send(payload)
    intake.receiver.submit("setting", "", b"{}", on_synced=intake.synced.append)
    assert intake.receiver.flush(5)

    assert [row.payload for row in intake.rows()[1:]] == [b"alarm 1", b"unknown 1", b"boom", b"alarm 2", b"{}"]
    assert intake.synced == [1, 2, SHED, 3, SHED, 4, 5, 6]
    intake.receiver.tick()
    assert intake.receiver.flush(5)
    assert intake.rows()[-1].kind == "feed"
    assert msgspec.json.decode(intake.rows()[-1].payload) == {
        "type": "intake.shed", "from_ms": NOON_MS + 2_000, "to_ms": NOON_MS + 4_000, "count": 2,
    }  # fmt: skip
    assert intake.receiver.health().shed == 2


@pytest.mark.expected_errors("the disk is nearly full")
def test_the_gap_is_told_at_once_then_each_minute(open_intake):
    """A long shortage is one line a minute, not one a message, and its end is told."""
    intake = open_intake(options=JournalOptions(reserve_bytes=200_000, max_bytes=600_000))
    intake.send(b"x" * 400_000)
    assert intake.receiver.flush(5)
    wait_until(intake.journal.raw.low_disk, "low_disk")
    told = []
    for second in range(0, 121, 10):
        intake.now_s = float(second)
        intake.send(b"other")
        intake.receiver.tick()
        assert intake.receiver.flush(5)
        told.append(sum(row.kind == "feed" for row in intake.rows()))

    assert told == [1] * 6 + [2] * 6 + [3]
    counts = [msgspec.json.decode(row.payload)["count"] for row in intake.rows() if row.kind == "feed"]
    assert counts == [1, 6, 6]


@pytest.mark.expected_errors("the disk is nearly full")
def test_together_nothing_is_dropped_in_silence(open_intake):
    """HTTP must not answer 202 for what was dropped: `submit_many` fails, unless one of them may be an alarm."""
    intake = open_intake(options=JournalOptions(reserve_bytes=200_000, max_bytes=600_000))
    intake.send(b"x" * 400_000)
    assert intake.receiver.flush(5)
    wait_until(intake.journal.raw.low_disk, "low_disk")

    with pytest.raises(JournalError, match="nearly full"):
        intake.receiver.submit_many([message(1, b"other"), message(2, b"other")]).result(5)
    assert intake.receiver.submit_many([message(1, b"other"), message(2, b"alarm")]).result(5) == 3


@pytest.mark.expected_errors("the disk is full")
def test_a_failed_commit_is_tried_again(open_intake):
    """Nothing is acknowledged while the disk refuses; what may be an alarm goes once there is room, in order."""
    intake = open_intake(options=JournalOptions(reserve_bytes=0, max_bytes=600_000))
    intake.send(b"alarm" + b"x" * 700_000)
    intake.send(b"alarm 2")
    wait_until(lambda: intake.receiver.health().failed_batches == 1, "the failed batch")
    assert intake.synced == []
    intake.journal._writer._connection.execute("PRAGMA max_page_count=1000000")
    intake.receiver.tick()
    assert intake.synced == [], "not before the pause is over"
    intake.now_s = 1.0
    intake.receiver.tick()
    assert intake.receiver.flush(5)

    assert intake.synced == [1, 2]
    assert [row.payload[:7] for row in intake.rows()] == [b"alarmxx", b"alarm 2"]


@pytest.mark.expected_errors("no commit for 3 s")
def test_an_alarm_that_is_not_recorded_within_3_s_is_told_once(intake):
    """The emergency channel gets each waiting alarm once, nothing else, and the row is committed all the same."""
    release = intake.hold()
    intake.send(b"other")
    intake.send(b"alarm 1")
    intake.now_s = 1.5
    intake.send(b"alarm 2")
    intake.now_s = 2.9
    intake.receiver.tick()
    assert intake.emergencies == []
    intake.now_s = 3.0
    intake.receiver.tick()
    intake.receiver.tick()
    assert [one.payload for one in intake.emergencies] == [b"alarm 1"]
    intake.now_s = 10.0
    intake.receiver.tick()
    assert [one.payload for one in intake.emergencies] == [b"alarm 1", b"alarm 2"]
    assert intake.receiver.health().emergencies == 2
    assert intake.receiver.health().oldest_unsynced_s == 10.0
    release.set()
    assert intake.receiver.flush(5)

    assert intake.synced == [2, 3, 4]
    intake.receiver.tick()
    assert len(intake.emergencies) == 2


@pytest.mark.expected_errors("no commit for 3 s")
def test_a_failing_emergency_channel_is_tried_again(open_intake):
    """It may fail; the alarm is offered at the next ticks, a few times, and the watchdog lives on."""
    calls = []

    def fail_twice(record):
        calls.append(record)
        if len(calls) < 3:
            msg = "no modem"
            raise OSError(msg)

    intake = open_intake(on_emergency=fail_twice)
    release = intake.hold()
    intake.send(b"alarm")
    intake.now_s = 4.0
    for _ in range(6):
        intake.receiver.tick()
    release.set()

    assert len(calls) == 3
    assert intake.receiver.health().emergencies == 1


@pytest.mark.expected_errors("the queue is full")
def test_a_full_queue_blocks_and_its_alarms_are_told_too(open_intake):
    """Back-pressure: `submit` waits for room. An alarm that waits there is no less an alarm."""
    intake = open_intake(limits=ReceiveLimits(queue_rows=2, block_s=30.0))
    release = intake.hold()
    intake.send(b"1")
    intake.send(b"2")
    sender = threading.Thread(target=intake.send, args=(b"alarm",))
    sender.start()
    wait_until(lambda: intake.receiver._queue.blocked, "the sender waits")
    intake.now_s = 3.5
    intake.receiver.tick()
    assert [one.payload for one in intake.emergencies] == [b"alarm"]
    release.set()
    sender.join(5)
    assert intake.receiver.flush(5)

    intake.now_s = 99.0
    intake.receiver.tick()
    assert len(intake.emergencies) == 1
    assert [row.payload for row in intake.rows()[1:]] == [b"1", b"2", b"alarm"]


def test_what_is_known_of_the_feed_does_not_wait_for_room(open_intake):
    """A refused `feed.gap` would leave all homes blind, as the broker is back and nobody says so again."""
    intake = open_intake(limits=ReceiveLimits(queue_rows=1, block_s=0.05))
    release = intake.hold()
    intake.send(b"1")
    intake.receiver.submit(FEED, "", b'{"type":"feed.gap"}')
    release.set()
    assert intake.receiver.flush(5)

    assert [row.kind for row in intake.rows()[1:]] == [MQTT, FEED]


def test_a_queue_that_stays_full_fails_in_words(open_intake):
    """After `block_s` the edge is told, and must not acknowledge."""
    intake = open_intake(limits=ReceiveLimits(queue_rows=1, block_s=0.05))
    release = intake.hold()
    intake.send(b"1")
    with pytest.raises(JournalError, match="queue full"):
        intake.send(b"2")
    release.set()
    assert intake.receiver.flush(5)

    assert len(intake.synced) == 1
