from __future__ import annotations

import pytest

from ingest.event import (
    BUFFERED,
    CLOCK_SUSPECT,
    DEVICE_SAYS_TEST,
    ID_REUSED,
    LATE,
    REDELIVERED,
    RETAINED,
    TEST,
    UNASSIGNED,
)
from ingest.record import RawRecord
from ingest.source_fold import SourceFold
from tests.support.source import (
    MINUTE_MS,
    NOON_MS,
    SITE,
    Source,
    events,
    http,
    items_of,
    press,
    ready,
    rfc3339,
    said,
    setting,
    status,
)

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def test_a_press_becomes_an_alarm_of_its_resident():
    """The canonical event carries home, resident, device and gateway, and the floor will read it."""
    source = ready()
    folded = source(press(NOON_MS + 300, id="7-1", time=rfc3339(NOON_MS + 120), presses=2))
    (one,) = folded.inputs
    event = one.event

    assert event is not None
    assert (one.floor, one.home, one.received_at_ms, one.derived) == (1, "h1", NOON_MS + 300, False)
    assert (event.subject, event.resident, event.device, event.gateway) == ("r1", "r1", "d1", "gw1")
    assert (event.role, event.effective_at_ms, event.quality) == ("pendant", NOON_MS + 120, ())
    assert event.content == {"trigger": "pendant", "presses": 2}


def test_an_alarm_is_recorded_back_to_the_gateway_and_again_for_each_resend():
    """A gateway that did not hear that we have it resends, and is told again; nothing else is told."""
    source = ready()
    first, again = (source(press(NOON_MS + at, id="7-1")) for at in (0, 9_000))
    quiet = source(said(NOON_MS + 10_000, "mat", {"type": "bed.left", "id": "m1"}))

    assert first.recorded == again.recorded
    assert first.recorded[0].ref == {"id": "7-1"}
    assert first.recorded[0].event_id == events(first)[0].event_id
    assert [one.reason for one in again.verdicts] == ["duplicate"]
    assert again.verdicts[0].event_id == first.recorded[0].event_id
    assert quiet.recorded == ()


def test_an_alarm_keyed_by_seq_and_time_is_referred_to_by_them():
    """Without an id the gateway knows its event by seq and time."""
    folded = ready()(press(NOON_MS, seq=5, time=rfc3339(NOON_MS - 500)))

    assert folded.recorded[0].ref == {"seq": 5, "time_ms": NOON_MS - 500}


def test_a_counter_that_restarts_with_the_battery_is_heard():
    """The same id with other content is a new alarm, marked; neither is lost, neither is doubled."""
    source = ready()
    first = source.event(press(NOON_MS, id="1", time=rfc3339(NOON_MS)))
    second = source.event(press(NOON_MS + DAY_MS, id="1", time=rfc3339(NOON_MS + DAY_MS)))

    assert second.quality == (ID_REUSED,)
    assert first.event_id != second.event_id
    for at_ms, body_ms in ((2 * DAY_MS, 0), (3 * DAY_MS, DAY_MS)):
        copy = source(press(NOON_MS + at_ms, id="1", time=rfc3339(NOON_MS + body_ms)))
        assert [one.reason for one in copy.verdicts] == ["duplicate"]


@pytest.mark.parametrize(
    ("fields", "quality", "effective_ms"),
    [
        ({}, (), NOON_MS),
        ({"time": rfc3339(NOON_MS - 4 * HOUR_MS)}, (LATE,), NOON_MS - 4 * HOUR_MS),
        ({"time": rfc3339(NOON_MS - 4 * HOUR_MS), "buffered": True}, (BUFFERED, LATE), NOON_MS - 4 * HOUR_MS),
        ({"time": rfc3339(NOON_MS + 30_000)}, (), NOON_MS),
        ({"time": "1970-01-01T00:00:00Z"}, (CLOCK_SUSPECT,), NOON_MS),
        ({"time": "2070-01-01T00:00:00Z"}, (CLOCK_SUSPECT,), NOON_MS),
        ({"test": True}, (DEVICE_SAYS_TEST,), NOON_MS),
    ],
)
def test_an_alarm_gets_through_whatever_its_clock_says(fields, quality, effective_ms):
    """Late, buffered, from 1970, from 2070, or calling itself a test: an alarm all the same, and it says so."""
    (one,) = ready()(press(NOON_MS, **fields)).inputs

    assert one.event is not None
    assert (one.floor, one.event.quality, one.event.effective_at_ms) == (1, quality, effective_ms)


