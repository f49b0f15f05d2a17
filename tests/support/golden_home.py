"""A kept journal of inputs: how it was made, and what the folds say to it. `python -m tests.support.golden_home FILE`
tells the effects' hash; with `--write` it makes a new journal, which is needed only when rows of INPUTS change.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import msgspec

from ingest.record import Input
from ingest.vocabulary import floor_flag
from rules.book import Book
from rules.floor import Floor
from rules.home_fold import HomeFold
from tests.support.home_story import BOOK, HomeStory, effect_bytes

MIN = 60_000


def make() -> list[Input]:
    """A fall at night, a silent gateway, doses, a pause, late and buffered news, a new limit, an unknown device."""
    story = HomeStory(book=Book(()))
    story.book(BOOK)
    for at, type_ in (("00:00", "bed.occupied"), ("02:10", "bed.left"), ("02:13:00", "fall.suspected")):
        story.event(type_, story.at(at))
    story.event("fall.confirmed", story.at("02:13:20"))
    for second in (5, 20, 50):
        story.event("alarm.pressed", story.at("02:14") + second * 1_000, trigger="pendant")
    story.event("staff.arrived", story.at("02:49"), tag="t1")
    story.event("bed.occupied", story.at("03:10"))
    story.event("staff.left", story.at("03:20"), tag="t1")
    story.set(
        "plan",
        "p1",
        {"resident": "r1", "rule": "R05", "set": {"for": "35 min"}, "until": "2026-03-02"},
        story.at("07:00"),
    )
    for dose, at in (("a", "08:00"), ("b", "12:00"), ("c", "20:00")):
        story.event("dose.due", story.at(at), dose_id=dose, time_critical=dose == "b")
        story.event("motion.detected", story.at(at) + 3 * MIN)
    story.event("device.offline", story.at("09:00", 1), role="gateway")
    story.event("dose.taken", story.at("20:10"), heard_ms=story.at("11:00:05", 1), dose_id="c")
    story.event("device.online", story.at("11:00:05", 1), role="gateway")
    pause = {"resident": "r1", "from_ms": story.at("12:00", 1), "until_ms": story.at("18:00", 1)}
    story.set("pause", "x1", pause, story.at("11:30", 1))
    story.event("bed.occupied", story.at("22:30", 1))
    story.event("bed.left", story.at("23:40", 1), heard_ms=story.at("00:50", 2))
    story.event("battery.level", story.at("01:00", 2), role="pendant", percent=1)
    story.event("alarm.pressed", story.at("21:00", 1), heard_ms=story.at("02:00", 2), trigger="pendant")
    story.event("condition.reported", story.at("02:10", 2), code="4.9", severity=30)
    story.set("measure", "m1", None, story.at("05:00", 2))
    _unknown(story, story.at("06:00", 2))
    story.until(story.at("12:00", 4))
    return [_numbered(seq, given) for seq, given in enumerate(story.inputs, 1)]


def _unknown(story: HomeStory, at_ms: int) -> None:
    story.event("alarm.pressed", at_ms, trigger="cord")
    given = story.inputs.pop()
    assert given.event is not None
    event = msgspec.structs.replace(
        given.event, home="address:x", subject="x", address="x", device=None, resident=None, gateway=None,
        quality=("unassigned",),
    )  # fmt: skip
    story.give(msgspec.structs.replace(given, home="address:x", event=event))


def _numbered(seq: int, given: Input) -> Input:
    event = given.event
    flag = 0 if event is None else floor_flag(event.type, event.content, wander_risk=False)
    return msgspec.structs.replace(given, seq=seq, floor=flag)


def inputs_of(path: Path) -> list[Input]:
    """The rows of a kept journal."""
    return [msgspec.json.decode(line, type=Input) for line in path.read_bytes().splitlines()]


def digest(path: Path) -> str:
    """Hash of everything that floor and home fold say to the journal, and of the state they end in."""
    floor, fold = Floor("solbakken"), HomeFold(Book(()), "solbakken")
    told = hashlib.sha256()
    for given in inputs_of(path):
        told.update(effect_bytes([*floor.apply(given), *fold.apply(given)]))
    told.update(floor.snapshot() + fold.snapshot())
    return told.hexdigest()


if __name__ == "__main__":
    journal = Path(sys.argv[1])
    if "--write" in sys.argv:
        journal.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in make()))
    sys.stdout.write(digest(journal) + "\n")
