"""The language of rule tests: what a line means, and what is refused with its line and the nearest right word."""

from __future__ import annotations

import pytest

from ingest.event import BUFFERED, LATE, RETAINED, UNASSIGNED
from ingest.record import EVENT, SETTING
from rules.book_file import BookError, shipped_book
from rules.rule_test import Clock
from rules.rule_test_file import read_tests
from rules.rule_test_home import inputs_of
from rules.rule_test_words import clock_ms

BOOK = shipped_book()
MINUTE_MS = 60_000


def one(timeline: str, expect: str = "", more: str = "", rule: str = "R05"):
    """The only case of a file that is written like this."""
    return read_tests(text_of(timeline, expect, more, rule), "own.test.yaml", BOOK)[0]


def text_of(timeline: str, expect: str = "", more: str = "", rule: str = "R05") -> str:
    lines = [f"{rule}:", "  a story:", *(f"    {line}" for line in more.splitlines()), "    timeline: |"]
    lines += [f"      {line}" for line in timeline.splitlines()]
    if expect:
        lines += ["    expect: |", *(f"      {line}" for line in expect.splitlines())]
    return "\n".join(lines) + "\n"


def events(timeline: str, more: str = ""):
    case = one(timeline, more=more)
    return [given.event for given in inputs_of(case, BOOK) if given.kind == EVENT and given.event is not None]


def refused(timeline: str, expect: str = "", more: str = "") -> str:
    with pytest.raises(BookError) as found:
        one(timeline, expect, more)
    return str(found.value)


