"""Shifts over HTTP: check in by session and by PIN, shared phones, what is refused, and what a shift lets one see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alerts.access import access_log, audit
from tests.support.desk import HOUR, MINUTE, SITE
from tests.support.http import PASSWORD, HttpStack, http_stack, slug

PIN = "4711"


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        yield made


def operator(stack):
    return stack.person("leder", None, roles=("operator",))


def phone_for(stack, function="natt-1", **more):
    """A registered phone: its id, and a client that sends its token."""
    made = operator(stack).post("/api/v1/phones", json={"label": "Vakttelefon", "function": function} | more)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    return made.json()["id"], {"authorization": f"Bearer {made.json()['token']}"}


def with_pin(stack, login, staff, **fields):
    """Somebody who has logged in once and chosen a PIN."""
    client = stack.person(login, staff, **fields)
    chosen = client.put("/api/v1/shifts/pin", json={"pin": PIN, "password": PASSWORD})
    assert chosen.status_code == 204, chosen.text
    return client


def pin_in(stack, login, function, token, client=None, pin=PIN):
    sender = client or stack.client()
    return sender.post("/api/v1/shifts", json={"function": function, "user": login, "pin": pin}, headers=token)


def test_check_in_by_session_shows_who_has_the_function_and_check_out_ends_it(stack):
    """Functions and shifts say who; an act carries the function; afterwards nobody is on duty."""
    ola = stack.person()
    begun = ola.post("/api/v1/shifts", json={"function": "natt-1"})
    assert (begun.status_code, begun.json()["name"], begun.json()["until"]) == (201, "Ola", "2026-03-01T13:30:00Z")
    (first, second) = ola.get("/api/v1/functions").json()["items"]
    assert (first["shift"]["staff"], first["on_duty"], second["on_duty"]) == ("s1", True, False)
    assert [one["function"] for one in ola.get("/api/v1/shifts").json()["items"]] == ["natt-1"]

    alert = stack.press()
    claimed = ola.post(f"/api/v1/alerts/{alert}/claim", headers={"idempotency-key": "k"})
    assert claimed.json()["claimed_by"]["function"] == "natt-1"
    held = ola.post(f"/api/v1/shifts/{begun.json()['id']}/check-out", json={})
    assert (held.status_code, slug(held), held.json()["alerts"]) == (409, "own-claims", [alert])
    ola.post(f"/api/v1/alerts/{alert}/release", headers={"idempotency-key": "k2"})
    done = ola.post(f"/api/v1/shifts/{begun.json()['id']}/check-out", json={})
    assert (done.status_code, done.json()["end_reason"]) == (200, "checked_out")
    again = ola.post(f"/api/v1/shifts/{begun.json()['id']}/check-out", json={})
    assert (again.status_code, slug(again)) == (409, "not-on-shift")
    assert not any(one["on_duty"] for one in ola.get("/api/v1/functions").json()["items"])


def test_on_a_shared_phone_the_next_check_in_ends_the_formers_session(stack):
    """Mona's cookie is worth nothing once Emil has checked in on the same phone; what he reads is logged as his."""
    with_pin(stack, "mona", "s1")
    stack.store.save("staff", "s2", {"name": "Emil", "functions": ["natt-1"]}, None, stack.now_ms)
    with_pin(stack, "emil", "s2")
    _, token = phone_for(stack)
    mona, emil = stack.client(), stack.client()
    assert pin_in(stack, "mona", "natt-1", token, mona).status_code == 201
    assert mona.get("/api/v1/session").json()["user"] == "mona"
    stack.now_ms += MINUTE
    assert pin_in(stack, "emil", "natt-1", token, emil).status_code == 201

    assert mona.get("/api/v1/session").status_code == 401
    assert emil.get("/api/v1/residents/r1").status_code == 200
    assert [row["who"] for row in access_log.list(stack.database, "r1")["items"]] == ["emil"]
    assert [one["staff"] for one in emil.get("/api/v1/shifts").json()["items"]] == ["s2"]


