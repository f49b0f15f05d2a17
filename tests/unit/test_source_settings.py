from __future__ import annotations

import msgspec
import pytest

from ingest.record import SETTING, Folded, RawRecord
from tests.support.source import (
    MINUTE_MS,
    NOON_MS,
    Source,
    clock,
    events,
    feed,
    press,
    ready,
    said,
    setting,
    site,
    staff,
    status,
    told,
)

LATER_MS = NOON_MS + 60 * MINUTE_MS
D1 = {"id": "d1", "address": "vardevakt:gw-1/pendant", "role": "pendant", "resident": "r1", "gateway": "gw1"}


def sent(folded: Folded) -> list[tuple[str, str, bool]]:
    """Settings among the inputs: (id, home, derived)."""
    return [(one.setting.setting_id, one.home, one.derived) for one in folded.inputs if one.setting is not None]


@pytest.mark.parametrize(
    ("kind", "item", "value", "homes"),
    [
        ("site", "other", {"language": "nb"}, [""]),
        ("ward", "nord", {"name": "Nord"}, [""]),
        ("book", "current", {"hash": "x"}, [""]),
        ("home", "h9", {"ward": "nord"}, ["h9"]),
        ("resident", "r9", {"home": "h2"}, ["h2"]),
        ("measure", "m1", {"resident": "r1"}, ["h1"]),
        ("plan", "p1", {"resident": "r2", "rule": "R05"}, ["h2"]),
        ("pause", "p1", {"resident": "nobody"}, [""]),
        ("device", "d9", {"address": "z:1", "resident": "r2"}, ["h2"]),
        ("device", "d9", {"address": "z:1", "gateway": "gw1"}, ["h1"]),
        ("gateway", "gw9", {"address": "v:9", "home": "h2"}, ["h2"]),
        ("test_session", "t1", {"device": "d3", "from_ms": 0, "until_ms": 1}, ["h2"]),
    ],
)
def test_where_a_setting_goes(kind, item, value, homes):
    """Each kind to the home that it concerns; what concerns everybody, or nobody known, to all."""
    assert [home for _, home, _ in sent(ready()(setting(kind, item, value, NOON_MS)))] == homes


def test_a_setting_sent_twice_changes_nothing():
    """A relay that crashed between sending and marking sends again: a verdict, no input."""
    source = ready()
    folded = source(setting("device", "d1", D1, LATER_MS))

    assert (folded.inputs, [one.reason for one in folded.verdicts]) == ((), ["duplicate"])


def test_a_device_that_moves_is_told_to_both_homes():
    """The old home must forget it, the new one must know it."""
    folded = ready()(setting("device", "d1", {**D1, "resident": "r2"}, LATER_MS, 2))

    assert sent(folded) == [("device/d1", "h2", False), ("device/d1", "h1", True)]


def test_a_removed_device_is_told_to_the_home_it_left():
    """Without a value there is only the old home to tell."""
    assert sent(ready()(setting("device", "d1", None, LATER_MS, 2))) == [("device/d1", "h1", False)]


def test_a_resident_who_moves_takes_everything_along():
    """Devices, measures, plans and pauses reach the new home, so that nobody is unwatched for having moved."""
    source = ready()
    for kind in ("measure", "plan", "pause"):
        source(setting(kind, "x1", {"resident": "r1"}, NOON_MS))
    folded = source(setting("resident", "r1", {"id": "r1", "home": "h2"}, LATER_MS, 2))
    ids = ["device/d1", "device/d2", "measure/x1", "pause/x1", "plan/x1"]

    assert sent(folded)[:2] == [("resident/r1", "h2", False), ("resident/r1", "h1", True)]
    assert sent(folded)[2:] == [(each, home, True) for each in ids for home in ("h1", "h2")]


def test_settings_in_any_order_reach_their_home():
    """A plan that came before its resident is sent to the home once that is known."""
    source = Source([setting("plan", "p1", {"resident": "r1"}, NOON_MS)])
    folded = source(setting("resident", "r1", {"home": "h1"}, NOON_MS))

    assert sent(folded) == [("resident/r1", "h1", False), ("plan/p1", "h1", True)]


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b'{"setting_id": 5}', b'{"setting_id":"a/b","version":1,"kind":"plan","value":{"x":%d}}' % 2**70],
)
def test_a_setting_that_cannot_be_read_is_a_dead_letter(payload):
    """Our own bug is kept and shown, and raises no alarm."""
    folded = ready()(RawRecord(NOON_MS, SETTING, payload=payload))

    assert (folded.inputs, [one.reason for one in folded.dead_letters]) == ((), ["wrong_type"])


