"""The file journal.db: what is refused at start, a full disk, a writer that dies, who may write."""

import sqlite3
import threading

import pytest

from ingest.journal import JournalError
from ingest.journal_file import JournalOptions
from ingest.journal_sqlite import open_journal
from ingest.record import Folded, Verdict
from tests.support.journals import SMALL, event, folded, input_of, message, sqlite_journal
from tests.support.waiting import wait_until


def hold(held, release):
    """Stop the writer's thread, in which callbacks run, until `release`."""
    held.set()
    release.wait(5)


def fill(folder, rows=2_000):
    """A closed journal with some rows."""
    with sqlite_journal(folder) as journal:
        journal.raw.append([message(number, b"x" * 200) for number in range(rows)]).result(10)
    return folder / "journal.db"


def test_a_damaged_file_is_refused_and_left_alone(tmp_path):
    """Pages overwritten in the middle: the start fails with what to do, and not one byte of the file changes."""
    path = fill(tmp_path)
    damaged = bytearray(path.read_bytes())
    damaged[20_480:40_960] = b"\xa5" * 20_480
    path.write_bytes(damaged)

    with pytest.raises(JournalError, match=r"damaged.*vardevakt restore"):
        sqlite_journal(tmp_path)
    assert path.read_bytes() == bytes(damaged)
    assert sorted(one.name for one in tmp_path.iterdir() if "corrupt" in one.name) == []


@pytest.mark.parametrize(
    ("content", "match"),
    [(b"this is no database at all" * 100, "damaged"), (b"SQLite format 3\x00" + b"\xff" * 5_000, "damaged")],
)
def test_a_file_that_is_no_database_is_refused(tmp_path, content, match):
    """Whatever stands there is not overwritten."""
    path = tmp_path / "journal.db"
    path.write_bytes(content)

    with pytest.raises(JournalError, match=match):
        sqlite_journal(tmp_path)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused(tmp_path):
    """A SQLite file that is not ours gets no tables of ours."""
    path = tmp_path / "journal.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()

    with pytest.raises(JournalError, match="not a journal"):
        sqlite_journal(tmp_path)