def test_a_phone_taken_for_another_function_leaves_the_former_on_shift_without_it(stack):
    """Whoever holds the phone has it: the other's session on it ends, their shift goes on and rings the function."""
    with_pin(stack, "mona", "s1")
    with_pin(stack, "ida", "s2")
    phone_id, token = phone_for(stack)
    mona, ida = stack.client(), stack.client()
    pin_in(stack, "mona", "natt-1", token, mona)
    stack.now_ms += MINUTE
    pin_in(stack, "ida", "natt-2", token, ida)

    assert mona.get("/api/v1/session").status_code == 401
    found = {one["staff"]: one["phone"] for one in ida.get("/api/v1/shifts").json()["items"]}
    assert found == {"s1": None, "s2": phone_id}


def test_on_shift_one_sees_the_wards_of_ones_functions_and_no_others(stack):
    """A carer of the whole site who has Natt 1 in Nord opens nobody in Sør; off shift the account holds again."""
    ola = stack.person()
    assert ola.get("/api/v1/residents/r2").status_code == 200
    shift = ola.post("/api/v1/shifts", json={"function": "natt-1"}).json()["id"]
    assert ola.get("/api/v1/residents/r1").status_code == 200
    other = ola.get("/api/v1/residents/r2")
    assert (other.status_code, slug(other)) == (403, "wrong-role")
    ola.post(f"/api/v1/shifts/{shift}/check-out", json={})
    assert ola.get("/api/v1/residents/r2").status_code == 200


def test_five_wrong_pins_lock_it_until_a_new_one_is_chosen_with_the_password(stack):
    """The right PIN does not help any more; the password and a new PIN do. The former shift is untouched."""
    mona = with_pin(stack, "mona", "s1")
    _, token = phone_for(stack)
    for _ in range(5):
        assert slug(pin_in(stack, "mona", "natt-1", token, pin="0815")) == "wrong-pin"
    locked = pin_in(stack, "mona", "natt-1", token)
    assert (locked.status_code, slug(locked)) == (401, "pin-locked")
    assert mona.get("/api/v1/shifts").json()["items"] == []
    assert mona.put("/api/v1/shifts/pin", json={"pin": "2580", "password": "wrong"}).status_code == 401
    assert mona.put("/api/v1/shifts/pin", json={"pin": "2580", "password": PASSWORD}).status_code == 204
    assert pin_in(stack, "mona", "natt-1", token, pin="2580").status_code == 201


def test_unknown_users_are_limited_on_a_phone_and_a_pin_needs_one(stack):
    """Without a phone's token a PIN is worth nothing; guessing names on one phone is stopped after 30 tries."""
    with_pin(stack, "mona", "s1")
    phone_id, token = phone_for(stack)
    assert slug(pin_in(stack, "mona", "natt-1", {})) == "not-signed-in"
    seen = {pin_in(stack, f"nobody-{place}", "natt-1", token).status_code for place in range(31)}
    assert seen == {401, 429}
    operator(stack).delete(f"/api/v1/phones/{phone_id}")
    assert slug(pin_in(stack, "mona", "natt-1", token)) == "not-signed-in"


def test_a_pin_that_is_none_or_easy_is_refused(stack):
    """Too short, a row of digits, one digit, letters, a line break, too long: said on the field, and none is set."""
    ola = stack.person()
    for pin in ("123", "1234", "7777", "abcd", "4711\n", "9" * 20):
        answer = ola.put("/api/v1/shifts/pin", json={"pin": pin, "password": PASSWORD})
        assert (answer.status_code, answer.json()["field"]) == (422, "pin"), pin


BAD_CHECK_INS = (
    ({"function": "nowhere"}, 422, "bad-field"),
    ({"function": "natt-2"}, 403, "not-your-function"),
    ({"function": "natt-1", "until": "2026-03-05T00:00:00Z"}, 422, "bad-field"),
    ({"function": "natt-1", "until": "2026-02-01T00:00:00Z"}, 422, "bad-field"),
    ({"function": "natt-1", "until": "2026-03-01T07:00:00"}, 422, "bad-field"),
    ({"function": "x" * 500}, 422, "bad-field"),
    ({"function": "<script>"}, 422, "bad-field"),
    ({"function": "natt-1", "staff": "s2"}, 403, "wrong-role"),
)


def test_a_check_in_that_cannot_be_is_refused_with_a_word(stack):
    """Unknown or another's function, an end in the past or too far off or without offset, for somebody else: and nobody
    is on shift.
    """
    ola = stack.person()
    for body, status, problem in BAD_CHECK_INS:
        answer = ola.post("/api/v1/shifts", json=body)
        assert (answer.status_code, slug(answer)) == (status, problem), body
    assert ola.get("/api/v1/shifts").json()["items"] == []


