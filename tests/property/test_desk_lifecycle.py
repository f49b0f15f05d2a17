"""Whatever people, sensors, time and restarts do to the desk: no open alert without a next action, and no P1 ended
without contact. The model beside it knows only what staff were told, never how the desk works.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from alerts.handling.acts import ACTS, Refused
from alerts.messages.outbox import Outbox
from alerts.reads import queries
from rules.effects import alarm_alert_id
from tests.support.desk import (
    IDA,
    MINUTE,
    OLA,
    SITE,
    Duty,
    cleared,
    open_without_next_action,
    pressed,
    updated,
)

PEOPLE = {"s1": OLA, "s2": IDA}
BODIES: dict[str, dict[str, Any]] = {
    "hand-over": {"to": "natt-2"},
    "document": {"cause": "fall", "action": "helped", "contact": "on_site"},
    "note": {"text": "a word"},
    "end": {"ask_again_minutes": 20},
}
RESIDENTS = ("r1", "r2")


class DeskMachine(RuleBasedStateMachine):
    """Presses, sensors, acts, time and restarts in any order."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.duty = Duty(self.folder)
        self.effects = []  # every Raise so far
        self.reached_ms = {}  # incident → when somebody last reached the person, as the model heard of it
        self.last_alarm_ms = {}  # alert → when it was last pressed, as the model pressed it

    def teardown(self):
        self.duty.database.close()
        shutil.rmtree(self.folder)

    # -- what happens ---------------------------------------------------------------------------------------

    @rule(resident=st.sampled_from(RESIDENTS), trigger=st.sampled_from(("pendant", "cord")), floor=st.booleans())
    def press(self, resident, trigger, floor):
        event_id = f"p{len(self.effects)}"
        effect = pressed(
            event_id,
            self.duty.now_ms,
            source="floor" if floor else "rules",
            subject=resident,
            resident=resident,
            trigger=trigger,
        )
        self.duty.apply(effect, lane="floor" if floor else "home")
        self.effects.append(effect)
        for alert in self.alerts():
            if alert["subject_id"] == resident and alert["handling"] not in {"ended", "documented"}:
                self.last_alarm_ms[alert["incident_id"]] = self.duty.now_ms
        assert self.duty.alert(alarm_alert_id(SITE, event_id))["handling"] not in {"ended", "documented"}

    @rule(resident=st.sampled_from(RESIDENTS), priority=st.sampled_from(("P2", "P3", "P4", "P5")))
    def sensor(self, resident, priority):
        effect = self.duty.out_of_bed(f"e{len(self.effects)}", subject=resident, resident=resident, priority=priority)
        self.duty.apply(effect)
        self.effects.append(effect)

    @precondition(lambda self: self.effects)
    @rule(data=st.data(), staff_alarm=st.booleans())
    def name_again(self, data, staff_alarm):
        """The rules come second; sometimes they say that it was staff who pressed."""
        presses = [effect for effect in self.effects if effect.alarm]
        if not presses:
            return
        effect = data.draw(st.sampled_from(presses))
        event_id = effect.episode
        again = pressed(
            event_id,
            self.duty.now_ms,
            subject=effect.subject,
            resident=effect.resident,
            trigger=effect.trigger,
            staff_alarm=staff_alarm,
            effect_id=f"named-{event_id}-{staff_alarm}",
        )
        self.duty.apply(again)

    @precondition(lambda self: self.effects)
    @rule(data=st.data(), retracted=st.booleans())
    def clear(self, data, retracted):
        self.duty.apply(cleared(data.draw(st.sampled_from(self.effects)), self.duty.now_ms, retracted=retracted))

    @precondition(lambda self: self.effects)
    @rule(data=st.data(), priority=st.sampled_from((None, "P1", "P2", "P3")))
    def update(self, data, priority):
        self.duty.apply(updated(data.draw(st.sampled_from(self.effects)), self.duty.now_ms, priority=priority))

    @precondition(lambda self: self.effects)
    @rule(data=st.data(), act=st.sampled_from(ACTS), staff=st.sampled_from(sorted(PEOPLE)))
    def act(self, data, act, staff):
        alert_id = data.draw(st.sampled_from(self.effects)).alert_id
        before = self.duty.alert(alert_id)
        body = dict(BODIES.get(act, {}))
        if act == "contact":
            body["outcome"] = data.draw(st.sampled_from(("spoke", "no_answer")))
        if act == "claim" and data.draw(st.booleans()):
            body["take_over"] = True
        try:
            after = self.duty.act(alert_id, act, PEOPLE[staff], **body)
        except Refused as refused:
            after, act = refused.state, "refused"
        if act == "refused":
            assert after["handling"] == before["handling"], "a refusal changes nothing"
            return
        incident = after["incident_id"]
        if act == "on-site" or body.get("outcome") == "spoke":
            self.reached_ms[incident] = self.duty.now_ms
        if act == "end" and self.had_p1(after):
            reached_ms = self.reached_ms.get(incident, -1)
            assert before["handling"] == "on_site" or reached_ms >= self.last_alarm_ms.get(incident, 0)
        if act in {"claim", "accept"}:
            assert after["claimed_by"]["staff"] == staff
        if act == "reopen":
            self.reached_ms.pop(incident, None)

    @rule(minutes=st.sampled_from((0, 1, 2, 5, 30)))
    def wait(self, minutes):
        self.duty.wait(minutes * MINUTE)

    @rule(minutes=st.sampled_from((0, 3, 60, 1_000)))
    def stop_and_start(self, minutes):
        """The process is down for a while; what fell due meanwhile fires once when it is back."""
        self.duty.now_ms += minutes * MINUTE
        self.duty.desk = self.duty.new_desk()
        self.duty.outbox = Outbox(self.duty.database, {"phones": self.duty.phones})
        self.duty.outbox.recover(self.duty.now_ms)
        self.duty.wait(0)

    # -- what must hold -------------------------------------------------------------------------------------

    @invariant()
    def every_open_alert_has_a_next_action(self):
        """Promise 5, asked of the rows."""
        assert open_without_next_action(self.duty.database) == []

    @invariant()
    def nothing_that_is_due_stays_undone(self):
        """After the desk has looked at the clock, every timer lies in the future."""
        due_ms = self.duty.desk.tick(self.duty.now_ms)
        assert due_ms is None or due_ms > self.duty.now_ms

    @invariant()
    def incidents_and_alerts_agree(self):
        """One open incident per person and key, of its open alerts' priority; staff's own alarm alone in its."""
        rows = self.duty.queue()
        assert {row["incident_id"] for row in rows} == {
            alert["incident_id"] for alert in self.alerts() if alert["handling"] not in {"ended", "documented"}
        }
        for row in rows:
            standing = [alert for alert in row["alerts"] if alert["merged_into"] is None]
            assert standing
            assert row["priority"] == min(alert["priority"] for alert in row["alerts"])
            assert {alert["handling"] for alert in row["alerts"]} == {row["handling"]}
            assert len({alert["subject_id"] for alert in row["alerts"]}) == 1
            if any(alert["staff_alarm"] for alert in row["alerts"]):
                assert len(row["alerts"]) == 1
        care = [row["subject_id"] for row in rows if row["priority"] in {"P1", "P2", "P3"} and not row["staff_alarm"]]
        assert len(care) - len(set(care)) <= sum(1 for effect in self.effects if effect.priority in {"P4", "P5"})

    @invariant()
    def an_alarm_never_closes_itself(self):
        """What is ended and was an alarm was ended by a person."""
        for alert in self.alerts():
            if alert["alarm"] and alert["handling"] in {"ended", "documented"}:
                assert alert["outcome"] == "handled"

    def alerts(self):
        return list(queries.every_alert(self.duty.database))

    def had_p1(self, after):
        ids = set(after["incident"]["alert_ids"])
        ended_now = [
            alert for alert in self.alerts() if alert["alert_id"] in ids and alert["closed_at"] == after["closed_at"]
        ]
        return any(alert["priority"] == "P1" and alert["alarm"] for alert in ended_now)


def test_no_open_alert_ever_waits_for_nobody():
    """Any order of presses, sensors, names, acts, waiting and restarts keeps the desk's promises."""
    examples = settings.get_profile(settings.get_current_profile_name()).max_examples // 8  # each is a day of work
    run_state_machine_as_test(DeskMachine, settings=settings(max_examples=examples, stateful_step_count=20))
