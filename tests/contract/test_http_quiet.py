"""Silences and outages over HTTP: who may silence what, for how long, and what rings when it is over."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from alerts.access import access_log, audit
from alerts.quiet.pipeline import SETTLE_MS
from tests.support.desk import HOUR, MINUTE, NOON_MS, SITE, out_of_bed, way_gone
from tests.support.http import HttpStack, http_stack, slug


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        made.now_ms = NOON_MS
        yield made


def at(ms):
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat()


def wish(stack, **fields):
    return {"rule": "R05", "resident": "r1", "reason": "hos legen", "until": at(stack.now_ms + HOUR)} | fields


def rang(stack):
    with stack.database.reader.connect() as conn:
        return conn.exec_driver_sql("SELECT kind, target FROM outbox WHERE state != 'cancelled'").all()


def raise_r05(stack, episode="e1"):
    effect = out_of_bed(episode, stack.now_ms)
    position = stack.desk.applied("home", 0)
    stack.desk.apply("home", 0, position, position + 1, [effect])
    return effect.alert_id


def test_what_is_silenced_stands_open_says_why_and_rings_when_the_time_is_over(stack):
    """The alert is there with its reason; an hour later it rings by itself."""
    ola = stack.person()
    made = ola.post("/api/v1/silences", json=wish(stack))
    assert made.status_code == 201, made.text
    alert_id = raise_r05(stack)

    shown = ola.get(f"/api/v1/alerts/{alert_id}").json()
    assert (shown["handling"], shown["next_step"]["held_back"]["reason"]) == ("new", "quiet.silence")
    assert rang(stack) == []
    assert [one["state"] for one in ola.get("/api/v1/silences").json()["items"]] == ["running"]
    stack.now_ms += HOUR
    stack.desk.tick(stack.now_ms)
    assert rang(stack)[0][0] == "ring"
    assert ola.get("/api/v1/silences").json()["items"] == []


def test_ending_a_silence_early_rings_what_waited(stack):
    """The one who ends it is in the audit, and what is open rings with the next tick."""
    ola = stack.person()
    silence = ola.post("/api/v1/silences", json=wish(stack)).json()
    raise_r05(stack)
    ended = ola.delete(f"/api/v1/silences/{silence['id']}")
    stack.desk.tick(stack.now_ms)

    assert (ended.status_code, ended.json()["state"]) == (200, "over")
    assert [row[0] for row in rang(stack)] == ["ring"]
    assert [row["what"] for row in audit.newest(stack.database, SITE)][:2] == ["silence.ended", "silence.added"]
    assert ola.delete(f"/api/v1/silences/{silence['id']}").status_code == 404


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"until": at(NOON_MS)}, "until", "silence.past"),
        ({"until": at(NOON_MS + 169 * HOUR)}, "until", "silence.too_long"),
        ({"reason": "   "}, "reason", "silence.reason"),
        ({"rule": None, "resident": None, "ward": "nord"}, "rule", "silence.everything"),
        ({"rule": "R01"}, "rule", "silence.alarm"),
        ({"resident": "nobody"}, "resident", "silence.unknown"),
        ({"home": "h1' OR 1=1"}, "home", "silence.unknown"),
    ],
)
def test_a_silence_that_cannot_be_is_refused_by_its_field(stack, fields, field, code):
    """No end, too long an end, no reason, everything, an alarm, or what is not there: 422 and nothing saved."""
    refused = stack.person().post("/api/v1/silences", json=wish(stack, **fields))

    assert (refused.status_code, slug(refused)) == (422, "bad-silence")
    assert (refused.json()["field"], refused.json()["code"]) == (field, code)
    assert stack.person().get("/api/v1/silences?state=all").json()["items"] == []


@pytest.mark.parametrize(
    "body", [{"until": "soon"}, {"until": "2026-03-01T12:00:00", "reason": "x"}, {"forever": True}]
)
def test_a_silence_of_the_wrong_shape_is_refused(stack, body):
    """No time, a time without offset, an unknown field."""
    assert stack.person().post("/api/v1/silences", json=body).status_code == 422


def test_who_is_bound_to_a_ward_silences_and_sees_only_there(stack):
    """A rule of the whole site, and another ward's people, are not theirs."""
    bound = stack.person("sor", staff="s2", wards=("sor",))
    assert bound.post("/api/v1/silences", json=wish(stack)).status_code == 403
    assert bound.post("/api/v1/silences", json=wish(stack, resident=None)).status_code == 403
    made = stack.person().post("/api/v1/silences", json=wish(stack)).json()
    assert bound.get("/api/v1/silences").json()["items"] == []
    assert bound.delete(f"/api/v1/silences/{made['id']}").status_code == 403


def test_nobody_signed_in_and_operators_silence_nothing(stack):
    """A silence is a decision of those who care for the person."""
    assert stack.client().get("/api/v1/silences").status_code == 401
    operator = stack.person("drift", staff=None, roles=("operator",))
    assert operator.post("/api/v1/silences", json=wish(stack)).status_code == 403


def test_an_outage_is_read_with_its_people_and_the_reads_are_logged(stack):
    """Three of a small ward gone are an outage; each person on its list is a logged read; only they can be ticked."""
    ola = stack.person()
    for n in range(3):
        home, person, gateway = f"x{n}", f"p{n}", f"g{n}"
        stack.store.save("home", home, {"ward": "nord", "kind": "own_home"}, None, stack.now_ms)
        stack.store.save("resident", person, {"home": home, "name": person, "critical": n == 0}, None, stack.now_ms)
        stack.store.save("gateway", gateway, {"home": home, "address": f"vardevakt:{gateway}"}, None, stack.now_ms)
        position = stack.desk.applied("home", 0)
        stack.desk.apply("home", 0, position, position + 1, way_gone(home, person, gateway, stack.now_ms))
    stack.now_ms += SETTLE_MS

    [outage] = ola.get("/api/v1/outages", headers={"x-purpose": "utfall"}).json()["items"]
    assert [one["resident"] for one in outage["people"]] == ["p0", "p1", "p2"]
    assert outage["people"][0]["call_before"] == at(NOON_MS + 60 * MINUTE).replace("+00:00", "Z")
    looked = access_log.list(stack.database, "p2", None, 5, site_id=SITE)["items"]
    assert (looked[0]["what"], looked[0]["why"]) == ("outages", "utfall")
    path = f"/api/v1/outages/{outage['id']}/people"
    ticked = ola.post(f"{path}/p0", json={"outcome": "spoke"})
    assert (ticked.status_code, ticked.json()["people"][-1]["outcome"]) == (200, "spoke")
    assert ola.post(f"{path}/r1", json={"outcome": "spoke"}).status_code == 404
    assert ola.post(f"{path}/p1", json={"outcome": "maybe"}).status_code == 422
