"""Anything, in any order: what folds say, people do, gateways answer and leaders change. The desk never breaks, and no
open alert is ever without a next step.

Seeded and not shrunk: a storm costs a second, and a seed tells it again. `STORM_SEEDS=1000` looks for more.
"""

from __future__ import annotations

import contextlib
import functools
import os
import random
from typing import Any

import msgspec
import pytest
from sqlalchemy import insert, select

from alerts.channels import FAILED, OK, UNKNOWN, Result
from alerts.checks import next_steps
from alerts.handling.acts import ACTS, Actor, Refused
from alerts.handling.lifecycle import OPEN
from alerts.messages.phone_answers import PhoneAnswers
from alerts.quiet import outage_list, outage_reads, silences
from alerts.quiet.outage_list import NotOnTheList
from alerts.reads import queries
from alerts.routing.policy_store import Policies
from alerts.schema.alerts import alerts, incidents
from alerts.schema.people import gateways
from alerts.shifts.shift import ShiftRefused
from alerts.shifts.shift_desk import ShiftDesk
from alerts.site.settings_store import SettingRefused
from tests.support.desk import (
    HOUR,
    MINUTE,
    OLA,
    SECOND,
    SITE,
    Duty,
    as_floor,
    cleared,
    open_without_next_action,
    updated,
    way_back,
    way_gone,
)
from tests.support.phones import Devices
from tests.support.routing_desk import contact, more, risk, ward
from tests.support.shift_people import heartbeat, member, new_phone

SEEDS = int(os.environ.get("STORM_SEEDS", "2"))
STEPS = 60
FUNCTIONS = ("natt-1", "natt-2", "leder")
BODIES: dict[str, tuple[dict[str, Any], ...]] = {
    "claim": ({}, {"take_over": True}),
    "contact": ({"outcome": "spoke"}, {"outcome": "no_answer"}),
    "hand-over": tuple({"to": one} for one in (*FUNCTIONS, "nobody")),
    "note": ({"text": "ok"}, {"call": "113"}, {"search": "start"}, {"search": "stop"}),
    "end": ({}, {"ask_again_minutes": 5}, {"action": "dose_given"}),
    "document": ({"cause": "fall_no_injury", "action": "helped_up", "contact": "on_site"},),
}
POLICIES = (
    {"steps": [{"after": "0 s", "tell": ["1", "responders"]}, {"after": "2 min", "tell": ["all", "fallback"]}]},
    {"steps": [{"after": "0 s", "tell": ["centre"]}, {"after": "1 min", "tell": ["all", "fallback"]}], "owner": "c1"},
    {"steps": [{"after": "0 s", "tell": ["function:leder", "fallback"]}], "two": True, "rules": ["R05"]},
    {"steps": [{"after": "0 s", "tell": ["1", "fallback"]}], "priorities": ["P1"], "hours": "22:00-07:00"},
    {"steps": [{"after": "0 s", "tell": ["nobody-we-know"]}]},
)
CLEAR_WORDS = (Refused, ShiftRefused, SettingRefused, silences.SilenceRefused, NotOnTheList)
OUTCOMES = (Result(OK), Result(OK), Result(OK), Result(FAILED, "x"), Result(UNKNOWN, "x"), Result(FAILED, refused=True))


