"""Which words of life a home hears, and which it has heard already."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from ingest.codecs import default_codecs
from ingest.record import Folded
from ingest.source_fold import SourceFold
from ingest.unchanged import OF_DOSES, Unchanged
from rules.book_file import shipped_book
from rules.doses import SPEAKS
from tests.support.source import MINUTE_MS, NOON_MS, SITE, Source, http, press, said, setting, site, status

DAY_MS = 86_400_000
BEAT = {"type": "heartbeat", "interval_seconds": 300}


@pytest.fixture
def source() -> Source:
    """The small site, with a dispenser in it; pendant and gateway have said once that they are there."""
    pills = {"address": "vardevakt:gw-1/pills", "role": "dispenser", "resident": "r1", "gateway": "gw1"}
    begun = Source([*site(), setting("device", "pills", pills, NOON_MS)])
    assert heard(begun(status(NOON_MS))) == ["device.online"]
    assert heard(begun(said(NOON_MS, "pendant", BEAT))) == ["heartbeat"]
    return begun


def heard(folded: Folded) -> list[str]:
    """Types of what its home hears of it, in its own words."""
    return [one.event.type for one in folded.inputs if one.event is not None and not one.derived]


def derived(folded: Folded) -> list[str]:
    """Types of what the fold itself says."""
    return [one.event.type for one in folded.inputs if one.event is not None and one.derived]


def verdicts(folded: Folded) -> list[str]:
    return [one.reason for one in folded.verdicts]


def beat(after_min: float, device: str = "pendant", **fields: object) -> Any:
    return said(NOON_MS + int(after_min * MINUTE_MS), device, BEAT | fields)


def test_the_same_word_again_is_a_verdict_and_a_sign_of_life(source):
    """It names the event that it would have been, and it counts for the silence of device and gateway."""
    again = source(beat(5))
    assert (heard(again), verdicts(again)) == ([], ["unchanged"])
    assert again.verdicts[0].event_id is not None
    assert source.fold.liveness()["vardevakt:gw-1/pendant"][0] == NOON_MS + 5 * MINUTE_MS
    assert verdicts(source(status(NOON_MS + 5 * MINUTE_MS))) == ["unchanged"]


@pytest.mark.parametrize(
    "other",
    [
        {"interval_seconds": 600}, {"rssi": -70}, {"test": True}, {"buffered": True},
        {"time": "2026-03-01T12:00:00Z"}, {"interval_seconds": "soon"},
    ],
)  # fmt: skip
def test_a_word_that_says_more_goes_to_its_home(source, other):
    """Another interval, an unknown field, a test, a late or buffered one, one half understood: none is the same."""
    assert heard(source(beat(5, **other))) == ["heartbeat"]


def test_the_first_word_after_a_silence_goes_to_its_home(source):
    """Its home was told that it is offline, and hears of its return, then of nothing again."""
    told = [derived(source(status(NOON_MS + minutes * MINUTE_MS))) for minutes in range(5, 30, 5)]
    assert ["device.offline"] in told
    assert heard(source(beat(26))) == ["heartbeat"]
    assert verdicts(source(beat(27))) == ["unchanged"]


def test_the_word_after_a_reported_silence_goes_to_its_home(source):
    """Told offline by its will, the gateway's next status is news."""
    assert heard(source(status(NOON_MS + MINUTE_MS, online=False))) == ["device.offline"]
    assert heard(source(status(NOON_MS + 2 * MINUTE_MS))) == ["device.online"]


def test_one_a_day_goes_to_its_home(source):
    """So that a day's inputs show who was there."""
    found = [heard(source(beat(minutes))) for minutes in range(5, 25 * 60, 5)]
    assert [5 * index for index, types in enumerate(found, 1) if types] == [24 * 60]


@pytest.mark.parametrize(
    ("kind", "item", "value"),
    [
        ("device", "d1", {"address": "vardevakt:gw-1/pendant", "role": "pendant", "resident": "r1", "gateway": "gw1"}),
        ("device", "d1", {"address": "vardevakt:gw-1/pendant", "role": "cord", "resident": "r1", "gateway": "gw1"}),
        ("resident", "r1", {"home": "h2"}),
    ],
)
def test_after_a_change_of_settings_the_next_word_goes_to_its_home(source, kind, item, value):
    """The same device entered anew, another role, a move: what a home forgets with it, it hears again."""
    source(setting(kind, item, value, NOON_MS + MINUTE_MS, version=2))
    assert "heartbeat" in heard(source(beat(5)))