def test_story_10_the_forgotten_test():
    """In a session a press is the test, with or without the flag, on that device only; after it the flag is a claim."""
    source = ready()
    session = {"device": "d1", "from_ms": NOON_MS, "until_ms": NOON_MS + 30 * MINUTE_MS, "staff": "tech"}
    source(setting("test_session", "t1", session, NOON_MS))

    def quality(minute: float, device: str = "pendant", **fields: object) -> tuple[str, ...]:
        return source.event(press(NOON_MS + int(minute * MINUTE_MS), device, **fields)).quality

    assert quality(2, test=True) == (TEST,)
    assert quality(3) == (TEST,)
    assert quality(4, "neighbour") == ()
    assert quality(5, "neighbour", test=True) == (DEVICE_SAYS_TEST,)
    assert quality(47, test=True) == (DEVICE_SAYS_TEST,)
    assert quality(48) == ()


def test_what_was_retained_is_a_state():
    """It says what is, not what just happened; as a sign of life it counts for nobody."""
    source = ready()
    event = source.event(said(NOON_MS, "mat", {"type": "bed.occupied"}, leaf="state", retain=True))

    assert event.quality == (RETAINED,)
    assert event.state
    assert source.fold.liveness() == {}


def test_a_retained_alarm_is_raised_once():
    """A stored press is raised unless it is known: by its id, or by its own time and content."""
    for fields in ({"id": "7"}, {"time": rfc3339(NOON_MS - 1_000)}):
        source = ready()
        folds = [source(press(NOON_MS + at, **fields)) for at in (0,)]
        folds += [source(said(NOON_MS + at, "pendant", {"type": "alarm.pressed", "trigger": "pendant", **fields},
                              retain=True)) for at in (9_000, 99_000)]  # fmt: skip
        assert [len(one.inputs) for one in folds] == [1, 0, 0]

    fresh = ready()(said(NOON_MS, "pendant", {"type": "alarm.pressed", "id": "8"}, retain=True))
    assert [one.floor for one in fresh.inputs] == [1]


def test_a_copy_that_receive_marked():
    """Without a key: a sensor's copy is dropped with its reason, a press's is kept and marked."""
    source = ready()
    motion = source(said(NOON_MS, "mat", {"type": "bed.left"}, dup=True))
    pressed = source.event(said(NOON_MS, "pendant", {"type": "alarm.pressed"}, dup=True))
    fall = source.event(said(NOON_MS, "pendant", {"type": "fall.suspected"}, dup=True))

    assert [one.reason for one in motion.verdicts] == ["redelivered"]
    assert pressed.quality == fall.quality == (REDELIVERED,)


@pytest.mark.parametrize(
    ("type", "floor"),
    [("alarm.pressed", 1), ("zone.left", 1), ("nursecall.called", 1), ("fall.suspected", 2), ("bed.left", 0),
     ("smoke.seen_by_drone", 1)],
)  # fmt: skip
def test_an_unknown_device(type, floor):
    """Nobody's address: its own home, marked, and for anything serious the floor hears of it."""
    (one,) = ready()(said(NOON_MS, "stranger", {"type": type})).inputs

    assert one.event is not None
    assert (one.home, one.floor) == ("address:vardevakt:gw-1/stranger", floor)
    assert one.event.quality == (UNASSIGNED,)
    assert (one.event.subject, one.event.gateway) == ("vardevakt:gw-1/stranger", "gw1")


@pytest.mark.parametrize(("device", "floor"), [("pendant", 1), ("neighbour", 0)])
def test_leaving_the_zone_is_an_alarm_for_whom_it_endangers(device, floor):
    """A person with wander risk: alarm class; another one: an event."""
    assert [one.floor for one in ready()(said(NOON_MS, device, {"type": "zone.left"})).inputs] == [floor]


