import json

import pytest

from ingest.codecs.vardevakt import VardevaktCodec, reference
from ingest.event import FIELD_INVALID, Draft, Nothing, Rejected

CODEC = VardevaktCodec()
EVENT = "vardevakt/1/gw-3/pendant-7/event"
STATE = "vardevakt/1/gw-3/bed-1/state"
STATUS = "vardevakt/1/gw-3/status"


def decode(topic, payload, role=None):
    """Items of one message; a str or bytes goes as it is, everything else as JSON."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    state, items = CODEC.decode(None, topic, raw, 0, None, role)
    assert state is None
    assert items, "never an empty list"
    return items


def one(topic, payload, role=None):
    """The only item of a message."""
    (item,) = decode(topic, payload, role)
    return item


def test_the_example_of_the_contract():
    """The event printed in contracts §1 becomes one draft with key, time and trigger."""
    raw = {"type": "alarm.pressed", "id": "7-20391", "time": "2026-03-01T22:14:05.120+01:00", "seq": 20391,
           "trigger": "pendant", "test": False}  # fmt: skip

    assert one(EVENT, raw) == Draft("alarm.pressed", {"trigger": "pendant"}, "7-20391", 1772399645120)


@pytest.mark.parametrize(
    ("topic", "address", "gateway", "may_be_alarm"),
    [
        (EVENT, "vardevakt:gw-3/pendant-7", "vardevakt:gw-3", True),
        (STATE, "vardevakt:gw-3/bed-1", "vardevakt:gw-3", True),
        ("vardevakt/1/gw-3/bed-1/command", "vardevakt:gw-3/bed-1", "vardevakt:gw-3", False),
        (STATUS, "vardevakt:gw-3", "vardevakt:gw-3", False),
        ("vardevakt/1/gw-3/a/b/event", "vardevakt:gw-3", "vardevakt:gw-3", True),
        ("http:vardevakt:gw-9/x", "vardevakt:gw-9/x", None, True),
    ],
)
def test_addresses(topic, address, gateway, may_be_alarm):
    """Address and gateway follow from the topic alone."""
    route = CODEC.route(topic)

    assert route is not None
    assert (route.address, route.gateway, route.may_be_alarm) == (address, gateway, may_be_alarm)


@pytest.mark.parametrize("topic", ["zigbee2mqtt/x", "vardevakt/2/gw/x/event", "$SYS/broker", "vardevakt", ""])
def test_other_topics_are_not_ours(topic):
    """Another convention, another version and $-topics are left to others."""
    assert CODEC.route(topic) is None


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"id": "a"}, "a"),
        ({"id": 7}, "7"),
        ({"id": "a", "seq": 5, "time": "2026-03-01T21:14:05Z"}, "a"),
        ({"seq": 5, "time": "2026-03-01T21:14:05Z"}, "seq:5"),
        ({"seq": 5}, None),
        ({"time": "2026-03-01T21:14:05Z"}, None),
        ({}, None),
    ],
)
def test_keys(fields, key):
    """The key is the id, else seq with time; without those every message is a new one."""
    assert one(EVENT, {"type": "alarm.pressed", **fields}).key == key


def test_state_topic_marks_states_and_event_topic_does_not():
    """The same object is a state on the state topic and an event on the event topic."""
    assert one(STATE, {"type": "bed.occupied"}).state
    assert not one(EVENT, {"type": "bed.occupied"}).state


def test_buffered_and_test_are_envelope():
    """Buffered and test become the draft's flags, not content."""
    draft = one(EVENT, {"type": "alarm.pressed", "buffered": True, "test": True})

    assert draft == Draft("alarm.pressed", buffered=True, test=True)


def test_an_array_is_one_item_each_in_order():
    """A gateway that empties its buffer sends an array, and one bad item does not cost the others."""
    items = decode(EVENT, [{"type": "motion.detected"}, 5, {"no": "type"}, {"type": "alarm.pressed"}])

    assert [getattr(item, "type", getattr(item, "reason", "")) for item in items] == [
        "motion.detected", "not_an_object", "no_type", "alarm.pressed",
    ]  # fmt: skip


def test_an_empty_array_is_nothing():
    """An empty buffer is understood and no event."""
    assert isinstance(one(EVENT, []), Nothing)


def test_too_many_items_are_cut_and_said():
    """After 2000 items the rest is rejected as one, and may have held an alarm."""
    items = decode(EVENT, [{"type": "motion.detected"}] * 2001)

    assert len(items) == 2001
    assert items[-1] == Rejected("too_many_items", "2001 items", may_be_alarm=True)


def test_unknown_fields_and_types_are_kept():
    """An unknown field stands in extra; an unknown type keeps its own name."""
    draft = one(EVENT, {"type": "fridge.sang", "song": "x"})

    assert draft == Draft("fridge.sang", extra={"song": "x"})


