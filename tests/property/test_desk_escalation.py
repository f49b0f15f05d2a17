"""One alarm, three people, time: what the desk allows and what comes next equal a model written from the texts alone.

The model knows domain §4 and design §4 (who may do what, 0/90/180/300 s and every 120 s, ask after 3 min, ring the next
after 2, arrival goal of 40 min from the claim), and nothing of the tables and modules that it judges.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import update

from alerts.handling.acts import Actor, Refused
from alerts.reads.alert_view import instant
from alerts.schema import people as schema_people
from tests.support.desk import IDA, MINUTE, OLA, SECOND, Duty, open_without_next_action

ALI = Actor(staff="s3", name="Ali", function="leder")
PEOPLE = {"s1": OLA, "s2": IDA, "s3": ALI}
NAMES = ("natt-1", "natt-2", "leder")
CHAIN = ((0, NAMES[:1]), (90, NAMES[:2]), (180, NAMES), (300, (*NAMES, "fallback")))
GOING = ("claimed", "accepted", "en_route", "on_site")


class Model:
    """What must be so, by the texts."""

    def __init__(self, now_ms, *, two):
        self.two, self.handling = two, "new"
        self.holder: Any = None
        self.second: Any = None
        self.reached_ms: Any = None
        self.rung: list[tuple[int, str]] = []
        self.base_ms, self.step = now_ms, 0
        self.claimed_ms = 0
        self.next_ms: Any = None
        self.ring(now_ms, CHAIN[0][1])
        self.next_ms, self.what = now_ms + 90 * SECOND, "escalate"

    def ring(self, at_ms, whom):
        self.rung += [(at_ms, one) for one in whom]

    def lease(self, now_ms):
        """What happens if whoever has it does nothing."""
        if self.handling == "en_route":
            self.next_ms, self.what = max(self.claimed_ms + 40 * MINUTE, now_ms + 5 * MINUTE), "arrive"
        elif self.handling == "handed_over":
            self.next_ms, self.what = now_ms + 2 * MINUTE, "hand_over"
        elif self.handling in GOING:
            self.next_ms, self.what = now_ms + (60 if self.handling == "on_site" else 3) * MINUTE, "ask"

    def pass_time(self, now_ms):
        while self.handling in {"new", *GOING} and self.next_ms is not None and self.next_ms <= now_ms:
            self.fire(self.next_ms)

    def fire(self, at_ms):
        if self.what == "escalate":
            self.step += 1
            self.ring(at_ms, CHAIN[min(self.step, 3)][1])
            later = self.step + 1
            self.next_ms = self.base_ms + CHAIN[later][0] * SECOND if later <= 3 else at_ms + 120 * SECOND
        elif self.what in {"ask", "arrive"}:
            self.next_ms, self.what = at_ms + 2 * MINUTE, "ring_next"
        elif self.what == "ring_next":
            self.ring(at_ms, [one for one in NAMES if one != PEOPLE[self.holder].function])
            self.next_ms, self.what = at_ms + 3 * MINUTE, "ask"

    # -- acts: what becomes of it, or why not ---------------------------------------------------------------

    def claim(self, who, now_ms, *, take_over=False):
        if self.handling == "ended":
            return "already_ended"
        if self.handling in GOING and who == self.holder:
            return "same"
        if self.handling in GOING and not take_over:
            if who == self.second:
                return "same"
            if not self.two or self.second is not None:
                return "already_claimed"
            self.second = who
            return "ok"
        if who == self.second:
            self.second = None
        self.take(who, "claimed", now_ms)
        return "ok"

    def accept(self, who, now_ms):
        if self.handling != "handed_over":
            if self.handling == "accepted":
                return "same" if who == self.holder else "refused"
            return "refused"
        if who == self.holder:
            return "refused"
        self.take(who, "accepted", now_ms)
        return "ok"

    def take(self, who, handling, now_ms):
        self.holder, self.handling, self.claimed_ms = who, handling, now_ms
        self.lease(now_ms)

    def go(self, who, to, now_ms):
        if self.handling in GOING and who == self.second and who != self.holder:
            return "ok"
        from_ = {"en_route": ("claimed", "accepted"), "on_site": ("claimed", "accepted", "en_route")}[to]
        if who != self.holder or self.handling not in GOING:
            return "refused"
        if self.handling == to:
            return "same"
        if self.handling not in from_:
            return "refused"
        self.handling = to
        self.reached_ms = now_ms if to == "on_site" else self.reached_ms
        self.lease(now_ms)
        return "ok"

    def contact(self, outcome, now_ms):
        if self.handling == "ended":
            return "refused"
        if outcome == "spoke":
            self.reached_ms = now_ms
        if self.handling in GOING:
            self.lease(now_ms)
        return "ok"

    def release(self, who, now_ms):
        if self.handling in GOING and who == self.second and who != self.holder:
            self.second = None
            return "ok"
        if who != self.holder or self.handling not in {*GOING, "handed_over"}:
            return "refused"
        if self.second is not None:
            return "stepped_up"
        self.holder, self.handling = None, "new"
        step = min(self.step + 1, 3)
        self.base_ms = now_ms - CHAIN[step][0] * SECOND
        self.step = step - 1 if step > self.step else step
        return "rings"

    def end(self, who):
        if who != self.holder or self.handling not in GOING:
            return "refused"
        if self.handling != "on_site" and self.reached_ms is None:
            return "refused"
        self.handling, self.next_ms = "ended", None
        return "ok"


class AlarmMachine(RuleBasedStateMachine):
    """A press, and what people and time make of it."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.duty = Duty(self.folder)

    def teardown(self):
        self.duty.database.close()
        shutil.rmtree(self.folder)

    @initialize(two=st.booleans())
    def press(self, two):
        if two:
            with self.duty.database.writer.begin() as conn:
                table = schema_people.residents
                conn.execute(update(table).where(table.c.id == "r1").values(risks=["violence"]))
        effect = self.duty.press("p1")
        self.alert_id = effect.alert_id
        self.duty.apply(effect)
        self.model = Model(self.duty.now_ms, two=two)

    @rule(seconds=st.sampled_from((1, 30, 90, 120, 180, 600, 2_700)))
    def wait(self, seconds):
        self.duty.wait(seconds * SECOND)
        self.model.pass_time(self.duty.now_ms)

    @rule(who=st.sampled_from(sorted(PEOPLE)), take_over=st.booleans())
    def claim(self, who, take_over):
        expected = self.model.claim(who, self.duty.now_ms, take_over=take_over)
        self.does("claim", who, expected, **({"take_over": True} if take_over else {}))

    @rule(who=st.sampled_from(sorted(PEOPLE)), to=st.sampled_from(("en_route", "on_site")))
    def go(self, who, to):
        self.does(to.replace("_", "-"), who, self.model.go(who, to, self.duty.now_ms))

    @rule(who=st.sampled_from(sorted(PEOPLE)), outcome=st.sampled_from(("spoke", "no_answer")))
    def contact(self, who, outcome):
        self.does("contact", who, self.model.contact(outcome, self.duty.now_ms), outcome=outcome)

    @rule(who=st.sampled_from(sorted(PEOPLE)))
    def release(self, who):
        before = self.model.second
        expected = self.model.release(who, self.duty.now_ms)
        self.does("release", who, "ok" if expected in {"rings", "stepped_up"} else expected)
        if expected == "stepped_up":
            self.model.holder, self.model.second = before, None
            self.model.handling = self.duty.alert(self.alert_id)["handling"]
            assert self.model.handling in {"claimed", "on_site"}
            self.model.claimed_ms = self.duty.now_ms
            self.model.lease(self.duty.now_ms)
        elif expected == "rings":
            self.model.what = "escalate"
            self.model.fire(self.duty.now_ms)

    @rule(who=st.sampled_from(sorted(PEOPLE)))
    def end(self, who):
        self.does("end", who, self.model.end(who))

    @rule(answer=st.sampled_from(("received", "returned")))
    def a_centre_that_has_nothing_to_say(self, answer):
        """The alert is ours: no word of a centre moves it."""
        try:
            self.duty.desk.centre_says(self.alert_id, answer, self.duty.now_ms, Actor(staff=None, name="c"))
        except Refused:
            return
        raise AssertionError("a centre moved what is ours")

    def does(self, act, who, expected, **body):
        try:
            self.duty.act(self.alert_id, act, PEOPLE[who], **body)
        except Refused:
            assert expected not in {"ok", "same"}, f"{act} by {who} was refused, the model allows it"
        else:
            assert expected in {"ok", "same"}, f"{act} by {who} was done, the model says {expected}"

    # -- what must hold -------------------------------------------------------------------------------------

    @invariant()
    def it_stands_as_the_model_says(self):
        """Handling, who has it, who comes along, and what happens next and when."""
        if not hasattr(self, "model"):
            return
        alert, model = self.duty.alert(self.alert_id), self.model
        assert alert["handling"] == model.handling
        if model.handling == "ended":
            return
        assert (alert["claimed_by"] or {}).get("staff") == model.holder
        second = ((alert["two"] or {}).get("second") or {}).get("staff")
        assert second == model.second
        missing = model.two and model.holder is not None and model.second is None
        if not missing:  # else one more is asked for besides
            assert (alert["next_step"]["what"], alert["next_step"]["at"]) == (model.what, instant(model.next_ms))

    @invariant()
    def those_were_rung_whom_the_model_rang(self):
        """Every ring and no other, where nobody is asked to come as the second."""
        if not hasattr(self, "model") or self.model.two:
            return
        rings = [(m.created_ms, m.target) for m in self.duty.phones.received if m.kind == "ring"]
        assert sorted(rings) == sorted(self.model.rung)

    @invariant()
    def there_is_a_next_step(self):
        """Promise 5."""
        assert open_without_next_action(self.duty.database) == []


def test_the_desk_does_what_the_texts_say():
    """Any order of claims, taking over, going, contact, giving back, ending and waiting agrees with the model."""
    examples = max(settings.get_profile(settings.get_current_profile_name()).max_examples // 16, 5)
    run_state_machine_as_test(AlarmMachine, settings=settings(max_examples=examples, stateful_step_count=15))