def test_an_observation_belongs_to_whom_the_device_was_given_then():
    """A press from before the pendant was handed on reaches the home of who wore it."""
    source = ready()
    given = {"id": "d1", "address": "vardevakt:gw-1/pendant", "resident": "r2", "gateway": "gw1"}
    source(setting("device", "d1", given, NOON_MS + HOUR_MS, 2))
    after = NOON_MS + HOUR_MS + 5_000

    assert source.event(press(after)).resident == "r2"
    assert source.event(press(after, time=rfc3339(NOON_MS + MINUTE_MS))).resident == "r1"


def test_items_of_one_message_end_in_one_place_each():
    """A gateway emptying its buffer: good, bad and doubled items side by side, each numbered."""
    body = [{"type": "bed.left", "id": "1"}, 5, {"type": "bed.left", "id": "1"}, {"type": "bed.occupied", "id": "2"}]
    folded = ready()(said(NOON_MS, "mat", body))

    assert items_of(folded) == [(0, "input"), (1, "dead"), (2, "verdict"), (3, "input")]


def test_an_event_over_http_is_the_same_event():
    """The address stands in the topic; the device, its home and its gateway are found as for MQTT."""
    source = ready()
    by_http = source(http(NOON_MS, "vardevakt:gw-1/pendant", {"type": "alarm.pressed", "id": "7", "address": "x"}))
    by_mqtt = source(said(NOON_MS, "pendant", {"type": "alarm.pressed", "id": "7"}))

    assert events(by_http)[0].home == "h1"
    assert [one.reason for one in by_mqtt.verdicts] == ["duplicate"]
    assert by_http.recorded == ()
    assert source.fold.liveness()["vardevakt:gw-1"][1]


@pytest.mark.parametrize("topic", ["", "http:"])
@pytest.mark.parametrize("payload", [b"not json", b'{"type": "alarm.pressed"}', b"[]"])
def test_http_without_an_address_is_kept(topic, payload):
    """What the intake refused with 422 is a dead letter, and may have been an alarm."""
    folded = ready()(RawRecord(NOON_MS, "http", topic, payload))

    assert [letter.address for letter in folded.dead_letters] == ["http:unknown"]
    assert [one.home for one in folded.inputs] == ["address:http:unknown"]


def test_unknown_addresses_are_bounded():
    """The one unheard for longest is forgotten and counted; registered ones never are."""
    source = Source(fold=SourceFold(SITE, ready().fold._messages._codecs, unknown_max=10))
    for record in (setting("device", "d1", {"address": "vardevakt:gw-1/pendant"}, NOON_MS),):
        source(record)
    source(press(NOON_MS, id="1"))
    for number in range(30):
        source(said(NOON_MS + number, f"stranger{number}", {"type": "bed.left", "id": "1"}))

    assert source.fold.dropped_addresses == 20
    assert len(source.fold.liveness()) == 11
    assert [one.reason for one in source(press(NOON_MS + 99, id="1")).verdicts] == ["duplicate"]
    assert [one.reason for one in source(said(NOON_MS, "stranger29", {"type": "bed.left", "id": "1"})).verdicts]
    assert not source(said(NOON_MS, "stranger0", {"type": "bed.left", "id": "1"})).verdicts


def test_a_status_message_is_its_gateways_event():
    """A gateway's own word has the gateway for its subject and no device."""
    event = ready().event(status(NOON_MS))

    assert (event.type, event.home, event.gateway, event.device, event.subject) == (
        "device.online", "h1", "gw1", None, "gw1",
    )  # fmt: skip


def test_the_oldest_unknown_address_goes_first_also_after_a_restart():
    """Whose turn it is to be forgotten is part of the state."""
    codecs = ready().fold._messages._codecs
    source, again = (Source(fold=SourceFold(SITE, codecs, unknown_max=3)) for _ in range(2))
    for number, device in enumerate(("z", "y", "x", "z")):
        source(said(NOON_MS + number, device, {"type": "bed.left"}))
    again.fold.restore(source.fold.snapshot())
    again(said(NOON_MS + 9, "a", {"type": "bed.left"}))

    assert sorted(again.fold.liveness()) == [f"vardevakt:gw-1/{device}" for device in ("a", "x", "z")]
