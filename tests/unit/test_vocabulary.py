import math

import pytest

from ingest.vocabulary import OTHER_FIELDS, TYPES, UNKNOWN_WORDS, alarm_class, floor_flag, goes_to_person, typed

ALARMS = [
    "alarm.pressed", "fall.confirmed", "smoke.alarm", "heat.alarm", "co.alarm", "gas.alarm", "epilepsy.started",
    "nursecall.assist", "nursecall.emergency", "staff.alarm",
]  # fmt: skip


def test_every_row_of_the_contract_is_there():
    """All types of contracts §1 are known, each with the fields of its row."""
    assert len(TYPES) == 129
    assert set(TYPES["fall.cancelled"]) == {"source", "still_seconds", "impact_g"}
    assert set(TYPES["contact.requested"]) == set()
    assert TYPES["dose.due"]["dose_id"].required


def test_fields_of_the_right_type_become_content_and_the_rest_is_kept():
    """Known fields are content, unknown ones extra, and nothing of it is an error."""
    content, extra, invalid, missing = typed("alarm.pressed", {"trigger": "cord", "presses": 2, "rssi": -71})

    assert (content, extra, invalid, missing) == ({"trigger": "cord", "presses": 2}, {"rssi": -71}, False, [])


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("alarm.pressed", {"presses": "two"}),
        ("alarm.pressed", {"presses": True}),
        ("alarm.pressed", {"presses": 1.5}),
        ("alarm.pressed", {"presses": 2**70}),
        ("alarm.pressed", {"presses": -1}),
        ("fall.confirmed", {"impact_g": math.nan}),
        ("fall.confirmed", {"impact_g": math.inf}),
        ("dose.due", {"time_critical": "yes"}),
        ("dose.due", {"scheduled_at": "2026-03-01T22:00"}),
        ("battery.level", {"percent": 101}),
        ("door.opened", {"door": ["front"]}),
    ],
)
def test_a_wrong_type_or_range_is_kept_as_it_came(kind, raw):
    """What cannot be meant stands in extra, is called invalid, and never becomes content."""
    content, extra, invalid, _ = typed(kind, raw)

    assert invalid
    assert content == {}
    assert set(extra) == set(raw)


def test_numbers_have_one_form():
    """85 and 85.0 of one field are the same content, so that a resend keeps its identity."""
    assert typed("battery.level", {"percent": 85}) == typed("battery.level", {"percent": 85.0})
    assert typed("alarm.pressed", {"presses": 2.0})[0] == {"presses": 2}


def test_times_become_milliseconds():
    """A time field stands in content as UTC milliseconds under its name with _ms."""
    content, _, invalid, _ = typed("dose.due", {"dose_id": 17, "scheduled_at": "2026-03-01T08:00:00+01:00"})

    assert content == {"dose_id": "17", "scheduled_at_ms": 1772348400000}
    assert not invalid


def test_an_unknown_word_is_kept_and_reported():
    """A word outside a closed list stays in content, and extra names the field."""
    content, extra, invalid, _ = typed("alarm.pressed", {"trigger": "necklace"})

    assert content == {"trigger": "necklace"}
    assert extra == {UNKNOWN_WORDS: ["trigger"]}
    assert not invalid


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("measured", {"metric": "weight", "value": "heavy", "unit": "kg"}, []),
        ("measured", {"metric": "weight", "value": None, "unit": "kg"}, ["value"]),
        ("measured", {}, ["metric", "value", "unit"]),
        ("position.fixed", {"latitude": 95, "longitude": 10}, ["latitude"]),
        ("tracking.started", {}, []),
        ("condition.reported", {"code": "x"}, ["severity"]),
        ("condition.cleared", {"code": "x"}, []),
        ("dose.taken", {"dose_id": ""}, ["dose_id"]),
        ("dispenser.fault", {"fault": "new_kind"}, []),
    ],
)
def test_bold_fields_are_required(kind, raw, expected):
    """Absent, null, empty or out of range, a bold field is missing; an unknown word is not."""
    assert typed(kind, raw)[3] == expected


