"""The rota over HTTP: imported again and again, swapped, looked at ahead, and refused without a trace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alerts.access import audit
from alerts.shifts.duty import duty_of, shift_end_ms
from tests.support.desk import HOUR, SITE
from tests.support.http import HttpStack, http_stack, slug

WEEK = "staff,function,from,until\n" + "".join(
    f"{who},{place},2026-03-0{day} 22:00,07:30\n"
    for day in range(1, 8)
    for who, place in (("s1", "natt-1"), ("Ida", "Natt 2"))
)
PERIOD = {"from": "2026-03-01T00:00:00Z", "until": "2026-03-20T00:00:00Z"}


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        yield made


def leader(stack, **more):
    return stack.person("leder", None, **({"roles": ("operator",)} | more))


def put(client, content=WEEK, kind="text/csv", **params):
    return client.put("/api/v1/rota", content=content, headers={"content-type": kind}, params=params)


def listed(client):
    return client.get("/api/v1/rota", params=PERIOD).json()["items"]


def test_the_same_rota_again_changes_nothing_and_a_shorter_one_takes_away(stack):
    """Counts say so; what stands outside the file's span or functions is left alone; one audit row per change."""
    lead = leader(stack)
    tried = put(lead, trial="true").json()
    assert (tried["added"], tried["trial"], listed(lead)) == (14, True, [])
    assert put(lead).json()["added"] == 14
    again = put(lead).json()
    assert (again["added"], again["changed"], again["removed"], again["unchanged"]) == (0, 0, 0, 14)

    fewer = "staff,function,from,until\ns1,natt-1,2026-03-02 22:00,07:30\ns1,natt-1,2026-03-04 22:00,06:00\n"
    done = put(lead, fewer).json()
    assert (done["added"], done["changed"], done["removed"], done["unchanged"]) == (0, 1, 1, 1)
    assert len(listed(lead)) == 13
    assert [row["what"] for row in audit.newest(stack.database, SITE)][:3] == [
        "rota.imported",
        "rota.imported",
        "user.added",
    ]


def test_what_has_begun_is_not_taken_away(stack):
    """A correction sent at midnight does not send home who is at work."""
    lead = leader(stack)
    put(lead)
    stack.now_ms += 22 * HOUR  # 00:30, the first night
    lead = leader(stack)
    other = "staff,function,from,until\nIda,natt-1,2026-03-01 22:00,07:30\ns1,natt-1,2026-03-02 22:00,07:30\n"
    assert put(lead, other).json()["removed"] == 0
    assert {one["staff"] for one in listed(lead) if one["from"] == "2026-03-01T21:00:00Z"} == {"s1", "s2"}


