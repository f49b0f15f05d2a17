"""Faults that would have been found at night: each leaves somebody waiting for nobody, or stops the desk."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from alerts.quiet import silences
from alerts.quiet.silences import NewSilence
from alerts.reads import queries
from alerts.schema import people as schema_people
from alerts.schema import shifts as schema_shifts
from alerts.schema.alerts import alerts as alert_rows
from alerts.schema.alerts import causes, incidents, timers
from rules.effects import Observe, Raise, Reason, effect_id
from tests.support.desk import (
    HOUR,
    MINUTE,
    NOON_MS,
    OLA,
    SECOND,
    SITE,
    Duty,
    cause,
    cleared,
    open_without_next_action,
)
from tests.support.routing_desk import more, policy, ward

HOMES = ("h1", "h2", "h3", "h4", "h5", "h6")


@pytest.fixture
def duty(tmp_path):
    found = Duty(tmp_path, now_ms=NOON_MS)
    with found.database.writer.begin() as conn:
        version = {"site_id": SITE, "version": 1, "saved_ms": 0}
        for home in HOMES[2:]:
            conn.execute(insert(schema_people.homes).values(**version, id=home, ward="nord", kind="own_home"))
    yield found
    found.database.close()


def gone(duty: Duty, home: str, number: int = 1) -> None:
    reason = Reason("way.broken", {"way": f"gw-{home}"})
    duty.apply(_observe(duty, home, "not_watched", reason, number))


def back(duty: Duty, home: str, number: int = 1) -> None:
    duty.apply(_observe(duty, home, "watched", Reason("way.restored"), number))


def _observe(duty: Duty, home: str, kind: str, reason: Reason, number: int) -> Observe:
    return Observe(
        effect_id=effect_id(home, kind, f"{duty.now_ms}-{number}"), at_ms=duty.now_ms, home=home, subject=f"of-{home}",
        kind=kind, reason=reason,
    )  # fmt: skip


def technical(duty: Duty, rule: str, home: str = "h1", **fields: Any) -> Raise:
    alert_id = effect_id(f"{rule}:{home}", "alert", str(duty.now_ms))
    values: dict[str, Any] = {
        "effect_id": effect_id(alert_id, "raise", "1"), "alert_id": alert_id, "at_ms": duty.now_ms, "site": SITE,
        "home": home, "subject": f"{rule}-{home}", "rule": rule, "rule_version": "v1", "code": "", "priority": "P4",
        "episode": str(duty.now_ms), "condition": "active", "reason": Reason("dwell.too_long"), "self_resolves": True,
    }  # fmt: skip
    return Raise(**(values | fields))


def outage_of(duty: Duty) -> dict[str, Any]:
    return next(one for one in reversed(duty.alerts()) if one["rule"] == "OUTAGE")


def open_outage(duty: Duty) -> dict[str, Any]:
    for home in HOMES[:5]:
        gone(duty, home)
    return outage_of(duty)


def ended(duty: Duty, alert_id: str) -> None:
    duty.act(alert_id, "claim")
    duty.act(alert_id, "end", ask_again_minutes=1_440)


def test_nothing_goes_behind_an_outage_that_somebody_has_ended(duty):
    """The folds speak again of a gateway that an ended outage had: what is open in its home keeps its own chain."""
    ended(duty, open_outage(duty)["alert_id"])
    duty.now_ms += MINUTE
    lost = technical(duty, "R38", priority="P3")
    duty.apply(lost)
    gone(duty, "h1", 2)
    assert duty.alert(lost.alert_id)["merged_into"] is None
    assert open_without_next_action(duty.database) == []
    duty.wait(2 * MINUTE)
    assert ("ring", "natt-1") in duty.sent(lost.alert_id)


def test_two_outages_of_a_ward_in_one_millisecond(duty):
    """All gone, all back and all gone again at one moment of the folds' clock: two outages, and the lane goes on."""
    first = open_outage(duty)["alert_id"]
    for home in HOMES[:5]:
        back(duty, home)
    for home in HOMES[:5]:
        gone(duty, home, 2)
    found = {one["alert_id"] == first: one["handling"] for one in duty.alerts() if one["rule"] == "OUTAGE"}
    assert found == {True: "ended", False: "new"}


