"""People, things and settings over HTTP: what is shown, what is logged, what is saved and when it is in force."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from alerts.access import access_log
from alerts.schema.people import setting_versions
from ingest.series import Mark, Point
from tests.support.http import HttpStack, http_stack, slug


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        yield made


def reads(stack, resident="r1"):
    return [(row["what"], row["why"]) for row in access_log.list(stack.database, resident)["items"]][::-1]


def test_every_read_of_a_person_is_written_down(stack):
    """Each route about a person leaves one row: who, what and why, in the order of the reads."""
    client = stack.person()
    paths = ["", "/timeline", "/series?metric=heart_rate", "/plan", "/pauses", "/measures", "/access-log"]
    for path in paths:
        assert client.get(f"/api/v1/residents/r1{path}").status_code == 200, path
    client.get("/api/v1/residents", headers={"x-purpose": "shift change"})

    assert reads(stack) == [
        ("card", "care"), ("timeline", "care"), ("series", "care"), ("plan", "care"), ("pauses", "care"),
        ("measures", "care"), ("access-log", "care"), ("list", "shift change"),
    ]  # fmt: skip
    assert reads(stack, "r2") == [("list", "shift change")]
    assert {row["who"] for row in access_log.list(stack.database, "r1")["items"]} == {"ola"}


def test_who_is_refused_reads_nothing_and_leaves_no_row(stack):
    """A refused read is no read: neither for the wrong role nor for a person who is not there."""
    assert stack.machine("operator").get("/api/v1/residents/r1").status_code == 403
    assert slug(stack.machine().get("/api/v1/residents/r9/timeline")) == "unknown-resident"

    assert reads(stack) == []
    assert reads(stack, "r9") == []


@pytest.mark.parametrize("why", ["x" * 201, "x" * 5000])
def test_a_purpose_without_end_is_refused(stack, why):
    """X-Purpose is bounded; too long is a problem that names it."""
    answer = stack.machine().get("/api/v1/residents/r1", headers={"x-purpose": why})

    assert (slug(answer), answer.json()["field"]) == ("bad-field", "x-purpose")


def test_the_card_joins_what_is_known(stack):
    """Name, home, ward, devices, settings with `in_force`, and what is measured."""
    card = stack.machine().get("/api/v1/residents/r1").json()

    assert (card["name"], card["home"], card["ward"]) == ("Kari Nordmann", "h1", "nord")
    assert [device["id"] for device in card["devices"]] == ["d1"]
    assert card["metrics"] == []
    assert {"contacts", "keys", "measures", "plans", "pauses"} <= card.keys()


def test_series_come_down_to_the_points_asked_for(stack):
    """At most `points` buckets with mean, lowest, highest and count, in time order, in UTC."""
    start = stack.now_ms - 3_600_000
    points = [Point("r1", "d1", "heart_rate", start + i * 1000, 60 + i % 3, "/min") for i in range(3600)]
    marks = [Mark("r1", start, "bed.left", "bedroom", "e1")]
    stack.series.write(1, points, marks)
    client = stack.machine()
    query = {"metric": "heart_rate", "from": "2026-03-01T00:30:00Z", "to": "2026-03-01T01:30:00Z", "points": 60}
    answer = client.get("/api/v1/residents/r1/series", params=query).json()

    assert answer["unit"] == "/min"
    assert len(answer["items"]) == 60
    assert sum(item["count"] for item in answer["items"]) == 3600
    assert answer["items"][0] == {"at": "2026-03-01T00:30:00Z", "mean": 61.0, "low": 60.0, "high": 62.0, "count": 60}
    assert client.get("/api/v1/residents/r1").json()["metrics"] == [{"metric": "heart_rate", "unit": "/min"}]
    assert client.get("/api/v1/residents/r1/timeline").json()["marks"] == [
        {"at": "2026-03-01T00:30:00Z", "type": "bed.left", "room": "bedroom", "event_id": "e1"}
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "metric"),
        ("metric=x&points=0", "points"),
        ("metric=x&points=1000000", "points"),
        ("metric=x&from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z", "from"),
        ("metric=x&from=2026-03-01", "from"),
        ("metric=x&to=0001-01-01T00:00:00Z", "to"),
    ],
)
def test_bad_series_questions_name_the_field(stack, query, field):
    """No metric, no end to the points, a span that runs backwards: each is a problem of its field."""
    answer = stack.machine().get(f"/api/v1/residents/r1/series?{query}")

    assert (slug(answer), answer.json()["field"]) == ("bad-field", field)


def in_force(stack, setting_id):
    """The fold has seen it."""
    with stack.database.writer.begin() as conn:
        conn.execute(
            update(setting_versions).where(setting_versions.c.setting_id == setting_id).values(in_force_ms=stack.now_ms)
        )


def test_a_plan_is_saved_shown_and_in_force_only_after_the_echo(stack):
    """201 with `in_force: false`; true once the fold has seen it; a change of it is false again."""
    client = stack.person()
    plan = {"rule": "R05", "set": {"for": "35 min"}, "from": "2026-01-01", "why": "2026/114"}
    made = client.post("/api/v1/residents/r1/plan", json=plan)
    item = made.json()
    path = f"/api/v1/residents/r1/plan/{item['id']}"

    assert made.status_code == 201
    assert (item["in_force"], item["set"], item["resident"]) == (False, {"for": "35 min"}, "r1")
    in_force(stack, item["setting_id"])
    assert client.get("/api/v1/residents/r1/plan").json()["items"][0]["in_force"] is True
    assert client.get(f"/api/v1/settings/{item['setting_id']}").json()["in_force"] is True
    changed = client.put(path, json=plan | {"set": {"for": "40 min"}}).json()
    assert (changed["in_force"], changed["version"]) == (False, item["version"] + 1)
    gone = client.delete(path).json()
    assert gone["in_force"] is False
    assert client.get("/api/v1/residents/r1/plan").json()["items"] == []
    assert client.get(f"/api/v1/settings/{item['setting_id']}").json()["removed"] is True


def test_a_save_says_who_did_it(stack):
    """The version carries the member of staff, so that the person's page can say it."""
    stack.person().post("/api/v1/residents/r1/pauses", json=PAUSE)
    with stack.database.reader.connect() as conn:
        actor = conn.execute(select(setting_versions.c.actor).where(setting_versions.c.kind == "pause")).scalar_one()

    assert actor == "s1"


