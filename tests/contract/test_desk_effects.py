"""What the folds say becomes rows: once, in any order of floor and rules."""

from __future__ import annotations

import msgspec
import pytest

from alerts.desk import Desk
from alerts.reads import queries
from api.http.wire import utc_text
from rules.effects import Fenced, Parameter
from tests.support.desk import (
    MINUTE,
    SITE,
    Duty,
    as_floor,
    cleared,
    observed,
    open_without_next_action,
    updated,
)


@pytest.fixture
def duty(tmp_path):
    """An empty desk at 02:30."""
    return Duty(tmp_path)


def test_effects_and_position_are_one(duty):
    """After apply the position stands with the alert; a fenced runner changes neither."""
    duty.apply(duty.press("p1"))
    assert duty.desk.applied("home", 0) == 1

    with pytest.raises(Fenced):
        duty.desk.apply("home", 0, 0, 2, [duty.press("p2")])
    with pytest.raises(Fenced):
        duty.desk.apply("floor", 0, 7, 8, [duty.press("p2")])

    assert duty.desk.applied("home", 0) == 1
    assert len(duty.alerts()) == 1


def test_an_alert_that_comes_after_a_standstill_says_how_late(duty):
    """A rule's time went by while the service stood still: raised as of then, and its first line says how late."""
    bed, told_ms = duty.out_of_bed(), [duty.now_ms + 3 * MINUTE]
    late = Desk(duty.database, SITE, clock=lambda: told_ms[0])
    late.apply("home", 0, 0, 1, [bed])
    told_ms[0] = duty.now_ms + 1_000
    in_time = duty.out_of_bed(resident="r2", subject="r2")
    late.apply("home", 0, 1, 2, [in_time])

    first, second = (duty.alert(one.alert_id)["timeline"][0] for one in (bed, in_time))
    assert (first["at"], first["args"]["late_ms"]) == (utc_text(bed.at_ms), 3 * MINUTE)
    assert "late_ms" not in second["args"]


def test_a_crash_in_the_middle_of_a_batch_leaves_nothing_of_it(duty):
    """Effects of one batch and their position appear together or not at all."""

    def torn():
        yield duty.press("p1")
        raise KeyboardInterrupt  # the process is told to end

    with pytest.raises(KeyboardInterrupt):
        duty.desk.apply("home", 0, 0, 1, torn())

    assert duty.alerts() == []
    assert duty.desk.applied("home", 0) == 0


def test_the_same_effect_again_changes_nothing(duty):
    """A refold or a second delivery of an effect leaves every row as it was."""
    bed = duty.out_of_bed()
    first = [duty.press("p1"), bed, cleared(bed, duty.now_ms), observed("not_watched", duty.now_ms)]
    duty.apply(*first)
    before = duty.alerts(), queries.last_change(duty.database), queries.not_watched(duty.database)

    duty.apply(*first)

    assert (duty.alerts(), queries.last_change(duty.database), queries.not_watched(duty.database)) == before


def test_two_partitions_and_lanes_have_their_own_positions(duty):
    """The floor's cursor never moves that of the home fold."""
    duty.desk.apply("floor", 0, 0, 9, [])
    duty.desk.apply("home", 1, 0, 4, [])

    assert [duty.desk.applied(*key) for key in (("floor", 0), ("home", 1), ("home", 0))] == [9, 4, 0]


@pytest.mark.parametrize("earlier", ["floor", "home"])
@pytest.mark.parametrize("floor_first", [True, False])
def test_whoever_comes_second_only_enriches(duty, floor_first, earlier):
    """One alert, rung once, named by the rules and open since the earlier of the two, whichever lane was faster."""
    rules = duty.press("p1", parameters={"cancel": Parameter("0 s", "book")})
    earlier_ms = rules.at_ms - 5_000
    lanes = [("floor", as_floor(rules)), ("home", rules)]
    lanes = [(lane, msgspec.structs.replace(e, at_ms=earlier_ms if lane == earlier else e.at_ms)) for lane, e in lanes]
    for lane, effect in lanes if floor_first else reversed(lanes):
        duty.apply(effect, lane=lane)

    [alert] = duty.alerts()
    assert (alert["rule"], alert["code"], alert["rule_version"], alert["reason"]) == ("R01", "3", "v1", "pressed")
    assert alert["parameters"] == {"cancel": {"value": "0 s", "from": "book"}}
    assert (alert["presses"], alert["opened_at"]) == (1, utc_text(earlier_ms))
    assert duty.sent(alert["alert_id"]) == [("ring", "natt-1")]


