"""Why did it fire, and why did it not: what the explanation says of the same nights the rules are tested with."""

from __future__ import annotations

import pytest

from rules.explain import Explanation, explain
from tests.support.home_story import BOOK, HomeStory


def asked(story: HomeStory, clock: str, rule: str = "R05", subject: str = "r1", days: int = 0) -> Explanation:
    return explain(story.inputs, BOOK, "solbakken", subject, rule, story.at(clock, days))


@pytest.fixture
def night() -> HomeStory:
    """Kari sleeps from 22:10, is up from 02:10 to 02:40, and her alert comes at 02:30."""
    story = HomeStory()
    story.event("bed.occupied", story.at("22:10", -1))
    story.event("bed.left", story.at("02:10"))
    story.event("bed.occupied", story.at("02:40"))
    story.until(story.at("05:00"))
    return story


@pytest.mark.parametrize(
    ("clock", "conclusion"),
    [("02:00", "quiet"), ("02:29", "waiting"), ("02:30", "open"), ("02:41", "told")],
)
def test_the_answer_is_that_of_the_instant_asked_about(night: HomeStory, clock: str, conclusion: str) -> None:
    """Before she was up, while it waits, when it has told, and after she was back."""
    assert asked(night, clock).conclusion == conclusion


def test_it_says_what_it_saw_and_when_it_will_look_again(night: HomeStory) -> None:
    """Events with their role, the next timer, the kind's state, and each parameter with its origin."""
    answer = asked(night, "02:20")
    assert [(seen.role, seen.type) for seen in answer.seen] == [("leave", "bed.occupied"), ("enter", "bed.left")]
    assert answer.next_due_ms == night.at("02:30")
    assert answer.state["phase"] == "armed"
    assert answer.parameters["for"].value == "20 min"
    assert answer.parameters["for"].origin == "book"
    assert answer.watched_until_ms is None


def test_it_says_what_was_told(night: HomeStory) -> None:
    """The alert, its reason, and its end."""
    answer = asked(night, "04:00")
    assert [(said.what, said.reason.code) for said in answer.said] == [
        ("raise", "dwell.too_long"),
        ("clear", "dwell.over"),
    ]
    assert answer.said[0].alert_id == night.raised("R05")[0].alert_id


def test_nobody_watched_her() -> None:
    """Without a measure the rule says that it may not look, whatever happened."""
    story = HomeStory(measure=False)
    story.event("bed.left", story.at("02:10"))
    answer = asked(story, "03:00")
    assert (answer.conclusion, answer.seen) == ("not_watched", ())


def test_staff_were_there() -> None:
    """What held it is named, with until when."""
    story = HomeStory()
    story.event("bed.occupied", story.at("22:10", -1))
    story.event("bed.left", story.at("02:10"))
    story.event("staff.arrived", story.at("02:15"), tag="s1")
    story.until(story.at("02:31"))
    answer = asked(story, "02:31")
    assert answer.conclusion == "held"
    assert answer.hold is not None
    assert answer.hold.code == "hold.staff"
    assert [said.what for said in answer.said] == ["held"]


@pytest.mark.parametrize(
    ("rule", "subject", "conclusion"),
    [("R99", "r1", "no_rule"), ("R05", "r2", "not_in_home"), ("R16", "r1", "waiting"), ("R22", "r1", "seen_nothing")],
)
def test_questions_that_have_a_plain_answer(night: HomeStory, rule: str, subject: str, conclusion: str) -> None:
    """A rule that is not there, somebody who is not, one that counts, one that nothing was for."""
    assert asked(night, "02:35", rule, subject).conclusion == conclusion


def test_it_decides_nothing(night: HomeStory) -> None:
    """With a witness beside it the fold says what it said without."""
    alone = [alert.alert_id for alert in night.raised()]
    answer = asked(night, "05:00")
    assert [said.alert_id for said in answer.said if said.what == "raise"] == alone


def test_a_measure_that_ends_one_day_is_no_timer() -> None:
    """Nothing has happened: the rule waits for nothing, and says until when it may look."""
    story = HomeStory(measure=False)
    value = {"resident": "r1", "service": "digital_supervision", "from": "2026-01-01", "until": "2026-12-31"}
    story.set("measure", "m1", value)
    answer = asked(story, "12:00")
    assert (answer.conclusion, answer.next_due_ms) == ("seen_nothing", None)
    assert answer.watched_until_ms == story.at("00:00", 306)
