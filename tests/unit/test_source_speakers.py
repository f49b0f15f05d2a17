"""Whom a message of a Zigbee bridge speaks for, and whose life it proves."""

from __future__ import annotations

import json

import pytest

from ingest.event import UNASSIGNED
from ingest.record import MQTT, Folded, RawRecord
from tests.support.source import MINUTE_MS, NOON_MS, Source, clock, events, items_of, setting, told

BRIDGE, MAT, PENDANT = "zigbee2mqtt:bridge", "zigbee2mqtt:bedroom/mat", "zigbee2mqtt:pendant"
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def home() -> Source:
    """One home with a bridge, a bed mat whose name holds a slash, and a pendant that reports each hour."""
    behind = {"resident": "r1", "gateway": "zb"}
    pendant = {"address": PENDANT, "role": "pendant", "interval": "1 h", **behind}
    return Source(
        [
            setting("home", "h1", {}, NOON_MS),
            setting("resident", "r1", {"home": "h1"}, NOON_MS),
            setting("gateway", "zb", {"home": "h1", "address": BRIDGE, "interval": "5 min"}, NOON_MS),
            setting("device", "mat", {"address": MAT, "role": "bed", "model": "SPM915", **behind}, NOON_MS),
            setting("device", "pen", pendant, NOON_MS),
        ]
    )


def zigbee(at_ms: int, topic: str, payload: object, *, retain: bool = False) -> RawRecord:
    """One message below the default base topic."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return RawRecord(at_ms, MQTT, f"zigbee2mqtt/{topic}", body, 0, retain)


def types(folded: Folded) -> list[tuple[str, str]]:
    """What came of a message: (type, home)."""
    return [(one.type, one.home) for one in events(folded, derived=False)]


def test_an_attribute_topic_is_read_with_the_role_of_its_device(home):
    """With one topic per attribute a bed mat is a bed mat, in its home, and it is alive."""
    folded = home(zigbee(NOON_MS, "bedroom/mat/occupancy", b"true"))
    (event,) = events(folded, derived=False)

    assert (event.type, event.home, event.device, event.role) == ("bed.occupied", "h1", "mat", "bed")
    assert sorted(home.fold.liveness()) == [MAT, BRIDGE]


def test_an_attribute_that_means_nothing_proves_its_device(home):
    """The link quality of a mat, alone on its topic, is a sign of life of the mat."""
    folded = home(zigbee(NOON_MS, "bedroom/mat/linkquality", b"77"))

    assert items_of(folded) == [(0, "verdict")]
    assert sorted(home.fold.liveness()) == [MAT, BRIDGE]


def test_a_garbled_attribute_of_a_trigger_is_its_persons_alarm(home):
    """An attribute of a pendant that cannot be read goes to a person as that pendant's, in its home."""
    folded = home(zigbee(NOON_MS, "pendant/sos", b"perhaps"))

    assert [letter.address for letter in folded.dead_letters] == [PENDANT]
    assert [(one.type, one.home, one.device) for one in events(folded)] == [("alarm.undecodable", "h1", "pen")]
    harmless = home(zigbee(NOON_MS, "bedroom/mat/occupancy", b"perhaps"))
    assert [(letter.address, letter.may_be_alarm) for letter in harmless.dead_letters] == [(MAT, False)]


def test_a_registered_name_goes_before_an_attribute(home):
    """A device called like an attribute of another one is itself, and a stranger's name is not its neighbour's."""
    home(setting("device", "odd", {"address": f"{PENDANT}/action", "role": "bed", "home": "h1"}, NOON_MS))
    (odd,) = events(home(zigbee(NOON_MS, "pendant/action", {"occupancy": True})), derived=False)
    (stranger,) = events(home(zigbee(NOON_MS, "pendant/other", {"occupancy": True})), derived=False)

    assert (odd.type, odd.device) == ("bed.occupied", "odd")
    assert (stranger.address, stranger.quality) == (f"{PENDANT}/other", (UNASSIGNED,))


def test_availability_is_no_unknown_device(home):
    """What the bridge thinks of its devices lists no stranger, neither of known devices nor of unknown ones."""
    for name in ("bedroom/mat", "pendant", "attic/lamp"):
        home(zigbee(NOON_MS, f"{name}/availability", {"state": "online"}))
        home(zigbee(NOON_MS, f"{name}/availability", {"state": "online"}))
        home(zigbee(NOON_MS, f"{name}/availability", b"who knows"))

    assert [address for address in home.fold.liveness() if address.endswith("availability")] == []


def test_a_device_named_like_availability_is_still_found(home):
    """A stranger with such a name that reports like a device is listed and read."""
    folded = home(zigbee(NOON_MS, "hall/availability", {"occupancy": True}))

    assert types(folded) == [("motion.detected", "address:zigbee2mqtt:hall/availability")]
    assert "zigbee2mqtt:hall/availability" in home.fold.liveness()


def test_availability_keeps_no_unbounded_memory():
    """What is remembered of availability topics is bounded like everything of strangers."""
    source = Source()
    source.fold._state._unknown_max = 5
    for number in range(40):
        source(zigbee(NOON_MS + number, f"lamp{number}/availability", {"state": "offline"}))

    assert len(source.fold._state.codec_states) <= 5


