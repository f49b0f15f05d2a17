"""Accounts bound to wards: every route, list and stream of API and board, tried by somebody of another ward."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from alerts.access import access_log
from alerts.handling.acts import ACTS
from alerts.quiet import silences
from alerts.quiet.silences import NewSilence
from alerts.reads import queries
from alerts.routing.policy_store import Policies
from alerts.schema.quiet import outages
from alerts.shifts import phones
from alerts.shifts.rota import Line
from alerts.shifts.rota_store import RotaStore
from alerts.shifts.shift_desk import ShiftDesk
from api.http.wards import ABOUT_NOBODY, NAMES, WardScope, within_wards
from ingest.record import RawRecord
from tests.support.board import FakeDemo, board_stack
from tests.support.desk import SITE, out_of_bed
from tests.support.http import HttpStack, slug

ROLES = ("carer", "operator")
CHOICES: dict[str, Any] = {
    "number": ("113",), "act": ACTS, "what": ("plan", "pauses", "measures"),
    "kind": ("plan", "pause", "measure", "device"),
}  # fmt: skip
SECRETS = ("r1", "h1", "d1", "gw-1", "Kari", "pendant-7", "test_session")


class Ward:
    """Nord with one of everything, and two people who are bound to a ward: Nora to Nord, Siri to Sør."""

    def __init__(self, stack: HttpStack) -> None:
        self.stack = stack
        until_ms = stack.now_ms + 3_600_000
        pause = {"resident": "r1", "from_ms": stack.now_ms, "until_ms": until_ms, "reason": "hospital", "rules": []}
        stack.store.save("pause", "p1", pause, None, stack.now_ms)
        stack.store.save(
            "plan", "p1", {"resident": "r1", "rule": "R05", "set": {"for": "35 min"}, "from": "2026-01-01"}, None, 0
        )
        stack.store.save(
            "measure", "p1", {"resident": "r1", "service": "digital_supervision", "from": "2026-01-01"}, None, 0
        )
        stack.store.save("contact", "c1", {"resident": "r1", "name": "Per", "responder": True}, None, stack.now_ms)
        steps = [{"after": "0 s", "tell": ["all", "fallback"]}]
        own = {"ward": "nord", "steps": steps, "repeat": "2 min"}
        Policies(stack.database, SITE).save("nord-own", own, "s1", stack.now_ms)
        self.alert = stack.press()
        seq = stack.record(RawRecord(0, topic="vardevakt/1/gw-1/pendant-7/event", payload=b"no json", qos=1))
        test = stack.desk.open_test_session("d1", "s1", stack.now_ms)["id"]
        line = Line(1, "s1", "natt-1", "2026-03-02 22:00", "07:30")
        RotaStore(stack.desk).save([line], "test", stack.now_ms)
        entry = RotaStore(stack.desk).listed(stack.now_ms, until_ms + 7 * 86_400_000)[0]["id"]
        shift = ShiftDesk(stack.desk).check_in("s1", "natt-1", stack.now_ms)["id"]
        with stack.database.writer.begin() as conn:
            phone, _ = phones.register(conn, SITE, "phone", "natt-1", 300_000, "test", stack.now_ms)
        gone = {"outage_id": "o1", "site_id": SITE, "ward_id": "nord", "alert_id": self.alert, "opened_ms": 0}
        with stack.database.writer.begin() as conn:
            conn.execute(insert(outages).values(gone | {"homes_gone": 3, "homes_most": 3}))
        quiet = NewSilence(until_ms=until_ms, reason="test", resident="r1")
        silence = stack.desk.transact(stack.now_ms, lambda tx: silences.add(tx, quiet, "s1", "Ola"))
        self.stranger = stack.person("siri", "s2", roles=ROLES, wards=("sor",))
        self.own = stack.person("nora", "s1", roles=ROLES, wards=("nord",))
        self.ids = {
            "alert_id": self.alert, "resident_id": "r1", "device_id": "d1", "test_id": test, "session_id": test,
            "shift_id": shift, "entry_id": entry, "phone_id": phone,
            "outage_id": "o1", "silence_id": silence, "policy_id": "nord-own", "contact_id": "c1",
            "pause_id": "p1", "item_id": "p1", "letter_id": f"{seq}-0", "home_id": "h1", "gateway_id": "gw-1",
        }  # fmt: skip

    def paths(self, template: str) -> list[str]:
        """A route's path with everything of Nord in it, once for each choice it leaves."""
        found = [template]
        for name in re.findall(r"{(\w+)[^}]*}", template):
            values = CHOICES.get(name) or (self.ids[name],)
            found = [re.sub(rf"{{{name}[^}}]*}}", value, path) for path in found for value in values]
        return [path.replace("settings/device/p1", "settings/device/d1") for path in found]


