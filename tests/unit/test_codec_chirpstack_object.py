import pytest

from ingest.event import Draft, Nothing, Rejected
from tests.support.codec_devices import TIME_MS, LoraDevice

MINUTE = 60_000


def test_a_press_carries_the_uplink_s_key_and_time():
    """The key comes from deduplicationId, per type because one uplink says several things; time in milliseconds."""
    battery, press = LoraDevice(role="pendant").sends({"battery": 100.0, "button_event": {"status": "short press"}})

    assert press == Draft(
        "alarm.pressed", {"trigger": "pendant"}, "u1/alarm.pressed", TIME_MS, extra={"action": "short press"},
    )  # fmt: skip
    assert battery.key == "u1/battery.level"


def test_a_random_message_id_is_no_part_of_the_press():
    """WS101's msgid is made up by the decoder: the same uplink decoded twice must be the same press."""
    first = LoraDevice().sends({"button_event": {"status": "long press", "msgid": 1.0}})
    second = LoraDevice().sends({"button_event": {"status": "long press", "msgid": 2.0}})

    assert first == second


@pytest.mark.parametrize("report", [{"button_event": {"status": "triple press"}}, {"button_event": 7}, {"press": "x"}])
def test_an_unknown_gesture_is_still_a_press(report):
    """A word that no table has is kept and reported, and the call for help goes out."""
    press = LoraDevice().one(report)

    assert press.type == "alarm.pressed"
    assert "unknown_words" in press.extra


def test_every_press_counts():
    """Two presses are two uplinks and two alarms, however alike."""
    button = LoraDevice()

    assert button.types({"button_event": {"status": "short press"}}) == ["alarm.pressed"]
    assert button.types({"button_event": {"status": "short press"}}) == ["alarm.pressed"]


@pytest.mark.parametrize(
    ("word", "pressed"), [("TRUE", True), ("FALSE", False), (True, True), (False, False), (1.0, True)],
)  # fmt: skip
@pytest.mark.parametrize("field", ["Alarm", "ALARM_status"])
def test_false_as_a_text_is_false(field, word, pressed):
    """Dragino writes "TRUE" and "FALSE": a naive test for truth would make every message an alarm."""
    assert LoraDevice().types({field: word}) == (["alarm.pressed"] if pressed else [])


@pytest.mark.parametrize("field", ["Alarm", "ALARM_status", "sosFlag"])
def test_a_word_that_is_neither_goes_to_a_person(field):
    """A call-for-help flag with an unknown word may have been an alarm."""
    item = LoraDevice().one({field: "YES"})

    assert (item.reason, item.may_be_alarm) == ("unknown_word", True)


def test_a_tracker_repeats_its_alarm():
    """TrackerD says TRUE until it is reset: one alarm, and again when the reset may have been lost."""
    tracker = LoraDevice()

    assert tracker.types({"ALARM_status": "TRUE"}) == ["alarm.pressed"]
    tracker.now_ms = 5 * MINUTE
    assert tracker.types({"ALARM_status": "TRUE"}) == []
    tracker.now_ms = 14 * MINUTE
    assert tracker.types({"ALARM_status": "TRUE"}) == [], "it repeats all the time: still the same call"
    tracker.now_ms = 25 * MINUTE
    assert tracker.types({"ALARM_status": "TRUE"}) == ["alarm.pressed"], "silence since 14: a new call"
    assert tracker.types({"ALARM_status": "FALSE"}) == ["alarm.reset"]
    assert tracker.types({"ALARM_status": "TRUE"}) == ["alarm.pressed"]


def test_a_door_sensor_s_alarm_is_no_call_for_help():
    """LDS02's ALARM means "open for too long", which our own rules decide."""
    assert LoraDevice().types({"DOOR_OPEN_STATUS": 1.0, "ALARM": 1.0}) == ["door.opened*"]


