"""Christmas Eve: the network goes, and the night patrol gets one incident with a list of people, not sixty telephones.

From the folds' effects on; 300 homes in one ward, each with its own gateway.
"""

from __future__ import annotations

import pytest
from sqlalchemy import delete, insert, update

from alerts.checks import next_steps
from alerts.handling.acts import Refused
from alerts.quiet import outage_list, outage_reads
from alerts.quiet.pipeline import SETTLE_MS
from alerts.schema import people as schema_people
from alerts.schema.quiet import outages
from tests.support.desk import (
    MINUTE,
    NIGHT_MS,
    OLA,
    SECOND,
    SITE,
    Duty,
    open_without_next_action,
    pressed,
    way_back,
    way_gone,
)

HOMES = 300
CRITICAL = range(0, 60, 10)  # six of the sixty-one
EVENING_MS = NIGHT_MS - 8 * 60 * MINUTE - 18 * MINUTE  # 18:12


@pytest.fixture
def eve(tmp_path):
    """18:12 with everything heard."""
    duty = Duty(tmp_path, now_ms=EVENING_MS)
    version = {"site_id": SITE, "version": 1, "saved_ms": 0}
    with duty.database.writer.begin() as conn:
        homes = [{**version, "id": f"x{n}", "ward": "nord", "kind": "own_home"} for n in range(HOMES)]
        conn.execute(insert(schema_people.homes), homes)
        people = [
            {**version, "id": f"p{n}", "home": f"x{n}", "name": f"p{n}", "risks": [], "protected": False}
            | {"critical": n in CRITICAL}
            for n in range(HOMES)
        ]
        conn.execute(insert(schema_people.residents), people)
        gateways = [{**version, "id": f"g{n}", "home": f"x{n}", "address": f"vardevakt:g{n}"} for n in range(HOMES)]
        conn.execute(insert(schema_people.gateways), gateways)
        conn.execute(update(schema_people.residents).values(phone="+4799999999"))
    yield duty
    duty.database.close()


def all_go(eve, count=61):
    """From 18:15, three seconds apart; their R52."""
    eve.wait(3 * MINUTE)
    raised = []
    for n in range(count):
        eve.wait(3 * SECOND)
        effects = way_gone(f"x{n}", f"p{n}", f"g{n}", eve.now_ms)
        eve.apply(*effects)
        raised.append(effects[1])
    return raised


def outage(eve):
    [found] = outage_reads.outages_shown(eve.database, SITE, open_only=False)
    return found


def test_sixty_one_gateways_are_one_incident_and_one_list(eve):
    """One row, one ring, six critical people first on the list; no home rings by itself."""
    raised = all_go(eve)
    eve.wait(2 * MINUTE)

    [row] = eve.queue()
    found = outage(eve)
    assert (row["lead"]["rule"], row["priority"], row["lead"]["reason_args"]["count"]) == ("OUTAGE", "P2", 61)
    assert (found["homes_gone"], found["homes_most"], len(found["people"])) == (61, 61, 61)
    assert [person["critical"] for person in found["people"][:7]] == [True] * 6 + [False]
    about = {message.alert_id for message in eve.phones.received}
    assert about == {found["alert_id"]}, "what went out speaks of the outage alone"
    assert len([message for message in eve.phones.received if message.kind == "ring"]) == 1
    own = [
        [line["kind"] for line in eve.alert(raised[n].alert_id)["timeline"] if line["alert_id"] == raised[n].alert_id]
        for n in (0, 60)
    ]
    assert own == [["raised", "grouped"], ["raised", "grouped"]]
    assert len(eve.kinds(found["alert_id"])) < 10, "the outage's own timeline can be read"
    assert open_without_next_action(eve.database) == []


def test_a_press_elsewhere_rings_at_once_in_the_middle_of_it(eve):
    """P1 in the same second, beside an outage."""
    all_go(eve, 8)
    press = pressed("x-1", eve.now_ms, home="h1", subject="r1", resident="r1")
    eve.apply(press)

    assert eve.sent(press.alert_id) == [("ring", "natt-1")]
    assert eve.queue()[0]["lead"]["rule"] == "R01"


def test_an_alarm_from_a_home_of_the_outage_is_not_behind_it(eve):
    """Who presses in the dark (a second way, a buffer) rings like anybody else."""
    all_go(eve, 8)
    press = pressed("x-2", eve.now_ms, home="x5", subject="p5", resident="p5", trigger="vardevakt:g5/pendant|pendant")
    eve.apply(press)

    assert eve.alert(press.alert_id)["merged_into"] is None
    assert eve.sent(press.alert_id) == [("ring", "natt-1")]


