import pytest

from ingest.codecs.chirpstack import ChirpStackCodec
from ingest.event import Draft, Nothing, Rejected
from tests.support.codec_devices import TIME, LoraDevice, as_bytes, route_of

CODEC = ChirpStackCodec()


def gateway(leaf, payload):
    """The only item of a gateway's message."""
    _, (item,) = CODEC.decode(None, f"eu868/gateway/0016C0/{leaf}", as_bytes(payload), 0)
    return item


@pytest.mark.parametrize(
    ("topic", "address", "may_be_alarm"),
    [
        ("application/a/device/24E124AAAA00013C/event/up", "chirpstack:24e124aaaa00013c", True),
        ("application/a/device/24e124aaaa00013c/command/down", "chirpstack:24e124aaaa00013c", False),
        ("eu868/gateway/0016C001/state/conn", "chirpstack:gateway/0016c001", False),
    ],
)
def test_addresses(topic, address, may_be_alarm):
    """Devices go by devEui, gateways by their id, both in small letters."""
    route = route_of(CODEC, topic)

    assert (route.address, route.may_be_alarm) == (address, may_be_alarm)


@pytest.mark.parametrize("topic", ["application/a/device/x", "application/a/x/b/event/up", "eu868/gateway/x", "$SYS/a"])
def test_other_topics_are_not_ours(topic):
    """What only resembles a ChirpStack topic is left to others."""
    assert CODEC.route(topic) is None


@pytest.mark.parametrize("report", [None, {}, "text", [1]])
def test_an_uplink_that_nobody_decoded_may_be_an_alarm(report):
    """Without a readable object a press cannot be told from a greeting: a person hears of it, unless it is a lamp."""
    unknown = LoraDevice().one(report)
    (lamp,) = LoraDevice(role="lamp").sends(report)

    assert (unknown.reason, unknown.may_be_alarm, lamp.may_be_alarm) == ("wrong_type", True, False)


def test_an_empty_frame_is_nothing():
    """Zero values are left out: without data there was nothing to decode."""
    assert LoraDevice().event("up", {"deduplicationId": "u", "time": TIME}) == [Nothing("no_payload")]


@pytest.mark.parametrize("code", ["UPLINK_F_CNT_RESET", "UPLINK_CODEC"])
def test_a_press_of_which_only_a_log_line_is_left(code):
    """A counter reset drops the uplink, a broken codec its meaning: a person must hear of a button's."""
    message = {"time": TIME, "level": "WARNING", "code": code, "context": {"deduplication_id": "x"}}

    for role, may_be_alarm in (("pendant", True), (None, True), ("front_door", False)):
        (item,) = LoraDevice(role=role).event("log", message)
        assert (item.reason, item.may_be_alarm) == ("wrong_type", may_be_alarm)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"level": "WARNING", "code": "UPLINK_F_CNT_RETRANSMISSION"}, Nothing("retransmission")),
        ({"level": "ERROR", "code": "UPLINK_MIC"}, Rejected("wrong_type", "UPLINK_MIC")),
        ({"level": "INFO", "code": "OTAA"}, Nothing("bridge_info")),
        ({"level": "ERROR", "code": "DOWNLINK_PAYLOAD_SIZE"}, Nothing("bridge_info")),
    ],
)
def test_other_log_lines(message, expected):
    """A repeated frame is nothing, an uplink error is for technicians, the rest is information."""
    assert LoraDevice().event("log", message) == [expected]


@pytest.mark.parametrize(
    ("message", "expected"),
    [({"batteryLevel": 88.3}, 88.3), ({"margin": 10}, 0.0), ({"externalPowerSource": True}, None),
     ({"batteryLevelUnavailable": True}, None)],
)  # fmt: skip
def test_a_battery_level_of_zero_is_left_out(message, expected):
    """An absent level is 0 %, unless the device has none or runs on mains."""
    drafts = [item for item in LoraDevice().event("status", message) if isinstance(item, Draft)]

    assert [draft.content["percent"] for draft in drafts] == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"gatewayId": "0016c0", "state": "ONLINE"}, Draft("device.online", state=True)),
        ({"gatewayId": "0016c0", "state": "OFFLINE"}, Draft("device.offline", state=True)),
        ({"gatewayId": "0016c0"}, Draft("device.offline", state=True)),
        ({"state": "MAYBE"}, Rejected("unknown_word", "state/conn")),
        ([], Rejected("not_an_object", "state/conn")),
        (b"", Nothing("removed")),
    ],
)
def test_a_gateway_s_state(payload, expected):
    """OFFLINE is the zero value and may be left out."""
    assert gateway("state/conn", payload) == expected


def test_gateway_frames_are_not_ours():
    """Statistics are a heartbeat; raw frames and commands are nothing."""
    assert gateway("event/stats", {"time": "2022-08-03T14:37:59Z"}).type == "heartbeat"
    assert gateway("event/up", b"\xff") == Nothing("bridge_info")
    assert gateway("command/down", b"\xff") == Nothing("command_echo")


def test_joins_locations_and_downlinks():
    """A join is a sign of life, a resolved position a fix, an acknowledged downlink nothing."""
    device = LoraDevice()

    assert device.event("join", {"time": TIME})[0].content == {"reason": "joined"}
    assert device.event("location", {"location": {"latitude": 59.0, "longitude": 10.0}})[0].type == "position.fixed"
    assert device.event("location", {"location": 5}) == [Rejected("wrong_type", "location")]
    assert device.event("ack", {}) == [Nothing("downlink")]


def test_version_3_of_chirpstack():
    """The older flat message carries its object as a text."""
    (draft,) = LoraDevice().event("up", {"devEUI": "JOEk", "objectJSON": '{"button_event": {"status": "short press"}}'})

    assert (draft.type, draft.key) == ("alarm.pressed", None)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"{", "not_json"), (b"\xff", "not_json"), (b"[]", "not_an_object"), (b'{"a": NaN}', "not_json"),
     (b" " * 1_048_577, "too_large")],
)  # fmt: skip
def test_broken_payloads_may_have_been_alarms(payload, reason):
    """Undecodable bytes of an unknown device go to a person, of a lamp to the dead letters."""
    assert [(item.reason, item.may_be_alarm) for item in LoraDevice().event("up", payload)] == [(reason, True)]
    assert LoraDevice(role="lamp").event("up", payload)[0].may_be_alarm is False


def test_an_unknown_kind_of_event_is_said():
    """A new event kind of ChirpStack is rejected, not swallowed."""
    assert LoraDevice().event("shout", {}) == [Rejected("unknown_topic", "event", may_be_alarm=True)]