class Storm:
    """One desk, and what blows over it."""

    def __init__(self, folder, seed):
        self.random = random.Random(seed)
        self.duty = Duty(folder, now_ms=1_774_000_000_000 + seed * 7 * HOUR)
        self.people = [member(self.duty, f"p{n}", *FUNCTIONS) for n in range(3)]
        self.shifts = ShiftDesk(self.duty.desk)
        self.policies = Policies(self.duty.database, SITE)
        self.answers = PhoneAnswers(self.duty.desk, Devices(lambda: 0).reach())
        contact(self.duty, "c1", phone="+4797777771")
        with self.duty.database.writer.begin() as conn:
            row = {"site_id": SITE, "version": 1, "saved_ms": 0, "home": "h1"}
            conn.execute(insert(gateways), [row | {"id": f"gw-{n}", "address": f"vardevakt:gw-{n}"} for n in range(7)])
        self.phone = new_phone(self.duty, "natt-1")
        self.said, self.lost, self.silences, self.count = [], {}, [], 0

    def step(self):
        self.count += 1
        self.duty.phones.results = [self.random.choice(OUTCOMES) for _ in range(self.random.randrange(4))]
        happens = self.random.choice(HAPPENS)
        with contextlib.suppress(*CLEAR_WORDS):
            happens(self)

    # -- the folds ---------------------------------------------------------------------------------------------

    def raises(self):
        who = self.random.choice(("r1", "r2"))
        fields: dict[str, Any] = {"resident": who, "subject": who, "trigger": f"{who}|pendant"}
        effect = self.duty.press(f"p{self.count}", **fields, test=self.random.random() < 0.1)
        if self.random.random() < 0.5:
            quiet: dict[str, Any] = {
                "rule": self.random.choice(("R05", "R10", "R36", "R28")),
                "resident": who,
                "subject": who,
            }
            quiet |= {"priority": self.random.choice(("P1", "P2", "P3", "P4")), "alarm": False}
            effect = self.duty.out_of_bed(f"e{self.count}", **quiet)
        elif self.random.random() < 0.7:
            self.duty.apply(as_floor(effect), lane="floor")
            effect = self.duty.press(f"p{self.count}", **fields, staff_alarm=self.random.random() < 0.3)
        self.said.append(effect)
        self.duty.apply(effect)

    def goes_on(self):
        if not self.said:
            return
        effect, now_ms = self.random.choice(self.said), self.duty.now_ms
        priority = self.random.choice((None, "P1", "P2"))
        self.duty.apply(
            self.random.choice(
                (
                    updated(effect, now_ms, priority=priority),
                    cleared(effect, now_ms, retracted=self.random.random() < 0.3),
                    more(effect, "R02", now_ms, "sequence.told"),
                    more(effect, "R58", now_ms, "sequence.again"),
                )
            )
        )

    def comes_back(self):
        """The same alert is said again: its condition has returned."""
        if self.said:
            one = self.random.choice(self.said)
            anew = msgspec.structs.replace(one, effect_id=f"again-{self.count}", at_ms=self.duty.now_ms)
            self.duty.apply(anew)

    def gateways(self):
        for number in range(self.random.randrange(1, 7)):
            if number in self.lost and self.random.random() < 0.6:
                self.duty.apply(*way_back(self.lost.pop(number), self.duty.now_ms))
            elif number not in self.lost:
                home = self.random.choice(("h1", "h2"))
                effects = way_gone(home, f"x{number}", f"gw-{number}", self.duty.now_ms)
                self.lost[number] = effects[1]
                self.duty.apply(*effects)

    # -- people ------------------------------------------------------------------------------------------------

    def acts(self):
        found = queries.every_alert(self.duty.database)
        ids = [one["alert_id"] for one in found]
        if not ids:
            return
        act = self.random.choice(ACTS)
        person = self.random.choice(self.people)
        actor = Actor(person.staff, person.name, function=self.random.choice((*FUNCTIONS, None)))
        self.duty.act(self.random.choice(ids[-6:]), act, actor, **self.random.choice(BODIES.get(act, ({},))))

    def holder_goes_on(self):
        """Somebody who has one takes the usual next step, so that alerts come to their end."""
        query = select(alerts.c.alert_id, incidents.c.claimed_by, incidents.c.handling)
        query = query.join(incidents, incidents.c.incident_id == alerts.c.incident_id).where(alerts.c.open)
        with self.duty.database.reader.connect() as conn:
            held = [row for row in conn.execute(query.order_by(alerts.c.alert_id)) if row.claimed_by]
        if held:
            row = self.random.choice(held)
            following = {"claimed": "en-route", "accepted": "en-route", "en_route": "on-site", "on_site": "end"}
            actor = Actor(row.claimed_by, row.claimed_by.title(), function="natt-1")
            self.duty.act(row.alert_id, following.get(row.handling, "note"), actor, text="x")

    def outsiders(self):
        ids = [one["alert_id"] for one in queries.every_alert(self.duty.database)]
        if not ids:
            return
        alert_id, now_ms = self.random.choice(ids[-6:]), self.duty.now_ms
        if self.random.random() < 0.5:
            word = self.random.choice(("received", "returned"))
            self.duty.desk.centre_says(alert_id, word, now_ms, Actor(None, "c1", kind="centre"))
        else:
            self.duty.desk.responder_says(alert_id, "c1", self.random.choice(("coming", "cannot")), now_ms)
        self.answers.reply("sms", "+4797777771", self.random.choice(("1", "0", "R17 1", "?")), "", now_ms)

    def changes_shift(self):
        person, function = self.random.choice(self.people), self.random.choice(FUNCTIONS)
        now_ms = self.duty.now_ms
        if self.random.random() < 0.6:
            until_ms = now_ms + self.random.choice((20 * MINUTE, 8 * HOUR))
            self.shifts.check_in(str(person.staff), function, now_ms, until_ms=until_ms)
            return
        on = self.shifts.now()
        if on:
            one = self.random.choice(on)
            if self.random.random() < 0.5:
                self.shifts.check_out(one["id"], one["staff_id"], now_ms)
            else:
                self.shifts.end(one["id"], "leder", now_ms)

    # -- leaders -----------------------------------------------------------------------------------------------

    def settings(self):
        choice = self.random.randrange(5)
        now_ms = self.duty.now_ms
        if choice == 0:
            value = self.random.choice(POLICIES)
            self.policies.save(f"own{self.random.randrange(2)}", value | {"repeat": "1 min"}, "leder", now_ms)
        elif choice == 1:
            self.policies.remove(f"own{self.random.randrange(2)}", "leder", now_ms)
        elif choice == 2:
            risk(self.duty, *self.random.choice(((), ("violence",), ("wander",))))
        elif choice == 3:
            ward(self.duty, profile=self.random.choice(("on_foot", "centre")))
        else:
            heartbeat(self.duty, self.phone)

    def silence(self):
        now_ms, until_ms = self.duty.now_ms, self.duty.now_ms + self.random.choice((MINUTE, 3 * HOUR))
        rule, who = self.random.choice(("R05", "R10", "R36", None)), self.random.choice(("r1", "r2", None))
        wanted = silences.NewSilence(until_ms, "because", rule=rule, resident=who)
        if self.silences and self.random.random() < 0.4:
            self.duty.desk.transact(now_ms, lambda tx: silences.end(tx, self.silences.pop(), "leder"))
        else:
            self.silences.append(self.duty.desk.transact(now_ms, lambda tx: silences.add(tx, wanted, "s1", "Ola")))

    def telephones(self):
        """Somebody on an outage's list is reached, or is on none."""
        for outage in outage_reads.outages_shown(self.duty.database, SITE)[:1]:
            names = [one["resident"] for one in outage["people"]] or ["r9"]
            outage_id, who = outage["id"], self.random.choice(names)
            tick = functools.partial(outage_list.tick, outage_id=outage_id, resident_id=who, outcome="spoke", actor=OLA)
            self.duty.desk.transact(self.duty.now_ms, tick)

    def waits(self):
        self.duty.wait(self.random.choice((SECOND, 61 * SECOND, 3 * MINUTE, 11 * MINUTE)))

    def stands_still(self):
        """The service was stopped: what fell due meanwhile fires now, late."""
        self.duty.now_ms += self.random.choice((HOUR, 9 * HOUR, 30 * HOUR))
        self.duty.desk = self.duty.new_desk()
        self.duty.wait(SECOND)

    # -- what must hold ----------------------------------------------------------------------------------------

    def holds(self):
        database = self.duty.database
        assert open_without_next_action(database) == []
        with database.reader.connect() as conn:
            open_alerts = conn.execute(select(alerts).where(alerts.c.open)).mappings().all()
            of = {row["incident_id"]: row for row in conn.execute(select(incidents)).mappings()}
        for row in open_alerts:
            incident = of[row["incident_id"]]
            assert incident["open"], "an open alert in an incident that is over"
            assert row["handling"] == incident["handling"]
            assert incident["handling"] in OPEN
            assert incident["second_by"] is None or incident["second_by"] != incident["claimed_by"]
        alone = {row["incident_id"] for row in open_alerts}
        assert [one for one, row in of.items() if row["open"] and one not in alone] == [], "open around nothing"
        for item in queries.queue(database, self.duty.now_ms):
            assert item["next_step"] is not None or item["lead"]["next_step"] is not None
        found = [kind for kind, _, _ in next_steps.check(self.duty.desk, self.duty.now_ms)]
        assert found == [], "the reconciler has nothing to mend"


HAPPENS = (
    *[Storm.raises] * 4, *[Storm.goes_on] * 3, Storm.comes_back, *[Storm.gateways] * 2, *[Storm.acts] * 6,
    *[Storm.holder_goes_on] * 3, Storm.outsiders, *[Storm.changes_shift] * 2, *[Storm.settings] * 2, Storm.silence,
    Storm.telephones, *[Storm.waits] * 3, Storm.stands_still,
)  # fmt: skip


@pytest.mark.expected_errors("telephones fail in a storm")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_nothing_breaks_the_desk_and_nothing_waits_for_nobody(tmp_path, seed, error_logs):
    """After each of sixty things that happen: rows agree, a next step is there, and the reconciler finds nothing."""
    storm = Storm(tmp_path, seed)
    for _ in range(STEPS):
        storm.step()
        storm.holds()
    storm.duty.database.close()
    assert [line for line in error_logs if not line.startswith("message_exhausted")] == []