def test_a_newer_schema_is_refused(tmp_path):
    """An older version does not touch what a newer one wrote."""
    path = fill(tmp_path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()

    with pytest.raises(JournalError, match="newer version"):
        sqlite_journal(tmp_path)


def test_only_one_process_may_write(tmp_path):
    """A second opener is refused while the first lives, and welcome afterwards."""
    first = sqlite_journal(tmp_path)
    with pytest.raises(JournalError, match="in use"):
        sqlite_journal(tmp_path)
    first.close()

    sqlite_journal(tmp_path).close()


def test_commits_are_synced_and_only_the_writer_checkpoints(tmp_path):
    """WAL with synchronous=FULL on the writer; readers are read-only and never checkpoint."""
    with sqlite_journal(tmp_path) as journal:
        writer = journal._writer._connection
        assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert writer.execute("PRAGMA synchronous").fetchone() == (2,)
        with journal._readers.borrow() as reader:
            assert reader.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                reader.execute("DELETE FROM raw")


def test_the_floor_query_uses_its_index(tmp_path):
    """Reading the alarm lane never walks the backlog: SQLite plans the partial index."""
    with sqlite_journal(tmp_path) as journal:
        plans: list[str] = []
        with journal._readers.borrow() as reader:
            reader.set_trace_callback(plans.append)
        journal.inputs.read(0, 10, floor_only=True)
        with journal._readers.borrow() as reader:
            reader.set_trace_callback(None)
            query = next(one for one in plans if "inputs_floor" in one)
            plan = " ".join(row[3] for row in reader.execute(f"EXPLAIN QUERY PLAN {query}"))

    assert "USING INDEX inputs_floor (seq>?)" in plan


def test_one_commit_takes_what_is_waiting(tmp_path):
    """Group commit: 500 appends from 5 threads become far fewer transactions, none of them lost."""
    with sqlite_journal(tmp_path) as journal:
        futures = []

        def work():
            futures.extend([journal.raw.append([message(1)]) for _ in range(100)])

        threads = [threading.Thread(target=work) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seqs = sorted(future.result(10) for future in futures)

        assert seqs == list(range(1, 501))
        assert journal.health().commits < 250


@pytest.mark.expected_errors("the disk is full")
def test_a_full_disk_fails_the_rows_and_heals(tmp_path):
    """At the size limit an append fails in words and nothing of it is there; the journal lives on and says low_disk."""
    options = JournalOptions(reserve_bytes=0, max_bytes=400_000)
    with sqlite_journal(tmp_path, options) as journal:
        journal.raw.append([message(1)]).result(5)
        with pytest.raises(JournalError, match="full"):
            journal.raw.append([message(2, b"x" * 500_000)]).result(5)

        assert journal.raw.low_disk()
        assert journal.health().alive
        assert journal.health().failed_commits == 1
        assert journal.raw.append([message(3)]).result(5) == 2
        assert journal.health().error is None


@pytest.mark.expected_errors("the disk is full")
def test_a_fault_in_one_item_fails_only_that_one(tmp_path):
    """Items that share a transaction with one that cannot be written are committed all the same."""
    options = JournalOptions(reserve_bytes=0, max_bytes=400_000)
    with sqlite_journal(tmp_path, options) as journal:
        held = threading.Event()
        release = threading.Event()
        first = journal.raw.append([message(0)])
        first.add_done_callback(lambda _: hold(held, release))
        held.wait(5)
        futures = [journal.raw.append([message(1, b"x" * size)]) for size in (10, 500_000, 10)]
        release.set()

        assert (futures[0].result(5), futures[2].result(5)) == (2, 3)
        with pytest.raises(JournalError, match="full"):
            futures[1].result(5)


def test_low_disk_is_known_before_the_disk_is_full(tmp_path):
    """Below the reserve `low_disk` is set while commits still succeed."""
    options = JournalOptions(reserve_bytes=200_000, max_bytes=500_000)
    with sqlite_journal(tmp_path, options) as journal:
        assert not journal.raw.low_disk()
        journal.raw.append([message(1, b"x" * 320_000)]).result(5)
        wait_until(journal.raw.low_disk, "low_disk", 5)

        assert journal.raw.append([message(2)]).result(5) == 2


@pytest.mark.expected_errors("the writer is killed")
def test_a_dead_writer_fails_everybody_and_health_says_so(tmp_path):
    """When the writer's thread dies, waiting and later appends fail with the reason instead of hanging."""
    with sqlite_journal(tmp_path) as journal:
        held, release = threading.Event(), threading.Event()

        def die(_connection, _tail):
            held.set()
            release.wait(5)
            raise KeyboardInterrupt

        killed = journal._writer.submit(die, 1, 1)
        held.wait(5)
        waiting = journal.raw.append([message(1)])
        release.set()
        for future in (killed, waiting):
            with pytest.raises(JournalError, match="the writer has stopped: KeyboardInterrupt"):
                future.result(5)
        with pytest.raises(JournalError, match="stopped"):
            journal.raw.append([message(2)]).result(5)
        assert not journal.health().alive
        assert "KeyboardInterrupt" in str(journal.health().error)


def test_a_full_queue_pushes_back(tmp_path):
    """An append waits for room, at most `block_s`, then fails in words."""
    with sqlite_journal(tmp_path, JournalOptions(reserve_bytes=0, queue_rows=2, block_s=0.05)) as journal:
        held, release = threading.Event(), threading.Event()
        first = journal.raw.append([message(0)])
        first.add_done_callback(lambda _: hold(held, release))
        held.wait(5)
        kept = [journal.raw.append([message(number)]) for number in (1, 2)]
        refused = journal.raw.append([message(3)])
        release.set()

        with pytest.raises(JournalError, match="queue full"):
            refused.result(5)
        assert [future.result(5) for future in kept] == [2, 3]


def test_what_is_queued_at_close_is_committed(tmp_path):
    """`close` loses nothing that was taken in."""
    journal = sqlite_journal(tmp_path)
    futures = [journal.raw.append([message(number)]) for number in range(300)]
    journal.close()

    assert futures[-1].result(0) == 300
    with sqlite_journal(tmp_path) as again:
        assert again.raw.last_seq() == 300
        assert again.raw.last_received_at_ms() == message(299).received_at_ms


def test_each_row_says_its_site_and_version(tmp_path):
    """Site and schema version stand in every row of the logs and of what stands beside them."""
    with sqlite_journal(tmp_path) as journal:
        journal.raw.append([message(1)]).result(5)
        journal.inputs.write(1, [*folded([input_of(event(1))]), Folded(verdicts=(Verdict(1, 0, "x"),))], 0)
        journal.snapshots.save("home", 1, "e", b"s")
        with journal._readers.borrow() as reader:
            for table in ("raw", "inputs", "verdicts", "snapshots"):
                assert reader.execute(f"SELECT site, schema FROM {table}").fetchall() == [("solbakken", 1)], table


def test_the_folder_is_made(tmp_path):
    """A first start needs no preparation."""
    open_journal(tmp_path / "new" / "data" / "journal.db", "s", SMALL).close()

    assert (tmp_path / "new" / "data" / "journal.db").is_file()
