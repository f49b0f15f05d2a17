"""No bytes, no JSON and no damaged real message makes a codec raise, lose its state or answer nothing."""

import json
import os
from functools import lru_cache
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.bounds import MAX_EXTRAS
from ingest.codec import REJECT_REASONS
from ingest.codecs import default_codecs
from ingest.codecs.chirpstack_models import FIELDS as LORA_FIELDS
from ingest.codecs.zigbee2mqtt_models import FIELDS as ZIGBEE_FIELDS
from ingest.event import Draft, Nothing, Rejected, content_bytes, name_uuid
from ingest.vocabulary import TYPES, floor_flag, goes_to_person
from tests.support.payloads import read_payloads

CODECS = default_codecs(("zigbee2mqtt", "h1/z2m"))
ROLES = st.sampled_from([None, "pendant", "bed", "front_door", "fall_radar", "lamp", "??"])
TOPICS = st.sampled_from([
    "vardevakt/1/gw/dev/event", "vardevakt/1/gw/dev/state", "vardevakt/1/gw/status", "vardevakt/1/gw/dev/command",
    "vardevakt/1/gw/x", "vardevakt/1/", "vardevakt/1///event", "http:vardevakt:gw/dev",
    "zigbee2mqtt/thing", "zigbee2mqtt/a/b/availability", "zigbee2mqtt/a/action", "zigbee2mqtt/bridge/state",
    "zigbee2mqtt/bridge/event", "zigbee2mqtt/bridge/health", "zigbee2mqtt/", "zigbee2mqtt", "zigbee2mqtt//",
    "zigbee2mqtt/x/set", "h1/z2m/thing",
    "application/a/device/e/event/up", "application/a/device/e/event/log", "application/a/device/e/event/status",
    "application/a/device/e/event/location", "application/a/device/e/event/join", "application/a/device/e/event/?",
    "r/gateway/g/state/conn", "r/gateway/g/event/stats",
])  # fmt: skip
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20) | st.sampled_from(["TRUE", "FALSE", "open", "fall", "2026-03-01T21:14:05Z", "emergency", ""])
)  # fmt: skip
WORDS = st.sampled_from([
    *ZIGBEE_FIELDS, *LORA_FIELDS, "type", "id", "time", "seq", "test", "buffered", "severity", "trigger", "dose_id",
    "object", "history", "events", "alarm_type", "timestamp", "event", "status", "temperatureBoard", "fPort", "count",
    "deduplicationId", "level", "code", "location", "latitude", "longitude", "data", "last_seen", "state", "voltage",
    "friendly_name", "online", "objectJSON", "age", "sos_active",
])  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=6),
    max_leaves=25,
)
MESSAGES = st.dictionaries(WORDS, JSON, min_size=1, max_size=8)


def feed(topic: str, payload: bytes, state: object, role: str | None) -> object:
    """Decode once with every codec that takes the topic, and check all that the port promises."""
    for codec in CODECS:
        route = codec.route(topic)
        if route is None:
            continue
        after, items = codec.decode(state, topic, payload, 1_700_000_000_000, None, role)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(after)) == after
        assert items, "one entry per item, never none"
        for item in items:
            check_item(item)
        return after
    return state


def check_item(item: Draft | Rejected | Nothing) -> None:
    """What one item promises: codes from the list, content that is hashed, stored and judged."""
    assert isinstance(item, Draft | Rejected | Nothing)
    if isinstance(item, Rejected):
        assert item.reason in REJECT_REASONS
        assert len(item.detail) <= 1000
    if isinstance(item, Draft):
        assert content_bytes(item.content)
        assert name_uuid(item.key, item.observed_at_ms)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(item), type=Draft) == item
        assert all(value is None or isinstance(value, str | int | float | bool) for value in item.content.values())
        assert len(item.extra) <= MAX_EXTRAS + 10
        assert item.observed_at_ms is None or abs(item.observed_at_ms) < 2**53
        assert floor_flag(item.type, item.content, wander_risk=True) in {0, 1, 2}
        assert goes_to_person(item.type, item.content) in {True, False}


@given(topic=TOPICS, payloads=st.lists(st.binary(max_size=60), min_size=1, max_size=3), role=ROLES)
def test_any_bytes(topic, payloads, role):
    """Any bytes on any topic of ours are decoded without raising, one message after the other."""
    state: object = None
    for payload in payloads:
        state = feed(topic, payload, state, role)

    assert True, "feed has judged each of them"


@given(topic=TOPICS, messages=st.lists(MESSAGES | JSON, min_size=1, max_size=4), role=ROLES)
def test_any_json(topic, messages, role):
    """Any JSON made of our own field names is decoded without raising, with the state of the message before."""
    state: object = None
    for message in messages:
        state = feed(topic, json.dumps(message).encode(), state, role)

    assert True, "feed has judged each of them"


@given(report=MESSAGES, port=SCALARS, role=ROLES)
def test_any_decoded_object(report, port, role):
    """Any object of a LoRaWAN decoder is read without raising, twice, because the second time there is a state."""
    raw = json.dumps({"deduplicationId": "x", "time": "2026-03-01T21:14:05Z", "fPort": port, "object": report}).encode()
    state = feed("application/a/device/e/event/up", raw, None, role)

    assert isinstance(feed("application/a/device/e/event/up", raw, state, role), dict)


@given(kind=st.sampled_from([*TYPES, "alarm.x", "other.x"]), fields=MESSAGES, test_flag=SCALARS)
def test_any_object_of_our_own_convention(kind, fields, test_flag):
    """Whatever stands in an object with a type, an alarm by name is never lost: a draft, or may_be_alarm."""
    raw = json.dumps({**fields, "type": kind, "test": test_flag}).encode()
    (item,) = CODECS[0].decode(None, "vardevakt/1/g/d/event", raw, 0)[1]

    check_item(item)
    if kind.startswith(("alarm.", "fall.", "smoke.", "nursecall.", "staff.alarm", "condition.reported")):
        assert isinstance(item, Draft) or (isinstance(item, Rejected) and item.may_be_alarm)


@lru_cache
def real_messages() -> list[tuple[str, bytes]]:
    """Topic and payload of the whole collection of the two conventions."""
    shared = Path(os.environ.get("VARDEVAKT_SHARED", Path(__file__).parents[3] / "shared"))
    files = ("zigbee2mqtt.jsonl", "chirpstack.jsonl")
    return [(line.topic, line.payload) for file in files for line in read_payloads(shared, file)]


@pytest.mark.usefixtures("shared_dir")
@given(data=st.data(), role=ROLES)
def test_damaged_real_messages(data, role):
    """A real message with bytes cut out, turned or repeated is decoded without raising."""
    topic, payload = data.draw(st.sampled_from(real_messages()))
    start = data.draw(st.integers(0, len(payload)))
    end = data.draw(st.integers(start, min(len(payload), start + 12)))
    damaged = payload[:start] + data.draw(st.binary(max_size=6)) + payload[end:]
    state = feed(topic, payload, None, role)

    assert feed(topic, damaged, state, role) is not Nothing
