import pytest

from ingest.event import Draft, Nothing, Rejected
from tests.support.codec_devices import ZigbeeDevice

UNCHANGED = Nothing("unchanged")


def test_a_repeated_cached_state_fires_once():
    """A battery report of a wet leak sensor repeats water_leak:true and is no second leak."""
    leak = ZigbeeDevice()

    assert leak.types({"water_leak": True, "battery": 90}) == ["water.detected", "battery.level*"]
    assert leak.says({"water_leak": True, "battery": 90}) == [UNCHANGED]
    assert leak.types({"water_leak": True, "battery": 89}) == ["battery.level"]
    assert leak.types({"water_leak": False, "battery": 89}) == ["water.cleared"]
    assert leak.types({"water_leak": True, "battery": 89}) == ["water.detected"]


def test_states_sent_again_after_a_restart_of_the_gateway_are_nothing():
    """With cache_state_send_on_startup a bridge repeats every device's last state, and nothing has happened."""
    door = ZigbeeDevice()
    door.says({"contact": False})

    assert door.says({"contact": False}) == [UNCHANGED]


def test_first_sight_is_a_state():
    """What we see for the first time may be old: it arms, it raises nothing."""
    assert ZigbeeDevice().types({"contact": False}) == ["door.opened*"]


@pytest.mark.parametrize("field", ["sos", "emergency", "panic", "smoke", "gas", "carbon_monoxide", "water_leak"])
def test_a_call_for_help_is_never_only_a_state(field):
    """Seen true for the very first time, an alarm is real."""
    draft = ZigbeeDevice().one({field: True})

    assert not draft.state


@pytest.mark.parametrize("payload", [{"action": ""}, {"action": None}])
def test_an_empty_action_is_nothing(payload):
    """The empty text and null of older versions clear an action and are no press."""
    assert ZigbeeDevice(role="pendant").types(payload) == []


def test_the_same_action_twice_is_two_presses():
    """`action` is an event and never cached: a second press of the same kind counts."""
    pendant = ZigbeeDevice(role="pendant")

    assert pendant.types({"action": "single"}) == ["alarm.pressed"]
    assert pendant.types({"action": "single"}) == ["alarm.pressed"]


@pytest.mark.parametrize("action", ["emergency", "sos", "panic", "emergency_1", "button_1_sos", "EMERGENCY"])
@pytest.mark.parametrize("role", [None, "keypad", "front_door"])
def test_emergency_words_are_alarms_on_any_device(action, role):
    """A key called emergency is a call for help, whoever has it."""
    assert ZigbeeDevice(role=role).types({"action": action}) == ["alarm.pressed"]


@pytest.mark.parametrize("action", ["off", "single", "double", "hold", "long", "anything_new"])
@pytest.mark.parametrize("model", ["HS1EB", "HS1EB/HS1EB-E", "SBTZB-110"])
def test_emergency_buttons_that_say_ordinary_words(action, model):
    """Heiman HS1EB and Develco SBTZB-110 say off, single, double: all of it is a press of an emergency button."""
    assert ZigbeeDevice(model=model).types({"action": action}) == ["alarm.pressed"]


@pytest.mark.parametrize(
    ("role", "trigger"),
    [("pendant", "pendant"), ("wrist", "wrist"), ("cord", "cord"), ("bathroom_cord", "cord"), ("button", "panic")],
)
def test_the_role_names_the_trigger(role, trigger):
    """Any press on a trigger is an alarm with that trigger."""
    draft = ZigbeeDevice(role=role).one({"action": "single"})

    assert draft.content == {"trigger": trigger}


@pytest.mark.parametrize("action", ["release", "hold_release", "brightness_stop"])
def test_letting_go_is_no_press(action):
    """The end of a long press is kept but is no second alarm."""
    assert ZigbeeDevice(role="pendant").types({"action": action}) == ["action.reported"]


@pytest.mark.parametrize("action", ["single", "hold", "drop", "fall", "shake", "vibration"])
def test_ordinary_buttons_and_falling_sensors_are_no_alarm(action):
    """On a device that is no trigger an action is kept; Aqara's "fall" means that the sensor fell."""
    draft = ZigbeeDevice(role="switch").one({"action": action})

    assert (draft.type, draft.extra) == ("action.reported", {"action": action})


@pytest.mark.parametrize(("contact", "kind"), [(False, "door.opened*"), (True, "door.closed*")])
def test_contact_false_is_open(contact, kind):
    """A magnet without contact is an open door."""
    assert ZigbeeDevice().types({"contact": contact}) == [kind]


