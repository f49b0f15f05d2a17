"""Whoever comes, goes, forgets and takes over, in any order: who is on duty and whose claim it is, as a model says that
knows no tables: a dictionary of who has which function until when, and one of who took what.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from alerts.handling.acts import Actor
from alerts.shifts.duty import duty_of
from alerts.shifts.shift import ShiftRefused
from alerts.shifts.shift_desk import ShiftDesk
from tests.support.desk import HOUR, MINUTE, NOON_MS, SITE, Duty, open_without_next_action
from tests.support.shift_people import at, check_in, member, on_shift

FUNCTIONS = ("rute-1", "rute-2", "rute-3")
STAFF = ("mona", "emil", "ali")
TEMP = "emil"  # access ends at the first midnight

people = st.sampled_from(STAFF)
places = st.sampled_from(FUNCTIONS)


class Shifts(RuleBasedStateMachine):
    """Check-ins, check-outs, claims and time."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.duty = Duty(self.folder, now_ms=NOON_MS + 10 * HOUR + 50 * MINUTE, functions=FUNCTIONS)
        self.midnight_ms = at(self.duty, "00:00", days=1)
        self.on = {}  # function -> (who, until when it was to last)
        self.mine = {}  # alert -> (who took it, in which function)
        self.offered = set()  # of these, what was offered when a shift ended
        self.ever = False
        self.alerts = 0

    @initialize()
    def people_are_hired(self):
        for name in STAFF:
            member(self.duty, name, *FUNCTIONS, until_date="2026-03-01" if name == TEMP else None)

    def teardown(self):
        self.duty.database.close()
        shutil.rmtree(self.folder)

    # -- the model's own reckoning ------------------------------------------------------------------------------
    def end(self, function):
        who, _ = self.on.pop(function)
        has_others = any(other == who for other, _ in self.on.values())
        for alert, (holder, taken_in) in self.mine.items():
            if holder == who and (taken_in == function or not has_others):
                self.offered.add(alert)

    def time_passes(self):
        ending = []
        for function, (who, until_ms) in self.on.items():
            ends_ms = until_ms + 15 * MINUTE
            if who == TEMP:
                ends_ms = min(ends_ms, self.midnight_ms)
            ending.append((ends_ms, until_ms, function))
        for ends_ms, _, function in sorted(ending):
            if ends_ms <= self.duty.now_ms:
                self.end(function)

    # -- what happens ---------------------------------------------------------------------------------------
    @rule(who=people, function=places, hours=st.integers(1, 3))
    def checks_in(self, who, function, hours):
        until_ms = self.duty.now_ms + hours * HOUR
        if who == TEMP and self.duty.now_ms >= self.midnight_ms:
            with pytest.raises(ShiftRefused, match="no_access"):
                check_in(self.duty, who, function, until_ms=until_ms)
            return
        check_in(self.duty, who, function, until_ms=until_ms)
        if function in self.on and self.on[function][0] != who:
            self.end(function)
        self.on[function] = (who, until_ms)
        self.ever = True

    @rule(function=places)
    @precondition(lambda self: self.on)
    def checks_out(self, function):
        desk = ShiftDesk(self.duty.desk)
        row = next((one for one in desk.now() if one["function_id"] == function), None)
        if row is None:
            return
        who, _ = self.on[function]
        has_others = any(other == who for place, (other, _) in self.on.items() if place != function)
        held = [
            a for a, (holder, taken) in self.mine.items() if holder == who and (taken == function or not has_others)
        ]
        if held:
            with pytest.raises(ShiftRefused, match="own_claims") as refused:
                desk.check_out(row["id"], who, self.duty.now_ms)
            assert sorted(cast("list[str]", refused.value.args_of_code["alerts"])) == sorted(held)
            return
        desk.check_out(row["id"], who, self.duty.now_ms)
        del self.on[function]

    @rule(function=places)
    def takes_one(self, function):
        """A new alert of somebody nobody else is about is claimed by who has the function."""
        if function not in self.on or self.alerts > 4:
            return
        self.alerts += 1
        effect = self.duty.out_of_bed(
            f"e{self.alerts}", resident=None, subject=f"d{self.alerts}", device=f"d{self.alerts}"
        )
        self.duty.apply(effect)
        who, _ = self.on[function]
        self.duty.act(effect.alert_id, "claim", Actor(staff=who, name=who, function=function))
        self.mine[effect.alert_id] = (who, function)

    @rule(who=people, function=places)
    def accepts_what_is_offered(self, who, function):
        alert = next(iter(sorted(self.offered)), None)
        if alert is None or self.on.get(function, ("", 0))[0] != who or self.mine[alert][0] == who:
            return
        self.duty.act(alert, "accept", Actor(staff=who, name=who, function=function))
        self.offered.discard(alert)
        self.mine[alert] = (who, function)

    @rule(minutes=st.sampled_from((1, 14, 15, 16, 45)))
    def waits(self, minutes):
        self.duty.wait(minutes * MINUTE)
        self.time_passes()

    # -- what must hold -----------------------------------------------------------------------------------------
    @invariant()
    def who_is_on_duty_is_who_the_model_says(self):
        assert on_shift(self.duty) == {function: who for function, (who, _) in self.on.items()}
        with self.duty.database.reader.connect() as conn:
            rung = {one.id for one in duty_of(conn, SITE, "h1", self.duty.now_ms).functions}
        assert rung == (set(self.on) if self.ever else set(FUNCTIONS))

    @invariant()
    def every_claim_is_its_takers_until_another_accepts(self):
        for alert, (who, _) in self.mine.items():
            shown = self.duty.alert(alert)
            assert shown["claimed_by"]["staff"] == who
            assert (shown["handling"] == "handed_over") == (alert in self.offered)

    @invariant()
    def nothing_open_waits_for_nobody(self):
        assert open_without_next_action(self.duty.database) == []


def test_who_is_on_duty_and_whose_claim_it_is():
    """Any order of check-ins, check-outs, claims, hand-overs and time agrees with the model."""
    run_state_machine_as_test(Shifts, settings=settings(max_examples=8, stateful_step_count=15, deadline=None))