@pytest.mark.parametrize(
    ("report", "first", "then", "second"),
    [
        ({"magnet_status": "open"}, "door.opened*", {"magnet_status": "close"}, "door.closed"),
        ({"magnet_status": 0.0}, "door.closed*", {"magnet_status": 1.0}, "door.opened"),
        ({"DOOR_OPEN_STATUS": 0.0}, "door.closed*", {"DOOR_OPEN_STATUS": 1.0}, "door.opened"),
        ({"OPEN": False, "CONTACT": True}, "door.closed*", {"OPEN": True, "CONTACT": False}, "door.opened"),
        ({"leakage_status": "normal"}, "water.cleared*", {"leakage_status": "leak"}, "water.detected"),
        ({"leakage_status": "leak"}, "water.detected", {"leakage_status": 0.0}, "water.cleared"),
        ({"WATER_LEAK_STATUS": 0.0}, "water.cleared*", {"WATER_LEAK_STATUS": 1.0}, "water.detected"),
        ({"detection_status": "in_bed"}, "bed.occupied*", {"detection_status": "out of bed"}, "bed.left"),
        ({"detection_status": 0.0}, "presence.started*", {"detection_status": 4.0}, "fall.confirmed"),
        ({"geofence_status": "inside"}, "zone.entered*", {"geofence_status": "outside"}, "zone.left"),
    ],
)
def test_words_and_numbers_of_either_decoder(report, first, then, second):
    """What is a word in one decoder version is a number in the next; it fires on change, the first sight is a state."""
    device = LoraDevice()

    assert device.types(report) == [first]
    assert device.types(report) == []
    assert device.types(then) == [second]


def test_whoever_vanishes_from_the_bed_has_left_it():
    """VS373 may go from in_bed straight to vacant: the bed was left on the way."""
    radar = LoraDevice()
    radar.sends({"detection_status": "in_bed"})

    assert radar.types({"detection_status": "vacant"}) == ["bed.left", "presence.ended"]


def test_movement_is_said_each_time():
    """Radio may lose the "idle" in between, so each message with a triggered PIR is movement."""
    pir = LoraDevice()

    assert pir.types({"pir": "trigger"}) == ["motion.detected*"]
    assert pir.types({"pir": "trigger"}) == ["motion.detected"]
    assert pir.types({"pir": "normal"}) == []


def test_the_radar_s_own_conclusions():
    """VS373's list: triggered falls are falls, deactivated ones cancelled, an unknown alarm goes to a person."""
    entries = [
        {"alarm_type": "fall", "alarm_status": "alarm_triggered"},
        {"alarm_type": "fall", "alarm_status": "alarm_deactivated"},
        {"alarm_type": "out_of_bed", "alarm_status": "alarm_deactivated"},
        {"alarm_type": "levitation", "alarm_status": "alarm_triggered"},
        "garbage",
    ]
    fall, cancelled, nothing, unknown, bad = LoraDevice().sends({"events": entries})

    assert (fall.type, cancelled.type) == ("fall.confirmed", "fall.cancelled")
    assert nothing == Nothing("no_event")
    assert (unknown.type, unknown.content) == ("condition.reported", {"code": "levitation", "severity": 30})
    assert bad.may_be_alarm


def test_a_testing_alarm_is_not_an_alarm():
    """GS524N says "testing alarm with normal battery" when somebody presses its test button."""
    draft = LoraDevice().one({"type": "smoke sensor", "event": "testing alarm with normal battery"})

    assert (draft.type, draft.test) == ("test.passed", True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("alarm", ["smoke.alarm"]), ("normal", ["smoke.cleared*"]), ("silent", []), ("low battery", ["battery.low*"])],
)
def test_smoke_texts(text, expected):
    """GS524N's other texts; its alarm is real at first sight."""
    assert LoraDevice().types({"type": "smoke sensor", "event": text}) == expected


def test_an_unknown_smoke_text_goes_to_a_person():
    """A text that GS524N's decoder learns tomorrow may mean fire."""
    item = LoraDevice().one({"type": "smoke sensor", "event": "blazing"})

    assert (item.reason, item.may_be_alarm) == ("unknown_word", True)


def test_smoke_again_after_a_lost_all_clear():
    """When the all-clear was lost on the radio, smoke an hour later is news."""
    detector = LoraDevice()
    detector.sends({"type": "smoke sensor", "event": "alarm"})
    detector.now_ms = 60 * MINUTE

    assert detector.types({"type": "smoke sensor", "event": "alarm"}) == ["smoke.alarm"]


@pytest.mark.parametrize(
    ("report", "content"),
    [
        ({"latitude": 59.1, "longitude": 10.2}, {"latitude": 59.1, "longitude": 10.2}),
        ({"Latitude": 59.1, "Longitud": 10.2}, {"latitude": 59.1, "longitude": 10.2}),
        ({"Latitude": 59.1, "Longitude": 10.2}, {"latitude": 59.1, "longitude": 10.2}),
        ({"gpsLatitude": 59.1, "gpsLongitude": 10.2, "horizontalAccuracy": 7.8},
         {"latitude": 59.1, "longitude": 10.2, "accuracy_metres": 7.8}),
    ],
)  # fmt: skip
def test_positions_under_four_spellings(report, content):
    """A fix is found under each maker's names, Dragino's misspelt one included."""
    fix = LoraDevice().one(report)

    assert fix.content == {**content, "source": "gnss"}


