"""`kill -9` of a process that writes the journal: nothing that it said was synced may be missing."""

import os
import random
import signal
import subprocess
import sys

import pytest

from tests.support.journals import sqlite_journal
from tests.support.tree import ROOT
from tests.support.waiting import wait_until

ROUNDS = int(os.environ.get("VARDEVAKT_CRASH_ROUNDS", "5"))
CHILD = """
import os, sys, threading
from pathlib import Path
from ingest.clock import SystemClock
from ingest.journal_file import JournalOptions
from ingest.journal_sqlite import open_journal
from ingest.receive import Receiver
from ingest.record import EVENT, Folded, Verdict

journal = open_journal(Path(sys.argv[1]) / "journal.db", "s", JournalOptions(reserve_bytes=0))
clock = SystemClock(journal.raw.last_received_at_ms())
receiver = Receiver(journal.raw, clock, class_of=lambda *_: "other", on_emergency=lambda _: None)
receiver.start()

def say(kind, seq, number):
    os.write(1, f"{kind} {seq} {number}\\n".encode())

def press(name):
    for number in range(1_000_000):
        text = f"{name}-{number}"
        receiver.submit("mqtt", "t", text.encode(), 1, False, "mqtt", lambda seq, text=text: say("raw", seq, text))

for name in range(2):
    threading.Thread(target=press, args=(f"{os.getpid()}-{name}",), daemon=True).start()
position = journal.inputs.position()
while True:
    journal.raw.wait(position, 1)
    page = journal.raw.read(position, 100)
    if page:
        verdicts = [Folded(verdicts=(Verdict(row.seq, 0, "seen"),)) for row in page]
        journal.inputs.write(page[-1].seq, verdicts, position)
        position = page[-1].seq
        say("fold", position, "-")
"""


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_nothing_synced_is_lost(tmp_path, round_):
    """Killed at a random moment, twice: each seq that was called synced holds its payload, without holes, times in
    order, and the source fold's position is one that it was told, with a verdict for every row before it.
    """
    chance = random.Random(round_)
    said: dict[int, str] = {}
    folded = 0
    for _ in range(2):
        out = tmp_path / "out"
        with out.open("wb") as sink:
            child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=sink, cwd=ROOT)
            try:
                enough = chance.randint(500, 200_000)
                wait_until(lambda: out.stat().st_size > enough, "synced rows", 20, 0.001)  # noqa: B023 (called here)
            finally:
                child.send_signal(signal.SIGKILL)
                child.wait()
        for line in out.read_text().rpartition("\n")[0].splitlines():  # the last one may be half a line
            if not line.startswith(("raw ", "fold ")):
                continue  # the child's log
            kind, seq, text = line.split()
            if kind == "raw":
                said[int(seq)] = text
            else:
                folded = max(folded, int(seq))

    with sqlite_journal(tmp_path) as journal:
        rows = journal.raw.read(0, 10_000_000)
        assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
        assert said, "the child said nothing"
        assert {seq: rows[seq - 1].payload.decode() for seq in said} == said
        times = [row.received_at_ms for row in rows]
        assert times == sorted(times)
        assert folded <= journal.inputs.position() <= len(rows)
        assert all(journal.inputs.verdicts(seq) for seq in range(1, journal.inputs.position() + 1, 97))
        assert not journal.inputs.verdicts(journal.inputs.position() + 1)
