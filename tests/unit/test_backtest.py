"""Two books over the same inputs: what counts as come, gone, moved; in one process or several; from start or base."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rules.backtest import Change, Compared, Told, Trial, compare, merged
from rules.backtest_run import Order, run_backtest, share_of, spool
from rules.book import Book
from rules.effects import Reason
from tests.support.home_story import BOOK, HomeStory, changed, without

HOUR_MS = 3_600_000
SHORT = changed("R05", set={**next(rule.set for rule in BOOK.rules if rule.id == "R05"), "for": "15 min"})


def told(at_ms: int, episode: str = "e", priority: str = "P2", rule: str = "R05", subject: str = "r1") -> Told:
    return Told(rule, "h1", subject, episode, at_ms, "2026-03-02", priority, Reason("dwell.too_long"))


def night() -> HomeStory:
    """Up from 02:00 to 02:17, and from 03:00 to 03:40."""
    story = HomeStory()
    for clock, type_ in (("22:00", "bed.occupied"), ("26:00", "bed.left"), ("26:17", "bed.occupied"),
                         ("27:00", "bed.left"), ("27:40", "bed.occupied")):  # fmt: skip
        hours, _, minutes = clock.partition(":")
        story.event(type_, story.at(f"{int(hours) % 24:02d}:{minutes}", int(hours) // 24))
    return story


def tried(old: Book, new: Book, story: HomeStory, first: int = 0, state: bytes | None = None) -> Compared:
    trial = Trial(old, new, "solbakken")
    if state is not None:
        trial.begin(state, lambda _home: True)
    for given in story.inputs[first:]:
        trial.take(given)
    return trial.compared()


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ([told(0)], [told(0)], []),
        ([], [told(0)], ["come"]),
        ([told(0)], [], ["go"]),
        ([told(0)], [told(60_000)], ["move"]),
        ([told(0)], [told(0, priority="P1")], ["move"]),
        ([told(0, "a")], [told(HOUR_MS, "b")], ["move"]),  # another episode of the same day
        ([told(0, "a")], [told(0, "b")], []),  # told alike, whatever the episode is called
        ([told(0, "a")], [told(30 * HOUR_MS, "b")], ["go", "come"]),
        ([told(0)], [told(0, subject="r2")], ["go", "come"]),
        ([told(0)], [told(0, rule="R06")], ["go", "come"]),
    ],
)
def test_what_is_the_same_alert(old, new, kinds):
    """Same rule and person, and the same episode or the same day: it moved; else one came and one went."""
    found = compare(old, new)

    assert sorted(change.kind for change in found.changes) == sorted(kinds)
    assert sum(sums[0] for sums in found.rules.values()) == len(old)
    assert sum(sums[1] for sums in found.rules.values()) == len(new)


def test_a_shorter_limit_brings_one_and_moves_one():
    """The walk of 17 min is told under 15; the one of 40 min five minutes earlier."""
    found = tried(BOOK, SHORT, night())

    assert [(change.kind, change.told.rule) for change in found.changes] == [("come", "R05"), ("move", "R05")]
    assert found.rules["R05"] == [1, 2, 1, 0, 1]
    assert found.days["2026-03-02"]["P2"] == [1, 2]


def test_the_same_book_differs_in_nothing():
    """Also where the inputs carry a book of their own."""
    story = night()
    story.book(without("R05"))

    assert tried(BOOK, BOOK, story).changes == []


def test_from_a_base_it_tells_what_it_tells_from_the_start():
    """With the log cut behind a base, what happens after it comes out the same."""
    story = night()
    first = len(story.inputs) - 2  # up again at 03:00
    before = HomeStory()
    for given in story.inputs[len(before.inputs) : first]:
        before.give(given)

    found = tried(BOOK, SHORT, story, first, before.fold.snapshot())
    assert [change.kind for change in found.changes] == ["move"]
    assert found.rules["R05"] == [1, 1, 0, 0, 1]


def test_shares_together_are_the_whole(tmp_path: Path):
    """Two processes over two homes give the sums of both; every home is somebody's."""
    one = night().inputs
    other = [msgspec.convert(_renamed(msgspec.to_builtins(given)), type(given)) for given in one]
    order = Order(str(tmp_path), BOOK, SHORT, "solbakken", 2)
    assert {share_of("h1", 2), share_of("h7", 2)} == {0, 1}
    both = sorted([*one, *other], key=lambda given: given.received_at_ms)

    assert spool(both, tmp_path, 2) == len(both)
    found = run_backtest(order)
    assert (found.homes, found.rules["R05"]) == (2, [2, 4, 2, 0, 2])


def _renamed(value: object) -> object:
    """The same things happening to somebody else."""
    names = {"h1": "h7", "r1": "r7", "gw-1": "gw-7"}
    if isinstance(value, dict):
        return {key: _renamed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(item) for item in value]
    if isinstance(value, str):
        for old, new in names.items():
            value = value.replace(f"/{old}", f"/{new}") if f"/{old}" in value else new if value == old else value
        return f"device/x-{value[7:]}" if value.startswith("device/") else f"x-{value}" if value[:2] == "d-" else value
    return value


def test_long_lists_are_cut_and_sums_are_not():
    """What is listed is bounded, the earliest first; the sums are of all."""
    parts = [
        compare([], [told(hour * HOUR_MS, str(hour)) for hour in hours])
        for hours in (range(0, 90, 30), range(15, 90, 30))
    ]

    whole = merged(parts, limit=2)
    assert [change.told.at_ms // HOUR_MS for change in whole.changes] == [0, 15]
    assert whole.rules["R05"] == [0, 6, 6, 0, 0]
    assert all(isinstance(change, Change) for change in whole.changes)
