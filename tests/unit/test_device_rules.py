"""What the engine does for rules about devices: chattering stands for others, tasks, first heard, tests that count."""

from __future__ import annotations

from ingest.event import TEST
from rules.effects import Clear, Raise
from tests.support.home_story import BOOK, HomeStory, changed, without

BED_ONLY = without(*[rule.id for rule in BOOK.rules if rule.id not in ("R05", "R06", "R41", "R42")])


def chatter(story: HomeStory, clock: str, times: int = 12, every_s: int = 20) -> None:
    """The bed goes from occupied to left and back so many times."""
    for number in range(times):
        word = "bed.left" if number % 2 == 0 else "bed.occupied"
        story.event(word, story.at(clock) + number * every_s * 1_000)


def look(story: HomeStory, priority: str) -> Raise:
    """The only alert "look to person or sensor" of that priority."""
    (alert,) = [alert for alert in story.raised("R42") if alert.priority == priority]
    return alert


def test_a_chattering_bed_names_what_it_stands_for_and_is_as_urgent() -> None:
    """By night R05 would have been told of it: P2, beside it the task for the technician, who is told of nobody."""
    story = HomeStory(book=BED_ONLY)
    story.event("bed.occupied", story.at("01:00"))
    chatter(story, "03:10")
    person, task = look(story, "P2"), look(story, "P4")
    assert person.reason.args["covers"] == ["R05", "R41"]
    assert person.reason.args["until_ms"] == person.at_ms + 1_800_000
    assert (person.resident, person.subject, person.device) == ("r1", "r1", "d-bed")
    assert (task.resident, task.subject, task.device) == (None, "d-bed", "d-bed")
    assert person.alert_id != task.alert_id


def test_only_what_may_look_at_the_person_is_covered() -> None:
    """Without a measure nobody looks at the bed; R06 counts where a plan has switched it on."""
    unwatched = HomeStory(book=BED_ONLY, measure=False)
    unwatched.event("bed.occupied", unwatched.at("01:00"))
    chatter(unwatched, "03:10")
    assert look(unwatched, "P3").reason.args["covers"] == ["R41"]
    planned = HomeStory(book=BED_ONLY)
    planned.set("plan", "p1", {"resident": "r1", "rule": "R06", "set": {"on": True}})
    planned.event("bed.occupied", planned.at("01:00"))
    chatter(planned, "03:10")
    assert look(planned, "P2").reason.args["covers"] == ["R05", "R06", "R41"]


def test_the_rules_it_stands_for_go_on() -> None:
    """The fold keeps nothing back: whoever stays out of the chattering bed is told of by R05 as ever."""
    story = HomeStory(book=BED_ONLY)
    story.event("bed.occupied", story.at("01:00"))
    chatter(story, "03:10", times=13)
    story.until(story.at("03:40"))
    assert [alert.at_ms for alert in story.raised("R05")] == [story.at("03:34")]


def test_both_are_over_when_it_has_been_quiet() -> None:
    """Half an hour after the last change the alert and its task are cleared, each once."""
    story = HomeStory(book=BED_ONLY)
    story.event("bed.occupied", story.at("01:00"))
    chatter(story, "03:10")
    ids = {look(story, "P2").alert_id, look(story, "P4").alert_id}
    story.until(story.at("03:43:39"))
    assert not [clear for clear in story.cleared() if clear.alert_id in ids]
    story.until(story.at("03:43:40"))
    over = [effect for effect in story.effects if isinstance(effect, Clear) and effect.alert_id in ids]
    assert sorted(clear.alert_id for clear in over) == sorted(ids)


def test_what_is_no_more_urgent_than_its_task_has_none() -> None:
    """A technician is not told twice of the same device."""
    story = HomeStory(book=without("R05", "R06", "R20", "R41"), measure=False)
    story.event("bed.occupied", story.at("12:00"))
    chatter(story, "12:10")
    assert [alert.priority for alert in story.raised("R42")] == ["P4"]


def test_what_the_book_ends_leaves_no_task_behind() -> None:
    """Switched off, both alerts are left to a person."""
    story = HomeStory(book=BED_ONLY)
    story.event("bed.occupied", story.at("01:00"))
    chatter(story, "03:10")
    story.book(without("R42", book=BED_ONLY), story.at("03:20"))
    ids = {alert.alert_id for alert in story.raised("R42")}
    assert {clear.alert_id for clear in story.cleared() if clear.stays} == ids


def test_a_press_in_a_test_session_counts_for_the_rule_that_asks_for_tests() -> None:
    """R48: the technician's press is the test; for a rule that does not count tests it is none."""
    for counts, raised in ((True, 0), (False, 1)):
        book = without(*[rule.id for rule in BOOK.rules if rule.id != "R48"])
        story = HomeStory(book=changed("R48", book, counts_tests=counts))
        story.event("heartbeat", story.at("12:00"), role="pendant")
        story.event("alarm.pressed", story.at("12:00", 10), quality=(TEST,))
        story.until(story.at("14:00", 31))
        assert len(story.raised("R48")) == raised


def test_a_device_counts_from_when_it_is_first_heard() -> None:
    """Not yet installed holds nothing; from its first word on it has thirty days to be tried."""
    book = without(*[rule.id for rule in BOOK.rules if rule.id != "R48"])
    story = HomeStory(book=book)
    story.until(story.at("12:00", 40))
    assert story.raised() == []
    story.event("heartbeat", story.at("13:00", 40), role="pendant")
    story.event("heartbeat", story.at("13:00", 40), role="bed")
    story.until(story.at("12:59:59", 70))
    assert story.raised() == []
    story.until(story.at("13:00", 70))
    assert [(alert.rule, alert.subject) for alert in story.raised()] == [("R48", "d-pendant")]


def test_the_device_s_own_word_counts_as_a_value_past_the_limit() -> None:
    """R39: battery.low fires without a number, battery.ok ends it; a level does the same. Volts alone say nothing."""
    story = HomeStory(
        book=changed("R39", without(*[r.id for r in BOOK.rules if r.id != "R39"]), set={"below": 20, "hysteresis": 5})
    )
    story.event("battery.low", story.at("12:00"))
    (alert,) = story.raised()
    assert (alert.reason.code, alert.subject, alert.at_ms) == ("threshold.device_says", "d-pendant", story.at("12:00"))
    story.event("battery.level", story.at("12:10"), volts=2.1)
    assert story.cleared() == []
    story.event("battery.ok", story.at("12:30"))
    assert len(story.cleared()) == 1
    story.event("battery.level", story.at("13:00"), percent=19)
    story.event("battery.level", story.at("14:10"), percent=24)
    assert [each.reason.code for each in story.raised()] == ["threshold.device_says", "threshold.passed"]
    assert len(story.cleared()) == 1
    story.event("battery.level", story.at("14:20"), percent=25)
    assert len(story.cleared()) == 2
