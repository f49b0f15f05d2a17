"""Everything that strangers may send to the wired service: no crash, exact accounts, and a person where it matters."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests.support.running_service import RunningService, running_service

PERSONS = 4
PENDANTS = "\n".join(
    f"""
  - {{id: p{n}, address: "vardevakt:gw-1/pendant-{n}", role: pendant, resident: r{n}, gateway: gw-1}}
  - {{id: b{n}, address: "vardevakt:gw-1/bed-{n}", role: bed, resident: r{n}, gateway: gw-1}}"""
    for n in range(PERSONS)
)
SITE = f"""
site: {{id: solbakken, name: Solbakken, timezone: Europe/Oslo, language: nb}}
wards: [{{id: nord, name: Nord}}]
homes: [{", ".join(f"{{id: h{n}, ward: nord, kind: own_home}}" for n in range(PERSONS))}]
residents: [{", ".join(f"{{id: r{n}, home: h{n}, name: Kari {n}}}" for n in range(PERSONS))}]
gateways: [{{id: gw-1, home: h0, address: "vardevakt:gw-1", interval: 5 min}}]
devices: {PENDANTS}
functions: [{{id: natt-1, ward: nord, name: Natt 1, phone: "+4798888888"}}]
"""
MIB = 1_048_576
KEYS = count(1)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """One service for all that follows: what one message breaks, the next test sees."""
    with running_service(tmp_path_factory.mktemp("service")) as up:
        up.import_site(SITE)
        yield up


@pytest.fixture(autouse=True)
def goes_on(service: RunningService) -> Iterator[None]:
    """After each bad thing every row has ended in whole items, and a normal press reaches a person."""
    first = service.parts.journal.raw.last_seq() + 1
    yield
    (row,) = service.publish("vardevakt/1/gw-1/pendant-0/event", {"type": "alarm.pressed", "id": f"ok-{next(KEYS)}"})
    event_id = service.event(row.seq).event_id
    assert event_id in {cause["event_id"] for alert in service.alerts("r0") for cause in alert["causes"]}
    for seq in range(first, row.seq + 1):
        service.assert_whole(seq)
    assert service.parts.source.healthy


def address(device: str) -> str:
    return f"vardevakt:gw-9/{device}"


UNREADABLE = {
    "not-json": (b"this is { not json", "not_json"),
    "empty": (b"", "not_json"),
    "nan": (b'{"type": "measured", "metric": "temperature", "value": NaN, "unit": "Cel"}', "not_json"),
    "infinity": (b'{"type": "alarm.pressed", "presses": Infinity}', "not_json"),
    "deep": (b'{"type": "alarm.pressed", "x": ' + b"[" * 100 + b"]" * 100 + b"}", "not_json"),
    "bottomless": (b"[" * 200_000, "not_json"),
    "utf-8": (b'{"type": "alarm.pressed\xff\xfe"}', "not_json"),
    "surrogate": (b'{"type": "alarm.pressed", "id": "\\ud800"}', "not_json"),
    "number": (b"17", "not_an_object"),
    "items": (b'[1, null, "alarm.pressed"]', "not_an_object"),
    "no-type": (b'{"trigger": "pendant"}', "no_type"),
    "type-number": (b'{"type": 5}', "no_type"),
    "severity": (b'{"type": "condition.reported", "code": "x", "severity": "high"}', "wrong_type"),
}


@pytest.mark.parametrize("device", sorted(UNREADABLE))
def test_what_cannot_be_read_is_kept_and_goes_to_a_person(service, device):
    """A dead letter with its bytes and reason, and an alarm: nobody knows whether it was a press."""
    payload, reason = UNREADABLE[device]
    (row,) = service.publish(f"vardevakt/1/gw-9/{device}/event", payload)
    letters = service.dead_letters(row.seq)
    (alert,) = service.alerts(address(device))

    assert {(one["reason"], one["may_be_alarm"], one["address"]) for one in letters} == {
        (reason, True, address(device))
    }  # fmt: skip
    assert row.payload == payload
    assert letters[0]["bytes"] == len(payload)
    shown = letters[0]["payload"]
    assert isinstance(shown, dict) if device == "utf-8" else payload.decode().startswith(shown)
    assert (alert["rule"], alert["priority"], alert["causes"][0]["type"]) == ("R43", "P1", "alarm.undecodable")


def test_a_mebibyte_is_taken_and_one_byte_more_is_a_dead_letter(service):
    """The limit itself is read like any message; beyond it nobody knows what it was."""
    body = b'{"type": "alarm.pressed", "id": "big", "pad": "'
    whole = body + b"x" * (MIB - len(body) - 2) + b'"}'
    (row,) = service.publish("vardevakt/1/gw-9/mebibyte/event", whole)
    assert service.ends(row.seq) == [(0, "input")]
    (over,) = service.publish("vardevakt/1/gw-9/mebibyte-more/event", whole + b" ")
    (letter,) = service.dead_letters(over.seq)

    assert (letter["reason"], letter["may_be_alarm"]) == ("too_large", True)
    assert len(letter["payload"]) <= 4_096
    for device in ("mebibyte", "mebibyte-more"):
        assert [alert["priority"] for alert in service.alerts(address(device))] == ["P1"]


def test_an_array_without_end(service):
    """More items than one message may have: those up to the limit are read, the rest is said to be missing."""
    body = [{"type": "bed.left", "id": str(number)} for number in range(2_003)]
    (row,) = service.publish("vardevakt/1/gw-9/flood/event", body)
    (letter,) = service.dead_letters(row.seq)

    assert letter["reason"] == "too_many_items"
    assert len(service.ends(row.seq)) == 2_001


ODD_ALARMS = (
    {"type": "alarm.pressed", "trigger": 17, "presses": "many", "time": 5, "id": [], "test": "no", "room": {}},
    {"type": "alarm.pressed", "trigger": "x" * 5_000, "time": "yesterday", "seq": 2**80},
    {"type": "ALARM.Pressed"},
    {"type": "smoke.seen_by_drone", "ppm": "lots"},
    {"type": "something.new", "severity": 40},
)


@pytest.mark.parametrize("body", ODD_ALARMS)
def test_an_alarm_of_wrong_types_is_an_alarm(service, body):
    """What calls itself an alarm is one, whatever its fields hold and however it spells it."""
    device = f"odd-{next(KEYS)}"
    (row,) = service.publish(f"vardevakt/1/gw-9/{device}/event", body)

    assert service.ends(row.seq) == [(0, "input")]
    assert [alert["priority"] for alert in service.alerts(address(device))] == ["P1"]


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2070-01-01T00:00:00Z", "0001-01-01T00:00:00Z"])
def test_a_clock_from_another_century(service, time):
    """An alarm of 1970 or 2070 happened when it arrived, is not called late, and says that its clock is suspect."""
    device = f"clock-{time[:4]}"
    (row,) = service.publish(f"vardevakt/1/gw-9/{device}/event", {"type": "alarm.pressed", "id": "1", "time": time})
    (alert,) = service.alerts(address(device))

    assert service.ends(row.seq) == [(0, "input")]
    assert (alert["priority"], alert["late_seconds"]) == ("P1", 0)
    assert "clock_suspect" in alert["causes"][0]["quality"]


def test_an_unknown_type_is_kept_whole(service):
    """Of a device we know: an event with all its fields, and no alert."""
    body = {"type": "bed.levitated", "metres": 3, "by": {"spirit": True}}
    (row,) = service.publish("vardevakt/1/gw-1/bed-1/event", body)
    event = service.event(row.seq)

    assert (event.type, event.home) == ("bed.levitated", "h1")
    assert event.extra == {"metres": 3, "by": {"spirit": True}}
    assert service.alerts("r1") == []


def test_an_unknown_device(service):
    """A sensor that nobody registered is shown to operators; its press goes to a person."""
    service.publish("vardevakt/1/gw-9/stranger/event", {"type": "motion.detected"})
    (quiet,) = service.alerts(address("stranger"))
    assert (quiet["rule"], quiet["priority"]) == ("R43", "P4")
    service.publish("vardevakt/1/gw-9/stranger/event", {"type": "alarm.pressed", "id": "1"})

    assert sorted(alert["priority"] for alert in service.alerts(address("stranger"))) == ["P1", "P4"]


def test_an_id_seen_before_with_other_content(service):
    """A counter that restarted: both are events, the second is marked; the same again is a verdict and no more."""
    topic = "vardevakt/1/gw-1/pendant-2/event"
    first = {"type": "alarm.pressed", "id": "7", "time": "2026-03-01T10:00:00Z"}
    other = {"type": "alarm.pressed", "id": "7", "time": "2026-03-02T10:00:00Z"}
    rows = [service.publish(topic, body)[0] for body in (first, other, first)]

    assert [service.ends(row.seq) for row in rows] == [[(0, "input")], [(0, "input")], [(0, "duplicate")]]
    assert "id_reused" in service.event(rows[1].seq).quality
    events = {service.event(row.seq).event_id for row in rows[:2]}
    assert {cause["event_id"] for alert in service.alerts("r2") for cause in alert["causes"]} == events


WRONG_TOPICS = (
    "vardevakt/1/gw-9/dev-a/events", "vardevakt/1/gw-9", "vardevakt/1/gw-9//event", "vardevakt/1/gw-9/a/b/event",
    "application/1/device/70b3d57ed0000001/event/upp",
)  # fmt: skip


@pytest.mark.parametrize("topic", WRONG_TOPICS)
def test_a_topic_that_no_convention_has(service, topic):
    """Inside a tree that we listen to: a dead letter that may have been an alarm."""
    (row,) = service.publish(topic, {"type": "alarm.pressed"})
    (letter,) = service.dead_letters(row.seq)

    assert (letter["reason"], letter["may_be_alarm"]) == ("unknown_topic", True)
    assert [one["priority"] for one in service.alerts(letter["address"])] == ["P1"]


def test_topics_outside_and_of_the_broker(service):
    """What no convention claims never reaches us, and does us no harm."""
    before = service.parts.journal.raw.last_seq()
    for topic in ("somewhere/else", "vardevakt/2/gw-1/pendant-0/event", "$SYS/broker/load", "$share/x/vardevakt/1/a"):
        service.send_only(topic, b'{"type": "alarm.pressed"}')
    (row,) = service.publish("vardevakt/1/gw-1/bed-1/event", {"type": "bed.occupied"})

    seen = service.parts.journal.raw.read(before, 100)
    assert [one.topic for one in seen if one.kind == "mqtt"] == [row.topic]


def test_an_empty_retained_payload(service):
    """Clears what the broker kept: a verdict on a state or status topic, never an event."""
    topic = "vardevakt/1/gw-1/bed-1/state"
    service.publish(topic, {"type": "bed.occupied"}, retain=True)
    (row,) = service.publish(topic, b"", retain=True)
    (status,) = service.publish("vardevakt/1/gw-1/status", b"", retain=True)

    assert service.ends(row.seq) == service.ends(status.seq) == [(0, "removed")]


def test_qos_0_and_retained_alarms(service):
    """An alarm is one, also without an acknowledgement and also when it is meant to be kept."""
    for device, flags in (("qos0", {"qos": 0}), ("kept", {"retain": True}), ("both", {"qos": 0, "retain": True})):
        topic = f"vardevakt/1/gw-9/{device}/event"
        (row,) = service.publish(topic, {"type": "alarm.pressed"}, **flags)
        assert service.ends(row.seq) == [(0, "input")]
        assert [alert["priority"] for alert in service.alerts(address(device))] == ["P1"]


def test_redelivered_copies(service):
    """After a break the same bytes come again: a sensor's is a verdict, a press without a key stays an alarm."""
    bed, button = "vardevakt/1/gw-1/bed-3/event", "vardevakt/1/gw-1/pendant-3/event"
    service.publish(bed, {"type": "bed.left"})
    service.publish(button, {"type": "alarm.pressed"})
    service.parts.receiver.link_broken(service.parts.intake.link)
    (bed_again,) = service.publish(bed, {"type": "bed.left"})
    (pressed_again,) = service.publish(button, {"type": "alarm.pressed"})
    alerts = [alert for alert in service.alerts("r3") if alert["rule"] == "R01"]

    assert bed_again.dup
    assert pressed_again.dup
    assert service.ends(bed_again.seq) == [(0, "redelivered")]
    assert service.event(pressed_again.seq).quality == ("redelivered",)
    assert len([alert for alert in alerts if alert["merged_into"] is None]) == 1


