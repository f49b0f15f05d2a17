"""A backtest over a journal whose log was really cut behind a base: from when it answers, and that it answers right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from api.backtest import lines, of_journal
from api.backup.bases import prove
from ingest.base_files import BaseFolder
from ingest.codecs import default_codecs
from ingest.journal import JournalError
from rules.backtest import Compared
from rules.backtest_run import Order
from rules.book import Layer, with_versions
from rules.book_file import shipped_book
from rules.effects import LIVE
from tests.contract.test_bases import FOREVER_MS, live
from tests.support.fold_place import Place
from tests.support.home_story import HomeStory
from tests.support.running_service import SITE

SHORT = with_versions(
    msgspec.structs.replace(shipped_book(), layers=(Layer("site", None, {"R05": {"for": "15 min"}}),))
)
NIGHTS = 3


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Three nights of 17 min out of bed, each with a base at its end, so that the older base is of the second."""
    made, story, begun = Place(tmp_path / "place"), HomeStory(), 0
    for night in range(NIGHTS):
        story.event("bed.occupied", story.at("22:00", night))
        story.event("bed.left", story.at("02:00", night + 1))
        story.event("bed.occupied", story.at("02:17", night + 1))
        made.write(story.inputs[begun:])
        begun = len(story.inputs)
        runner = live(made)
        runner.run_until(made.journal.inputs.last_seq())
        runner._save()
        prove(tmp_path / "place", SITE, default_codecs(), 1)
    yield made
    made.close()


def tried(folder: Path, since_ms: int = 0) -> Compared:
    """The shorter limit against the shipped one."""
    order = Order("", shipped_book(), SHORT, SITE, 1, since_ms, all_measures=True)
    return of_journal(folder / "journal.db", order, lambda _count, _what: None)


def test_it_begins_at_the_base_says_so_and_answers_as_the_whole_log(place: Place, tmp_path: Path) -> None:
    """Cut, it tells from when it counts; from there on it finds what the whole log gives, for one night here."""
    folder = tmp_path / "place"
    base = BaseFolder(folder / "bases").oldest(LIVE)
    assert base is not None
    (first_left,) = place.journal.inputs.read(base.position, 1)
    whole, rest = tried(folder), tried(folder, first_left.received_at_ms)
    place.journal.cut(0, base.position, FOREVER_MS)
    cut = tried(folder)
    later = tried(folder, first_left.received_at_ms + 1)

    assert (whole.rules["R05"], whole.begins_ms) == ([0, 3, 3, 0, 0], 0)
    assert (cut.rules, cut.days, cut.changes) == (rest.rules, rest.days, rest.changes)
    assert (cut.rules["R05"], cut.begins_ms) == ([0, 1, 1, 0, 0], first_left.received_at_ms)
    assert "the log before 2026-03-03 22:00 was cut" in "\n".join(lines(cut, shipped_book(), SHORT, "Europe/Oslo", 9))
    assert (later.rules["R05"], later.begins_ms) == ([0, 1, 1, 0, 0], 0), "nobody asked for what was cut"


def test_without_a_base_it_is_refused(place: Place, tmp_path: Path) -> None:
    """From the middle of a log nobody knows who lay in bed: no answer is better than a wrong one."""
    place.journal.cut(0, 5, FOREVER_MS)
    for path in (tmp_path / "place" / "bases").iterdir():
        path.unlink()

    with pytest.raises(JournalError, match="begins at row 6"):
        tried(tmp_path / "place")
