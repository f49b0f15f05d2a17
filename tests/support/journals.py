"""Journals, records and inputs for tests: one list of implementations, and values with few words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingest.event import Event, name_uuid
from ingest.journal_file import JournalOptions
from ingest.journal_sqlite import SqliteJournal, open_journal
from ingest.record import CLOCK, EVENT, MQTT, SETTING, Folded, Input, RawRecord, Setting

NOON_MS = 1_772_370_000_000
SMALL = JournalOptions(reserve_bytes=0)


def sqlite_journal(folder: Path, options: JournalOptions = SMALL) -> SqliteJournal:
    """The embedded journal in `folder`."""
    return open_journal(folder / "journal.db", "solbakken", options)


JOURNALS = {"sqlite": sqlite_journal}
"""Every implementation passes the same suite; Kafka comes here later."""


def message(number: int = 0, payload: bytes = b"{}", **fields: object) -> RawRecord:
    """One MQTT row, a second after the one before."""
    # any field by name
    return RawRecord(NOON_MS + number * 1_000, MQTT, f"vardevakt/1/gw/d{number}/event", payload, **fields)  # type: ignore[arg-type]


def event(number: int = 0, type: str = "motion.detected", **fields: object) -> Event:
    """One event of resident r1 in home h1."""
    given: dict[str, object] = {
        "site": "solbakken", "address": "vardevakt:gw/d1", "home": "h1", "subject": "r1", "resident": "r1",
        "device": "d1", "received_at_ms": NOON_MS + number * 1_000, "effective_at_ms": NOON_MS + number * 1_000,
    } | fields  # fmt: skip
    # any field by name
    return Event(event_id=name_uuid("test", number, type), type=type, **given)  # type: ignore[arg-type]


def input_of(one: Event, raw_seq: int = 0, floor: int = 0) -> Input:
    """The input that carries this event."""
    return Input(EVENT, one.received_at_ms, one.home, event=one, raw_seq=raw_seq, floor=floor)


def setting_input(
    kind: str, item: str, value: dict[str, object] | None, at_ms: int = NOON_MS, version: int = 1
) -> Input:
    """The input that carries this setting."""
    return Input(SETTING, at_ms, "", setting=Setting(f"{kind}/{item}", version, kind, value))


def clock_input(at_ms: int) -> Input:
    """The input that only moves time."""
    return Input(CLOCK, at_ms)


def folded(inputs: Sequence[Input]) -> list[Folded]:
    """One `Folded` for each input."""
    return [Folded(inputs=(one,)) for one in inputs]