@pytest.mark.parametrize(
    ("role", "door"), [("front_door", "front"), ("balcony_door", "balcony"), ("fridge", "fridge"), ("door", None)],
)  # fmt: skip
def test_the_role_names_the_door(role, door):
    """An opened door says which door where the role says it."""
    draft = ZigbeeDevice(role=role).one({"contact": False})

    assert draft.content.get("door") == door


@pytest.mark.parametrize(
    ("field", "role", "model", "when_true", "when_false"),
    [
        ("occupancy", "bed", None, "bed.occupied", "bed.left"),
        ("contact", "bed", "SPM915", "bed.occupied", "bed.left"),
        ("contact", None, "SPM915", "bed.occupied", "bed.left"),
        ("occupancy", None, "TS0601_bed_presence_sensor", "bed.occupied", "bed.left"),
        ("occupancy", "chair", None, "chair.occupied", "chair.left"),
        ("occupancy", "presence", None, "presence.started", "presence.ended"),
        ("presence", None, None, "presence.started", "presence.ended"),
        ("occupancy", "bathroom_motion", None, "motion.detected", None),
        ("occupancy", None, None, "motion.detected", None),
    ],
)
def test_one_key_means_different_things(field, role, model, when_true, when_false):
    """The meaning of occupancy and contact comes from role and model, not from the key alone."""
    device = ZigbeeDevice(role=role, model=model)
    device.says({field: False})

    assert device.types({field: True}) == [when_true]
    assert device.types({field: False}) == ([when_false] if when_false else [])


def test_motion_fires_on_the_edge_only():
    """A held occupancy:true is one movement, however long, and its end is a hold time that ran out."""
    motion = ZigbeeDevice()
    motion.says({"occupancy": False})

    assert motion.types({"occupancy": True}) == ["motion.detected"]
    assert motion.says({"occupancy": True}) == [UNCHANGED]
    assert motion.says({"occupancy": False}) == [Nothing("no_event")]
    assert motion.types({"occupancy": True}) == ["motion.detected"]


def test_a_radar_that_is_not_sure():
    """MIR-HE200: maybe a fall, then not; maybe, then yes. Only the first is cancelled."""
    radar = ZigbeeDevice(model="MIR-HE200-TY")

    assert radar.types({"fall_down_status": "maybe_fall"}) == ["fall.suspected"]
    assert radar.types({"fall_down_status": "none"}) == ["fall.cancelled"]
    assert radar.types({"fall_down_status": "maybe_fall"}) == ["fall.suspected"]
    assert radar.types({"fall_down_status": "fall"}) == ["fall.confirmed"]
    assert radar.types({"fall_down_status": "none"}) == []


def test_postures_of_the_fall_sensor():
    """FDS315: falling is a fall, and whoever is no longer on the bed has left it."""
    sensor = ZigbeeDevice(model="FDS315")

    assert sensor.types({"status": "on_the_bed"}) == ["bed.occupied*"]
    assert sensor.types({"status": "falling"}) == ["bed.left", "fall.confirmed"]
    assert sensor.types({"status": "unoccupied"}) == ["presence.ended"]


def test_a_status_of_another_maker_is_not_a_posture():
    """Other devices use `status` for other things, and that is no complaint."""
    assert ZigbeeDevice().says({"status": "idle"}) == [Nothing("no_event")]


def test_supervision_and_restore_reports_are_no_alarm():
    """A smoke detector's regular bits say that it lives, not that it burns."""
    detector = ZigbeeDevice()
    detector.says({"smoke": False, "supervision_reports": False, "restore_reports": False})

    assert detector.says({"smoke": False, "supervision_reports": True, "restore_reports": True}) == [UNCHANGED]


def test_a_test_button_marks_the_alarm_as_test():
    """The test bit marks the alarm of the same message; whether it is believed is decided elsewhere."""
    items = ZigbeeDevice().says({"smoke": True, "test": True})

    assert [(item.type, item.test) for item in items] == [("smoke.alarm", True), ("test.passed", True)]


def test_smoke_that_goes_on_after_a_test_is_real():
    """When the test ends and the smoke does not, it burns."""
    detector = ZigbeeDevice()
    detector.says({"smoke": True, "test": True})

    (draft,) = [item for item in detector.says({"smoke": True, "test": False}) if isinstance(item, Draft)]

    assert (draft.type, draft.test, draft.state) == ("smoke.alarm", False, False)


def test_gas_can_be_a_number():
    """A number in `gas` is a concentration, a boolean an alarm."""
    assert ZigbeeDevice().types({"gas": 10}) == ["measured*"]
    assert ZigbeeDevice().types({"gas": True}) == ["gas.alarm"]


