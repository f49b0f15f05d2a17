"""Story 1: one fall, one incident (from the fold's effects on; no voice yet)."""

from __future__ import annotations

from alerts import queries
from rules.effects import Reason
from tests.support.desk import MINUTE, NIGHT_MS, OLA, SECOND, Duty, cause, out_of_bed, pressed

LOCAL_0213_MS = NIGHT_MS - 17 * MINUTE


def fall_confirmed(at_ms):
    return pressed(
        "fall-1",
        at_ms,
        rule="R03",
        code="4.1",
        reason=Reason("fall_confirmed"),
        trigger="vardevakt:gw-1/fall-1|fall",
        causes=(cause("fall-0", at_ms - 20 * SECOND, "fall.suspected"), cause("fall-1", at_ms, "fall.confirmed")),
    )


def test_one_fall_is_one_row_from_the_first_ring_to_the_document(tmp_path):
    """Fall, three presses and R05 are one incident: one claim, one outcome, one row in every list."""
    duty = Duty(tmp_path, now_ms=LOCAL_0213_MS + 20 * SECOND)
    fall = fall_confirmed(duty.now_ms)
    duty.apply(fall)
    assert duty.sent(fall.alert_id) == [("ring", "natt-1")]

    duty.wait(45 * SECOND)  # 02:14:05
    press = duty.press("press-1")
    duty.apply(press)
    duty.wait(15 * SECOND)
    duty.act(fall.alert_id, "claim")  # 02:14:20
    duty.wait(15 * SECOND)
    duty.apply(duty.press("press-2"))
    duty.wait(15 * SECOND)
    duty.apply(duty.press("press-3"))  # 02:14:50
    assert duty.sent(fall.alert_id)[-1] == ("again", "natt-1"), "further presses ring the one who has it"

    duty.wait(70 * SECOND)
    duty.act(fall.alert_id, "en-route")  # 02:16
    duty.wait(14 * MINUTE)
    bed = out_of_bed("bed-1", duty.now_ms)  # 02:30
    duty.apply(bed)
    assert duty.alert(bed.alert_id)["handling"] == "en_route", "R05 is appended to what Ola is on his way to"

    [row] = duty.queue()
    assert [a["rule"] for a in row["alerts"] if a["merged_into"] is None] == ["R03", "R01", "R05"]
    assert row["presses"] == 3
    assert row["claimed_by"]["name"] == "Ola"
    assert row["lead"]["rule"] == "R03"

    duty.wait(19 * MINUTE)
    duty.act(fall.alert_id, "on-site")  # 02:49, within the goal of 40 min after the claim
    duty.wait(31 * MINUTE)
    duty.act(press.alert_id, "end")  # 03:20
    assert duty.queue() == []
    duty.act(fall.alert_id, "document", cause="fall", action="helped_up", contact="on_site")

    lines = duty.kinds(fall.alert_id)
    wanted = ["raised", "rang", "joined", "claimed", "en_route", "on_site", "ended", "documented"]
    assert [kind for kind in lines if kind in wanted] == [
        *("raised", "rang", "joined", "claimed", "en_route", "joined", "on_site", "ended", "documented"),
    ]
    every = list(queries.every_alert(duty.database))
    assert {alert["incident_id"] for alert in every} == {duty.alert(fall.alert_id)["incident_id"]}
    assert {alert["handling"] for alert in every} == {"documented"}
    assert [alert["merged_into"] for alert in every] == [None, None, press.alert_id, press.alert_id, None]
    assert duty.alert(fall.alert_id)["timeline"][-1]["actor"] == {"staff": OLA.staff, "name": "Ola"}
