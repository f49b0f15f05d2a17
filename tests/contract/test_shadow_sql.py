"""What rules on trial would have told, in the desk's database: once each, newest first, so much and no more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from alerts.database import Database
from alerts.retention import prune
from alerts.shadow_sql import SqlShadow, read_shadow
from rules.effects import Clear, Raise, Reason
from rules.shadow_alert import KEEP_MS
from tests.support.desk import MINUTE, NIGHT_MS, new_database, out_of_bed, updated


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = new_database(tmp_path)
    yield made
    made.close()


def told(number: int, subject: str = "r1", rule: str = "R05") -> Raise:
    """The alert of that minute."""
    raised = out_of_bed(f"a{number}", NIGHT_MS + number * MINUTE)
    return msgspec.structs.replace(raised, alert_id=f"a{number}", subject=subject, rule=rule)


def cleared(number: int, at_ms: int, *, retracted: bool = False, stays: bool = False) -> Clear:
    return Clear(f"x{number}", f"a{number}", at_ms, Reason("dwell.over"), retracted=retracted, stays=stays)


def test_what_is_told_again_changes_nothing(database: Database) -> None:
    """A restart says the same words, perhaps in other batches; the next trial has alerts of its own."""
    store = SqlShadow(database, 3)
    store.write("v1", [told(1), updated(told(1), NIGHT_MS + 2, priority="P1")])
    store.write("v1", [told(1), told(2), cleared(1, NIGHT_MS + 9, retracted=True)])
    store.write("v2", [told(2), cleared(2, NIGHT_MS + 10, stays=True)])
    again = SqlShadow(database, 3)
    again.write("v1", [told(1), updated(told(1), NIGHT_MS + 2, priority="P1"), told(2)])

    found = [(one.version, one.at_ms, one.priority, one.ended, one.ended_ms) for one in read_shadow(database, None, 9)]
    assert sorted(found) == [
        ("v1", NIGHT_MS + MINUTE, "P1", "retracted", NIGHT_MS + 9),
        ("v1", NIGHT_MS + 2 * MINUTE, told(2).priority, "", None),
        ("v2", NIGHT_MS + 2 * MINUTE, told(2).priority, "left", NIGHT_MS + 10),
    ]
    assert read_shadow(database, None, 1)[0].reason == told(2).reason


def test_pages_follow_one_another_newest_first(database: Database) -> None:
    """Of a rule, of a person, and from the last one seen on."""
    store = SqlShadow(database, 0)
    store.write("v1", [told(number, f"r{number % 2}", "R05" if number < 4 else "R16") for number in range(6)])

    first = read_shadow(database, None, 4)
    rest = read_shadow(database, None, 4, before=(first[-1].at_ms, first[-1].seq))
    minutes = [(one.at_ms - NIGHT_MS) // MINUTE for one in (*first, *rest)]
    assert minutes == [5, 4, 3, 2, 1, 0]
    assert [one.rule for one in read_shadow(database, "R16", 9)] == ["R16", "R16"]
    assert {one.subject for one in read_shadow(database, "R05", 9, subject="r1")} == {"r1"}


def test_so_many_are_kept_and_so_long(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest stay; what is old goes with what else the desk cuts by age, also when no trial writes any more."""
    monkeypatch.setattr("alerts.shadow_sql.ROWS_MAX", 3)
    store = SqlShadow(database, 0)
    for number in range(5):
        store.write("v1", [told(number), told(number)])
    assert [(one.at_ms - NIGHT_MS) // MINUTE for one in read_shadow(database, None, 9)] == [4, 3, 2]
    prune(database, NIGHT_MS + 3 * MINUTE + KEEP_MS + 1)
    assert [(one.at_ms - NIGHT_MS) // MINUTE for one in read_shadow(database, None, 9)] == [4]


def test_each_partition_keeps_its_own_state(database: Database) -> None:
    """Of an engine, at a position that the log has; a trial that is over leaves none."""
    one, other = SqlShadow(database, 1), SqlShadow(database, 2)
    one.keep("v1", 10, b"ten")
    other.keep("v1", 20, b"twenty")

    assert (one.load("v1", 99), other.load("v1", 99)) == ((10, b"ten"), (20, b"twenty"))
    assert (one.load("v2", 99), other.load("v1", 19)) == (None, None)
    one.forget()
    assert (one.load("v1", 99), other.load("v1", 99)) == (None, (20, b"twenty"))