def test_nested_answers_are_kept_without_complaint():
    """A questionnaire's answers are an object: they stand in extra and are not invalid."""
    content, extra, invalid, _ = typed("answered", {"form": "f1", "answers": {"q1": 3}})

    assert (content, extra, invalid) == ({"form": "f1"}, {"answers": {"q1": 3}}, False)


def test_what_travels_with_an_event_is_bounded():
    """Long texts are cut, deep or large unknown fields too, and of too many only the number of the rest is kept."""
    many = {f"field{number}": number for number in range(200)}
    content, extra, _, _ = typed("x.y", {"text": "a" * 9999, "big": 2**80, "nest": [1] * 9999, **many})

    assert content["text"] == "a" * 1000
    assert extra["big"] == str(2**80)
    assert len(str(extra["nest"])) == 1000
    assert len(extra) == 65
    assert extra["fields_cut"] == 138


@pytest.mark.parametrize("kind", ALARMS)
def test_alarm_class_by_name(kind):
    """Each alarm type is alarm class, goes to a person, and is on the floor's list."""
    assert alarm_class(kind, {}, wander_risk=False)
    assert goes_to_person(kind, {})
    assert floor_flag(kind, {}, wander_risk=False) == 1


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind not in ALARMS])
def test_no_other_known_type_is_alarm_class_by_its_name(kind):
    """A known type that is not listed is not alarm class, not even where its name begins like one."""
    assert not alarm_class(kind, {}, wander_risk=False)


@pytest.mark.parametrize(
    "kind",
    [
        "alarm.whatever", "fall.detected", "smoke.heavy", "heat.x", "co.x", "gas.x", "epilepsy.seizure",
        "nursecall.code_blue", "staff.alarm.panic", "zone.left_far", "ALARM.Pressed",
    ],
)  # fmt: skip
def test_an_unknown_type_with_an_alarming_name_is_an_alarm(kind):
    """Unknown types whose name begins like an alarm are alarm class, in any spelling."""
    assert alarm_class(kind, {}, wander_risk=False)
    assert goes_to_person(kind, {})


@pytest.mark.parametrize(
    ("kind", "content", "alarm", "person"),
    [
        ("condition.reported", {"severity": 40}, True, True),
        ("condition.reported", {"severity": 30}, False, True),
        ("condition.reported", {"severity": 20}, False, False),
        ("vendor.x", {"severity": 40}, True, True),
        ("vendor.x", {"severity": 30}, False, True),
        ("vendor.x", {"severity": 29}, False, False),
        ("motion.detected", {"severity": 40}, False, False),
        ("fall.suspected", {}, False, True),
        ("nursecall.called", {}, False, True),
        ("alarm.cancelled", {}, False, False),
        ("zone.left", {}, False, True),
    ],
)
def test_severity_and_suspicion(kind, content, alarm, person):
    """Severity 40 is an alarm and 30 a person's business, where the device may conclude at all."""
    assert alarm_class(kind, content, wander_risk=False) is alarm
    assert goes_to_person(kind, content) is person


def test_a_zone_left_is_an_alarm_for_those_who_wander():
    """Only a resident with wander risk makes zone.left alarm class; the unknown types need no risk."""
    assert alarm_class("zone.left", {}, wander_risk=True)
    assert floor_flag("zone.left", {}, wander_risk=False) == 0


@pytest.mark.parametrize("kind", ["fall.suspected", "fall.cancelled"])
def test_the_floor_keeps_the_cancel_window_of_a_fall(kind):
    """Suspicion and its cancelling both reach the floor, as 2."""
    assert floor_flag(kind, {}, wander_risk=False) == 2


def test_severity_is_typed_in_types_nobody_knows():
    """An unknown type keeps its fields in extra, but its severity is readable."""
    content, extra, _, _ = typed("vendor.gate", {"severity": 30, "mode": "x"})

    assert (content, extra) == ({"severity": 30}, {"mode": "x"})
    assert "severity" in OTHER_FIELDS