def test_the_same_rubbish_again_and_again_is_one_call(service):
    """A device that repeats what nobody can read cries once a minute; every copy is kept."""
    rows = [service.publish("vardevakt/1/gw-9/parrot/event", b"kraa")[0] for _ in range(5)]

    assert [service.ends(row.seq) for row in rows] == [[(0, "dead")]] * 5
    (alert,) = service.alerts(address("parrot"))
    assert len(alert["causes"]) == 1


REFUSED = (
    (b"not json", "not_json"),
    (b'{"type": "alarm.pressed"}', "wrong_type"),
    (b'{"address": "vardevakt:gw-1/pendant-1"}', "no_type"),
    (b'{"address": "vardevakt:gw-9/http", "type": "measured", "value": NaN}', "not_json"),
    (b"\xff\xfe", "not_json"),
)


@pytest.mark.parametrize(("body", "reason"), REFUSED)
def test_bad_events_over_http(service, body, reason):
    """Refused with 422, kept as a dead letter all the same, and whoever can reads it."""
    before = service.parts.journal.raw.last_seq()
    status, problem = service.http("POST", "events", body)
    service.settle()
    (row,) = [one for one in service.parts.journal.raw.read(before, 100) if one.kind == "http"]
    (letter,) = service.dead_letters(row.seq)

    assert (status, problem["status"]) == (422, 422)
    assert (letter["reason"], letter["kind"], letter["may_be_alarm"]) == (reason, "http", True)
    assert row.payload == body


def test_a_dead_letter_can_be_tried_again(service):
    """Its bytes go through once more as a new row, and come to the same end while the codec is the same."""
    (row,) = service.publish("vardevakt/1/gw-9/again/event", b'[{"type": "bed.left", "id": "1"}, 5]')
    (letter,) = service.dead_letters(row.seq)
    status, answer = service.http("POST", f"dead-letters/{letter['id']}/replay", b"")
    service.settle()

    assert status == 202
    (again,) = service.parts.journal.raw.read(answer["raw_seq"] - 1, 1)
    assert (again.payload, again.topic, again.link) == (row.payload, row.topic, "replay")
    assert service.ends(row.seq) == [(0, "input"), (1, "dead")]
    assert service.ends(again.seq) == [(0, "duplicate"), (1, "dead")]
    assert service.http("POST", "dead-letters/999999-0/replay", b"")[0] == 404


def test_no_item_was_lost(service):
    """Over the whole journal: items of messages = inputs + dead letters + verdicts, and RAW has no hole."""
    rows = service.parts.journal.raw.read(0, 10_000)

    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    for row in rows:
        service.assert_whole(row.seq)
    assert {row.kind for row in rows} >= {"mqtt", "http", "setting"}