@pytest.mark.parametrize(
    ("fields", "odd"),
    [
        ({"time": "yesterday"}, "time"),
        ({"time": 1772399645}, "time"),
        ({"time": "2026-03-01T22:14:05"}, "time"),
        ({"id": {"a": 1}}, "id"),
        ({"id": ""}, "id"),
        ({"seq": "x"}, "seq"),
        ({"test": "true"}, "test"),
        ({"buffered": 1}, "buffered"),
    ],
)
def test_an_odd_envelope_does_not_cost_the_alarm(fields, odd):
    """A wrong envelope field is kept and marked; the alarm still goes out, and is never believed to be a test."""
    draft = one(EVENT, {"type": "alarm.pressed", **fields})

    assert draft.type == "alarm.pressed"
    assert draft.quality == (FIELD_INVALID,)
    assert draft.extra == {odd: fields[odd]}
    assert not draft.test


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"), (b"{", "not_json"), (b"\xff\xfe", "not_json"), (b'{"type": NaN}', "not_json"),
        (b"[" * 100 + b"]" * 100, "not_json"), (b" " * 1_048_577, "too_large"), (b"5", "not_an_object"),
        (b'"alarm.pressed"', "not_an_object"), (b"null", "not_an_object"), (b"{}", "no_type"),
        (b'{"type": 5}', "no_type"), (b'{"type": ""}', "no_type"), (b'{"type": null}', "no_type"),
    ],
)  # fmt: skip
def test_bad_input_may_have_been_an_alarm(payload, reason):
    """What cannot be read on an event topic is rejected with its reason, to a person unless the role is harmless."""
    assert (one(EVENT, payload).reason, one(EVENT, payload).may_be_alarm) == (reason, True)
    assert one(EVENT, payload, role="front_door").may_be_alarm is False
    assert one(EVENT, payload, role="pendant").may_be_alarm is True


@pytest.mark.parametrize(
    ("raw", "may_be_alarm"),
    [
        ({"type": "dose.taken"}, False),
        ({"type": "measured", "metric": "weight", "unit": "kg", "value": {}}, False),
        ({"type": "condition.reported", "code": "still"}, True),
        ({"type": "condition.reported", "code": "still", "severity": "high"}, True),
        ({"type": "vendor.x", "severity": "40"}, True),
    ],
)
def test_missing_required_fields(raw, may_be_alarm):
    """A missing bold field is wrong_type; only where the severity is unreadable it may be an alarm."""
    rejected = one(EVENT, raw)

    assert (rejected.reason, rejected.may_be_alarm) == ("wrong_type", may_be_alarm)


@pytest.mark.parametrize(("time", "ms"), [("1970-01-01T00:00:01Z", 1000), ("2070-01-01T00:00:00Z", 3155760000000)])
def test_absurd_times_are_passed_on(time, ms):
    """1970 and 2070 are kept as claimed; the source fold judges them."""
    assert one(EVENT, {"type": "alarm.pressed", "time": time}).observed_at_ms == ms


def test_status_online():
    """A status says online with its interval and its time."""
    draft = one(STATUS, {"online": True, "time": "2026-03-01T21:14:05Z", "interval_seconds": 300})

    assert draft == Draft("device.online", {"interval_seconds": 300}, None, 1772399645000, state=True)


def test_a_will_carries_the_time_of_the_connect():
    """The time in an offline status is not when the gateway was lost: it is kept aside and arrival counts."""
    draft = one(STATUS, {"online": False, "time": "2026-03-01T09:00:00Z", "interval_seconds": 300})

    assert draft.type == "device.offline"
    assert draft.observed_at_ms is None
    assert draft.extra == {"time": "2026-03-01T09:00:00Z"}


@pytest.mark.parametrize("payload", [{}, {"online": "yes"}, {"online": 1}])
def test_a_status_without_a_clear_word_is_rejected(payload):
    """`online` must be true or false; a status is never an alarm."""
    assert one(STATUS, payload) == Rejected("wrong_type", "status: online")


@pytest.mark.parametrize("topic", [STATE, STATUS])
def test_an_emptied_retained_topic_is_nothing(topic):
    """An empty payload on a retained topic only takes the retained message away."""
    assert one(topic, b"") == Nothing("removed")


def test_our_own_commands_are_nothing():
    """We hear our own commands too and take nothing from them."""
    assert one("vardevakt/1/gw-3/pendant-7/command", {"type": "alarm.pressed"}) == Nothing("own_message")


@pytest.mark.parametrize(
    "topic", ["vardevakt/1/gw-3", "vardevakt/1/gw-3/x", "vardevakt/1/gw-3/d/foo", "vardevakt/1//d/event"],
)  # fmt: skip
def test_unknown_topics_of_our_tree_are_rejected(topic):
    """A topic of our tree that the convention does not have is said, not swallowed."""
    item = one(topic, {"type": "alarm.pressed"})

    assert (item.reason, item.may_be_alarm) == ("unknown_topic", True)


def test_http_objects_are_read_like_messages():
    """An object over HTTP is the same object; its address stands in the topic and not in extra."""
    draft = one("http:vardevakt:gw-3/p", {"type": "alarm.pressed", "id": "1", "address": "vardevakt:gw-3/p"})

    assert draft == Draft("alarm.pressed", key="1")


def test_commands_go_beside_the_topic_they_answer():
    """A device listens on its command topic; a gateway's status and HTTP have none."""
    assert CODEC.command(EVENT, {"type": "event.recorded"}) == (
        "vardevakt/1/gw-3/pendant-7/command", b'{"type":"event.recorded"}',
    )  # fmt: skip
    assert CODEC.command(STATUS, {}) is None
    assert CODEC.command("http:x", {}) is None


@pytest.mark.parametrize(
    ("key", "ref"),
    [("7-1", {"id": "7-1"}), ("seq:5", {"seq": 5, "time_ms": 9}), ("seq:x", {"id": "seq:x"}), (None, {})],
)
def test_references(key, ref):
    """event.recorded names an event by its id, else by seq and time."""
    assert reference(key, 9) == ref