def test_times_are_local_and_run_on():
    """A time before the line above is the next day's; +, days and seconds are understood."""
    case = one("22:10 bed left\n02:13 bed occupied\n+1 h 30 min 5 s wait\nday 3 08:00:30 wait")

    first_ms = case.steps[0].at_ms
    after = [(step.at_ms - first_ms) // 1_000 for step in case.steps]
    assert after == [0, 4 * 3_600 + 180, 4 * 3_600 + 180 + 5_405, 33 * 3_600 + 50 * 60 + 30]


def test_a_day_without_a_quarter_to_three():
    """Times are those of the clock on the wall, also on the night when it jumps."""
    case = one("01:50 bed left\n03:10 bed occupied", more="day: 2026-03-29")

    assert case.steps[1].at_ms - case.steps[0].at_ms == 20 * MINUTE_MS
    assert clock_ms("03:10", case.clock, case.steps[0].at_ms) == case.steps[1].at_ms


def test_spoken_and_canonical_names_are_the_same_event():
    """ "bed left" is bed.left of the bed that stands in the bedroom, with everything an event has."""
    spoken, written = events("22:10 bed left\n22:11 bed.left")

    assert spoken.type == written.type == "bed.left"
    assert (spoken.device, spoken.role, spoken.room, spoken.resident) == ("d-bed", "bed", "bedroom", "r1")
    assert spoken.address == "vardevakt:gw-1/d-bed"


def test_fields_are_those_of_the_vocabulary():
    """Numbers, flags, words and local times come out as the vocabulary types them."""
    due, fall = events(
        "23:50 dose due dose_id=7 scheduled_at=00:10 time_critical=true\n23:51 fall suspected still_seconds=30"
    )

    assert due.content["dose_id"] == "7"
    assert due.content["time_critical"] is True
    assert due.content["scheduled_at_ms"] == due.effective_at_ms + 20 * MINUTE_MS
    assert fall.content["still_seconds"] == 30


def test_what_is_late_retained_and_nobodys_says_so():
    """`heard` makes it late and buffered at its own time; `retained` and `unassigned` are qualities of the event."""
    late, kept, unknown = events("02:00 bed left heard 06:30\n06:31 bed left retained\n06:32 alarm pressed unassigned")

    assert late.received_at_ms - late.effective_at_ms == 270 * MINUTE_MS
    assert late.quality == (BUFFERED, LATE)
    assert RETAINED in kept.quality
    assert kept.state
    assert UNASSIGNED in unknown.quality
    assert unknown.home.startswith("address:")
    assert (unknown.device, unknown.resident) == (None, None)


def test_the_site_stands_before_the_story_begins():
    """Residents, gateways and every device that a line names are registered when the first line happens."""
    case = one(
        "22:00 bed occupied\n02:10 motion detected room=kitchen", more="site: {residents: [{id: r1, risks: [fall]}]}"
    )
    given = inputs_of(case, BOOK)

    settings = {each.setting.setting_id: each.setting.value for each in given if each.kind == SETTING and each.setting}
    resident = settings["resident/r1"]
    assert resident is not None
    assert (resident["home"], resident["risks"]) == ("h1", ["fall"])
    kitchen = settings["device/d-motion-kitchen"]
    assert kitchen is not None
    assert kitchen["room"] == "kitchen"
    assert {"home/h1", "gateway/gw-1", "device/d-bed"} <= set(settings)
    assert all(each.received_at_ms == case.steps[0].at_ms for each in given if each.kind == SETTING)


@pytest.mark.parametrize(
    ("timeline", "expect", "line", "said"),
    [
        ("22:10 bed leaft", "", 4, "did you mean bed left?"),
        ("22:10 bed left\n25:00 wait", "", 5, "begins with no time"),
        ("22:10 bed left device=d-bedd", "", 4, "did you mean d-bed?"),
        ("22:10 dose due dose_idd=7", "", 4, "did you mean dose_id?"),
        ("22:10 alarm pressed trigger=cordd", "", 4, "did you mean cord?"),
        ("22:10 dose due dose_id=1 window_minutes=soon", "", 4, "window_minutes=soon"),
        ("22:10 bed left\n22:05 bed occupied heard 22:30", "", 5, "say which day it was"),
        ("22:10 bed left heard 22:30\n22:20 wait", "", 5, "order of hearing"),
        ("22:10 plan r1 R05 fro: 30 min", "", 4, "did you mean for?"),
        ("22:10 plan r1 R05 for: 30 minutes", "", 4, "is not a duration"),
        ("22:10 pause r2 until 10:00", "", 4, "unknown resident 'r2'"),
        ("22:10 gateway gw-2 silent", "", 4, "unknown gateway 'gw-2'"),
        ("22:10 measure digital_supervison begins", "", 4, "did you mean digital_supervision?"),
        ("22:10 bed left retaind", "", 4, "is no event"),
        ("22:10", "", 4, "says only a time"),
        ("22:10 bed left", "22:30 R5 P2", 6, "did you mean R05"),
        ("22:10 bed left", "22:30 R05 P2, claered 22:40", 6, "did you mean cleared"),
        ("22:10 bed left", "22:30 R05 hold hold.staff", 6, "did you mean held?"),
        ("22:10 bed left\nday 3 08:00 wait", "22:30 R05 P2", 7, "say which: day 2 22:30"),
    ],
)
def test_a_wrong_word_is_refused_with_its_line(timeline, expect, line, said):
    """Nothing is guessed: file, line and the nearest right word."""
    message = refused(timeline, expect)

    assert message.startswith(f"own.test.yaml:{line}: ")
    assert said in message


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("show: fires", "did you mean shows?"),
        ("shows: fire", "did you mean fires?"),
        ("shows: fires", "it expects no alert"),
        ("shows: late", "nothing in it is heard late"),
        ("shows: held", "no line of expect says `R05 held"),
        ("quiet: [R99]", "unknown 'R99'"),
        ("day: tomorrow", "is no date"),
        ("site: {resident: []}", "did you mean residents?"),
        ("site: {set: {R05: {fro: 30 min}}}", "fro"),
    ],
)
def test_a_case_that_does_not_show_what_it_says_is_refused(more, said):
    """Purposes are checked against the case; unknown keys and words have the right one beside them."""
    assert said in refused("22:10 bed left", more=more)


def test_clock_tells_days_from_the_second_on():
    """Times in answers look like those people write."""
    clock = Clock(one("22:10 wait").clock.day, "Europe/Oslo")

    assert [clock.told(clock.at(*when)) for when in ((0, 7_800), (1, 7_830))] == ["02:10", "day 2 02:10:30"]
