import json

import pytest

from alerts.site.file import loads
from ingest.codecs import default_codecs
from ingest.event import Draft
from simulators.real_homes import (
    DOSE_WINDOW_MINUTES,
    HEARTBEAT_MS,
    STATUS_MS,
    convert,
    messages_of,
    reports_of,
    sensor_of,
    site_yaml,
    with_doses,
)
from simulators.real_rows import OFF, ON, Label, Row

DAY_MS = 86_400_000
BEGIN_MS = 1_308_096_000_000  # a midnight
MINUTE_MS = 60_000
ROWS = [
    Row(BEGIN_MS, "Bedroom/Bedroom", ON, "Sleep"),
    Row(BEGIN_MS + 1_700, "Bedroom/Bedroom", OFF, "Sleep"),
    Row(BEGIN_MS + 9 * MINUTE_MS, "Kitchen/KitchenLight", ON, "Cook"),
    Row(BEGIN_MS + 10 * MINUTE_MS, "OutsideDoor/FrontDoor", ON, "Leave_Home"),
    Row(BEGIN_MS + 11 * MINUTE_MS, "OutsideDoor/FrontDoor", OFF, "Leave_Home"),
]


def home(rows=ROWS, labels=()):
    return convert("here", "America/Los_Angeles", rows, labels)


def spoken(messages):
    """(minute, device or None, type) of what was said."""
    return [
        ((one.at_ms - BEGIN_MS) // MINUTE_MS, one.topic.split("/")[3], json.loads(one.payload).get("type", "status"))
        for one in messages
    ]


def test_a_pir_tells_that_it_goes_on_and_nothing_else():
    """Its OFF is a hold time that runs out; lamps say nothing of a person; what is left out is counted by reason."""
    found = home()

    assert [(one.device, one.type) for one in found.sensed] == [
        ("bedroom-bedroom", "motion.detected"),
        ("front-door", "door.opened"),
        ("front-door", "door.closed"),
    ]
    assert found.left_out == {"PIR off": 1, "lamp": 1}
    assert found.sensed[0].content == {"room": "bedroom"}
    assert found.sensed[1].content == {"door": "front"}


def test_labels_never_become_messages():
    """The same rows under other labels give the same bytes on the wire: labels judge, they tell nothing."""
    renamed = [Row(row.at_ms, row.sensor, row.state, "Other") for row in ROWS]

    assert list(messages_of(home())) == list(messages_of(home(renamed, [Label("Sleep", BEGIN_MS, BEGIN_MS + 1)])))


def test_our_codec_understands_every_message():
    """Each message is one event of a known type with its own time, in the order of arrival."""
    codec, messages = default_codecs()[0], list(messages_of(with_doses(home(labels=[_run(30)]))))

    for message in messages:
        _, decoded = codec.decode(None, message.topic, message.payload, message.at_ms)
        (draft,) = decoded
        assert isinstance(draft, Draft), message
        assert draft.observed_at_ms == message.at_ms
        assert not draft.quality
    assert [one.at_ms for one in messages] == sorted(one.at_ms for one in messages)


def test_the_wire_reports_while_nobody_moves():
    """The gateway speaks each five minutes and devices twice a day, also in the silence after the last row."""
    found = home()
    told = spoken(messages_of(found, tail_ms=DAY_MS))
    silent = [one for one in told if one[0] > 11]

    assert {what for _, _, what in silent} == {"status", "heartbeat"}
    assert sum(what == "status" for _, _, what in silent) == DAY_MS // STATUS_MS
    assert sum(device == "front-door" and what == "heartbeat" for _, device, what in told) == DAY_MS // HEARTBEAT_MS + 1


def test_reports_keep_their_beat_wherever_one_listens():
    """Reports of two spans side by side are those of the whole: a branch of a replay hears none twice."""
    found = home()
    middle_ms = BEGIN_MS + 7_777_777
    halves = [*reports_of(found, 0, middle_ms), *reports_of(found, middle_ms + 1, BEGIN_MS + DAY_MS)]

    assert halves == list(reports_of(found, BEGIN_MS - 1_000, BEGIN_MS + DAY_MS))


def _run(minute):
    return Label("Morning_Meds", BEGIN_MS + minute * MINUTE_MS, BEGIN_MS + (minute + 1) * MINUTE_MS)


def test_each_medicine_run_is_a_dose_that_was_fetched_in_time():
    """Due at the half hour before the run, fetched at its end, within the window; two runs are two doses."""
    found = with_doses(home(labels=[_run(47), Label("Eat", BEGIN_MS, BEGIN_MS), _run(50)]))
    doses = [one for one in found.sensed if one.type.startswith("dose.")]

    assert [((one.at_ms - BEGIN_MS) // MINUTE_MS, one.type, one.content["dose_id"]) for one in doses] == [
        (30, "dose.due", "dose-1"),
        (30, "dose.due", "dose-2"),
        (48, "dose.taken", "dose-1"),
        (51, "dose.taken", "dose-2"),
    ]
    assert all(doses[2].at_ms - doses[0].at_ms < DOSE_WINDOW_MINUTES * MINUTE_MS for _ in doses)
    assert "dispenser" in [one.device for one in found.devices]
    assert "dispenser" not in [one.device for one in home().devices]


def test_the_site_file_is_one_the_desk_reads():
    """One resident under measures, each device with role and room, no problem found."""
    site = loads(site_yaml(with_doses(home(labels=[_run(30)]))).encode(), "here.yaml")
    items = {kind: [item.value() for item in items] for kind, items in site.items.items()}
    devices = {one["id"]: one for one in items["device"]}

    assert len(items["resident"]) == 1
    assert [one["service"] for one in items["measure"]] == ["digital_supervision", "medication_support"]
    assert (devices["front-door"]["role"], devices["bedroom-bedroom"]["room"]) == ("front_door", "bedroom")
    assert devices["dispenser"]["role"] == "dispenser"


@pytest.mark.parametrize(
    ("name", "role", "room", "began", "ended"),
    [
        ("BathroomAToilet", "bathroom_motion", "bathroom", "motion.detected", None),
        ("MainEntryway", "entry_motion", "hall", "motion.detected", None),
        ("BedroomABed", "motion", "bedroom", "motion.detected", None),
        ("LoungeChair/LivingRoom", "motion", "living_room", "motion.detected", None),
        ("Kitchen,Refrigerator A", "fridge_door", "kitchen", "door.opened", "door.closed"),
        ("Bathroom,Medicine cabinet B", "medicine_door", "bathroom", "door.opened", "door.closed"),
        ("Bathroom,Door", "door", "bathroom", "door.opened", "door.closed"),
        ("Foyer,Door", "front_door", "hall", "door.opened", "door.closed"),
        ("Bathroom,Toilet Flush", "switch", "bathroom", "motion.detected", None),
    ],
)
def test_each_kind_of_sensor_is_an_honest_device(name, role, room, began, ended):
    """A PIR over a bed is motion and no bed; contacts open and close; a flush is movement when it begins."""
    sensor = sensor_of(name)

    assert (sensor.role, sensor.room, sensor.began, sensor.ended) == (role, room, began, ended)


def test_a_sensor_in_an_unknown_room_is_named():
    """A home we do not know is refused instead of being put anywhere."""
    with pytest.raises(ValueError, match="Garage"):
        sensor_of("GarageDoor")


def test_a_recording_without_an_event_is_refused():
    """Nothing but PIRs going off is no home."""
    with pytest.raises(ValueError, match="here"):
        home([ROWS[1]])
