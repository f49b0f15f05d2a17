"""POST /api/v1/events: acknowledged means on disk, nothing is lost in silence; and dead letters, replayed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.http.services import WebOptions
from ingest.journal import JournalError
from ingest.record import HTTP, MQTT, RawRecord
from rules.book_file import shipped_book
from tests.support.http import HttpStack, http_stack, slug

PRESS = {"address": "vardevakt:gw-1/pendant-7", "type": "alarm.pressed", "id": "7-1", "trigger": "pendant"}

RULE = next(rule for rule in shipped_book().rules if rule.id == "R01")


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        yield made


def post(client, body, **options):
    if isinstance(body, bytes):
        return client.post("/api/v1/events", content=body, **options)
    return client.post("/api/v1/events", json=body, **options)


def test_an_event_is_on_disk_and_named_when_it_is_answered(stack):
    """202 carries the id under which the event stands in INPUTS, with its bytes in RAW as HTTP."""
    answer = post(stack.machine(), PRESS)
    (raw,) = stack.journal.raw.read(0, 10)
    events = [one.event for one in stack.journal.inputs.read(0, 10) if one.event is not None and not one.derived]

    assert answer.status_code == 202
    assert answer.json()["event_ids"] == [events[0].event_id]
    assert (raw.kind, raw.topic) == (HTTP, "http:vardevakt:gw-1/pendant-7")
    assert (events[0].type, events[0].address) == ("alarm.pressed", "vardevakt:gw-1/pendant-7")


def test_an_array_answers_in_its_order(stack):
    """One id per event, in the order sent."""
    types = ["bed.left", "bed.occupied", "door.opened", "motion.detected"]
    ids = post(stack.machine(), [PRESS | {"type": kind, "id": kind} for kind in types]).json()["event_ids"]
    by_id = {one.event.event_id: one.event.type for one in stack.journal.inputs.read(0, 50) if one.event}

    assert [by_id[event_id] for event_id in ids] == types


def test_the_same_event_again_gets_the_same_id(stack):
    """A resend is answered with the id of the event it repeats, and makes no second one."""
    client = stack.machine()
    first, again = post(client, PRESS).json(), post(client, PRESS).json()
    events = [one for one in stack.journal.inputs.read(0, 50) if one.event and one.event.type == "alarm.pressed"]

    assert first == again
    assert len(events) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"not json", None),
        (b'{"type": "alarm.pressed"', None),
        (b"[]", None),
        (b"[" * 10_000, None),
        (b"\xff\x00", None),
        ({"type": "alarm.pressed"}, "address"),
        ({"address": "vardevakt:gw-1/x"}, "type"),
        ({"address": 7, "type": "alarm.pressed"}, "address"),
        ([PRESS, {"type": "x"}], "1.address"),
    ],
)
def test_what_cannot_be_understood_is_refused_and_kept(stack, body, field):
    """422 names the field; the bytes stand as a dead letter that operators see."""
    client = stack.machine()
    answer = post(client, body)
    letters = client.get("/api/v1/dead-letters").json()["items"]

    assert (answer.status_code, slug(answer), answer.json().get("field")) == (422, "bad-event", field)
    assert len(letters) == 1
    assert letters[0]["reason"]
    assert letters[0]["kind"] == HTTP


def test_of_a_mixed_array_the_good_ones_are_recorded(stack):
    """An alarm beside nonsense is not lost: it has its id in `items`, and stands in INPUTS."""
    answer = post(stack.machine(), [{"nonsense": True}, PRESS, 7])
    items = answer.json()["items"]
    ids = {one.event.event_id for one in stack.journal.inputs.read(0, 50) if one.event}

    assert answer.status_code == 422
    assert [("event_id" in item) for item in items] == [False, True, False]
    assert items[1]["event_id"] in ids


def test_an_unknown_type_is_no_error(stack):
    """A word that we do not know is kept as it is (contracts §1)."""
    answer = post(stack.machine(), PRESS | {"type": "fridge.humming", "loudness": 7})

    assert answer.status_code == 202


def test_while_the_fold_stands_still_the_event_is_safe_and_unnamed(tmp_path):
    """202 with null after the wait: on disk, not yet named; sending it again gives the id."""
    with http_stack(tmp_path, web=WebOptions(event_ids_wait_ms=50)) as stack:
        stack.source.hold()
        client = stack.machine()
        late = post(client, PRESS)
        recorded = stack.journal.raw.last_seq()
        stack.source.go_on()
        assert stack.journal.inputs.wait_position(recorded, 5)

        assert (late.status_code, late.json()) == (202, {"event_ids": [None]})
        assert recorded == 1
        assert post(client, PRESS).json()["event_ids"][0]


@pytest.mark.expected_errors("the journal is taken away")
def test_a_journal_that_cannot_store_is_never_acknowledged(stack):
    """503 `not-recorded`, with a sentence that says to send it again."""

    def full(records):
        raise JournalError("disk full")

    stack.receiver.submit_many = full
    answer = post(stack.machine(), PRESS)

    assert (answer.status_code, slug(answer)) == (503, "not-recorded")


def test_a_backlog_does_not_hide_ones_own_ids(stack):
    """With thousands of rows from the broker before and beside it, each sender gets their own ids."""
    flood = [
        RawRecord(0, MQTT, "vardevakt/1/gw-1/motion/event", b'{"type": "motion.detected", "id": "%d"}' % number)
        for number in range(3000)
    ]
    stack.receiver.submit_many(flood[:1500])
    client = stack.machine()
    stack.receiver.submit_many(flood[1500:])
    (event_id,) = post(client, PRESS).json()["event_ids"]
    found = [one.event for one in stack.journal.inputs.read(0, 5000) if one.event and one.event.event_id == event_id]

    assert [event.type for event in found] == ["alarm.pressed"]


def test_more_than_the_limit_is_refused(stack):
    """Bodies have an end: 413 with the limit in words, whether Content-Length tells or not."""
    client = stack.machine()
    body = b" " * 4_194_305
    told = post(client, body)
    untold = client.post("/api/v1/events", content=iter([body]))

    assert [slug(answer) for answer in (told, untold)] == ["too-large", "too-large"]
    assert "4194304" in told.json()["detail"]
    assert stack.journal.raw.last_seq() == 0


def test_a_dead_letter_goes_through_again_as_it_came(stack):
    """Replay puts the same bytes under the same topic into RAW anew; what is no dead letter cannot be replayed."""
    stack.record(RawRecord(0, MQTT, "vardevakt/1/gw-1/d/event", b"\xff{", 1))
    client = stack.machine("operator")
    (letter,) = client.get("/api/v1/dead-letters").json()["items"]
    answer = client.post(f"/api/v1/dead-letters/{letter['id']}/replay")
    first, *_, again = stack.journal.raw.read(0, 10)

    assert letter["payload"] == {"base64": "/3s="}
    assert answer.status_code == 202
    assert (again.topic, again.payload, again.kind, again.link) == (first.topic, first.payload, MQTT, "replay")
    for nonsense in ("999-0", "1-1", "0-0", "x", "1", "-1-0", "1-0-0", "9" * 30 + "-0", "١-٠"):
        assert slug(client.post(f"/api/v1/dead-letters/{nonsense}/replay")) == "not-found", nonsense


def test_dead_letters_come_in_pages_newest_first(stack):
    """Every one once, whatever the page size."""
    for number in range(5):
        stack.record(RawRecord(0, MQTT, "vardevakt/1/gw-1/d/event", b"no json %d" % number))
    client, seen, cursor = stack.machine("operator"), [], None
    while True:
        page = client.get("/api/v1/dead-letters", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        seen += [item["payload"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert seen == [f"no json {number}" for number in range(4, -1, -1)]
    assert slug(client.get("/api/v1/dead-letters?cursor=eA")) == "bad-cursor"


def test_rules_are_shown(stack):
    """The book in force, and one rule of it."""
    client = stack.machine()

    assert [rule["id"] for rule in client.get("/api/v1/rules").json()["items"]] == ["R01"]
    assert client.get("/api/v1/rules/R01").json()["version"] == RULE.version
    assert slug(client.get("/api/v1/rules/R99")) == "not-found"