@pytest.fixture
def ward(tmp_path) -> Iterator[Ward]:
    with board_stack(tmp_path, demo=FakeDemo()) as stack:
        yield Ward(stack)


def routes(stack: HttpStack) -> list[Any]:
    """Every route as it is served: path, methods and dependencies of its router included."""
    found = [one for one in stack.app.routes if isinstance(one, APIRoute)]
    assert len(found) > 60, "API and board"
    return found


def names(route: Any) -> set[str]:
    return set(re.findall(r"{(\w+)", route.path))


def leaks(ward: Ward, text: str) -> list[str]:
    """Words of Nord in an answer; a page's headings are no home h1."""
    text = re.sub(r"</?h1", "", text)
    return [word for word in (*SECRETS, ward.alert) if re.search(rf"\b{word}\b", text)]


def test_every_route_asks_the_one_place_and_no_path_names_what_it_does_not_know(ward):
    """A new route cannot forget: `within_wards` stands before all, and each path parameter is a name it understands."""
    for route in routes(ward.stack):
        assert within_wards in [one.call for one in route.dependant.dependencies], route.path
        assert names(route) <= NAMES.keys() | ABOUT_NOBODY, f"{route.path}: say in api/http/wards.py whose this is"


def test_no_route_about_a_person_or_thing_of_another_ward_answers_a_stranger(ward):
    """Each route with such a path: 403 in the shape of its face, nothing changed, nothing logged as read."""
    before = (queries.last_change(ward.stack.database), queries.alert(ward.stack.database, ward.alert))
    tried = 0
    for route in routes(ward.stack):
        if not names(route) & NAMES.keys():
            continue
        for path in ward.paths(route.path):
            for method in sorted(route.methods - {"HEAD"}):
                answer = ward.stranger.request(method, path, headers={"idempotency-key": f"k-{tried}"})
                assert answer.status_code == 403, (method, path, answer.status_code)
                assert not path.startswith("/api/") or slug(answer) == "wrong-role", path
                assert leaks(ward, answer.text) == [], path
                tried += 1

    assert tried > 50, "the acts alone are two dozen"
    assert (queries.last_change(ward.stack.database), queries.alert(ward.stack.database, ward.alert)) == before
    assert access_log.list(ward.stack.database, "r1")["items"] == []


def test_the_same_routes_answer_those_of_the_ward(ward):
    """The bound is the ward and not the account: with the same roles, whoever has the ward reads it."""
    for route in routes(ward.stack):
        if names(route) & NAMES.keys() and "GET" in route.methods:
            for path in ward.paths(route.path):
                query = {"metric": "heart_rate"} if path.endswith("/series") else {}
                assert ward.own.get(path, params=query).status_code == 200, path
    claimed = ward.own.post(f"/api/v1/alerts/{ward.alert}/claim", headers={"idempotency-key": "k"})
    assert claimed.json()["claimed_by"]["staff"] == "s1"


def test_lists_and_pages_hold_nothing_of_another_ward(ward):
    """What names nobody is cut: no list, count or page shows a stranger anything of Nord, and all of it to its own."""
    shown: dict[str, Any] = {}
    for route in routes(ward.stack):
        if names(route) or "GET" not in route.methods or route.path.endswith(("/live", "openapi.json")):
            continue
        for client in (ward.own, ward.stranger):
            shown.setdefault(route.path, []).append(client.get(route.path).text)
    # "Try it" is the demo's, of invented people
    leaking = {path: leaks(ward, texts[1]) for path, texts in shown.items() if path != "/try"}

    assert {path: found for path, found in leaking.items() if found} == {}
    assert "Kari" in shown["/residents"][0]
    assert ward.alert in shown["/api/v1/alerts"][0]
    for path in ("devices", "gateways", "homes", "tests", "dead-letters"):
        assert len(shown[f"/api/v1/{path}"][0]) > len(shown[f"/api/v1/{path}"][1]), path


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("post", "/api/v1/tests", {"json": {"device": "d1"}}),
        ("post", "/tests", {"data": {"device": "d1"}}),
        ("put", "/api/v1/devices/d9", {"json": {"address": "vardevakt:x/y", "role": "pendant", "resident": "r1"}}),
        ("put", "/api/v1/devices/d9", {"json": {"address": "vardevakt:x/y", "role": "pendant", "home": "h1"}}),
        ("put", "/api/v1/devices/d9", {"json": {"address": "vardevakt:x/y", "role": "pendant", "gateway": "gw-1"}}),
        ("get", "/api/v1/alerts?subject=r1", {}),
        ("get", "/api/v1/alerts?ward=nord", {}),
        ("get", "/api/v1/devices?home=h1", {}),
        ("get", "/residents?ward=nord", {}),
    ],
)
def test_what_a_query_or_a_body_names_is_bound_as_well(ward, method, path, body):
    """Asking for, testing or assigning something of Nord is refused wherever in the request it is named."""
    before = queries.last_change(ward.stack.database)

    assert getattr(ward.stranger, method)(path, **body).status_code == 403
    assert queries.last_change(ward.stack.database) == before
    assert getattr(ward.own, method)(path, **body).status_code in {200, 201}