def test_another_cannot_check_me_out_and_a_leader_can_end_my_shift(stack):
    """Somebody else's shift is not found for them; a leader's end is in the audit; no CSRF token, no check-in."""
    ola, ida = stack.person(), stack.person("ida", "s2")
    shift = ola.post("/api/v1/shifts", json={"function": "natt-1"}).json()["id"]
    assert slug(ida.post(f"/api/v1/shifts/{shift}/check-out", json={})) == "not-found"
    assert ida.post(f"/api/v1/shifts/{shift}/end").status_code == 403
    assert operator(stack).post(f"/api/v1/shifts/{shift}/end").json()["end_reason"] == "ended"
    assert audit.newest(stack.database, SITE)[0]["what"] == "shift.ended"
    del ola.headers["x-csrf-token"]
    assert slug(ola.post("/api/v1/shifts", json={"function": "natt-1"})) == "csrf"


def test_a_temp_is_out_at_midnight_after_the_last_day(stack):
    """20 July is worked to its end; from 21 July 00:00 local there is no session, no log-in and no PIN."""
    stack.store.save("staff", "s2", {"name": "Emil", "functions": ["natt-1"], "until": "2026-03-01"}, None, 0)
    emil = with_pin(stack, "emil", "s2")
    _, token = phone_for(stack)
    machine = stack.machine()
    alert = stack.press()
    stack.now_ms += 20 * HOUR  # 22:30
    emil = stack.person("emil", "s2")
    stack.now_ms += 89 * MINUTE
    assert emil.get("/api/v1/session").status_code == 200
    stack.now_ms += MINUTE
    assert emil.get("/api/v1/session").status_code == 401
    login = stack.client().post("/api/v1/session", json={"user": "emil", "password": PASSWORD})
    assert (login.status_code, slug(login)) == (403, "access-ended")
    assert slug(pin_in(stack, "emil", "natt-1", token)) == "access-ended"
    acted = machine.post(f"/api/v1/alerts/{alert}/claim", json={"staff": "s2"}, headers={"idempotency-key": "k"})
    assert slug(acted) == "unknown-staff"


def test_a_phones_heartbeat_keeps_its_function_reachable(stack):
    """Unheard for its limit it is silent, heard again it is not; without its token, or ended, it is none."""
    phone_id, token = phone_for(stack, limit_seconds=120)
    ola, app = stack.person(), stack.client()

    def state():
        (first, _) = ola.get("/api/v1/functions").json()["items"]
        return first["reachable"], first["phones"][0]["silent"]

    stack.now_ms += 2 * MINUTE + 1_000
    assert state() == (False, True)
    beat = app.post("/api/v1/phones/heartbeat", headers=token)
    assert (beat.status_code, beat.json()["limit_seconds"]) == (200, 120)
    assert state() == (True, False)
    assert app.post("/api/v1/phones/heartbeat").status_code == 401
    operator(stack).delete(f"/api/v1/phones/{phone_id}")
    assert app.post("/api/v1/phones/heartbeat", headers=token).status_code == 401


def test_a_phone_that_cannot_be_is_refused(stack):
    """A label is one line of at most 200 characters, the function is there, the limit is sensible."""
    lead = operator(stack)
    for body in (
        {"label": "x" * 201}, {"label": "a\nb"}, {"label": "", "function": "natt-1"},
        {"label": "p", "function": "nowhere"}, {"label": "p", "limit_seconds": 1},
    ):  # fmt: skip
        assert lead.post("/api/v1/phones", json=body).status_code == 422, body
    assert lead.get("/api/v1/phones").json()["items"] == []


def test_an_operator_of_another_ward_touches_neither_phones_nor_functions(stack):
    """Ids of another ward: 403, and nothing is changed."""
    phone_id, _ = phone_for(stack)
    siri = stack.person("siri", None, roles=("operator",), wards=("sor",))
    assert slug(siri.delete(f"/api/v1/phones/{phone_id}")) == "wrong-role"
    assert slug(siri.post("/api/v1/phones", json={"label": "p", "function": "natt-1"})) == "wrong-role"
    assert siri.get("/api/v1/phones").json()["items"] == []
    assert [one["id"] for one in operator(stack).get("/api/v1/phones").json()["items"]] == [phone_id]
