"""Two books over the same inputs: which alerts would come, go or move, for whom and why. Pure.

Both folds read each input side by side; what is kept is one small record for each alert. An alert of the old book and
one of the new are the same when rule, subject and episode are; of what is left, those of one rule and subject within a
day of each other are one that moved. `book` settings among the inputs are passed over: the books on trial count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

import msgspec

from ingest.record import SETTING, Input, Setting
from rules.book import Book
from rules.effects import Clear, Effect, Raise, Reason, Update
from rules.home_fold import HomeFold
from rules.home_state import FoldState
from rules.local_time import local_date

ALERTS_MAX = 500_000  # of one share of the homes and one book; more than anybody could look at
DAY_MS = 86_400_000
COME, GO, MOVE = "come", "go", "move"


class TooMany(Exception):
    """So many alerts that they would not fit in memory; a shorter span is asked for."""


class Told(msgspec.Struct, omit_defaults=True):
    """One alert under one book."""

    rule: str
    home: str
    subject: str
    episode: str
    at_ms: int
    day: str  # local date
    priority: str
    reason: Reason
    alarm: bool = False  # the floor tells of it whatever a book says
    ended_ms: int | None = None
    ended: str = ""  # cleared | retracted | left


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """An alert that differs. `kind`: come, go or move."""

    kind: str
    old: Told | None = None
    new: Told | None = None

    @property
    def told(self) -> Told:
        """The one that is there; of two the new."""
        one = self.new or self.old
        assert one is not None, "a change is of something"
        return one


class Compared(msgspec.Struct):
    """What differs, and the sums: `rules` rule -> [old, new, come, go, move]; `days` (day, priority) -> [old, new]."""

    inputs: int = 0
    homes: int = 0
    changes: list[Change] = []
    rules: dict[str, list[int]] = {}
    days: dict[str, dict[str, list[int]]] = {}
    skipped: int = 0  # inputs that one of the books could not fold
    quarantined: int = 0  # rules that one of the books had to set aside
    begins_ms: int = 0  # where the log was cut: from when on it answers, which is later than was asked; else 0


class Trial:
    """Two folds side by side."""

    def __init__(self, old: Book, new: Book, site: str, since_ms: int = 0, *, all_measures: bool = False) -> None:
        self._books = (old, new)
        self._sides = tuple(_Side(HomeFold(book, site, all_measures=all_measures), since_ms) for book in (old, new))
        self._homes: dict[str, None] = {}
        self.inputs = 0

    def begin(self, state: bytes, keep: Callable[[str], bool]) -> None:
        """Start from a base of the live fold instead of from nothing, with the homes that are ours; each side then
        takes its book as a running service would. ValueError for a state of another engine.
        """
        kept = msgspec.msgpack.decode(state, type=FoldState)
        kept.homes = {home: found for home, found in kept.homes.items() if keep(home)}
        self._homes.update(dict.fromkeys(kept.homes))
        now_ms = max((home.now_ms for home in kept.homes.values()), default=0)
        for side, book in zip(self._sides, self._books, strict=True):
            side.fold.restore(msgspec.msgpack.encode(kept))
            setting = Setting("book/backtest", 1, "book", {"book": msgspec.to_builtins(book)})
            side.fold.apply(Input(SETTING, now_ms, setting=setting))

    def take(self, given: Input) -> None:
        """One input under both books. TooMany when there is too much to keep."""
        if given.kind == SETTING and given.setting is not None and given.setting.kind == "book":
            return
        self.inputs += 1
        if given.home:
            self._homes[given.home] = None
        for side in self._sides:
            side.take(given)

    def compared(self) -> Compared:
        """The comparison; ask once, at the end."""
        old, new = self._sides
        found = compare(old.alerts, new.alerts)
        found.inputs, found.homes = self.inputs, len(self._homes)
        found.skipped = old.fold.skipped + new.fold.skipped
        found.quarantined = len(old.fold.quarantined()) + len(new.fold.quarantined())
        return found


class _Side:
    def __init__(self, fold: HomeFold, since_ms: int) -> None:
        self.fold, self._since_ms = fold, since_ms
        self.alerts: list[Told] = []
        self._open: dict[str, Told] = {}

    def take(self, given: Input) -> None:
        for effect in self.fold.apply(given):
            self._note(effect)

    def _note(self, effect: Effect) -> None:
        if isinstance(effect, Raise):
            if effect.at_ms < self._since_ms:
                return
            if len(self.alerts) >= ALERTS_MAX:
                raise TooMany(f"over {ALERTS_MAX} alerts")
            told = Told(
                effect.rule, effect.home, effect.subject, effect.episode, effect.at_ms,
                str(local_date(effect.at_ms, self.fold.state.timezone)), effect.priority, effect.reason, effect.alarm,
            )  # fmt: skip
            self.alerts.append(told)
            if effect.condition != "momentary":
                self._open[effect.alert_id] = told
        elif isinstance(effect, Update) and effect.priority is not None and effect.alert_id in self._open:
            self._open[effect.alert_id].priority = effect.priority
        elif isinstance(effect, Clear) and (told_then := self._open.pop(effect.alert_id, None)) is not None:
            told_then.ended_ms = effect.at_ms
            told_then.ended = "left" if effect.stays else "retracted" if effect.retracted else "cleared"


def compare(old: Iterable[Told], new: Iterable[Told]) -> Compared:
    """Which alerts differ, ordered by time, and the sums of all."""
    result = Compared(rules=defaultdict(lambda: [0, 0, 0, 0, 0]), days=defaultdict(lambda: defaultdict(lambda: [0, 0])))
    groups: dict[tuple[str, str, str], tuple[list[Told], list[Told]]] = defaultdict(lambda: ([], []))
    for side, alerts in enumerate((old, new)):
        for told in alerts:
            result.rules[told.rule][side] += 1
            result.days[told.day][told.priority][side] += 1
            groups[told.home, told.rule, told.subject][side].append(told)
    for group in groups.values():
        result.changes += _changes(*group)
    for change in result.changes:
        result.rules[change.told.rule][2 + (COME, GO, MOVE).index(change.kind)] += 1
    result.changes.sort(key=lambda change: (change.told.at_ms, change.told.rule, change.told.home, change.told.subject))
    return result


def _changes(old: list[Told], new: list[Told]) -> list[Change]:
    """Of one rule and subject."""
    by_episode: dict[str, list[Told]] = defaultdict(list)
    for told in old:
        by_episode[told.episode].append(told)
    changes = []
    fresh = []
    for told in new:
        same = by_episode.get(told.episode)
        if not same:
            fresh.append(told)
            continue
        before = same.pop(0)
        if (before.at_ms, before.priority) != (told.at_ms, told.priority):
            changes.append(Change(MOVE, before, told))
    left = sorted((told for rest in by_episode.values() for told in rest), key=lambda told: told.at_ms)
    for told in fresh:
        near = next((one for one in left if abs(one.at_ms - told.at_ms) <= DAY_MS), None)
        if near is None:
            changes.append(Change(COME, None, told))
        else:
            left.remove(near)
            if (near.at_ms, near.priority) != (told.at_ms, told.priority):
                changes.append(Change(MOVE, near, told))
    return changes + [Change(GO, told) for told in left]


def merged(parts: Iterable[Compared], limit: int) -> Compared:
    """Several shares as one; sums are of all, `changes` the first `limit` in order of time."""
    whole = Compared()
    for part in parts:
        whole.inputs = max(whole.inputs, part.inputs)
        whole.homes += part.homes
        whole.skipped += part.skipped
        whole.quarantined += part.quarantined
        whole.changes += part.changes
        for rule, sums in part.rules.items():
            whole.rules[rule] = _added(whole.rules.get(rule, [0] * 5), sums)
        for day, priorities in part.days.items():
            kept = whole.days.setdefault(day, {})
            for priority, sums in priorities.items():
                kept[priority] = _added(kept.get(priority, [0, 0]), sums)
    whole.changes.sort(key=lambda change: (change.told.at_ms, change.told.rule, change.told.home, change.told.subject))
    del whole.changes[limit:]
    whole.rules = dict(sorted(whole.rules.items()))
    whole.days = {day: dict(sorted(found.items())) for day, found in sorted(whole.days.items())}
    return whole


def _added(one: list[int], other: list[int]) -> list[int]:
    return [a + b for a, b in zip(one, other, strict=True)]