PAUSE = {"rules": [], "from": "2026-03-01T08:00:00Z", "until": "2026-03-04T09:00:00+01:00", "reason": "hospital"}


def test_a_pause_speaks_of_instants_in_utc(stack):
    """Times with any offset go in; UTC with Z comes out."""
    item = stack.person().post("/api/v1/residents/r1/pauses", json=PAUSE).json()

    assert (item["from"], item["until"]) == ("2026-03-01T08:00:00Z", "2026-03-04T08:00:00Z")
    assert "from_ms" not in item


@pytest.mark.parametrize(
    ("what", "change", "field"),
    [
        ("pauses", {"until": "tomorrow"}, "until"),
        ("pauses", {"until": None}, "until"),
        ("pauses", {"from": "2026-03-01"}, "from"),
        ("pauses", {"from_ms": 5}, "from_ms"),
        ("pauses", {"until": "2026-01-01T00:00:00Z"}, "until"),
        ("pauses", {"reason": "holliday"}, "reason"),
        ("pauses", {"rules": ["R01"]}, "rules"),
        ("pauses", {"extra": 1}, "extra"),
    ],
)
def test_a_bad_setting_names_the_field_and_saves_nothing(stack, what, change, field):
    """Each fault is a 422 with its field and, where there is one, the word that was meant."""
    client = stack.person()
    answer = client.post(f"/api/v1/residents/r1/{what}", json=PAUSE | change)

    assert (slug(answer), answer.json()["field"]) == ("bad-field", field)
    assert answer.json()["errors"][0]["message"]
    assert client.get(f"/api/v1/residents/r1/{what}").json()["items"] == []


def test_the_nearest_word_is_offered(stack):
    """A misspelt word comes back with the one that was perhaps meant."""
    answer = stack.person().post("/api/v1/residents/r1/pauses", json=PAUSE | {"reason": "holliday"})

    assert answer.json()["errors"][0]["nearest"] == "holiday"


