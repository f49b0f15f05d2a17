from __future__ import annotations

import pytest

from ingest.codec import MAX_PAYLOAD_BYTES, Route
from ingest.event import HALF_DECODED, Draft, Nothing, Rejected
from ingest.record import MQTT, RawRecord
from ingest.source_fold import SourceFold
from tests.support.source import NOON_MS, SITE, Source, clock, items_of, ready, said


@pytest.mark.parametrize("payload", [b"", b"\x00\xff", b"{", b"NaN", b'{"trigger": "pendant"}', b"[" * 200, b"7"])
def test_what_cannot_be_read_but_may_be_an_alarm_reaches_a_person(payload):
    """Half a press is a dead letter with its bytes, and an alarm of that resident."""
    folded = ready()(said(NOON_MS, "pendant", payload))
    (one,) = folded.inputs

    assert one.event is not None
    assert (one.derived, one.floor, one.home, one.event.type) == (True, 1, "h1", "alarm.undecodable")
    assert one.event.quality == (HALF_DECODED,)
    assert (one.event.device, one.event.resident) == ("d1", "r1")
    assert [letter.may_be_alarm for letter in folded.dead_letters] == [True]


def test_rubbish_of_a_harmless_sensor_is_a_dead_letter_only():
    """A mat cannot call for help."""
    folded = ready()(said(NOON_MS, "mat", b"{"))

    assert (folded.inputs, len(folded.dead_letters)) == ((), 1)


def test_rubbish_without_end_is_a_line_a_minute_and_hides_no_press():
    """A resend is one cry a minute; a press beside it is heard at once; beyond a handful the minute sums up."""
    source = ready()
    heard = []
    for second in range(61):
        body = b"{rubbish" if second != 30 else b"{press"
        heard.append(len(source(said(NOON_MS + second * 1_000, "pendant", body)).inputs))
    assert [second for second, count in enumerate(heard) if count] == [0, 30, 60]

    storm = [source(said(NOON_MS + 120_000 + n, "pendant", b"{%d" % n)) for n in range(50)]
    assert sum(len(one.inputs) for one in storm) == 5
    (summary,) = [one.event for one in source(clock(NOON_MS + 200_000)).inputs if one.event is not None]
    assert summary.content == {"reason": "several", "count": 45}
    assert summary.received_at_ms == NOON_MS + 180_000


@pytest.mark.parametrize(
    ("topic", "where"),
    [
        ("$SYS/broker/uptime", ("verdict", "broker_topic")),
        ("vardevakt/1/gw-1/pendant/command", ("verdict", "own_message")),
        ("somebody/elses/topic", ("dead", "no_codec")),
        ("", ("dead", "no_codec")),
        ("http:vardevakt:gw-1/pendant", ("dead", "no_codec")),
        ("vardevakt/1/gw-1/pendant/shout", ("dead", "unknown_topic")),
        ("vardevakt/1/" + "g" * 5_000 + "/pendant/event", ("dead", "unknown_topic")),
    ],
)
def test_topics_that_are_none_of_ours(topic, where):
    """Each ends in one named place, and none is taken for a sign of life of a device."""
    source = ready()
    folded = source(RawRecord(NOON_MS, MQTT, topic, b'{"type": "alarm.pressed"}'))

    found = [("verdict", one.reason) for one in folded.verdicts] + [("dead", one.reason) for one in folded.dead_letters]
    assert found == [where]
    if where[0] == "verdict":
        assert source.fold.liveness() == {}


def test_a_payload_beyond_the_limit():
    """Too large is a dead letter, and from a pendant an alarm."""
    folded = ready()(said(NOON_MS, "pendant", b"x" * (MAX_PAYLOAD_BYTES + 1)))

    assert [letter.reason for letter in folded.dead_letters] == ["too_large"]
    assert [one.floor for one in folded.inputs] == [1]


class Faulty:
    """A codec with our bugs in it."""

    name = "faulty"

    def __init__(self, at: str) -> None:
        self.at = at

    def gateway_of(self, address):
        return None

    def subscriptions(self):
        return ()

    def route(self, topic):
        if self.at == "route":
            raise KeyError(topic)
        return Route(f"faulty:{topic}", None, may_be_alarm=self.at != "harmless")

    def decode(self, state, topic, payload, received_at_ms, model=None, role=None):
        if self.at in {"decode", "harmless"}:
            raise ZeroDivisionError
        good = Draft("bed.left", {}, key="1")
        bad = Draft("bed.left", {"volts": 1.0, "x": object()}, key="2")  # type: ignore[dict-item]  # wrong on purpose
        return state, [] if self.at == "empty" else [good, bad, Nothing("unchanged"), Rejected("no_type")]

    def command(self, topic, body):
        return None


@pytest.mark.parametrize(
    ("at", "ends", "alarms"),
    [
        ("route", [(0, "dead")], 1),
        ("decode", [(0, "dead")], 1),
        ("harmless", [(0, "dead")], 0),
        ("empty", [(0, "verdict")], 0),
        ("item", [(0, "input"), (1, "dead"), (2, "verdict"), (3, "dead")], 1),
    ],
)
def test_our_own_bug_costs_nobody_an_alarm(at, ends, alarms):
    """Where a codec raises, the item is a dead letter and, unless the route rules it out, an alarm; others go on."""
    source = Source(fold=SourceFold(SITE, [Faulty(at)]))
    folded = source(RawRecord(NOON_MS, MQTT, "t", b"x"))

    assert items_of(folded) == ends
    assert sum(one.event.type == "alarm.undecodable" for one in folded.inputs if one.event) == alarms
    assert len(source(clock(NOON_MS + 1)).inputs) == 1


def test_an_item_that_fails_late_is_not_in_two_places(monkeypatch):
    """A fault after an item had become an input takes that input back: it is a dead letter, and only that."""
    source = ready()

    def fail(*_args: object, **_options: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(source.fold._state.liveness, "hint", fail)
    folded = source(said(NOON_MS, "mat", {"type": "device.offline"}))

    assert items_of(folded) == [(0, "dead")]
    assert folded.dead_letters[0].reason == "codec_error"


def test_rubbish_that_the_broker_keeps_is_told_once():
    """What a broker shows again at each reconnect is one cry and many dead letters; said live, it is a cry again."""
    source = ready()
    told = []
    for minute, retain in ((0, True), (5, True), (10, False), (15, True)):
        folded = source(said(NOON_MS + minute * 60_000, "pendant", b"{rubbish", retain=retain))
        assert items_of(folded) == [(0, "dead")]
        told.append(sum(one.event.type == "alarm.undecodable" for one in folded.inputs if one.event))

    assert told == [1, 0, 1, 0]