def test_nowhere_is_no_position():
    """0/0 is a tracker without a fix, not the Gulf of Guinea."""
    assert LoraDevice().types({"Latitude": 0.0, "Longitud": 0.0}) == []


def test_an_old_fix_has_its_own_time():
    """Abeeway says how many seconds old the fix is."""
    fix = LoraDevice().one({"gpsLatitude": 59.0, "gpsLongitude": 10.0, "age": 120.0, "sosFlag": 0.0})

    assert fix.observed_at_ms == TIME_MS - 120_000


def test_a_tracker_s_temperature_is_not_that_of_a_room():
    """What is carried about does not draw the room's curve."""
    assert "measured*" not in LoraDevice().types({"temperature": 28.3, "motion_status": "moving"})


def test_batteries_in_per_cent_and_in_volts():
    """Milesight and Dragino use different units; Abeeway's level is neither."""
    assert LoraDevice().sends({"battery": 92.0})[0].content == {"percent": 92.0}
    assert LoraDevice().sends({"BatV": 3.354})[0].content == {"volts": 3.354}
    assert LoraDevice().types({"batteryLevel": 193.0}) == []
    assert LoraDevice().sends({"battery": 3.9, "temperatureBoard": 23.0})[0].content == {"volts": 3.9}


@pytest.mark.parametrize(
    ("port", "first", "second"),
    [(147, "alarm.pressed", "alarm.pressed"), (106, "water.detected", None), (120, "door.opened*", None)],
)
def test_browan_says_status_for_everything(port, first, second):
    """Browan's port tells button, leak and door apart."""
    device = LoraDevice()
    report = {"status": 1.0, "temperatureBoard": 20.0}

    assert device.types(report, fPort=port) == [first]
    assert device.types(report, fPort=port) == ([second] if second else [])


def test_browan_repeats_an_old_movement():
    """Its counter tells a new movement from a keep-alive, and `time` says how many minutes ago it was."""
    device = LoraDevice()
    report = {"status": 1.0, "count": 7.0, "time": 4.0, "temperatureBoard": 20.0}

    assert device.sends(report, fPort=102)[0].observed_at_ms == TIME_MS - 4 * MINUTE
    assert device.types(report, fPort=102) == []
    assert device.types({**report, "count": 8.0}, fPort=102) == ["motion.detected"]


def test_history_has_its_own_time_and_leaves_the_present_alone():
    """Stored values are hours old: each carries its own time, is marked buffered, and changes nothing that is now."""
    door = LoraDevice()
    door.sends({"magnet_status": "close"})
    items = door.sends({"history": [
        {"timestamp": 1665561758.0, "magnet_status": "open", "temperature": 27.2},
        {"timestamp": 1665561000.0, "magnet_status": "close"},
        {"magnet_status": "open"},
    ]})  # fmt: skip

    drafts = [item for item in items if isinstance(item, Draft)]
    assert [(draft.type, draft.observed_at_ms, draft.buffered) for draft in drafts] == [
        ("door.closed", 1665561000000, True),
        ("door.opened", 1665561758000, True),
        ("measured", 1665561758000, True),
    ]
    assert len({draft.key for draft in drafts}) == 3
    assert isinstance(items[0], Rejected)
    assert door.types({"magnet_status": "open"}) == ["door.opened"]


def test_an_unknown_field_with_an_alarming_name():
    """A decoder nobody mapped says help: true; a person hears of it, once until it ends."""
    stranger = LoraDevice()

    assert stranger.sends({"sos_active": True})[0].may_be_alarm
    assert stranger.sends({"sos_active": True}) == [Nothing("not_care")]
    stranger.sends({"sos_active": False})
    assert stranger.sends({"sos_active": True})[0].may_be_alarm
    assert stranger.sends({"alarm_volume": 3.0}) == [Nothing("not_care")]


def test_a_trigger_that_nobody_can_read():
    """Whatever an unmapped pendant says may be a call for help."""
    (item,) = LoraDevice(role="pendant").sends({"state": 1.0})

    assert (item.reason, item.may_be_alarm) == ("unknown_word", True)
