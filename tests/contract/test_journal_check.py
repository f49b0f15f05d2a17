"""Whether a large journal is whole: its ends before the start, the rest beside the running service."""

import sqlite3

import pytest

from ingest import journal_check
from ingest.journal import JournalError
from tests.contract.test_journal_file import fill
from tests.support.journals import message, sqlite_journal
from tests.support.waiting import wait_until


def damage(path, table):
    """Overwrite a leaf of this table's tree, far from its ends."""
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        size = connection.execute("PRAGMA page_size").fetchone()[0]
        connection.execute("PRAGMA writable_schema=ON")
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    connection.close()
    content = bytearray(path.read_bytes())
    first_child = int.from_bytes(content[(root - 1) * size + 12 :][:2], "big")  # first cell of the interior page
    leaf = int.from_bytes(content[(root - 1) * size + first_child :][:4], "big")
    content[(leaf - 1) * size : leaf * size] = b"\xa5" * size
    path.write_bytes(content)


@pytest.fixture
def large(monkeypatch):
    """Every file counts as a large one, and its ends are ten rows."""
    monkeypatch.setattr(journal_check, "AT_ONCE_BYTES", 0)
    monkeypatch.setattr(journal_check, "ENDS_ROWS", 10)


@pytest.mark.usefixtures("large")
@pytest.mark.expected_errors("damage is told")
def test_a_large_file_is_checked_beside_the_running_service(tmp_path):
    """Damage among old rows: the start does not wait for it, and once found nothing more is acknowledged."""
    damage(fill(tmp_path), "raw")
    with sqlite_journal(tmp_path) as journal:
        wait_until(lambda: not journal.health().alive, "the writer to give up")
        assert "vardevakt restore" in (journal.health().error or "")
        with pytest.raises(JournalError, match="damaged"):
            journal.raw.append([message(9_999)]).result(5)


@pytest.mark.usefixtures("large")
def test_the_ends_of_a_large_file_are_checked_before_the_start(tmp_path, monkeypatch):
    """What a start and the next rows need is read at once: damage there refuses the start."""
    monkeypatch.setattr(journal_check, "ENDS_ROWS", 10_000)
    damage(fill(tmp_path), "raw")
    with pytest.raises(JournalError, match=r"damaged.*vardevakt restore"):
        sqlite_journal(tmp_path)


@pytest.mark.usefixtures("large")
def test_a_whole_large_file_stays_open_and_closes_amid_its_check(tmp_path):
    """Nothing is found, rows are taken in meanwhile, and closing does not wait for the rest."""
    fill(tmp_path)
    with sqlite_journal(tmp_path) as journal:
        assert journal.raw.append([message(9_999)]).result(5) == 2_001
        check = journal._check
        assert check is not None, "a large file is checked beside the service"
        assert check.done.wait(10)
        assert journal.health().alive
    sqlite_journal(tmp_path).close()