def test_a_silent_gateway_is_told_to_every_home_that_hangs_on_it():
    """One incident, one event for each home, each with an id of its own, as of when it was last heard."""
    source = ready()
    source(status(NOON_MS))
    folded = source(clock(NOON_MS + 15 * MINUTE_MS))
    found = events(folded, derived=True)

    assert told(folded) == [("device.offline", "h1", "silent"), ("device.offline", "h2", "silent")]
    assert len({one.event_id for one in found}) == 2
    assert {(one.gateway, one.device, one.effective_at_ms, one.received_at_ms) for one in found} == {
        ("gw1", None, NOON_MS, NOON_MS + 15 * MINUTE_MS)
    }


def test_a_gateway_that_is_back_is_told_before_what_it_brings():
    """Both homes hear that it is back, then comes the message that proved it."""
    source = ready()
    source(status(NOON_MS))
    folded = source(press(NOON_MS + 30 * MINUTE_MS))

    assert [(one.type, one.home) for one in events(folded)] == [
        ("device.offline", "h1"), ("device.offline", "h2"), ("device.online", "h1"), ("device.online", "h2"),
        ("alarm.pressed", "h1"),
    ]  # fmt: skip


def test_a_will_is_told_once_to_each_home():
    """Its own home has the message itself, the others a derived one; a repeated will tells only its own home."""
    source = ready()
    source(status(NOON_MS))
    folds = [source(status(NOON_MS + MINUTE_MS, online=False)), source(status(NOON_MS + MINUTE_MS + 1, online=False))]

    assert [[(one.type, one.home) for one in events(each, derived=False)] for each in folds] == [
        [("device.offline", "h1")], [("device.offline", "h1")],
    ]  # fmt: skip
    assert [told(each) for each in folds] == [[("device.offline", "h2", "will")], []]
    assert told(source(status(NOON_MS + 2 * MINUTE_MS))) == [("device.online", "h2", "heard")]


def test_a_device_told_offline_is_back_with_its_next_message():
    """Whatever said that it is offline, its home hears when it speaks again."""
    source = ready()
    source(said(NOON_MS, "mat", {"type": "device.offline"}))
    folded = source(said(NOON_MS + 1_000, "mat", {"type": "bed.left"}))

    assert told(folded) == [("device.online", "h1", "heard")]
    assert events(folded, derived=True)[0].device == "d2"


def test_a_home_that_comes_to_hang_on_a_dark_gateway_is_told():
    """Who gets a device behind a gateway that is offline has no protection, and must be shown so."""
    source = ready()
    source(status(NOON_MS))
    source(clock(NOON_MS + 20 * MINUTE_MS))
    source(setting("home", "h3", {"id": "h3"}, NOON_MS + 21 * MINUTE_MS))
    new = {"id": "d9", "address": "vardevakt:gw-1/new", "home": "h3", "gateway": "gw1"}
    folded = source(setting("device", "d9", new, NOON_MS + 22 * MINUTE_MS))

    assert told(folded) == [("device.offline", "h3", "silent")]
    assert events(folded, derived=True)[0].effective_at_ms == NOON_MS


def test_a_setting_that_makes_something_overdue_says_so_at_once():
    """A device whose interval becomes known long after it was last heard is told silent with that very setting."""
    source = ready()
    source(press(NOON_MS))
    for minute in range(5, 60, 5):
        source(status(NOON_MS + minute * MINUTE_MS))
    folded = source(setting("device", "d1", {**D1, "interval": "10 min"}, NOON_MS + 56 * MINUTE_MS, 2))

    assert told(folded) == [("device.offline", "h1", "silent")]
    assert events(folded)[-1].received_at_ms == NOON_MS + 56 * MINUTE_MS


def test_feed_facts_reach_every_home():
    """One for everybody, and one for each home, with the times that receive gave."""
    folded = ready()(feed(NOON_MS, "feed.gap", from_ms=NOON_MS - 5_000, to_ms=NOON_MS))

    assert [(one.home, one.derived) for one in folded.inputs] == [("", False), ("h1", True), ("h2", True)]
    assert {one.type for one in events(folded)} == {"feed.gap"}
    assert events(folded)[0].content == {"from_ms": NOON_MS - 5_000, "to_ms": NOON_MS}
    assert len({one.event_id for one in events(folded)}) == 3