def test_json_and_icalendar_mean_the_same_as_csv(stack):
    """One shift in three shapes is one line of the rota."""
    lead = leader(stack)
    item = {"staff": "Ola", "function": "Natt 1", "from": "2026-03-02 22:00", "until": "07:30"}
    assert lead.put("/api/v1/rota", json={"items": [item]}).json()["added"] == 1
    event = "DTSTART:20260302T210000Z\r\nDTEND:20260303T063000Z\r\nSUMMARY:Natt 1: Ola\r\n"
    calendar = (
        f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:t\r\nBEGIN:VEVENT\r\nUID:1\r\n{event}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    assert put(lead, calendar, "text/calendar; charset=utf-8").json()["unchanged"] == 1
    assert put(lead, "staff,function,from,until\ns1,natt-1,2026-03-02 22:00,07:30\n").json()["unchanged"] == 1


def test_a_swap_names_who_agreed_and_outlives_the_next_import(stack):
    """The other one does it, also after the same file again; given back it is as the file says."""
    lead = leader(stack)
    put(lead)
    entry = listed(lead)[0]
    swapped = lead.post(f"/api/v1/rota/{entry['id']}/swap", json={"to": "s2", "agreed_by": "s1"}).json()
    assert (swapped["staff"], swapped["planned_staff"], swapped["agreed_by"]) == ("s2", entry["staff"], "s1")
    put(lead)
    assert listed(lead)[0]["staff"] == "s2"
    back = lead.post(f"/api/v1/rota/{entry['id']}/swap", json={"to": entry["staff"], "agreed_by": "s1"}).json()
    assert (back["staff"], back["agreed_by"]) == (entry["staff"], None)


BAD_SWAPS = (
    {"to": "s9", "agreed_by": "s1"},
    {"to": "s2", "agreed_by": "s9"},
    {"to": "s3", "agreed_by": "s1"},
    {"to": "s2"},
)


def test_a_swap_that_cannot_be_is_refused(stack):
    """With somebody unknown, with a temp whose access ends before it, or without an agreement."""
    stack.store.save("staff", "s3", {"name": "Emil", "until": "2026-03-01"}, None, 0)
    lead = leader(stack)
    put(lead)
    entry = listed(lead)[0]["id"]
    for body in BAD_SWAPS:
        answer = lead.post(f"/api/v1/rota/{entry}/swap", json=body)
        assert (answer.status_code, slug(answer)) == (422, "bad-field"), body
    assert lead.post("/api/v1/rota/nothing/swap", json={"to": "s2", "agreed_by": "s1"}).status_code == 404
    assert all(one["agreed_by"] is None for one in listed(lead))


BAD_ROTAS = (
    (WEEK.replace("s1", "s9", 1), "text/csv", 422),
    (WEEK + "s1,rute-9,2026-03-01 22:00,07:30\n", "text/csv", 422),
    (WEEK + f"{'x' * 500},natt-1,2026-03-01 22:00,07:30\n", "text/csv", 422),
    (WEEK + "s1,natt-1,2026-03-01 23:00,07:30\n", "text/csv", 422),
    ("", "text/csv", 422),
    ("hello", "text/calendar", 422),
    (WEEK, "text/plain", 415),
    ('{"items": [{"staff": 1}]}', "application/json", 422),
    ("{", "application/json", 400),
    ("x" * 1_100_000, "text/csv", 413),
)


def test_a_bad_rota_changes_nothing(stack):
    """Refused whole, with a word; what stood before stands."""
    lead = leader(stack)
    put(lead)
    before = listed(lead)
    for content, kind, status in BAD_ROTAS:
        answer = put(lead, content, kind)
        assert answer.status_code == status, content[-60:]
        assert slug(answer), "it says what to do"
    assert listed(lead) == before


def test_a_mistake_is_named_with_line_and_nearest_name(stack):
    """So that whoever wrote it finds it."""
    answer = put(leader(stack), WEEK.replace("Ida", "Idaa", 1))
    (error,) = answer.json()["errors"]
    assert (error["line"], error["field"], error["code"], error["nearest"]) == (3, "staff", "unknown_staff", "Ida")


def test_a_leader_of_another_ward_neither_sees_nor_writes_it(stack):
    """Functions of other wards do not exist for them; a carer imports nothing."""
    put(leader(stack))
    siri = stack.person("siri", None, roles=("operator",), wards=("sor",))
    assert (listed(siri), siri.get("/api/v1/rota/gaps").json()["items"]) == ([], [])
    assert put(siri).json()["errors"][0]["code"] == "unknown_function"
    assert slug(put(stack.person())) == "wrong-role"


def test_gaps_are_foreseen_for_a_week_and_holidays_named(stack):
    """From now on, between the nights, and after the last planned one; Maundy Thursday is a holiday."""
    lead = leader(stack)
    assert lead.get("/api/v1/rota/gaps").json()["items"] == [], "no rota, nothing to miss"
    put(lead)
    found = lead.get("/api/v1/rota/gaps").json()["items"]
    assert (found[0]["from"], found[0]["until"]) == ("2026-03-01T01:30:00Z", "2026-03-01T21:00:00Z")
    assert len(found) == 7
    assert {one["holiday"] for one in found} == {False}
    stack.person().post("/api/v1/shifts", json={"function": "natt-1", "until": "2026-03-01T06:00:00Z"})
    (sooner, *_) = lead.get("/api/v1/rota/gaps").json()["items"]
    assert sooner["from"] == "2026-03-01T06:00:00Z", "whoever is there covers it"
    stack.now_ms += 30 * 24 * HOUR  # 31 March: Easter week
    (whole,) = leader(stack).get("/api/v1/rota/gaps").json()["items"]
    assert whole["holiday"] is True


def test_a_ward_with_a_rota_alone_has_on_duty_who_is_planned(stack):
    """Without any check-in the rota decides; by day nobody is, and an alarm goes to the number outside."""
    put(leader(stack), "staff,function,from,until\ns1,natt-1,2026-03-01 22:00,07:30\n")
    night_ms = stack.now_ms + 22 * HOUR
    with stack.database.reader.connect() as conn:
        assert [one.id for one in duty_of(conn, SITE, "h1", night_ms).functions] == ["natt-1"]
        assert duty_of(conn, SITE, "h1", stack.now_ms).functions == ()
        assert shift_end_ms(conn, SITE, "natt-1", night_ms) == night_ms + 7 * HOUR
        assert shift_end_ms(conn, SITE, "natt-1", stack.now_ms) is None
        assert [one.id for one in duty_of(conn, SITE, "nowhere", night_ms).functions] == ["natt-1"]
