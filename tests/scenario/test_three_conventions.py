"""One night in three homes, each with gateways of another convention, through the production path of `replay`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from alerts.site.file import loads
from api.replay import ReplayResult, alert_lines, replay
from ingest.codecs import default_codecs
from rules.book_file import shipped_book

SITE = loads(
    b"""
site: {id: solbakken, name: Solbakken, timezone: Europe/Oslo, language: nb}
wards: [{id: nord, name: Nord}]
homes:
  - {id: hz, ward: nord, kind: own_home}
  - {id: hc, ward: nord, kind: own_home}
  - {id: hn, ward: nord, kind: own_home}
residents: [{id: rz, home: hz, name: Kari A}, {id: rc, home: hc, name: Kari B}, {id: rn, home: hn, name: Kari C}]
measures:
  - {resident: rz, service: digital_supervision, decision: "2026/1", basis: consent, from: 2026-01-01}
  - {resident: rc, service: digital_supervision, decision: "2026/2", basis: consent, from: 2026-01-01}
  - {resident: rn, service: digital_supervision, decision: "2026/3", basis: consent, from: 2026-01-01}
gateways:
  - {id: gz, home: hz, address: "zigbee2mqtt:bridge", interval: 10 min}
  - {id: gc, home: hc, address: "chirpstack:gateway/0016c001f1500812", interval: 5 min}
  - {id: gn, home: hn, address: "vardevakt:gw-n", interval: 5 min}
devices:
  - {id: z-mat, address: "zigbee2mqtt:bedroom/mat", model: SPM915, role: bed, room: bedroom, resident: rz, gateway: gz}
  - {id: z-door, address: "zigbee2mqtt:hall/door", role: front_door, resident: rz, gateway: gz}
  - {id: z-move, address: "zigbee2mqtt:hall/motion", role: motion, resident: rz, gateway: gz}
  - {id: z-smoke, address: "zigbee2mqtt:kitchen/smoke", role: smoke, gateway: gz, home: hz}
  - {id: z-leak, address: "zigbee2mqtt:bath/leak", role: water, gateway: gz, home: hz}
  - {id: z-sos, address: "zigbee2mqtt:sos", model: TS0215A_sos, role: cord, resident: rz, gateway: gz}
  - {id: c-sos, address: "chirpstack:24e124122b250001", model: WS101, role: pendant, resident: rc, gateway: gc}
  - {id: c-radar, address: "chirpstack:24e124aaaa000146", model: VS373, role: fall_radar, resident: rc, gateway: gc}
  - {id: c-door, address: "chirpstack:24e124aaaa000301", model: WS301, role: front_door, resident: rc, gateway: gc}
  - {id: c-move, address: "chirpstack:24e124aaaa000202", model: WS202, role: motion, resident: rc, gateway: gc}
  - {id: c-smoke, address: "chirpstack:24e124aaaa000524", model: GS524N, role: smoke, resident: rc, gateway: gc}
  - {id: c-leak, address: "chirpstack:24e124aaaa000235", model: EM300-SLD, role: water, resident: rc, gateway: gc}
  - {id: n-bed, address: "vardevakt:gw-n/bed", role: bed, room: bedroom, resident: rn, gateway: gn}
  - {id: n-sos, address: "vardevakt:gw-n/pendant", role: pendant, resident: rn, gateway: gn}
  - {id: n-pills, address: "vardevakt:gw-n/pills", role: dispenser, resident: rn, gateway: gn}
  - {id: n-leak, address: "vardevakt:gw-n/leak", role: water, resident: rn, gateway: gn}