def test_the_chip_s_temperature_is_not_the_room_s():
    """The field device_temperature stays out of the room's curve."""
    assert ZigbeeDevice().says({"device_temperature": 40}) == [Nothing("not_care")]


def test_fahrenheit_is_converted():
    """A temperature in °F becomes Celsius."""
    draft = ZigbeeDevice().one({"temperature": 68, "temperature_scale": "°F"})

    assert draft.content == {"metric": "temperature", "value": 20.0, "unit": "Cel"}


def test_raw_illuminance_is_not_lux():
    """1.x sends a raw value beside the lux; only the lux is measured."""
    assert [item.content["value"] for item in ZigbeeDevice().says({"illuminance": 21000, "illuminance_lux": 125})] == [
        125.0
    ]


def test_voltage_is_in_millivolts():
    """Per cent and volts come together, the volts from mV."""
    draft = ZigbeeDevice().one({"battery": 85, "voltage": 3015})

    assert draft.content == {"percent": 85.0, "volts": 3.015}


def test_measurements_come_on_change_only():
    """A cached reading is one point, not a point per message."""
    climate = ZigbeeDevice()

    assert climate.types({"temperature": 21.0, "humidity": 40}) == ["measured*", "measured*"]
    assert climate.types({"temperature": 21.5, "humidity": 40}) == ["measured"]


@pytest.mark.parametrize(
    ("last_seen", "ms"),
    [
        ("2024-01-10T18:42:48+00:00", 1704912168000),
        ("2022-05-16T20:46:44+08:00", 1652705204000),
        (1704912168123, 1704912168123),
        (1000, 1000),
        ("2024-01-10T18:42:48", None),
        ("n/a", None),
        (None, None),
        (1e300, None),
    ],
)
def test_last_seen_in_all_its_forms(last_seen, ms):
    """ISO with offset or epoch milliseconds; a local time without zone is none."""
    draft = ZigbeeDevice().one({"contact": False, "last_seen": last_seen})

    assert draft.observed_at_ms == ms


@pytest.mark.parametrize(
    ("payload", "reason"),
    [(b"{", "not_json"), (b'{"smoke": NaN}', "not_json"), (b"\xff", "not_json"), (b"[]", "not_an_object"),
     (b"5", "not_an_object"), (b" " * 1_048_577, "too_large"), (b'{"a":' * 100 + b"1" + b"}" * 100, "not_json")],
)  # fmt: skip
def test_broken_payloads_may_have_been_alarms(payload, reason):
    """Undecodable bytes of an unknown device or a trigger go to a person; of a lamp only to the dead letters."""
    for role, may_be_alarm in ((None, True), ("pendant", True), ("smoke", True), ("lamp", False), ("bed", False)):
        (item,) = ZigbeeDevice(role=role).says(payload)
        assert (item.reason, item.may_be_alarm) == (reason, may_be_alarm)


@pytest.mark.parametrize(
    ("payload", "reason", "may_be_alarm"),
    [
        ({"smoke": "maybe"}, "wrong_type", True),
        ({"sos": [1]}, "wrong_type", True),
        ({"fall_down_status": "tumbled"}, "unknown_word", True),
        ({"action": 5}, "wrong_type", True),
        ({"temperature": "hot"}, "wrong_type", False),
        ({"battery": -5}, "wrong_type", False),
        ({"humidity": {"a": 1}}, "wrong_type", False),
        ({"temperature": 10**400}, "wrong_type", False),
    ],
)
def test_a_bad_field_is_said_and_costs_the_others_nothing(payload, reason, may_be_alarm):
    """A field that cannot be meant is rejected by itself, an alarm's to a person; the rest of the message counts."""
    rejected, draft = ZigbeeDevice().says({**payload, "contact": False})

    assert (rejected.reason, rejected.may_be_alarm, draft.type) == (reason, may_be_alarm, "door.opened")


def test_a_bad_field_is_said_once():
    """A cached bad value is repeated in every message and reported only when it changes."""
    sensor = ZigbeeDevice()

    assert isinstance(sensor.says({"smoke": "maybe"})[0], Rejected)
    assert not any(isinstance(item, Rejected) for item in sensor.says({"smoke": "maybe"}))
    assert sensor.types({"smoke": True}) == ["smoke.alarm"]


def test_a_lock_says_who():
    """A lock's action carries who and how."""
    draft = ZigbeeDevice().one({"action": "unlock", "action_user": 3, "action_source_name": "keypad"})

    assert (draft.type, draft.content) == ("lock.unlocked", {"actor": "3", "method": "keypad"})