def test_it_ends_by_hand_only_when_the_critical_ones_are_reached(eve):
    """Ticked one by one; "no answer" and "on the way" do not count, being heard again does."""
    raised = all_go(eve)
    alert_id = outage(eve)["alert_id"]
    eve.act(alert_id, "claim")
    for n in list(CRITICAL)[:4]:
        tick(eve, n, "spoke")
    tick(eve, 40, "no_answer")
    with pytest.raises(Refused) as refused:
        eve.act(alert_id, "end")
    assert (refused.value.code, refused.value.args_of_code) == ("people_left", {"count": 2})
    tick(eve, 40, "visited")
    eve.apply(*way_back(raised[50], eve.now_ms))
    assert outage(eve)["homes_gone"] == 60

    assert eve.act(alert_id, "end")["handling"] == "ended"
    ticked = [person for person in outage(eve)["people"] if person["outcome"]]
    assert {person["ticked_by"]["name"] for person in ticked} == {"Ola"}
    eve.wait(61 * MINUTE)
    again = [row for row in eve.queue() if row["lead"]["rule"] == "OUTAGE"]
    assert len(again) == 1, "what is still gone is asked about again as one, not sixty times"


def test_when_all_are_heard_again_it_closes_by_itself_with_everything_behind_it(eve):
    """Nobody had taken it: those who rang are told, and nothing stays open."""
    raised = all_go(eve, 6)
    for one in raised[:3]:
        eve.apply(*way_back(one, eve.now_ms))
    assert outage(eve)["homes_gone"] == 3
    for one in raised[3:]:
        eve.apply(*way_back(one, eve.now_ms))

    assert eve.queue() == []
    assert {alert["handling"] for alert in eve.alerts()} == {"ended"}
    assert eve.sent(outage(eve)["alert_id"])[-1] == ("cleared", "natt-1")


def test_what_was_taken_away_is_not_waited_for(eve):
    """A home is given up while its gateway is gone: its person is not called, and the outage is over without it."""
    raised = all_go(eve, 6)
    alert_id = outage(eve)["alert_id"]
    eve.act(alert_id, "claim")
    with eve.database.writer.begin() as conn:
        for table, item in (("residents", "p0"), ("gateways", "g0"), ("homes", "x0")):
            conn.execute(delete(getattr(schema_people, table)).where(getattr(schema_people, table).c.id == item))
    assert eve.act(alert_id, "end")["handling"] == "ended", "p0 was critical, and lives here no more"
    eve.act(alert_id, "reopen")
    with eve.database.writer.begin() as conn:
        conn.execute(update(outages).values(closed_ms=None))
    for one in raised[1:]:
        eve.apply(*way_back(one, eve.now_ms))
    assert outage(eve)["closed_at"] is None
    eve.wait(2 * MINUTE)
    found = dict.fromkeys(kind for kind, _, mended in next_steps.check(eve.desk, eve.now_ms) if mended)
    assert list(found) == ["outage_past_its_end"]
    assert outage(eve)["closed_at"] is not None


def test_four_gateways_ring_one_by_one_after_the_settle(eve):
    """Too few for an outage: each home's own P2 rings when its minute is over."""
    raised = all_go(eve, 4)
    assert eve.phones.received == []
    assert eve.alert(raised[0].alert_id)["next_step"]["held_back"]["reason"] == "quiet.settle"
    eve.wait(SETTLE_MS)

    assert [eve.sent(one.alert_id) for one in raised] == [[("ring", "natt-1")]] * 4
    assert outage_reads.outages_shown(eve.database, SITE) == []


def tick(eve, n, outcome):
    found = outage(eve)["id"]
    eve.desk.transact(eve.now_ms, lambda tx: outage_list.tick(tx, found, f"p{n}", outcome, OLA))


def test_critical_people_are_called_though_nothing_of_theirs_was_ever_heard(eve):
    """No R52 then (not yet installed counts for nothing there): the list alone makes it a P2 that rings."""
    eve.wait(3 * MINUTE)
    for n in range(1, 11):
        eve.apply(way_gone(f"x{n}", f"p{n}", f"g{n}", eve.now_ms)[0])

    [row] = eve.queue()
    assert (row["lead"]["rule"], row["priority"]) == ("OUTAGE", "P2"), "the tenth is critical"
    assert eve.sent(outage(eve)["alert_id"]) == [("ring", "natt-1")]
