"""Simulated devices speak as the real ones do, traps included."""

import json

from simulators import doings, scenes
from simulators.devices.zigbee2mqtt import Zigbee2MqttDevices
from simulators.doings import Sighting
from simulators.fleet import Fleet
from simulators.furniture import make_ward
from simulators.ward import CHIRPSTACK, VARDEVAKT, ZIGBEE

WARD = make_ward(1)
NOW_MS = 1_772_400_000_000
MINUTE = 60_000


def thing(convention, role):
    return next(one for one in WARD.things if one.convention == convention and one.role.endswith(role))


def seen(what, one, at_ms=NOW_MS, **more):
    return Sighting(at_ms, what, one.gateway, one, one.room or "", **more)


def body(message):
    return json.loads(message.payload)


def test_a_native_press_is_one_event_with_a_key_of_its_own():
    """Said twice it has the same id, another press has another; a pull is a cord's."""
    pendant, fleet = thing(VARDEVAKT, "pendant"), Fleet(WARD)
    first, again, later = (
        body(fleet.tell(seen(doings.PRESSED, pendant, at_ms), NOW_MS)[0]) for at_ms in (NOW_MS, NOW_MS, NOW_MS + 9)
    )
    cord = body(fleet.tell(scenes.press(thing(VARDEVAKT, "cord"), NOW_MS)[0], NOW_MS)[0])

    assert first["type"] == "alarm.pressed"
    assert first["trigger"] == "pendant"
    assert first["id"] == again["id"] != later["id"]
    assert [first["seq"], again["seq"], later["seq"]] == [1, 2, 3]
    assert cord["trigger"] == "cord"


def test_a_native_gateway_empties_its_buffer_in_arrays():
    """One array a device with `buffered` on each object, the oldest first, at most fifty of them; no old heartbeats."""
    bed, gateway = thing(VARDEVAKT, "bed"), thing(VARDEVAKT, "bed").gateway
    kept = [seen(doings.BED_LEFT, bed, NOW_MS + number) for number in reversed(range(60))]
    alive = Sighting(NOW_MS, doings.GATEWAY_ALIVE, gateway)

    arrays = [body(message) for message in Fleet(WARD).empty(gateway, [*kept, alive], NOW_MS + MINUTE)]

    assert [len(array) for array in arrays] == [50, 10]
    assert all(one["buffered"] is True for array in arrays for one in array)
    times = [one["time"] for array in arrays for one in array]
    assert times == sorted(times)


def test_a_native_gateway_leaves_by_its_will():
    """Its status says online with an interval, retained; the will says offline and no time."""
    gateway = thing(VARDEVAKT, "pendant").gateway
    up, down = Fleet(WARD).greet(gateway, NOW_MS)[0], Fleet(WARD).leave(gateway, NOW_MS)[0]

    assert (body(up)["online"], body(up)["interval_seconds"], up.retain) == (True, 300, True)
    assert (body(down)["online"], "time" in body(down), down.retain) == (False, False, True)
    assert up.topic == down.topic


def test_zigbee_repeats_its_cache_but_never_an_action():
    """A later report of a button holds what was cached, without the press."""
    button, devices = thing(ZIGBEE, "pendant"), Zigbee2MqttDevices(WARD)
    press = body(devices.tell(seen(doings.PRESSED, button), NOW_MS)[0])
    report = body(devices.tell(seen(doings.ALIVE, button, NOW_MS + MINUTE, amount=77), NOW_MS)[0])

    assert press["action"] == "emergency"
    assert "action" not in report
    assert report["battery"] == 77


def test_zigbee_pads_report_contact_and_doors_the_other_way_round():
    """Contact true is somebody on the pad, and a closed door."""
    pad, door, devices = thing(ZIGBEE, "bed"), thing(ZIGBEE, "front_door"), Zigbee2MqttDevices(WARD)

    assert body(devices.tell(seen(doings.BED_ENTERED, pad), NOW_MS)[0])["contact"] is True
    assert body(devices.tell(seen(doings.DOOR_OPENED, door), NOW_MS)[0])["contact"] is False


def test_a_motion_sensor_holds_as_long_as_it_sees_somebody():
    """ "Occupied" ends a minute after the last movement, not after the first."""
    pir = thing(ZIGBEE, "kitchen_motion")
    for devices in (Zigbee2MqttDevices(WARD),):
        told = [
            devices.tell(seen(what, pir, NOW_MS + at_ms), NOW_MS)
            for what, at_ms in (
                (doings.MOTION, 0), (doings.MOTION, 30_000), (doings.STILL, MINUTE), (doings.STILL, 90_000),
            )
        ]  # fmt: skip

        assert [body(messages[0])["occupancy"] if messages else None for messages in told] == [True, True, None, False]


def test_lora_leaves_out_zeros_and_writes_floats():
    """The first frame has no fCnt; numbers of `object` are floats, and each uplink has an id of its own."""
    button, fleet = thing(CHIRPSTACK, "pendant"), Fleet(WARD)
    first, second = (body(fleet.tell(seen(doings.PRESSED, button, at_ms), NOW_MS)[0]) for at_ms in (NOW_MS, NOW_MS + 1))

    assert "fCnt" not in first
    assert second["fCnt"] == 1
    assert first["deduplicationId"] != second["deduplicationId"]
    assert isinstance(first["object"]["battery"], float)
    assert first["object"]["button_event"]["status"] == "long press"


def test_who_left_the_bed_has_been_up_for_most_of_the_limit():
    """The scene begins 19½ minutes ago after enough time in bed, and never before the bed was last seen to change."""
    bed = thing(VARDEVAKT, "bed")
    calm = scenes.leave_bed(bed, NOW_MS, NOW_MS - 300 * MINUTE, in_bed=True)
    up = scenes.leave_bed(bed, NOW_MS, NOW_MS - 300 * MINUTE, in_bed=False)
    soon = scenes.leave_bed(bed, NOW_MS, NOW_MS - 15 * MINUTE, in_bed=True)

    assert [(one.what, NOW_MS - one.at_ms) for one in calm] == [
        (doings.BED_ENTERED, 300 * MINUTE), (doings.BED_LEFT, 1_170_000), (doings.BED_ENTERED, -10 * MINUTE),
    ]  # fmt: skip
    assert [one.what for one in up] == [doings.BED_ENTERED, doings.BED_LEFT, doings.BED_ENTERED]
    assert up[1].at_ms - up[0].at_ms >= 10 * MINUTE
    assert soon[1].at_ms > NOW_MS - 15 * MINUTE + 10 * MINUTE
