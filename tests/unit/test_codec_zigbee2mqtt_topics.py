import pytest

from ingest.codecs.zigbee2mqtt import Zigbee2MqttCodec
from ingest.event import Draft, Nothing, Rejected
from tests.support.codec_devices import ZigbeeDevice, route_of

CODEC = Zigbee2MqttCodec()
UNCHANGED = Nothing("unchanged")


@pytest.mark.parametrize("payload", ["online", '"online"', {"state": "online"}])
def test_availability_old_and_new(payload):
    """Availability, bare word or JSON, speaks for the device whose topic it stands under, as a state."""
    draft = ZigbeeDevice("zigbee2mqtt/hall/lamp/availability").one(payload)

    assert draft == Draft("device.online", state=True, address="zigbee2mqtt:hall/lamp")


def test_availability_is_said_once():
    """The same availability again is nothing new; garbage there is rejected and no alarm."""
    topic = ZigbeeDevice("zigbee2mqtt/x/availability")
    topic.says({"state": "offline"})

    assert topic.says({"state": "offline"}) == [UNCHANGED]
    assert topic.says("who knows") == [Rejected("unknown_word", "availability")]


def test_a_name_may_look_like_an_availability_topic():
    """A device called "hall/availability" is read like any other, with its own role."""
    device = ZigbeeDevice("zigbee2mqtt/hall/availability", role="bed")

    assert route_of(CODEC, device.topic).address == "zigbee2mqtt:hall/availability"
    assert device.types({"occupancy": True, "state": "ON"}) == ["bed.occupied*"]


@pytest.mark.parametrize(
    ("bases", "topic", "address", "gateway", "parent"),
    [
        (("zigbee2mqtt",), "zigbee2mqtt/mat", "zigbee2mqtt:mat", "zigbee2mqtt:bridge", None),
        (("zigbee2mqtt",), "zigbee2mqtt/bedroom/mat", "zigbee2mqtt:bedroom/mat", "zigbee2mqtt:bridge",
         "zigbee2mqtt:bedroom"),
        (("zigbee2mqtt",), "zigbee2mqtt/bridge/state", "zigbee2mqtt:bridge", "zigbee2mqtt:bridge", None),
        (("h1", "h1/z2m"), "h1/z2m/mat", "zigbee2mqtt:h1/z2m/mat", "zigbee2mqtt:h1/z2m/bridge", None),
        (("h1", "h1/z2m"), "h1/mat", "zigbee2mqtt:h1/mat", "zigbee2mqtt:h1/bridge", None),
    ],
)  # fmt: skip
def test_addresses(bases, topic, address, gateway, parent):
    """The default base is left out of the address, any other stands in it, and one base may begin with another."""
    route = route_of(Zigbee2MqttCodec(bases), topic)

    assert (route.address, route.gateway, route.parent) == (address, gateway, parent)


@pytest.mark.parametrize("topic", ["zigbee2mqtt2/x", "other/x", "$SYS/x", ""])
def test_other_topics_are_not_ours(topic):
    """A base is a whole first part of the topic, not a beginning of letters."""
    assert CODEC.route(topic) is None


@pytest.mark.parametrize(
    ("leaf", "payload", "expected"),
    [
        ("state", "online", Draft("device.online", state=True, address="zigbee2mqtt:bridge")),
        ("state", {"state": "offline"}, Draft("device.offline", state=True, address="zigbee2mqtt:bridge")),
        ("state", "broken", Rejected("unknown_word", "bridge/state")),
        ("health", {"response_time": 0}, Draft("heartbeat", address="zigbee2mqtt:bridge")),
        ("event", {"type": "device_leave", "data": {"friendly_name": "p"}},
         Draft("device.offline", {"reason": "left_network"}, address="zigbee2mqtt:p")),
        ("event", {"type": "device_joined", "data": {"friendly_name": "p"}}, Nothing("bridge_info")),
        ("event", {"type": "device_leave", "data": None}, Nothing("bridge_info")),
        ("logging", b"\xff not json", Nothing("bridge_info")),
        ("request/permit_join", {}, Nothing("command_echo")),
        ("state", b"", Nothing("removed")),
    ],
)  # fmt: skip
def test_the_bridge_speaks_of_health_only(leaf, payload, expected):
    """State, health and leaving are health; logs, lists and requests are nothing; never an alarm."""
    assert ZigbeeDevice(f"zigbee2mqtt/bridge/{leaf}").says(payload) == [expected]
    assert route_of(CODEC, f"zigbee2mqtt/bridge/{leaf}").may_be_alarm is False


@pytest.mark.parametrize("leaf", ["set", "get", "set/state", "get/contact"])
def test_commands_of_others_are_echoes(leaf):
    """What others send to a device is no word of the device."""
    assert ZigbeeDevice(f"zigbee2mqtt/siren/{leaf}").says({"sos": True}) == [Nothing("command_echo")]


def test_an_emptied_retained_topic_is_nothing():
    """Rename and removal publish an empty retained message on the old topic."""
    assert ZigbeeDevice().says(b"") == [Nothing("removed")]


def test_one_topic_per_attribute():
    """A bare value below a device's topic speaks for that device."""
    action = ZigbeeDevice("zigbee2mqtt/hall/pendant/action")
    contact = ZigbeeDevice("zigbee2mqtt/mat/contact", role="bed")

    pressed = action.one("emergency")
    assert (pressed.type, pressed.address) == ("alarm.pressed", "zigbee2mqtt:hall/pendant")
    assert contact.types("true") == ["bed.occupied*"]
    assert ZigbeeDevice("zigbee2mqtt/bulb/color").says("100,50,10") == [Nothing("not_care")]
