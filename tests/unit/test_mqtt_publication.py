"""PUBLISH packets taken apart as paho does it, and what is no such packet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import MQTTProtocolVersion

from ingest.mqtt_connection import Publication, publication

TOPIC = "vardevakt/1/gw-1/d-ø/event"


def packet(topic: bytes, mid: int | None, properties: bytes | None, payload: bytes) -> bytes:
    """What follows the fixed header."""
    number = b"" if mid is None else mid.to_bytes(2)
    return len(topic).to_bytes(2) + topic + number + (properties or b"") + payload


@given(
    topic=st.text(min_size=1, max_size=200),
    qos=st.sampled_from((0, 1)),
    retain=st.booleans(),
    mid=st.integers(1, 65_535),
    five=st.booleans(),
    expiry=st.booleans(),
    payload=st.binary(max_size=300),
)
def test_it_reads_what_paho_reads(topic, qos, retain, mid, five, expiry, payload):
    """Topic, id, flags and payload are those that paho's own decoder gives, with and without properties."""
    from paho.mqtt._packet import decode_publish

    header = 0x30 | qos << 1 | retain
    properties = (b"\x05\x02\x00\x00\x00\x07" if expiry else b"\x00") if five else None
    body = packet(topic.encode(), mid if qos else None, properties, payload)
    theirs = decode_publish(header, body, MQTTProtocolVersion.MQTTv5 if five else MQTTProtocolVersion.MQTTv311)
    ours = publication(header, body, properties=five)

    assert ours == Publication(theirs.topic.decode(), bytes(theirs.payload), theirs.qos, theirs.retain, theirs.mid)


@given(header=st.integers(0x30, 0x3F), body=st.binary(max_size=60), five=st.booleans())
def test_anything_else_is_refused_and_nothing_worse(header, body, five):
    """Whatever a broken broker sends is a publication, or ValueError or IndexError."""
    try:
        found = publication(header, body, properties=five)
    except (ValueError, IndexError):
        return
    assert len(found.payload) <= len(body)


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (0x34, packet(b"t", 1, b"\x00", b"x")),  # QoS 2
        (0x32, packet(b"t", 1, b"\x09", b"x")),  # properties longer than the packet
        (0x32, b"\x00\x09topic"),  # topic longer than the packet
        (0x32, b""),
    ],
)
def test_a_packet_that_lies_about_its_length_is_refused(header, body):
    """Never a payload that is not all there."""
    with pytest.raises((ValueError, IndexError)):
        publication(header, body, properties=True)


def test_a_topic_that_is_no_text_is_kept_with_its_bytes():
    """It ends as a dead letter that an operator can read, not as an exception in the connection's thread."""
    found = publication(0x32, packet(b"vardevakt/\xff\xfe", 7, b"\x00", b"{}"), properties=True)

    assert found == Publication("vardevakt/\\xff\\xfe", b"{}", 1, retain=False, mid=7)
