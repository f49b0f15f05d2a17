"""Alerts over HTTP: lists in pages, filters, one with its why, and what bad questions get."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alerts.access import access_log
from tests.support.desk import out_of_bed, pressed
from tests.support.http import HttpStack, http_stack, slug


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        yield made


def test_the_list_has_the_fields_of_the_contract(stack):
    """One alert in the list carries every field that outsiders build on (contracts §4)."""
    stack.press()
    (item,) = stack.machine().get("/api/v1/alerts").json()["items"]
    promised = {
        "alert_id", "rule", "rule_version", "code", "priority", "site_id", "home_id", "subject_id", "device_id",
        "incident_id", "merged_into", "condition", "handling", "opened_at", "cleared_at", "closed_at", "late_seconds",
        "test", "causes", "parameters", "suppressed", "reason",
    }  # fmt: skip

    assert promised <= item.keys()
    assert item["opened_at"].endswith("Z")
    assert {"event_id", "type", "observed_at", "received_at"} <= item["causes"][0].keys()


def test_pages_follow_each_other_without_gap_or_double(stack):
    """`next` leads through all alerts, newest first, each once."""
    ids = []
    for number in range(7):
        stack.now_ms += 1000
        ids.append(stack.press(f"e{number}", trigger=f"vardevakt:gw-1/p{number}|pendant"))
    client, seen, cursor, pages = stack.machine(), [], None, 0
    while True:
        answer = client.get("/api/v1/alerts", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["alert_id"] for item in answer["items"]]
        pages, cursor = pages + 1, answer["next"]
        if cursor is None:
            break

    assert seen == ids[::-1]
    assert pages == 3


def test_filters_of_the_list(stack):
    """State, priority, ward, subject and since each leave out what they should."""
    stack.apply(pressed("e1", stack.now_ms), out_of_bed("e2", stack.now_ms + 60_000))
    client = stack.machine()

    def ids(**params):
        return [item["rule"] for item in client.get("/api/v1/alerts", params=params).json()["items"]]

    assert ids(priority="P2") == ["R05"]
    assert ids(ward="sor") == []
    assert len(ids(ward="nord")) == 2
    assert len(ids(subject="r1")) == 2
    assert ids(subject="r9") == []
    assert ids(since="2026-03-01T01:31:00Z") == ["R05"]
    assert ids(state="closed") == []


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("cursor=nonsense", (400, "bad-cursor", "cursor")),
        ("cursor=" + "9" * 100 + ".x", (200, None, None)),
        ("cursor=" + "9" * 500, (422, "bad-field", "cursor")),
        ("limit=0", (422, "bad-field", "limit")),
        ("limit=100000", (422, "bad-field", "limit")),
        ("limit=ten", (422, "bad-field", "limit")),
        ("state=broken", (422, "bad-field", "state")),
        ("priority=P9", (422, "bad-field", "priority")),
        ("since=yesterday", (422, "bad-field", "since")),
        ("since=2026-03-01T00:00:00", (422, "bad-field", "since")),
        ("since=9999-12-31T23:59:59Z", (422, "bad-field", "since")),
        ("subject=" + "x" * 500, (422, "bad-field", "subject")),
        ("ward=%00", (200, None, None)),
    ],
)
def test_bad_parameters_name_the_field(stack, query, expected):
    """A parameter that cannot be used is a problem that names it, never an error of ours."""
    answer = stack.machine().get(f"/api/v1/alerts?{query}")
    status, kind, field = expected

    assert answer.status_code == status
    if kind is not None:
        assert (slug(answer), answer.json()["field"]) == (kind, field)


@pytest.mark.parametrize("alert_id", ["nope", "..", "a%2Fb", "%00", "x" * 500, "é", "'; DROP TABLE alerts"])
def test_ids_that_are_none_are_not_found(stack, alert_id):
    """Whatever stands where an id should: a problem of ours, nothing else."""
    client = stack.machine()
    one = client.get(f"/api/v1/alerts/{alert_id}")
    acted = client.post(f"/api/v1/alerts/{alert_id}/claim", json={"staff": "s1"}, headers={"idempotency-key": "k1"})

    assert one.status_code in {404, 405, 422}
    assert acted.status_code in {404, 405, 422}
    assert slug(one)
    assert slug(acted)


def test_one_alert_explains_itself_and_is_logged_as_read(stack):
    """Timeline, why and messages stand in it, and who looked is written down with the purpose."""
    alert_id = stack.press()
    client = stack.machine()
    found = client.get(f"/api/v1/alerts/{alert_id}", headers={"x-purpose": "review 7"}).json()
    looked = access_log.list(stack.database, "r1")["items"]

    assert found["timeline"][0]["kind"]
    assert found["why"]["rule"] == "R01"
    assert isinstance(found["messages"], list)
    assert [(row["what"], row["why"]) for row in looked] == [("alert", "review 7")]
    assert looked[0]["who"].startswith("key:")


def test_the_list_is_a_read_of_a_person_only_when_it_asks_for_one(stack):
    """The work list carries pseudonyms and is not logged per person; `subject=` is."""
    stack.press()
    client = stack.machine("carer")
    assert "Kari" not in client.get("/api/v1/alerts").text
    assert access_log.list(stack.database, "r1")["items"] == []

    client.get("/api/v1/alerts?subject=r1")

    assert [row["why"] for row in access_log.list(stack.database, "r1")["items"]] == ["integration"]


def test_problems_speak_the_readers_language(stack):
    """Bokmål by default, English on request; the type stays the same."""
    client = stack.client()
    norwegian, english = client.get("/api/v1/alerts"), client.get("/api/v1/alerts", headers={"accept-language": "en"})

    assert (norwegian.json()["title"], norwegian.headers["content-language"]) == ("Ikke logget inn", "nb")
    assert (english.json()["title"], english.headers["content-language"]) == ("Not signed in", "en")
    assert norwegian.json()["type"] == english.json()["type"]
