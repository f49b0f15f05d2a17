"""Tests, protection, settings, chains and lists: what else effects leave behind, and how pages read it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from alerts.reads import queries
from alerts.schema.alerts import incidents
from alerts.schema.people import setting_versions
from tests.support.desk import (
    MINUTE,
    NIGHT_MS,
    SECOND,
    SITE,
    Duty,
    as_floor,
    cause,
    cleared,
    observed,
    updated,
)


@pytest.fixture
def duty(tmp_path):
    """An empty desk at 02:30."""
    return Duty(tmp_path)


def test_a_press_in_a_test_session_reaches_a_phone_and_stands_on_no_queue(duty):
    """It is sent like any other, closed by itself, never merged, and shown with its device."""
    press = duty.press("p1")
    duty.apply(press)
    test = duty.press("p2", test=True)
    duty.apply(test)

    assert duty.sent(test.alert_id) == [("test", "natt-1")]
    assert (duty.alert(test.alert_id)["outcome"], duty.alert(test.alert_id)["merged_into"]) == ("test", None)
    assert [row["lead"]["alert_id"] for row in duty.queue()] == [press.alert_id]
    assert [found["alert_id"] for found in queries.device_tests(duty.database, "d1", 10)] == [test.alert_id]


def test_where_one_lane_believes_a_test_and_the_other_does_not_it_is_real(duty):
    """In doubt somebody is rung."""
    duty.apply(duty.press("p1", test=True))
    duty.apply(as_floor(duty.press("p1")), lane="floor")

    alert = duty.alert(duty.press("p1").alert_id)
    assert (alert["test"], alert["handling"]) == (False, "new")
    assert duty.sent(alert["alert_id"])[-1] == ("ring", "natt-1")


def test_who_is_not_watched_is_on_the_board_until_watched_again(duty):
    """Per rule where a rule says it; the first moment stays."""
    duty.apply(observed("not_watched", NIGHT_MS, by="gateway"))
    duty.apply(observed("not_watched", NIGHT_MS + 1, by="gateway"))
    duty.apply(observed("quarantined", NIGHT_MS + 2, rule="R05"))
    found = queries.not_watched(duty.database)
    assert [(row["resident"], row["ward"], row["rule"], row["since"][:19]) for row in found] == [
        ("r1", "nord", None, "2026-03-01T01:30:00"),
        ("r1", "nord", "R05", "2026-03-01T01:30:00"),
    ]
    assert queries.counts(duty.database)["not_watched"] == 1

    duty.apply(observed("watched", NIGHT_MS + 3, rule="R05"))
    assert [row["rule"] for row in queries.not_watched(duty.database)] == [None]
    duty.apply(observed("watched", NIGHT_MS + 4))
    assert queries.not_watched(duty.database) == []


def test_a_setting_is_in_force_once_the_fold_has_said_so(duty):
    """The echo of a version marks it, in the same transaction as the position."""
    version = {"site_id": SITE, "setting_id": "plan/x", "version": 3, "kind": "plan", "removed": False, "saved_ms": 1}
    with duty.database.writer.begin() as conn:
        conn.execute(setting_versions.insert().values(**version))
    duty.apply(observed("in_force", NIGHT_MS, setting_id="plan/x", version=3))

    with duty.database.reader.connect() as conn:
        assert conn.execute(select(setting_versions.c.in_force_ms)).scalar_one() is not None


def test_an_update_for_an_alert_nobody_raised_is_kept_in_sight(duty):
    """It stands in the timeline and on the health line, and nothing else breaks."""
    duty.apply(updated(duty.out_of_bed("never"), duty.now_ms), cleared(duty.out_of_bed("never"), duty.now_ms))

    assert duty.alerts() == []
    changes = queries.changes(duty.database, 0, 10)
    assert [(change["kind"], change["ref"]) for change in changes] == [("health", "effect_without_alert")] * 2


def test_nobody_on_duty_goes_straight_to_the_fallback(tmp_path):
    """A ward without functions: the outside is told in the same second, and the board says so."""
    duty = Duty(tmp_path, functions=())
    press = duty.press("p1")
    duty.apply(press)

    assert duty.sent(press.alert_id) == [("ring", "fallback")]
    assert "nobody_on_duty" in duty.kinds(press.alert_id)


def test_a_late_alarm_says_how_late_it_is(duty):
    """The delay stands with the alert."""
    duty.apply(duty.press("p1", late_ms=4 * 60 * MINUTE, causes=(cause("p1", duty.now_ms - 4 * 60 * MINUTE),)))

    assert duty.alert(duty.press("p1").alert_id)["late_seconds"] == 14_400


def test_a_running_chain_does_not_notice_a_new_profile(duty):
    """The chain is a snapshot: what is edited now holds for the next incident. That its people are not there any more
    is noticed: the fallback is told with them.
    """
    press = duty.press("p1")
    duty.apply(press)
    with duty.database.writer.begin() as conn:
        conn.exec_driver_sql("UPDATE wards SET profile = 'centre'")
        conn.exec_driver_sql("DELETE FROM functions")
    duty.wait(90 * SECOND)

    rings = [("ring", "natt-1"), ("ring", "natt-1"), ("ring", "natt-2"), ("ring", "fallback")]
    assert duty.sent(press.alert_id) == rings


def test_changes_wake_the_pages_once_per_transaction(duty):
    """What a page may show is announced after the commit; an empty batch announces nothing."""
    duty.apply()
    assert duty.woken == 0
    duty.apply(duty.press("p1"), duty.out_of_bed())
    assert duty.woken == 1
    assert queries.last_change(duty.database) == queries.changes(duty.database, 0, 100)[-1]["id"]


def test_lists_come_in_pages_without_gaps_or_repeats(duty):
    """Cursor by cursor every alert comes once, newest first, also those of one millisecond."""
    for number in range(7):
        duty.apply(duty.out_of_bed(f"e{number}", resident=f"r{number}", subject=f"r{number}"))
    seen, cursor = [], None
    while True:
        page = queries.alerts(duty.database, cursor=cursor, limit=3)
        seen += [item["alert_id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    everyone = [alert["alert_id"] for alert in duty.alerts()]

    assert seen == everyone[::-1]
    assert len(set(seen)) == 7
    with pytest.raises(queries.BadCursor):
        queries.alerts(duty.database, cursor="nonsense")


def test_lists_can_be_narrowed(duty):
    """By state, priority, ward, person and time."""
    press, bed = duty.press("p1"), duty.out_of_bed(resident="r2", subject="r2", home="h9")
    duty.apply(press, bed, cleared(bed, duty.now_ms))

    def ids(**filters):
        return [item["alert_id"] for item in queries.alerts(duty.database, **filters)["items"]]

    assert ids(state="open") == ids(priority="P1") == ids(ward="nord") == ids(subject="r1") == [press.alert_id]
    assert ids(state="closed") == ids(subject="r2") == [bed.alert_id]
    assert ids(since_ms=duty.now_ms + 1) == []


def test_open_incidents_are_found_by_their_index(duty):
    """The board's query reads open rows only, however many are closed."""
    query = select(incidents.c.priority).where(incidents.c.open).order_by(incidents.c.priority, incidents.c.opened_ms)
    with duty.database.reader.connect() as conn:
        sql = str(query.compile(conn))
        plan = str(conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}").all())

    assert "ix_incidents_open" in plan
    assert "TEMP B-TREE" not in plan
