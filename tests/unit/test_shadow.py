"""Rules on trial: they run beside the others over the same inputs, and tell only their own store."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from ingest.journal_sqlite import SqliteJournal
from ingest.topics import Origin, encode_input, encode_moved
from rules.book import with_versions
from rules.book_file import BookError, book_for_site
from rules.effects import LIVE, Clear, Effect, Raise, rule_alert_id
from rules.home_fold import HomeFold
from rules.lanes import Stored
from rules.shadow import ShadowFold, trial_book
from rules.shadow_alert import KEEP_MS
from rules.shadow_follower import ShadowFollower
from rules.shadow_rows import TrialRows
from rules.shadow_store import ShadowStore, shadow_alerts
from rules.state_moves import COMMON, home_parts
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


def follower_of(folder: Path, journal: SqliteJournal, marked: Callable[[], bool] = lambda: True) -> ShadowFollower:
    """As a service has it, with the marks of a desk."""
    return ShadowFollower(
        journal.inputs, lambda: ShadowFold("solbakken"), lambda: ShadowStore(folder / "shadow.db"),
        lambda not_after: journal.snapshots.load(LIVE, "1", not_after), "1", marked,
    )  # fmt: skip


def follow(folder: Path, story: HomeStory, *, pieces: int = 1) -> list[tuple[str, int]]:
    """Write the story into a journal in so many pieces, each followed by a follower of its own."""
    journal, size = sqlite_journal(folder), -(-len(story.inputs) // pieces)
    try:
        for start in range(0, len(story.inputs), size):
            part = story.inputs[start : start + size]
            journal.inputs.write(start + len(part), folded(part), start)
            follower = follower_of(folder, journal)
            while follower() is not None:
                pass
            follower.close()
    finally:
        journal.close()
    return told(folder)


def told(folder: Path) -> list[tuple[str, int]]:
    """What stands in the store, oldest first."""
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
    """A book without marks in the log, whatever the desk says of it."""
    assert follow(tmp_path, night(marked_at=None)) == []


def test_nothing_is_read_until_the_desk_says_that_rules_are_marked(tmp_path):
    """A follower that waits stands still; then it reads from the first row on; when the marks are gone it rests."""
    story, marked = night(), [False]
    story.book(BOOK, story.at("04:00", 1))
    with sqlite_journal(tmp_path) as journal:
        journal.inputs.write(1, folded(story.inputs), 0)
        follower = follower_of(tmp_path, journal, lambda: marked[0])
        assert follower() is None
        assert told(tmp_path) == []
        marked[0] = True
        while follower() is not None:
            pass
        assert len(told(tmp_path)) == 2
        marked[0] = False
        journal.inputs.write(2, folded(night().inputs), 1)
        assert follower() is None
        follower.close()
    assert len(told(tmp_path)) == 2


def test_a_trial_begins_from_what_the_live_fold_kept_before_the_marks(tmp_path):
    """It was not there when the marks came, and a younger state has been kept since: what it missed is told."""
    story, fold = night(), HomeFold(BOOK, "solbakken")
    with sqlite_journal(tmp_path) as journal:
        journal.inputs.write(1, folded(story.inputs), 0)
        for given in journal.inputs.read(0, 1_000):
            fold.apply(given)
            if given.received_at_ms in (story.at("21:00"), story.at("02:17", 1)):
                journal.snapshots.save(LIVE, given.seq, "1", fold.snapshot())
        follower = follower_of(tmp_path, journal)
        while follower() is not None:
            pass
        follower.close()
    assert told(tmp_path) == [("R05", story.at("02:15", 1)), ("R05", story.at("03:15", 1))]


def test_a_live_state_with_marks_in_its_book_is_on_trial_at_once():
    """Where nothing older was kept: the rules are as if they had just been switched on."""
    story = night()
    live, trial = HomeFold(BOOK, "solbakken"), ShadowFold("solbakken")
    for given in story.inputs[:-2]:
        live.apply(given)
    trial.restore(live.snapshot())
    assert trial.version == trial_book(MARKED).version
    said = [one for given in story.inputs[-2:] for one in trial.apply(given) if isinstance(one, Raise)]
    assert [one.at_ms for one in said] == [story.at("03:15", 1)]


def test_homes_that_arrive_with_more_partitions_go_on_trial():
    """The logs have grown: a partition of the new ones begins with states of the live lane, and its trial with them."""
    story, live = night(), HomeFold(BOOK, "solbakken")
    for given in story.inputs[:-2]:
        live.apply(given)
    parts = home_parts(live.snapshot())
    moved = [("h1", parts["h1"]), (COMMON, parts[COMMON])]
    values = [
        encode_moved("solbakken", home, story.now_ms, state, Origin(-1, 0, index))
        for index, (home, state) in enumerate(moved)
    ]
    values += [encode_input("solbakken", given, Origin(0, seq, 0)) for seq, given in enumerate(story.inputs[-2:], 1)]
    trial = TrialRows("solbakken", 0, 2, 10)
    said = [one for seq, value in enumerate(values, 1) for one in trial.apply(Stored(seq, value))]

    assert trial.version == trial_book(MARKED).version
    assert [one.at_ms for one in said if isinstance(one, Raise)] == [story.at("03:15", 1)]


def test_what_could_not_be_written_is_told_later(tmp_path, monkeypatch):
    """The disk fails once: the rows are folded again from what was kept."""
    story, fails = night(), [sqlite3.OperationalError("disk is full")]
    written = ShadowStore.write

    def write(store: ShadowStore, version: str, effects: Sequence[Effect]) -> None:
        if fails:
            raise fails.pop()
        written(store, version, effects)

    monkeypatch.setattr(ShadowStore, "write", write)
    with sqlite_journal(tmp_path) as journal:
        journal.inputs.write(1, folded(story.inputs), 0)
        follower = follower_of(tmp_path, journal)
        assert follower() == 0.0, "up to the marks"
        with pytest.raises(sqlite3.OperationalError):
            follower()
        while follower() is not None:
            pass
        follower.close()
    assert len(told(tmp_path)) == 2


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
