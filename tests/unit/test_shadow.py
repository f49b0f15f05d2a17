"""Rules on trial: they run beside the others over the same inputs, and tell only their own store."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rules.book import with_versions
from rules.book_file import BookError, book_for_site
from rules.effects import Clear, Raise, rule_alert_id
from rules.shadow import ShadowFold, trial_book
from rules.shadow_follower import ShadowFollower
from rules.shadow_store import KEEP_MS, ShadowStore, shadow_alerts
from tests.support.home_story import BOOK, HomeStory
from tests.support.journals import folded, sqlite_journal

MARKED = with_versions(msgspec.structs.replace(BOOK, shadow={"R05": {"for": "15 min"}}))
OTHER = with_versions(msgspec.structs.replace(BOOK, shadow={"R05": {"for": "10 min"}}))


def night(*, marked_at: str | None = "22:00") -> HomeStory:
    """Up for 17 min at 02:00, and again at 03:00; the marks come at some time of the first evening."""
    story = HomeStory()
    story.event("bed.occupied", story.at("21:00"))
    if marked_at is not None:
        story.book(MARKED, story.at(marked_at))
    for clock, type_ in (
        ("02:00", "bed.left"),
        ("02:17", "bed.occupied"),
        ("03:00", "bed.left"),
        ("03:17", "bed.occupied"),
    ):
        story.event(type_, story.at(clock, 1))
    return story


def follow(folder: Path, story: HomeStory, *, pieces: int = 1) -> list[tuple[str, int]]:
    """Write the story into a journal in so many pieces, each followed by a follower of its own."""
    journal, size = sqlite_journal(folder), -(-len(story.inputs) // pieces)
    try:
        for start in range(0, len(story.inputs), size):
            part = story.inputs[start : start + size]
            journal.inputs.write(start + len(part), folded(part), start)
            follower = ShadowFollower(folder / "shadow.db", "solbakken", "1", journal.inputs, journal.snapshots)
            while follower() is not None:
                pass
            follower.close()
    finally:
        journal.close()
    return [(one.rule, one.at_ms) for one in reversed(shadow_alerts(folder / "shadow.db", None, 100))]


def test_a_trial_is_a_book_of_the_marked_rules():
    """Only what is marked, under its values on trial; nothing marked is an empty book."""
    trial = trial_book(MARKED)

    assert [rule.id for rule in trial.rules] == ["R05"]
    assert trial.layers[-1].set == {"R05": {"on": True, "for": "15 min"}}
    assert trial_book(BOOK).rules == ()


def test_a_persons_alarm_can_be_tried():
    """It is always on, in a trial too, so nothing of that is written."""
    marked = with_versions(msgspec.structs.replace(BOOK, shadow={"R01": {}, "R03": {"cancel_window": "20 s"}}))

    assert trial_book(marked).layers[-1].set == {"R01": {}, "R03": {"cancel_window": "20 s"}}


def test_marks_change_the_book_and_no_rule_of_it():
    """A site that tries something gets a new book; the live rules keep their versions, and so their state."""
    assert MARKED.version != BOOK.version
    assert [rule.version for rule in MARKED.rules] == [rule.version for rule in BOOK.rules]


def test_ids_are_those_of_the_trials_own_lane():
    """The same alert has another id live, in this trial and in the next."""
    fold = ShadowFold("solbakken")
    raised = [one for given in night().inputs for one in fold.apply(given) if isinstance(one, Raise)]

    assert len(raised) == 2
    lane = f"shadow:{trial_book(MARKED).version}"
    assert raised[0].alert_id == rule_alert_id(lane, "solbakken", "R05", "r1", raised[0].episode)
    assert fold.version == trial_book(MARKED).version


def test_a_new_trial_begins_from_what_is_known():
    """Other marks while she is up: the new limit counts from when she got up; nothing of the old trial is cleared."""
    story = HomeStory()
    story.event("bed.occupied", story.at("21:00"))
    story.book(MARKED)
    story.event("bed.left", story.at("02:00", 1))
    story.book(OTHER, story.at("02:05", 1))
    story.until(story.at("02:30", 1))
    fold = ShadowFold("solbakken")
    said = [one for given in story.inputs for one in fold.apply(given)]

    (raised,) = [one for one in said if isinstance(one, Raise)]
    assert raised.at_ms == story.at("02:10", 1)
    assert not [one for one in said if isinstance(one, Clear)]


@pytest.mark.parametrize("pieces", [1, 2, 3, 5])
def test_stopped_and_started_it_tells_the_same(tmp_path, pieces):
    """Whenever the service restarts, the store holds each alert of the trial once."""
    story = night()

    told = follow(tmp_path, story, pieces=pieces)
    assert told == [("R05", story.at("02:15", 1)), ("R05", story.at("03:15", 1))]


def test_nothing_marked_tells_nothing(tmp_path):
    """Without marks only settings are read and nothing is written."""
    assert follow(tmp_path, night(marked_at=None)) == []


def test_the_live_desk_hears_nothing_of_it():
    """The live fold over the same inputs raises as if nothing were marked."""
    assert night().raised("R05") == night(marked_at=None).raised("R05") == []


def test_what_is_old_is_forgotten(tmp_path):
    """The store keeps so many days."""
    store = ShadowStore(tmp_path / "shadow.db")
    fold = ShadowFold("solbakken")
    first, second = [one for given in night().inputs for one in fold.apply(given) if isinstance(one, Raise)]
    store.write("v", [first])
    store.write("v", [msgspec.structs.replace(second, at_ms=first.at_ms + KEEP_MS + 1)])
    store.close()

    assert [one.at_ms for one in shadow_alerts(tmp_path / "shadow.db", "R05", 10)] == [first.at_ms + KEEP_MS + 1]
    assert shadow_alerts(tmp_path / "shadow.db", "R16", 10) == []


def test_a_site_marks_rules_in_its_book(tmp_path):
    """`shadow:` is strict like the rest of the file."""
    file = tmp_path / "book.yaml"
    file.write_text("set: {R05: {for: 25 min}}\nshadow:\n  R05: {for: 15 min}\n")
    assert book_for_site(file).shadow == {"R05": {"for": "15 min"}}

    file.write_text("shadow:\n  R05: {fro: 15 min}\n")
    with pytest.raises(BookError, match=r"book.yaml:2: .*did you mean for\?"):
        book_for_site(file)
