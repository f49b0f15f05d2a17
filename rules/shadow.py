"""Rules on trial: a fold of its own beside the live one, with only what a site has marked `shadow`. Pure.

Theory of operation. `shadow: {R05: {for: 25 min}}` in a site's book makes a book of those rules alone, with the site's
other values under the ones on trial; its hash names the lane, "shadow:<hash>", and so every id. A book setting with
other marks ends the trial and begins the next: facts of the homes stay, instances do not, as if the rules had just been
switched on. What comes of it never reaches anybody: it goes to a store of its own (`shadow_alert.py`). A rule that
listens to what other rules say needs these marked as well.

On one box the fold is given the inputs; on many machines rows of a partition, as the live fold is (`shadow_rows.py`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingest.record import SETTING, Input, Setting
from rules.book import Book, Layer, Rule, with_versions
from rules.book_check import check_book
from rules.effects import Effect
from rules.home_fold import HomeFold
from rules.home_state import FoldState
from rules.homes import AWAKE_MAX
from rules.parameters import Written

ON = "on"
SETTING_ID = "book/shadow"


def trial_book(book: Book) -> Book:
    """The marked rules alone, each switched on, under the values on trial; an empty book when nothing is marked."""
    rules = tuple(rule for rule in book.rules if rule.id in book.shadow)
    trial = {rule.id: _on_trial(rule, book.shadow[rule.id]) for rule in rules}
    if not rules:
        return with_versions(Book(()))
    layers = tuple(
        msgspec.structs.replace(layer, set={rule: layer.set[rule] for rule in layer.set if rule in trial})
        for layer in book.layers
    )
    # the site's own layer goes last: whatever a ward says, what is tried is tried everywhere
    return check_book(with_versions(Book(rules, (*layers, Layer("shadow", None, trial)))))


def _on_trial(rule: Rule, values: Mapping[str, Written]) -> dict[str, Written]:
    """Its values, and that it is on; a person's alarm always is, and no book may say so."""
    if rule.alarm or any(variant.alarm for variant in rule.variants):
        return {name: value for name, value in values.items() if name != ON}
    return {**values, ON: True}


class ShadowFold:
    """The trial of one site, or of one partition of it. `awake_max`: as of the home fold."""

    def __init__(self, site: str, awake_max: int = AWAKE_MAX) -> None:
        self._site, self._awake_max = site, awake_max
        self._fold = self._lane(Book(()), FoldState(site=site, book=Book(())))

    def restore(self, state: bytes) -> None:
        """Go on from it: as `snapshot` gave it, or of a live fold, whose homes are then taken over."""
        kept = msgspec.msgpack.decode(state, type=FoldState)
        if SETTING_ID not in kept.seen and kept.book is not None:  # a live fold's: its book names the trial
            trial = trial_book(kept.book)
            self._fold = self._lane(Book(()), kept)
            self._begin(trial, max((home.now_ms for home in kept.homes.values()), default=0))
        else:
            self._fold = self._lane(kept.book or Book(()), kept, fresh=False)

    @property
    def version(self) -> str:
        """Hash of the book on trial; "" when nothing is marked."""
        book = self._fold.state.book
        return book.version if book is not None and book.rules else ""

    def apply(self, given: Input) -> list[Effect]:
        """One input; the effects are the trial's own."""
        setting = given.setting
        if given.kind != SETTING or setting is None or setting.kind != "book" or setting.value is None:
            return self._fold.apply(given)
        trial = trial_book(msgspec.convert(setting.value.get("book"), Book))
        if trial.version != self.version and (trial.rules or self.version):
            self._fold = self._lane(trial, msgspec.msgpack.decode(self._fold.snapshot(), type=FoldState))
            self._begin(trial, given.received_at_ms)
        return []

    def snapshot(self) -> bytes:
        return self._fold.snapshot()

    def next_due_ms(self) -> int | None:
        return self._fold.next_due_ms()

    def quarantined(self) -> list[dict[str, str]]:
        return self._fold.quarantined()

    @property
    def skipped(self) -> int:
        return self._fold.skipped

    def _begin(self, trial: Book, at_ms: int) -> None:
        """Put the book on trial in force; alerts that stand in the homes already are begun, not told."""
        if trial.version != self._fold.lane.partition(":")[2]:
            self._fold = self._lane(trial, msgspec.msgpack.decode(self._fold.snapshot(), type=FoldState))
        version = self._fold.state.seen.get(SETTING_ID, 0) + 1
        setting = Setting(SETTING_ID, version, "book", {"book": msgspec.to_builtins(trial)})
        self._fold.apply(Input(SETTING, at_ms, setting=setting))

    def _lane(self, book: Book, state: FoldState, *, fresh: bool = True) -> HomeFold:
        """A fold in the lane of that book, over the homes of `state`; `fresh`: with no rule begun yet."""
        fold = HomeFold(Book(()), self._site, f"shadow:{book.version}", awake_max=self._awake_max)
        if fresh:
            state.book = Book(())
            for home in state.homes.values():
                home.instances = {}
        fold.restore(msgspec.msgpack.encode(state))
        return fold
