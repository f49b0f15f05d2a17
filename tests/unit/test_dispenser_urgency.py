"""A dispenser that is urgent by a dose: what staff settle by hand ends the urgency, never what is left to mend."""

from __future__ import annotations

from datetime import date

import pytest

from ingest.event import Event
from ingest.record import EVENT, Input
from rules.effects import Update
from tests.support.home_story import HomeStory

MIN = 60_000
TUESDAY = date(2026, 3, 3)


def silent_from_six(*clocks: str) -> HomeStory:
    """Doses at these times on Monday, all fetched; heard last on Tuesday at 18:00, four times an hour."""
    story = HomeStory(TUESDAY)
    for number, clock in enumerate(clocks):
        at_ms = story.at(clock, -1)
        story.event("dose.due", at_ms, dose_id=f"monday-{number}", scheduled_at_ms=at_ms)
        story.event("dose.taken", at_ms + MIN, dose_id=f"monday-{number}")
    story.event("heartbeat", story.at("18:00"), role="dispenser", interval_seconds=900)
    return story


def by_hand(story: HomeStory, clock: str, dose: object, days: int = 0, word: str = "dose.taken") -> None:
    """What the desk says when staff end or document an alert with "dose given": of a person and a dose."""
    at_ms = story.at(clock, days)
    event = Event(
        f"{word}@{at_ms}", word, "solbakken", "desk:h1", "h1", "r1", at_ms, at_ms, at_ms, resident="r1",
        content={"dose_id": str(dose), "assisted": True},
    )  # fmt: skip
    story.give(Input(EVENT, at_ms, "h1", event=event))


def told(story: HomeStory, rule: str) -> list[tuple[str, int]]:
    return [(alert.priority, alert.at_ms) for alert in story.raised(rule)]


@pytest.mark.parametrize("word", ["dose.taken", "dose.skipped"])
def test_a_dose_given_by_hand_leaves_a_repair(word: str) -> None:
    """Silent, and the dose of 20:00 is near: urgent. It is given at 19:30: over, and a P4 stands for the dispenser."""
    story = silent_from_six("20:00")
    story.until(story.at("19:30"))
    (urgent,) = story.raised("R27")
    assert (urgent.priority, urgent.at_ms) == ("P2", story.at("19:00"))
    by_hand(story, "19:30", urgent.causes[0].content["dose_id"], word=word)
    story.until(story.at("07:59", 1))

    (over,) = story.cleared("R27")
    assert (over.alert_id, over.at_ms, over.reason.code) == (
        urgent.alert_id, story.at("19:30"), "dispenser.dose_settled",
    )  # fmt: skip
    assert told(story, "R27") == [("P2", story.at("19:00")), ("P4", story.at("19:30"))]
    assert story.raised("R23") == [], "nobody asks again what became of it"


def test_a_dispenser_that_names_that_dose_at_last_asks_nobody() -> None:
    """Heard again at 22:00, it names the dose of 20:00 and calls it missed: staff gave it, and that stands."""
    story = silent_from_six("20:00")
    story.until(story.at("19:30"))
    by_hand(story, "19:30", story.raised("R27")[0].causes[0].content["dose_id"])
    for word, clock in (("dose.due", "22:00"), ("dose.missed", "22:01")):
        story.event(word, story.at(clock), dose_id="tuesday", scheduled_at_ms=story.at("20:00"))
    story.until(story.at("23:59"))
    assert story.raised("R22") == []
    assert [clear.reason.code for clear in story.cleared("R27")] == ["dispenser.dose_settled", "silence.over"]


def test_with_another_dose_before_anybody_looks_it_stays_urgent() -> None:
    """Doses at 20:00 and 06:00, the next check at 08:00: after the first one the alert names the second."""
    story = silent_from_six("06:00", "20:00")
    story.event("dose.due", story.at("06:00"), heard_ms=story.now_ms, dose_id="a", scheduled_at_ms=story.at("06:00"))
    story.event("dose.taken", story.at("06:10"), heard_ms=story.now_ms, dose_id="a")
    story.until(story.at("19:30"))
    (urgent,) = story.raised("R27")
    by_hand(story, "19:30", urgent.causes[0].content["dose_id"])
    assert story.cleared("R27") == []
    named = [one for one in story.effects if isinstance(one, Update) and one.alert_id == urgent.alert_id]
    assert [cause.content["scheduled_at_ms"] for one in named for cause in one.causes] == [story.at("06:00", 1)]
    by_hand(story, "19:40", named[0].causes[0].content["dose_id"])
    assert told(story, "R27")[-1] == ("P4", story.at("19:40"))


def test_a_jam_is_urgent_until_the_dose_behind_it_is_given() -> None:
    """R25 by the same law; its repair ends with the jam."""
    story = silent_from_six("20:00")
    story.event("dispenser.fault", story.at("18:30"), role="dispenser", fault="jam")
    (urgent,) = story.raised("R25")
    assert [cause.type for cause in urgent.causes] == ["dispenser.fault", "dose.next"]
    by_hand(story, "19:00", urgent.causes[1].content["dose_id"])
    assert told(story, "R25") == [("P2", story.at("18:30")), ("P4", story.at("19:00"))]
    story.event("dispenser.fault_cleared", story.at("20:30"), role="dispenser", fault="jam")
    assert len(story.cleared("R25")) == 2


def test_another_dose_given_by_hand_changes_nothing() -> None:
    """Only the dose that made it urgent can end that."""
    story = silent_from_six("20:00")
    story.until(story.at("19:20"))
    by_hand(story, "19:30", "some-other-dose")
    assert told(story, "R27") == [("P2", story.at("19:00"))]
    assert story.cleared("R27") == []