def keep_bridge(home: Source, from_ms: int, until_ms: int) -> list[tuple[str, str, str]]:
    """The bridge is heard each 5 minutes; what homes were told meanwhile."""
    found = []
    for at_ms in range(from_ms, until_ms, 5 * MINUTE_MS):
        found += told(home(zigbee(at_ms, "bridge/health", {})))
    return found + told(home(clock(until_ms)))


def test_a_bridges_opinion_is_no_life_of_a_dead_pendant(home):
    """A pendant that is silent stays silent, however often its bridge calls it online: only its own word counts."""
    home(zigbee(NOON_MS, "pendant", {"battery": 90}))
    assert keep_bridge(home, NOON_MS, NOON_MS + 4 * HOUR_MS) == [("device.offline", "h1", "silent")]
    folded = home(zigbee(NOON_MS + 4 * HOUR_MS, "pendant/availability", {"state": "online"}))

    assert (types(folded), told(folded)) == ([], [])
    assert [one.reason for one in folded.verdicts] == ["hearsay"]
    assert not home.fold.liveness()[PENDANT][1]
    back = home(zigbee(NOON_MS + 4 * HOUR_MS + 1, "pendant", {"battery": 89}))
    assert told(back) == [("device.online", "h1", "heard")]


def test_a_bridges_opinion_does_not_begin_the_count_again(home):
    """Called online just before it is due, a silent pendant is missed at its time all the same."""
    home(zigbee(NOON_MS, "pendant", {"battery": 90}))
    keep_bridge(home, NOON_MS, NOON_MS + 3 * HOUR_MS - MINUTE_MS)
    home(zigbee(NOON_MS + 3 * HOUR_MS - MINUTE_MS, "pendant/availability", {"state": "online"}))

    assert told(home(zigbee(NOON_MS + 3 * HOUR_MS, "bridge/health", {}))) == [("device.offline", "h1", "silent")]
    assert home.fold.liveness()[PENDANT][0] == NOON_MS


def test_hearsay_takes_back_hearsay(home):
    """The bridge may hurry: offline counts at once, and its own online ends that, while the pendant is not overdue."""
    home(zigbee(NOON_MS, "pendant", {"battery": 90}))
    keep_bridge(home, NOON_MS, NOON_MS + HOUR_MS)
    gone = home(zigbee(NOON_MS + HOUR_MS, "pendant/availability", {"state": "offline"}))
    assert types(gone) == [("device.offline", "h1")]
    assert not home.fold.liveness()[PENDANT][1]
    keep_bridge(home, NOON_MS + HOUR_MS, NOON_MS + 2 * HOUR_MS)
    back = home(zigbee(NOON_MS + 2 * HOUR_MS, "pendant/availability", {"state": "online"}))
    assert (types(back), told(back)) == ([("device.online", "h1")], [])
    assert home.fold.liveness()[PENDANT][:2] == (NOON_MS, True)

    home(zigbee(NOON_MS + 2 * HOUR_MS + 1, "pendant/availability", {"state": "offline"}))
    keep_bridge(home, NOON_MS + 2 * HOUR_MS + 2, NOON_MS + 5 * HOUR_MS)
    late = home(zigbee(NOON_MS + 5 * HOUR_MS, "pendant/availability", {"state": "online"}))
    assert [one.reason for one in late.verdicts] == ["hearsay"], "it is overdue by now"


def test_an_opinion_about_what_was_never_heard_installs_nothing(home):
    """A bridge that calls a new pendant online does not make it one that a person can call with."""
    folded = home(zigbee(NOON_MS, "pendant/availability", {"state": "online"}, retain=True))

    assert items_of(folded) == [(0, "verdict")]
    assert PENDANT not in home.fold.liveness()


def test_an_announcement_is_a_sign_of_life(home):
    """A device that has just announced itself over the radio was heard, though the bridge says so."""
    folded = home(
        zigbee(NOON_MS, "bridge/event", {"type": "device_announce", "data": {"friendly_name": "pendant"}})
    )  # fmt: skip

    assert types(folded) == [("device.online", "h1")]
    assert home.fold.liveness()[PENDANT][:2] == (NOON_MS, True)


def test_a_brokers_copy_of_online_brings_nobody_back(home):
    """After a reconnect the broker shows the status of a bridge that has hung since: it stays silent in its home."""
    home(zigbee(NOON_MS, "bridge/state", {"state": "online"}, retain=True))
    home(zigbee(NOON_MS, "bridge/health", {}))
    assert told(home(clock(NOON_MS + 15 * MINUTE_MS))) == [("device.offline", "h1", "silent")]
    copy = home(zigbee(NOON_MS + 16 * MINUTE_MS, "bridge/state", {"state": "online"}, retain=True))

    assert (types(copy), told(copy)) == ([], [])
    assert [one.reason for one in copy.verdicts] == ["hearsay"]


def test_a_brokers_copy_of_online_ends_a_will(home):
    """A bridge that died by its will and came back while we were away is online by what it left with the broker."""
    home(zigbee(NOON_MS, "bridge/health", {}))
    gone = home(zigbee(NOON_MS + MINUTE_MS, "bridge/state", {"state": "offline"}))
    copy = home(zigbee(NOON_MS + 2 * MINUTE_MS, "bridge/state", {"state": "online"}, retain=True))

    assert types(gone) == [("device.offline", "h1")]
    assert types(copy) == [("device.online", "h1")]
    assert home.fold.liveness()[BRIDGE][:2] == (NOON_MS, True)