def test_a_device_of_another_ward_cannot_be_taken_by_saving_it_as_ones_own(ward):
    """The path names what stands: that it would belong here afterwards does not help."""
    taken = {"address": "vardevakt:gw-1/pendant-7", "role": "pendant", "resident": "r2"}

    assert slug(ward.stranger.put("/api/v1/devices/d1", json=taken)) == "wrong-role"
    assert ward.stack.store.get("device", "d1")["resident"] == "r1"


def test_what_belongs_to_nobody_is_everybodys(ward):
    """An alert from a home nobody knows and a device nobody has are seen, and taken, by those of any ward."""
    effect = out_of_bed("x", ward.stack.now_ms, home="", subject="zigbee2mqtt:new", resident=None, device=None)
    ward.stack.apply(effect)
    ward.stack.store.save("device", "d7", {"address": "zigbee2mqtt:new", "role": "bed"}, None, ward.stack.now_ms)

    assert [one["alert_id"] for one in ward.stranger.get("/api/v1/alerts").json()["items"]] == [effect.alert_id]
    claim = ward.stranger.post(f"/api/v1/alerts/{effect.alert_id}/claim", headers={"idempotency-key": "k"})
    assert claim.status_code == 200
    assert ward.stranger.get("/api/v1/devices/d7").status_code == 200
    assert ward.stranger.get(f"/alerts/{effect.alert_id}").status_code == 200


def test_an_alarm_is_taken_in_whoever_hands_it_in(ward):
    """POST /events reads nothing; it must never refuse an alarm for who brought it."""
    alarm = {"address": "vardevakt:gw-1/pendant-7", "type": "alarm.pressed", "resident": "r1"}

    assert ward.stranger.post("/api/v1/events", json=alarm).status_code == 202


def test_the_live_stream_tells_of_ones_own_wards_alone(ward):
    """Changes of alerts, people and settings of Nord, also of those removed, reach Nora and not Siri; health reaches
    both.
    """
    ward.stack.store.remove("pause", "p1", None, ward.stack.now_ms)
    rows = queries.changes(ward.stack.database, 0, 1_000)
    rows += [
        {"id": 10_001, "kind": "resident", "ref": "r1", "at": 0},
        {"id": 10_002, "kind": "health", "ref": "not_watched", "at": 0},
        {"id": 10_003, "kind": "alert", "ref": "no such alert", "at": 0},
    ]
    services = ward.stack.services()
    heard = {
        name: {(row["kind"], row["ref"]) for row in WardScope(services, wards).changes(rows)}
        for name, wards in (("nora", ("nord",)), ("siri", ("sor",)), ("all", None))
    }
    nords = {("alert", ward.alert), ("resident", "r1"), ("setting", "resident/r1"), ("setting", "device/d1")}
    nords |= {("setting", f"{kind}/p1") for kind in ("pause", "plan", "measure")}

    assert nords <= heard["nora"]
    assert not nords & heard["siri"]
    assert ("setting", "resident/r2") in heard["siri"] - heard["nora"]
    assert ("health", "not_watched") in heard["siri"] & heard["nora"]
    assert ("alert", "no such alert") not in heard["nora"] | heard["siri"]
    assert heard["all"] == {(row["kind"], row["ref"]) for row in rows}


def test_an_open_stream_of_a_bound_account_is_cut_and_still_resumes(ward):
    """On the wire: a press in Nord is not among what Siri's stream says, the next change of Sør is."""
    with ward.stack.server() as base:
        start = queries.last_change(ward.stack.database)
        ward.stack.press("e2")
        ward.stack.store.save("resident", "r2", {"home": "h2", "name": "Per"}, None, ward.stack.now_ms)
        import httpx2

        cookies = dict(ward.stranger.cookies)
        with httpx2.stream("GET", f"{base}/api/v1/live?after={start}", cookies=cookies, timeout=20) as stream:
            seen = []
            for line in stream.iter_lines():
                seen.append(line)
                if "resident/r2" in line:
                    break
    assert not any("event: alert" in line for line in seen)


@given(st.frozensets(st.sampled_from("abc")), st.none() | st.frozensets(st.sampled_from("abc")))
def test_seeing_is_having_one_of_its_wards(things, own):
    """The decision for all sets: everybody's, unbound, or a ward in common; more wards never show less."""
    scope = WardScope.__new__(WardScope)
    scope.wards = own

    assert scope.sees(things) == (own is None or not things or bool(own & things))
    if own is not None:
        wider = WardScope.__new__(WardScope)
        wider.wards = own | {"c"}
        assert scope.sees(things) <= wider.sees(things)