@pytest.mark.parametrize("kind", ["feed.lost", "feed.gap"])
def test_silence_while_we_were_deaf_is_nobodys(kind):
    """After a restart the first record says since when we heard nothing: no gateway is called silent for that time."""
    source = ready()
    source(status(NOON_MS))
    restart_ms = NOON_MS + 120 * MINUTE_MS
    first = source(feed(restart_ms, kind, from_ms=NOON_MS + 1_000, to_ms=restart_ms))
    then = source(feed(restart_ms + 1_000, "feed.gap", from_ms=NOON_MS + 1_000, to_ms=restart_ms + 1_000))
    late = source(clock(restart_ms + 20 * MINUTE_MS))

    assert [one for one in told(first) + told(then) if one[0] == "device.offline"] == []
    assert told(late)[0] == ("device.offline", "h1", "silent")


@pytest.mark.parametrize(("from_minute", "at_minute"), [(1, 1), (-1, 0), (99, 9)])
def test_homes_take_in_a_lost_feed_as_of_its_beginning(from_minute, at_minute):
    """Not before what they know already, not after it was said: timers that ran out in between find them deaf."""
    from_ms = NOON_MS + from_minute * MINUTE_MS
    folded = ready()(feed(NOON_MS + 9 * MINUTE_MS, "feed.lost", from_ms=from_ms, to_ms=NOON_MS))

    assert [one.received_at_ms for one in folded.inputs] == [NOON_MS + at_minute * MINUTE_MS] * 3
    assert {one.received_at_ms for one in events(folded)} == {NOON_MS + 9 * MINUTE_MS}


@pytest.mark.parametrize("payload", [b"", b"[]", b'{"type": "feed.party"}', b'{"type": 5}'])
def test_a_feed_fact_that_cannot_be_read(payload):
    """A dead letter, no alarm, and time has moved on."""
    source = ready()
    folded = source(RawRecord(NOON_MS, "feed", payload=payload))

    assert (folded.inputs, len(folded.dead_letters)) == ((), 1)


def test_staff_in_a_home():
    """What the desk knows becomes an event of that home, with who it is."""
    folded = ready()(staff(NOON_MS, type="staff.arrived", home="h1", actor="s1", alert_id="a1", resident="r1"))
    (event,) = events(folded)

    assert (event.type, event.home, event.subject) == ("staff.arrived", "h1", "r1")
    assert event.content["actor"] == "s1"


def test_a_dose_that_staff_gave_by_hand():
    """An act on a dose becomes that dose's event of its resident, marked assisted; sent twice it keeps its id."""
    fold, said = ready(), {"type": "dose.taken", "home": "h1", "actor": "s1", "resident": "r1", "dose_id": "evening"}
    more = {"assisted": True, "alert_id": "a1", "id": "evening@1", "at_ms": NOON_MS - 1_000}
    rows = (RawRecord(NOON_MS + ms, "staff", payload=msgspec.json.encode({**said, **more})) for ms in (0, 5_000))
    first, again = (fold(row).inputs[0] for row in rows)
    assert first.event is not None
    assert again.event is not None

    assert (first.event.type, first.home, first.event.resident) == ("dose.taken", "h1", "r1")
    assert (first.event.content["dose_id"], first.event.content["assisted"]) == ("evening", True)
    assert first.event.effective_at_ms == NOON_MS - 1_000
    assert first.event.event_id == again.event.event_id


@pytest.mark.parametrize(
    "fields",
    [{}, {"type": "staff.arrived"}, {"type": "staff.arrived", "home": "h1"}, {"type": "bed.left", "home": "h1",
     "actor": "s1"}, {"type": "staff.left", "home": "", "actor": "s1"}, {"type": ["staff.left"]},
     {"type": "dose.taken", "home": "h1", "actor": "s1", "resident": "r1"},
     {"type": "dose.taken", "home": "h1", "actor": "s1", "dose_id": "d"}],
)  # fmt: skip
def test_staff_records_that_cannot_be_read(fields):
    """Kept as dead letters."""
    folded = ready()(staff(NOON_MS, **fields))

    assert (folded.inputs, len(folded.dead_letters)) == ((), 1)


def test_a_record_of_an_unknown_kind_is_kept():
    """A row that a newer version wrote is a dead letter, not a crash."""
    folded = ready()(RawRecord(NOON_MS, "sensation", payload=b"{}"))

    assert [one.reason for one in folded.dead_letters] == ["unknown_word"]


def test_a_clock_record_moves_every_home():
    """It becomes one input for everybody, and nothing else when nothing is due."""
    folded = ready()(clock(NOON_MS + 5))

    assert [(one.kind, one.home, one.received_at_ms) for one in folded.inputs] == [("clock", "", NOON_MS + 5)]


def test_a_site_twice_is_the_same_state():
    """Importing again changes no byte."""
    once = Source(site()).fold.snapshot()

    assert Source([*site(), *site()]).fold.snapshot() == once