def test_the_priority_only_goes_up(duty):
    """A floor that comes second does not raise what the rules called a P2 to nothing, nor lower a P1."""
    duty.apply(duty.press("p1"))
    duty.apply(duty.press("p1", priority="P2", effect_id="lower"))
    alert_id = duty.press("p1").alert_id
    assert duty.alert(alert_id)["priority"] == "P1"

    bed = duty.out_of_bed("b1", resident="r2", subject="r2", home="h2")
    duty.apply(bed)
    duty.apply(updated(bed, duty.now_ms, priority="P3"))
    assert duty.alert(bed.alert_id)["priority"] == "P2"
    duty.apply(updated(bed, duty.now_ms + 1, priority="P1"))
    assert duty.alert(bed.alert_id)["priority"] == "P1"
    assert duty.alert(bed.alert_id)["priority_raised_from"] == "P2"


def test_staffs_own_alarm_leaves_the_persons_incident_when_the_rules_say_so(duty):
    """The floor took it for one more press of Kari's; the rules say R53: alone, unclaimed, everybody rung at once."""
    duty.apply(duty.press("p1"))
    duty.act(duty.press("p1").alert_id, "claim")
    duty.act(duty.press("p1").alert_id, "on-site")
    second = duty.press("p2")
    duty.apply(as_floor(second), lane="floor")
    assert duty.alert(second.alert_id)["merged_into"] == duty.press("p1").alert_id

    duty.apply(msgspec.structs.replace(second, rule="R53", staff_alarm=True))

    alert = duty.alert(second.alert_id)
    assert (alert["rule"], alert["merged_into"], alert["handling"]) == ("R53", None, "new")
    assert alert["incident_id"] != duty.alert(duty.press("p1").alert_id)["incident_id"]
    assert duty.sent(second.alert_id)[-3:] == [("ring", "natt-1"), ("ring", "natt-2"), ("ring", "leder")]
    assert duty.alert(duty.press("p1").alert_id)["presses"] == 1
    assert len(duty.queue()) == 2
    assert open_without_next_action(duty.database) == []


def test_staffs_own_alarm_that_stood_alone_already_rings_all(duty):
    """Also when the floor's alert was the only one: the chain of R53 takes the place of the ward's."""
    press = duty.press("p1")
    duty.apply(as_floor(press), lane="floor")
    duty.apply(msgspec.structs.replace(press, rule="R53", staff_alarm=True))

    assert {target for kind, target in duty.sent(press.alert_id) if kind == "ring"} == {"natt-1", "natt-2", "leder"}
    later = duty.press("p9")
    duty.apply(later)
    assert duty.alert(later.alert_id)["incident_id"] != duty.alert(press.alert_id)["incident_id"]


def test_presses_that_had_joined_staffs_alarm_stay_with_the_person(duty):
    """When the first press turns out to be staff's, those after it are the person's call, counted for themselves."""
    presses = [duty.press(f"p{n}") for n in range(3)]
    duty.apply(*[as_floor(press) for press in presses], lane="floor")
    duty.apply(msgspec.structs.replace(presses[0], rule="R53", staff_alarm=True))

    staff, first, second = (duty.alert(press.alert_id) for press in presses)
    assert (staff["presses"], first["presses"]) == (1, 2)
    assert (first["merged_into"], second["merged_into"]) == (None, first["alert_id"])
    assert [c["event_id"] for c in first["causes"]] == ["p1", "p2"]
    assert staff["incident_id"] != first["incident_id"] == second["incident_id"]
    assert len(duty.queue()) == 2