def test_what_stood_behind_a_gateway_goes_behind_the_outage_with_it(duty):
    """A sensor's silence behind its gateway's alert is over with the outage that took the gateway's."""
    box, sensor = technical(duty, "R36"), technical(duty, "R37")
    duty.apply(box)
    duty.apply(sensor)
    assert duty.alert(sensor.alert_id)["merged_into"] == box.alert_id
    outage = open_outage(duty)["alert_id"]
    assert duty.alert(sensor.alert_id)["merged_into"] == outage
    for home in HOMES[:5]:
        back(duty, home)
    assert duty.queue() == []


def test_what_stood_behind_an_alert_is_over_with_it(duty):
    """The sensor is heard again, then its gateway: nothing is left on the board."""
    box, sensor = technical(duty, "R36"), technical(duty, "R37")
    duty.apply(box)
    duty.apply(sensor)
    duty.now_ms += MINUTE
    duty.apply(cleared(sensor, duty.now_ms))
    duty.apply(cleared(box, duty.now_ms))
    assert duty.queue() == []
    duty.wait(2 * HOUR)
    assert duty.queue() == []


def test_what_is_still_true_is_asked_about_again_when_its_stand_in_is_over(duty):
    """The gateway is back and the sensor still silent an hour later: it is an alert of its own, and closes as one."""
    box, sensor = technical(duty, "R36"), technical(duty, "R37")
    duty.apply(box)
    duty.apply(sensor)
    duty.now_ms += 2 * MINUTE
    duty.apply(cleared(box, duty.now_ms))
    assert duty.queue() == []
    duty.wait(HOUR)
    assert [one["continued_by"] for one in duty.alerts() if one["alert_id"] == sensor.alert_id] != [None]
    assert len(duty.queue()) == 1
    assert open_without_next_action(duty.database) == []
    duty.apply(cleared(sensor, duty.now_ms))
    assert duty.queue() == []


def test_a_further_press_is_told_to_the_centre_that_has_the_first(duty):
    """The centre said that it has the first press; without a word about the second it is ours within 120 s."""
    policy(duty, owner="sos")
    press = duty.press("p1")
    duty.apply(press)
    duty.desk.centre_says(press.alert_id, "received", duty.now_ms, OLA)
    duty.wait(10 * MINUTE)
    before = len(duty.sent(press.alert_id))
    duty.apply(duty.press("p2"))
    assert duty.sent(press.alert_id)[before:] == [("ring", "sos")]
    duty.wait(121 * SECOND)
    assert ("ring", "natt-1") in duty.sent(press.alert_id)[before:]


def test_a_press_after_the_desk_itself_handed_over_rings_the_function_that_was_asked(duty):
    """Nobody has had it yet: the word of a further press goes to whoever is asked to go, never to nobody."""
    ward(duty, profile="centre")
    press = duty.press("p1")
    duty.apply(press)
    duty.apply(more(press, "R02", duty.now_ms, "voice.failed"))
    assert duty.alert(press.alert_id)["handling"] == "handed_over"
    duty.apply(duty.press("p2"))
    assert duty.sent(press.alert_id)[-1] == ("again", "natt-1")


def test_whoever_takes_what_was_quiet_has_it_without_a_word_of_quiet(duty):
    """A silenced alert that somebody takes waits for nothing any more: not on the page, not for the reconciler."""
    alert = duty.out_of_bed()
    wanted = NewSilence(until_ms=duty.now_ms + HOUR, reason="the bed is mended", home="h1")
    duty.desk.transact(duty.now_ms, lambda tx: silences.add(tx, wanted, "s1", "Ola"))
    duty.apply(alert)
    duty.act(alert.alert_id, "claim")
    with duty.database.reader.connect() as conn:
        assert conn.execute(select(incidents.c.quiet, incidents.c.quiet_until_ms)).all() == [(None, None)]


def test_the_task_of_a_device_that_says_test_is_made_once_per_press(duty):
    """The technician has ended it, and another rule speaks of the same press: no second row of one id."""
    says_test = cause("p1", duty.now_ms, quality=("device_says_test",))
    duty.apply(duty.press("p1", causes=(says_test,)))
    task = next(one for one in duty.alerts() if one["rule"] == "DEVICE_TEST")
    ended(duty, task["alert_id"])
    again = duty.press("other", episode="p1", causes=(says_test,))
    duty.apply(again)
    assert duty.alert(again.alert_id)["handling"] == "new"


