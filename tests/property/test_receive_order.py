"""Receive under any interleaving: one order for rows, times and acknowledgements."""

import itertools
import tempfile
import threading
import time
from pathlib import Path

from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ingest.clock import SystemClock
from ingest.receive import Receiver
from ingest.receive_entry import ReceiveLimits
from ingest.record import RawRecord
from ingest.recording import line_of, parse_line
from tests.support.journals import sqlite_journal

ACT = st.one_of(st.integers(0, 3_000), st.lists(st.integers(0, 50), min_size=1, max_size=5))
"""One message of that many bytes, or several taken in together."""


@examples(max_examples=25)
@given(
    threads=st.lists(st.lists(ACT, max_size=12), min_size=1, max_size=4),
    limits=st.builds(
        ReceiveLimits, queue_rows=st.integers(5, 30), queue_bytes=st.integers(1_000, 9_000),
        batch_rows=st.integers(1, 10), batch_bytes=st.integers(100, 5_000),
    ),
    wall=st.lists(st.integers(-5_000, 5_000), min_size=1, max_size=20),
)  # fmt: skip
def test_any_interleaving_keeps_order_and_times(threads, limits, wall):
    """Whatever threads submit and however the wall clock jumps: nothing is lost or doubled, each thread's messages
    stand in its order, times never go back, and every acknowledgement names the row of its message, in order.
    """
    steps = iter(wall * 100)
    now = [1_772_370_000_000]

    def wall_ms():
        now[0] += next(steps, 1)
        return now[0]

    told: list[tuple[int, bytes]] = []

    def work(name, acts, receiver):
        for number, act in enumerate(acts):
            receiver.tick()  # compares the clocks
            sizes = act if isinstance(act, list) else [act]
            texts = [f"{name} {number} {part} ".encode() + b"x" * size for part, size in enumerate(sizes)]
            if isinstance(act, list):
                receiver.submit_many([RawRecord(0, "mqtt", "t", text) for text in texts]).result(10)
            else:
                receiver.submit("mqtt", "t", texts[0], 1, False, "l", lambda seq, t=texts[0]: told.append((seq, t)))

    with tempfile.TemporaryDirectory() as folder, sqlite_journal(Path(folder)) as journal:
        clock = SystemClock(wall_ms=wall_ms)
        receiver = Receiver(
            journal.raw, clock, class_of=lambda *_: "other", on_emergency=print, limits=limits,
            monotonic=lambda: time.monotonic() * 10_000,
        )  # fmt: skip
        workers = [threading.Thread(target=work, args=(name, acts, receiver)) for name, acts in enumerate(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert receiver.close()
        rows = journal.raw.read(0, 10_000)

    assert [row.received_at_ms for row in rows] == sorted(row.received_at_ms for row in rows)
    sent = {row.seq: row for row in rows if row.kind == "mqtt"}
    rows = list(sent.values())
    assert len(rows) == sum(len(act) if isinstance(act, list) else 1 for acts in threads for act in acts)
    places = [tuple(map(int, row.payload.split()[:3])) for row in rows]
    for name in range(len(threads)):
        mine = [place for place in places if place[0] == name]
        assert mine == sorted(set(mine))
    for place, following in itertools.pairwise(places):
        if following[2] > 0:
            assert place == (following[0], following[1], following[2] - 1), "taken in together, stands together"
    assert told == sorted(told)
    assert all(sent[seq].payload == text for seq, text in told)


@given(
    st.builds(
        RawRecord, received_at_ms=st.integers(0, 4_102_444_800_000), kind=st.sampled_from(["mqtt", "http"]),
        topic=st.text(st.characters(codec="utf-8"), min_size=1, max_size=50), payload=st.binary(max_size=300),
        qos=st.integers(0, 2), retain=st.booleans(), dup=st.booleans(),
    )
)  # fmt: skip
def test_any_message_survives_a_recording(record):
    """A line holds whatever a message may be."""
    line = line_of(record)

    assert parse_line(line) == record
    assert line.count(b"\n") == 1
