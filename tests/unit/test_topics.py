"""The logs as Kafka topics, by example."""

import msgspec
import pytest

from ingest.codecs import default_codecs
from ingest.record import CLOCK, HTTP, MQTT, SETTING, Folded, Input, RawRecord, Setting
from ingest.source_fold import SourceFold
from ingest.topics import (
    ALARMS,
    INPUTS,
    RAW,
    Layout,
    Origin,
    Origins,
    Placement,
    Sourced,
    clock_record,
    decode_dead_letter,
    decode_input,
    decode_raw,
    decode_verdict,
    encode_input,
    kept,
    outgoing,
    place,
)

CODECS = default_codecs(("zigbee2mqtt", "house"))


def test_what_is_no_record_of_ours_is_an_error_with_words():
    """Foreign bytes raise ValueError, whatever they are."""
    for value in (b"", b"nonsense", b"\x93\x01\x02\x03", msgspec.msgpack.encode([1] * 9)):
        for decode in (decode_raw, decode_input, decode_dead_letter, decode_verdict):
            with pytest.raises(ValueError, match="not a record of ours"):
                decode(value, 0)


def test_a_device_and_its_gateway_stand_in_one_partition():
    """By MQTT and HTTP alike; a zigbee device with its bridge; what only its own topic names by its address."""
    placement = Placement(Layout("s", partitions=1000), CODECS)

    def key(kind: str, topic: str) -> str | None:
        return placement.key(RawRecord(0, kind, topic))

    assert key(MQTT, "vardevakt/1/g1/d1/event") == key(MQTT, "vardevakt/1/g1/status") == "vardevakt:g1"
    assert key(HTTP, "http:vardevakt:g1/d1") == "vardevakt:g1"
    assert key(MQTT, "house/door") == key(MQTT, "house/bridge/state")
    assert key(MQTT, "application/1/device/24E124122B250001/event/up") == "chirpstack:24e124122b250001"
    assert key(MQTT, "nobody/knows") == "nobody/knows"
    assert placement(clock_record(0, 17)) == (17,)
    assert list(placement(clock_record(0))) == list(range(1000))
    assert placement.here(placement.layout.partition_of("vardevakt:g1"), "vardevakt:g1/d1")


@pytest.mark.parametrize(("log", "reached"), [("", [INPUTS, ALARMS]), (ALARMS, [ALARMS]), (RAW, [])])
def test_a_clock_reaches_the_logs_it_is_for(log: str, reached: list[str]):
    """The homes' time waits for what is behind, so the clock of another lane is kept from them."""
    record = msgspec.structs.replace(clock_record(5, 1, log), seq=9)
    said = SourceFold("s", CODECS).apply(record)
    assert [one.log for one in outgoing(Layout("s", partitions=4), 1, [(record, said)])] == reached


def test_an_input_names_the_place_of_its_raw_record():
    """`raw_seq` is the place, not the position; the floor's copy names the row before it in its own log."""
    layout = Layout("s", partitions=4)
    home = next(name for name in "abcdefgh" if layout.partition_of(name) == 2)
    alarm, word = Input("event", 5, home, floor=1), Input("event", 5, home)
    found = outgoing(layout, 3, [(RawRecord(5, seq=9), Folded((alarm, word, alarm)))])

    inputs = [decode_input(row.value, 7, 2) for row in found if row.log == INPUTS]
    alarms = [decode_input(row.value, 7, 2) for row in found if row.log == ALARMS]
    assert {row.partition for row in found} == {2}
    assert [one.input.raw_seq for one in inputs] == [place(3, 9, 2)] * 3
    assert [one.origin for one in inputs] == [Origin(3, 9, 0), Origin(3, 9, 1), Origin(3, 9, 2)]
    assert [one.after for one in inputs] == [None, (9, 0), (9, 1)]
    assert [(one.origin.index, one.after) for one in alarms] == [(0, None), (2, (9, 0))]
    assert inputs[0].input.seq == 8


def test_what_every_partition_hears_is_said_by_one():
    """A setting of a home: by the raw partition of the home's number. What concerns all: by each to its own."""
    layout = Layout("s", partitions=4)
    one = Input(SETTING, 0, "h1", setting=Setting("home/h1", 1, "home", {}))

    assert [kept(layout, at, one) for at in range(4)] == [at == layout.partition_of("h1") for at in range(4)]
    assert all(kept(layout, at, Input(CLOCK, 0)) for at in range(4))


def test_a_reader_that_begins_in_the_middle_takes_the_first_row_it_sees():
    """Who only looks need not have seen the row before; a fold that has every row does not take one without it."""
    value = encode_input("s", Input("event", 1, "h"), Origin(0, 5, 1), (5, 0))
    one = decode_input(value, 0)

    assert isinstance(one, Sourced)
    assert not Origins().new(one)
    assert Origins(whole=False).new(one)


def test_a_layout_says_what_it_cannot_be():
    """A site that is no topic name, too many partitions, no generation."""
    for wrong in ({"site": "a b"}, {"partitions": 0}, {"partitions": 1025}, {"generation": 0}):
        with pytest.raises(ValueError, match=r"topic|partitions"):
            msgspec.convert({"site": "s", **wrong}, Layout)
    assert Layout("oslo.vest", 2).topic("raw") == "vardevakt.oslo.vest.raw.2"