@pytest.mark.expected_errors("a row is damaged on purpose")
def test_a_timer_that_breaks_stops_no_other(duty, error_logs):
    """One incident's row is damaged: the others go on, and it is tried again a minute later."""
    damaged, sound = duty.press("p1"), duty.press("p2", subject="r2", resident="r2")
    duty.apply(damaged, sound)
    whole = incidents.c.incident_id == duty.alert(damaged.alert_id)["incident"]["id"]
    with duty.database.writer.begin() as conn:
        conn.execute(update(incidents).where(whole).values(snapshot={"steps": []}))
    duty.now_ms += 90 * SECOND
    assert duty.desk.tick(duty.now_ms) is not None
    duty.outbox.run_once(duty.now_ms)
    assert [message.target for message in duty.phones.received if message.alert_id == sound.alert_id][1:] == [
        "natt-1", "natt-2",
    ]  # fmt: skip
    with duty.database.reader.connect() as conn:
        assert conn.execute(select(timers.c.due_ms).where(timers.c.incident_id == whole.right.value)).scalar() == (
            duty.now_ms + MINUTE
        )
    assert [line.split()[0] for line in error_logs] == ["timer_raised"]


def test_what_is_not_of_any_alert_stops_no_alert(duty):
    """The end of shifts, silent phones and lists share the clock with escalation; they may break, it may not."""
    press = duty.press("p1")
    duty.apply(press)
    with duty.database.writer.begin() as conn:
        conn.execute(update(schema_people.staff).values(until_date="soon"))
        shift = {"site_id": SITE, "id": "x", "function_id": "natt-1", "staff_id": "s1", "since_ms": 0, "until_ms": 1}
        conn.execute(insert(schema_shifts.shifts).values(shift))
    duty.now_ms += 90 * SECOND
    with pytest.raises(ValueError, match="isoformat"):
        duty.desk.tick(duty.now_ms)
    duty.outbox.run_once(duty.now_ms)
    assert ("ring", "natt-2") in duty.sent(press.alert_id)


def damage(duty: Duty) -> str:
    """An open P2 of Kari whose incident's chain cannot be read any more; its alert's id."""
    bed = duty.out_of_bed()
    duty.apply(bed)
    with duty.database.writer.begin() as conn:
        conn.execute(update(incidents).values(snapshot={"profile": 7}))
    return bed.alert_id


def found_kinds(duty: Duty) -> list[tuple[str, bool]]:
    return [(one["kind"], one["repaired"]) for one in queries.recent_findings(duty.database)]


@pytest.mark.expected_errors("an incident is damaged on purpose")
def test_an_alarm_rings_though_the_incident_it_belongs_to_cannot_be_read(duty):
    """It stands in an incident of its own and rings; the fault is kept as a finding."""
    damage(duty)
    press = duty.press("p1")
    duty.apply(press)

    with duty.database.reader.connect() as conn:
        row = conn.execute(select(alert_rows).where(alert_rows.c.alert_id == press.alert_id)).mappings().one()
        assert row["open"]
        assert conn.execute(select(causes.c.event_id).where(causes.c.alert_id == press.alert_id)).scalar() == "p1"
    assert [(one.kind, one.target) for one in duty.phones.received if one.alert_id == press.alert_id] == [
        ("ring", "natt-1")
    ]
    assert found_kinds(duty) == [("effect_raised", True)]


@pytest.mark.expected_errors("an incident is damaged on purpose")
def test_one_broken_effect_stops_neither_its_lane_nor_what_comes_behind_it(duty):
    """The broken one is left out and found; the position moves, and another person's alarm in the batch rings."""
    damage(duty)
    broken = duty.out_of_bed("e2")
    other = duty.press("p2", resident="r2", subject="r2", trigger="vardevakt:gw-2/p|pendant")
    before = duty.desk.applied("home", 0)
    duty.apply(broken, other)

    assert duty.desk.applied("home", 0) == before + 1
    assert duty.sent(other.alert_id) == [("ring", "natt-1")]
    assert found_kinds(duty) == [("effect_raised", False)]