def test_nobody_overwrites_what_they_have_not_seen(stack):
    """`If-Match` with an old version is 409 `changed-meanwhile`; what stands stays."""
    client = stack.person()
    item = client.post("/api/v1/residents/r1/pauses", json=PAUSE).json()
    path = f"/api/v1/residents/r1/pauses/{item['id']}"
    first = client.put(path, json=PAUSE | {"reason": "away"}, headers={"if-match": f'"{item["version"]}"'})
    second = client.put(path, json=PAUSE | {"reason": "other"}, headers={"if-match": str(item["version"])})

    assert first.status_code == 200
    assert slug(second) == "changed-meanwhile"
    assert client.get("/api/v1/residents/r1/pauses").json()["items"][0]["reason"] == "away"


def test_one_persons_item_is_not_found_under_another(stack):
    """Neither saved nor removed by way of somebody else's path."""
    client = stack.person()
    item = client.post("/api/v1/residents/r1/pauses", json=PAUSE).json()
    path = f"/api/v1/residents/r2/pauses/{item['id']}"

    assert slug(client.put(path, json=PAUSE)) == "not-found"
    assert slug(client.delete(path)) == "not-found"


def test_things_are_listed_with_when_they_were_heard(stack):
    """Wards, homes, gateways, devices and functions, in pages, pseudonyms only."""
    client = stack.machine("operator")
    stack.heard = {"vardevakt:gw-1/pendant-7": stack.now_ms, "vardevakt:gw-9/mat": 0, "vardevakt:gw-8/mat": 0}
    first = client.get("/api/v1/homes?limit=1").json()
    rest = client.get("/api/v1/homes", params={"limit": 1, "cursor": first["next"]}).json()

    assert [item["id"] for item in client.get("/api/v1/wards").json()["items"]] == ["nord", "sor"]
    assert [item["id"] for item in first["items"] + rest["items"]] == ["h1", "h2"]
    assert rest["next"] is None
    assert client.get("/api/v1/devices?resident=r1").json()["items"][0]["last_heard_at"] == "2026-03-01T01:30:00Z"
    assert client.get("/api/v1/gateways").json()["items"][0]["last_heard_at"] is None
    assert client.get("/api/v1/devices/d1").json()["tests"] == []
    assert slug(client.get("/api/v1/devices/d9")) == "not-found"
    assert slug(client.get("/api/v1/devices?cursor=ø")) == "bad-cursor"
    assert [item["id"] for item in client.get("/api/v1/functions").json()["items"]] == ["natt-1", "natt-2"]
    [channel] = client.get("/api/v1/channels").json()["items"]
    assert (channel["channel"], channel["configured"], channel["state"]) == ("log", True, "unused")


def test_an_unassigned_address_is_assigned_by_saving_a_device(stack):
    """What is heard and belongs to nobody is listed until a device has its address."""
    stack.heard = {"vardevakt:gw-1/mat": stack.now_ms, "vardevakt:gw-1/pendant-7": stack.now_ms}
    client = stack.person()
    assert [item["address"] for item in client.get("/api/v1/devices/unassigned").json()["items"]] == [
        "vardevakt:gw-1/mat"
    ]

    device = {"address": "vardevakt:gw-1/mat", "role": "bed", "resident": "r1", "gateway": "gw-1"}
    assert client.put("/api/v1/devices/d2", json=device).json()["in_force"] is False
    assert client.get("/api/v1/devices/unassigned").json()["items"] == []
    assert slug(client.put("/api/v1/devices/d3", json=device)) == "bad-field"


def test_a_test_session_is_opened_seen_and_ended(stack):
    """A named technician, one device, at most 30 min; a longer one is refused."""
    client = stack.machine("operator")
    opened = client.post("/api/v1/tests", json={"device": "d1", "staff": "s1"})

    assert opened.status_code == 201
    assert [item["device"] for item in client.get("/api/v1/tests").json()["items"]] == ["d1"]
    assert slug(client.post("/api/v1/tests", json={"device": "d1", "staff": "s1", "minutes": 31})) == "bad-field"
    assert slug(client.post("/api/v1/tests", json={"device": "d9", "staff": "s1"})) == "bad-field"
    assert slug(client.post("/api/v1/tests", json={"device": "d1"})) == "unknown-staff"
    assert client.delete(f"/api/v1/tests/{opened.json()['id']}").status_code == 204
    assert slug(client.delete(f"/api/v1/tests/{opened.json()['id']}")) == "not-found"
    assert client.get("/api/v1/tests").json()["items"] == []
