"""Some hours of a simulated ward as inputs, the book among them, and what the embedded fold says of them."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Sequence
from pathlib import Path

import msgspec

from ingest.event import name_uuid
from ingest.record import CLOCK, SETTING, Input, Setting
from rules.book import Book
from rules.book_file import shipped_book
from rules.effects import LIVE
from rules.floor import Floor
from rules.fold_runner import FoldRunner
from rules.home_fold import HomeFold
from simulators.furniture import make_ward
from tests.bench.decoded import DAY, decoded
from tests.support.effect_store import EffectStore
from tests.support.fold_place import flagged
from tests.support.journals import folded, sqlite_journal
from tests.support.simulated import oslo

HOUR_MS = 3_600_000
CRIES = 25
SITE = f"ward-{secrets.token_hex(4)}"  # of this run: a Kafka that stays has topics of earlier ones


@functools.cache
def ward_inputs(residents: int = 8, hours: int = 14, seed: int = 3) -> tuple[Input, ...]:
    """Settings and book, then the hours from midnight on, then time enough for what waits."""
    from_ms = oslo(DAY, 0)
    until_ms = from_ms + hours * HOUR_MS
    begun, events = decoded(make_ward(seed, residents), from_ms, until_ms)
    value: dict[str, object] = {"id": "current", "book": msgspec.to_builtins(shipped_book())}
    book = Input(SETTING, from_ms, setting=Setting("book/current", 1, "book", value))
    cries = [_cry(one, number) for number, one in enumerate(events[:: len(events) // CRIES])]
    heard = sorted([*events, *cries], key=lambda one: one.received_at_ms)
    return (book, *begun, *(flagged(one) for one in heard), Input(CLOCK, until_ms + 30 * HOUR_MS))


def _cry(after: Input, number: int) -> Input:
    """Somebody calls for help, or seems to have fallen, where something was just heard."""
    assert after.event is not None, "an event was asked for"
    kind = "fall.suspected" if number % 3 == 0 else "alarm.pressed"
    event = msgspec.structs.replace(
        after.event, event_id=name_uuid("cry", number), type=kind, content={"trigger": "pendant"}, quality=()
    )
    return msgspec.structs.replace(after, event=event)


def embedded(inputs: Sequence[Input], folder: Path) -> EffectStore:
    """The same through the runners of the single machine, both lanes."""
    folder.mkdir()
    journal, store = sqlite_journal(folder), EffectStore(folder)
    journal.inputs.write(1, folded(inputs), 0)
    for lane, floor in ((LIVE, False), ("floor", True)):
        make = (lambda: Floor(SITE)) if floor else (lambda: HomeFold(Book(()), SITE))
        runner = FoldRunner(
            lane, make, "test", journal.inputs, store, journal.snapshots, lambda: 0, floor_only=floor
        )  # fmt: skip
        runner.run_until(journal.inputs.last_seq())
    journal.close()
    return store


__all__ = ["SITE", "embedded", "ward_inputs"]