functions: [{id: natt-1, ward: nord, name: Natt 1, phone: "+4798888888"}]
""",
    "three conventions",
)

EVENING = datetime(2026, 3, 1, tzinfo=timezone(timedelta(hours=1)))
Line = dict[str, Any]
Message = tuple[str, str, Any]
"""Local time of the evening or the night after it, topic, payload."""


def at(clock: str) -> str:
    """The instant of a local time (Oslo in winter) of the evening of 1 March or the night after."""
    hours, minutes, seconds = (int(part) for part in f"{clock}:00".split(":")[:3])
    local = EVENING + timedelta(days=hours < 12, hours=hours, minutes=minutes, seconds=seconds)
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def zigbee(clock: str, name: str, payload: object) -> Message:
    return clock, f"zigbee2mqtt/{name}", payload


def uplink(clock: str, device: str, report: Line, number: int) -> Message:
    """One decoded LoRaWAN uplink in its envelope."""
    body = {
        "deduplicationId": f"00000000-0000-4000-8000-{number:012}",
        "time": at(clock).replace("Z", "123456+00:00"),
        "deviceInfo": {"devEui": device},
        "fCnt": number,
        "fPort": 85,
        "data": base64.b64encode(b"raw").decode(),
        "object": report,
    }
    return clock, f"application/care/device/{device}/event/up", body


def native(clock: str, device: str, key: str, kind: str, **fields: object) -> Message:
    return clock, f"vardevakt/1/gw-n/{device}/event", {"type": kind, "id": key, "time": at(clock), **fields}


ZIGBEE = [
    zigbee("21:00", "hall/motion", {"occupancy": False, "battery": 91}),
    zigbee("21:00:01", "hall/door", {"contact": True}),
    zigbee("21:00:02", "kitchen/smoke", {"smoke": False, "test": False, "battery": 80}),
    zigbee("21:00:03", "bath/leak", {"water_leak": False, "battery": 88}),
    zigbee("21:05", "hall/motion", {"occupancy": True, "battery": 91}),
    zigbee("21:07", "hall/motion", {"occupancy": False, "battery": 91}),
    zigbee("21:10", "hall/door", {"contact": False}),
    zigbee("21:11", "hall/door", {"contact": True}),
    zigbee("22:00", "bedroom/mat", {"contact": False, "battery": 70}),
    zigbee("22:30", "bedroom/mat", {"contact": True, "battery": 70}),
    zigbee("23:40", "bedroom/mat", {"contact": False, "battery": 70}),
    zigbee("23:50", "bedroom/mat", {"contact": False, "battery": 69}),  # a battery report repeats what stood
    zigbee("01:05", "bedroom/mat", {"contact": True, "battery": 69}),
    zigbee("02:00", "bath/leak", {"water_leak": True, "battery": 88}),
    zigbee("02:05", "bath/leak", {"water_leak": True, "battery": 87}),
    zigbee("02:30", "kitchen/smoke", {"smoke": True, "test": True, "battery": 80}),  # a test in the home is a claim
    zigbee("03:00", "kitchen/smoke", {"smoke": False, "test": False, "battery": 80}),
    zigbee("03:10", "kitchen/smoke", {"smoke": True, "test": False, "battery": 80}),
    zigbee("03:11", "kitchen/smoke", {"smoke": True, "test": False, "battery": 79}),
    zigbee("03:30", "kitchen/smoke", {"smoke": False, "test": False, "battery": 79}),
    zigbee("03:45", "sos", {"action": "emergency", "battery": 95}),
    zigbee("03:46", "sos", {"action": "", "battery": 94}),
    zigbee("03:50", "sos/availability", {"state": "online"}),
]
SOS, RADAR = "24e124122b250001", "24e124aaaa000146"
CHIRPSTACK = [
    uplink("21:00", SOS, {"battery": 100.0}, 1),
    uplink("21:01", RADAR, {"detection_status": "vacant"}, 2),
    uplink("21:30", "24e124aaaa000301", {"magnet_status": "open", "battery": 90.0}, 3),
    uplink("21:31", "24e124aaaa000301", {"magnet_status": "close"}, 4),
    uplink("21:32", "24e124aaaa000202", {"pir": "trigger"}, 5),
    uplink("22:00", "24e124aaaa000524", {"type": "smoke sensor", "event": "testing alarm"}, 6),
    uplink("22:10", "24e124aaaa000235", {"leakage_status": "leak"}, 7),
    uplink("22:20", "24e124aaaa000235", {"leakage_status": "normal"}, 8),
    uplink("22:40", SOS, {"button_event": {"status": "short press", "msgid": 4711}}, 9),
    uplink("23:15", RADAR, {"detection_status": "fall"}, 10),
    uplink("23:16", RADAR, {"detection_status": "fall"}, 11),  # the same fall, said again
    uplink("23:30", RADAR, {"detection_status": "normal"}, 12),
    uplink("01:00", "24e124aaaa000524", {"type": "smoke sensor", "event": "alarm"}, 13),
]
DOSE_1, DOSE_2 = {"dose_id": "evening", "window_minutes": 60}, {"dose_id": "night", "window_minutes": 30}
NATIVE = [
    native("21:00", "bed", "b1", "bed.left"),
    native("21:00", "pills", "p1", "dose.due", **DOSE_1),
    native("21:20", "pills", "p2", "dose.taken", dose_id="evening"),
    native("22:00", "bed", "b2", "bed.occupied"),
    native("22:05", "leak", "l1", "water.detected"),
    native("22:30", "pills", "p3", "dose.due", **DOSE_2),
    native("23:00:30", "pills", "p4", "dose.missed", dose_id="night"),
    native("23:05", "pendant", "s1", "fall.suspected", source="worn"),
    native("23:05:20", "pendant", "s2", "fall.cancelled", source="worn"),
    native("01:10", "bed", "b3", "bed.left"),
    native("01:18", "bed", "b4", "bed.occupied"),
    native("02:10", "pendant", "s3", "fall.suspected", source="worn"),
    native("02:45", "pendant", "s4", "alarm.pressed", trigger="pendant"),
]


def heartbeats() -> Iterator[Message]:
    """Gateways report each five minutes; that of the ChirpStack home is not heard after 03:00."""
    clocks = [f"{hour:02}:{minute:02}" for hour in (21, 22, 23, 0, 1, 2, 3, 4) for minute in range(0, 60, 5)]
    for clock in clocks:
        yield zigbee(clock, "bridge/health", {"response_time": 1})
        yield clock, "vardevakt/1/gw-n/status", {"online": True, "interval_seconds": 300}
        if clock <= "03:00" or clock >= "12":
            yield clock, "eu868/gateway/0016c001f1500812/event/stats", {"time": at(clock), "rxPacketsReceived": 7}


def lines() -> list[Line]:
    """The recording of that night, in the order of arrival; it ends in silence."""
    found: list[Line] = [
        {"at": at(clock), "topic": topic, "payload": json.dumps(payload), "qos": 1}
        for clock, topic, payload in (*heartbeats(), *ZIGBEE, *CHIRPSTACK, *NATIVE)
    ]
    return [*sorted(found, key=lambda line: line["at"]), {"at": at("05:00")}]


def told(folder: Path, recording: Iterable[Line], name: str = "night") -> ReplayResult:
    """What the production path makes of a recording."""
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in recording))
    return replay([path], SITE, shipped_book(), default_codecs())


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> ReplayResult:
    return told(tmp_path_factory.mktemp("night"), lines())


def rows(result: ReplayResult) -> list[tuple[str, str, str, str, str]]:
    """(opened, rule, priority, resident or gateway, device) of each alert."""
    return [
        (alert["opened_at"][11:19], alert["rule"], alert["priority"], alert["subject_id"], alert["device_id"])
        for alert in result.alerts
    ]


def test_each_home_gets_its_alerts_and_no_other(night):
    """Bed, fire, leak, cord; button, radar, fire, leak, a hub gone; dose, fall, leak, pendant; nothing else."""
    assert rows(night) == [
        ("21:05:30", "R30", "P3", "n-leak", "n-leak"),
        ("21:10:30", "R30", "P3", "c-leak", "c-leak"),
        ("21:40:00", "R01", "P1", "rc", "c-sos"),
        ("22:00:00", "R22", "P3", "rn", "n-pills"),
        ("22:15:00", "R03", "P1", "rc", "c-radar"),
        ("23:00:00", "R05", "P2", "rz", "z-mat"),
        ("00:00:00", "R29", "P1", "rc", "c-smoke"),
        ("01:00:30", "R30", "P3", "z-leak", "z-leak"),
        ("01:10:30", "R03", "P1", "rn", "n-sos"),
        ("01:30:00", "R29", "P1", "z-smoke", "z-smoke"),
        ("01:30:00", "DEVICE_TEST", "P4", "z-smoke", "z-smoke"),
        ("01:45:00", "R01", "P1", "rn", "n-sos"),
        ("02:10:00", "R29", "P1", "z-smoke", "z-smoke"),
        ("02:15:00", "R52", "P2", "rc", "c-sos"),
        ("02:45:00", "R01", "P1", "rz", "z-sos"),
        ("03:00:00", "R36", "P4", "gc", None),
    ]
    leaks = {alert["device_id"]: alert["cleared_at"] for alert in night.alerts if alert["rule"] == "R30"}
    assert leaks == {"n-leak": None, "c-leak": "2026-03-01T21:20:00Z", "z-leak": None}
    (bed,) = [alert for alert in night.alerts if alert["rule"] == "R05"]
    assert (bed["condition"], bed["outcome"], bed["cleared_at"]) == ("cleared", "self_resolved", "2026-03-02T00:05:00Z")


def test_twice_the_same_bytes(night, tmp_path):
    """The same recording, the same alerts, byte for byte."""
    again = told(tmp_path, lines())

    assert alert_lines(again.alerts) == alert_lines(night.alerts)
    assert (again.inputs, again.dead_letters) == (night.inputs, 0)


def test_injected_duplicates_change_nothing(night, tmp_path):
    """Every message but the keyless press comes three times: the same alerts, byte for byte."""
    doubled = []
    for line in lines():
        doubled += [line] * (1 if "topic" not in line or "emergency" in line["payload"] else 3)
    result = told(tmp_path, doubled)

    assert alert_lines(result.alerts) == alert_lines(night.alerts)
    assert result.inputs == night.inputs, "a gateway's word again is no news"


def test_two_recordings_of_one_night_are_merged(night, tmp_path):
    """Homes recorded apart and replayed together: the same alerts."""
    whole = lines()
    parts = [[line for line in whole if ("zigbee" in line.get("topic", "")) == zigbee] for zigbee in (True, False)]
    paths = []
    for number, part in enumerate(parts):
        paths.append(tmp_path / f"part{number}.jsonl")
        paths[-1].write_text("".join(json.dumps(line) + "\n" for line in part))
    merged = replay(paths, SITE, shipped_book(), default_codecs())

    assert alert_lines(merged.alerts) == alert_lines(night.alerts)