def test_a_dispenser_and_whoever_speaks_of_doses_are_heard_word_by_word(source):
    """R27 counts from each of their words, whatever role they are registered with."""
    assert [heard(source(beat(minutes, "pills"))) for minutes in (1, 2)] == [["heartbeat"], ["heartbeat"]]
    assert verdicts(source(beat(3))) == ["unchanged"]
    source(said(NOON_MS + 4 * MINUTE_MS, "pendant", {"type": "dose.due", "dose_id": "1"}))
    assert [heard(source(beat(minutes))) for minutes in (5, 6)] == [["heartbeat"], ["heartbeat"]]
    assert OF_DOSES == SPEAKS


def test_a_stranger_is_heard_word_by_word(source):
    """Pages show what an unknown address sent last from its inputs."""
    words = [heard(source(http(NOON_MS + n * MINUTE_MS, "vardevakt:gw-9/x", BEAT))) for n in (1, 2)]
    assert words == [["heartbeat"], ["heartbeat"]]


def test_alarms_are_no_words_of_life(source):
    """The same press again, with another key, is another press."""
    pressed = [heard(source(press(NOON_MS + n, id=str(n)))) for n in (1, 2)]
    assert pressed == [["alarm.pressed"], ["alarm.pressed"]]


def book_with(rule: dict[str, Any]) -> dict[str, Any]:
    book: dict[str, Any] = json.loads(msgspec.json.encode(shipped_book()))
    return {**book, "rules": [*book["rules"], {"id": "S1", **rule}]}


@pytest.mark.parametrize(
    ("rule", "needed"),
    [
        ({"kind": "dwell", "enter": [{"types": ["device.offline"]}], "leave": [{"types": ["heartbeat"]}]}, []),
        ({"kind": "absence", "enter": [{"types": ["heartbeat"]}]}, ["heartbeat"]),
        ({"enter": [{"types": ["bed.left"]}], "leave": [{"types": ["device.online"]}]}, ["device.online"]),
        ({"kind": "count", "enter": [{"roles": ["motion"]}]}, ["device.online", "heartbeat"]),
    ],
)
def test_a_book_that_reads_each_word_gets_each_word(source, rule, needed):
    """The shipped book reads them as the end of a silence; a rule of the site may count them, and then they come."""
    assert Unchanged().state().needed == []
    source(setting("book", "current", {"book": book_with(rule)}, NOON_MS + 1))
    words = source(beat(5)), source(status(NOON_MS + 6 * MINUTE_MS))
    assert sorted(heard(words[0]) + heard(words[1])) == needed


def test_a_cut_and_restore_anywhere_says_the_same(source):
    """What was said last is state: the fold from a snapshot gives the same rows."""
    restored = SourceFold(SITE, default_codecs())
    restored.restore(source.fold.snapshot())
    rows = [beat(5), beat(6, rssi=1), status(NOON_MS + 7 * MINUTE_MS), beat(DAY_MS // MINUTE_MS + 8)]
    for number, row in enumerate(rows, 10_000):
        given = msgspec.structs.replace(row, seq=number)
        assert restored.apply(given) == source.fold.apply(given)
    assert restored.snapshot() == source.fold.snapshot()


def test_a_base_of_the_version_before_is_read(source):
    """Its state lacks what was said last: everybody's next word goes to its home, and nothing else changes."""
    state = msgspec.msgpack.decode(source.fold.snapshot())
    since_then = 2  # what was said last, and what of two intakes' copies is known
    old = msgspec.msgpack.encode(["source-1", *state[1:-since_then]])
    restored = SourceFold(SITE, default_codecs())
    restored.restore(old)
    assert heard(restored.apply(msgspec.structs.replace(beat(5), seq=10_000))) == ["heartbeat"]
    assert verdicts(restored.apply(msgspec.structs.replace(beat(6), seq=10_001))) == ["unchanged"]
