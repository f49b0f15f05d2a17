"""A bed or chair that cannot say whether somebody is in it, and a door that closes: is anybody taken to be out?"""

from __future__ import annotations

import pytest

from tests.support.home_story import HomeStory


def door_closes(story: HomeStory) -> None:
    """Somebody is seen in the hall and goes at 10:42."""
    story.event("motion.detected", story.at("10:41"))
    story.event("door.opened", story.at("10:41:30"), role="front_door")
    story.event("door.closed", story.at("10:42"), role="front_door")


def away(story: HomeStory) -> list[int]:
    return [note.at_ms for note in story.noted("away")]


@pytest.mark.parametrize("bed", ["never heard", "silent"])
def test_a_bed_that_cannot_say_may_have_somebody_in_it(bed: str) -> None:
    """A visitor leaves her in bed: nobody is taken to be out, and R17 tells of the silence as it always does."""
    story = HomeStory()
    if bed == "silent":
        story.event("bed.left", story.at("06:30"))
        story.event("device.offline", story.at("07:00"), role="bed")
    door_closes(story)
    story.until(story.at("15:00"))
    assert away(story) == []
    assert [alert.at_ms for alert in story.raised("R17")] == [story.at("14:42")]
    assert story.raised("R12") == []


def test_a_chair_nobody_has_sat_in_yet_holds_back_no_guess() -> None:
    """It speaks when somebody sits down; a bed that was never heard is another thing."""
    story = HomeStory()
    story.set("device", "d-chair", {"resident": "r1", "role": "chair", "gateway": "gw-1"})
    story.event("bed.left", story.at("06:30"))
    door_closes(story)
    story.until(story.at("12:00"))
    assert away(story) == [story.at("11:12")]
