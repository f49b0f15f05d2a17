"""When the source fold keeps its state, and what waits for it: nothing."""

import threading

import pytest

from ingest.journal import snapshot_after
from ingest.source_runner import SNAPSHOT_NAME, SourceRunner
from ingest.source_state import ENGINE
from tests.contract.test_source_runner import append, day, new_fold
from tests.support.journals import JOURNALS
from tests.support.source import NOON_MS
from tests.support.waiting import wait_until


@pytest.fixture(params=sorted(JOURNALS))
def journal(request, tmp_path):
    """Each implementation of the journal."""
    with JOURNALS[request.param](tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(("size", "rows"), [(0, 10_000), (5_000_000, 10_000), (21_000_000, 21_000), (10**9, 50_000)])
def test_a_start_never_folds_more_than_that_again(size, rows):
    """Snapshots come by rows, seldomer where one is large: the bound of a restart's work."""
    assert snapshot_after(size) == rows


def test_a_snapshot_under_way_keeps_no_row_waiting(journal):
    """While the disk takes a snapshot the fold goes on; the next one waits for it, and the end waits for both."""
    slow = Slow(journal.snapshots)
    runner = SourceRunner(
        new_fold, journal.raw, journal.inputs, slow, lambda: NOON_MS, after_rows=lambda _size: 10
    )  # fmt: skip
    runner.start()
    last = append(journal, day(30))
    runner.wake()
    assert slow.begun.wait(10)
    last = append(journal, day(3)[9:])
    runner.wake()
    wait_until(lambda: runner.position == last, "the source fold at the end of RAW")
    slow.go_on.set()
    runner.stop()

    assert journal.snapshots.load(SNAPSHOT_NAME, ENGINE, last)[0] == last


class Slow:
    """Snapshots on a disk that takes its time."""

    def __init__(self, store) -> None:
        self.store, self.begun, self.go_on = store, threading.Event(), threading.Event()

    def save(self, *given):
        self.begun.set()
        assert self.go_on.wait(10), "nobody let it go"
        self.store.save(*given)

    def load(self, *given):
        return self.store.load(*given)
