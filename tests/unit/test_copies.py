"""Copies of a second intake, told without a key."""

import msgspec
import pytest

from ingest import copies
from ingest.copies import Copies, CopiesState
from ingest.record import HTTP, MQTT, RawRecord


def row(at_ms: int, link: str, payload: bytes = b"x", **more) -> RawRecord:
    return RawRecord(at_ms, MQTT, "zigbee2mqtt/mat", payload, qos=1, link=link, **more)


def heard(fold: Copies, *rows: RawRecord) -> list[bool]:
    """For each row whether it is a copy."""
    return [fold.marked(one).dup for one in rows]


@pytest.fixture
def two() -> Copies:
    """Two intakes have been heard."""
    fold = Copies()
    assert heard(fold, row(0, "mqtt:a", b"hello"), row(0, "mqtt:b", b"hullo")) == [False, False]
    return fold


def test_one_intake_has_no_copies_and_keeps_nothing():
    """A device that says the same a hundred times said it a hundred times."""
    fold = Copies()

    assert heard(fold, *[row(at, "mqtt:a") for at in range(100)]) == [False] * 100
    assert fold.state().waiting == []


def test_each_message_of_one_intake_takes_one_of_the_other(two):
    """N equal messages through two intakes are n, in whatever order they come in."""
    order = "aabbabbaab"

    found = heard(two, *[row(at, f"mqtt:{name}") for at, name in enumerate(order)])

    assert found == [False, False, True, True, False, True, False, True, False, True]
    assert found.count(False) == 5


def test_three_intakes_deliver_one_message(two):
    """The second and the third are copies of the first; a fourth is another message."""
    heard(two, row(1, "mqtt:c", b"hello there"))

    assert heard(two, *[row(2, f"mqtt:{name}") for name in "bcab"]) == [False, True, True, False]


def test_what_differs_in_a_byte_or_topic_is_no_copy(two):
    """Only the same topic and bytes are the same message."""
    other = RawRecord(2, MQTT, "zigbee2mqtt/door", b"x", qos=1, link="mqtt:b")

    assert heard(two, row(1, "mqtt:a"), row(2, "mqtt:b", b"y"), other) == [False, False, False]


def test_after_the_horizon_the_same_bytes_are_news(two):
    """Better twice than never: an intake that was away for long is believed."""
    late = copies.HORIZON_MS + 1

    assert heard(two, row(1, "mqtt:a"), row(1 + late, "mqtt:b")) == [False, False]


def test_http_and_retained_messages_have_no_copies(two):
    """HTTP comes to one intake only, and a retained message says how things stand to each."""
    over_http = RawRecord(1, HTTP, "http:zigbee2mqtt:mat", b"x", link="http")

    assert heard(two, row(1, "mqtt:a", retain=True), row(1, "mqtt:b", retain=True)) == [False, False]
    assert heard(two, over_http, msgspec.structs.replace(over_http, link="http2")) == [False, False]


def test_a_redelivery_is_a_copy_and_waits_for_none(two):
    """What the broker sent intake a again stays marked, and takes nothing from b."""
    assert heard(two, row(1, "mqtt:a", dup=True), row(2, "mqtt:b")) == [True, False]


def test_what_waits_is_bounded_and_survives_a_snapshot(two, monkeypatch):
    """Beyond the bound the oldest counts as new; a restored memory answers as the one it came of."""
    monkeypatch.setattr(copies, "WAITING_MAX", 3)
    heard(two, *[row(at, "mqtt:a", b"%d" % at) for at in range(1, 6)])
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(two.state()), type=CopiesState)

    for fold in (two, Copies(kept)):
        assert heard(fold, *[row(9, "mqtt:b", b"%d" % at) for at in (3, 4, 5, 3)]) == [True, True, True, False]
    assert heard(Copies(kept), row(9, "mqtt:b", b"1")) == [False]


def test_the_truncation_note_is_no_part_of_an_intake(two):
    """Both cut the same large message; the note in the link does not make a third intake of it."""
    assert heard(two, row(1, "mqtt:a;truncated=5"), row(1, "mqtt:b;truncated=5")) == [False, True]
