"""Occurrences of a home: events of the fold's own, that no device sends and that rules hear as any other. Pure."""

from __future__ import annotations

from ingest.event import LATE, Event, Value
from rules.facts import Facts


def occurrence(
    facts: Facts, event_id: str, type_: str, subject: str, resident: str | None, now_ms: int, *,
    at_ms: int | None = None, device: str | None = None, content: dict[str, Value] | None = None, late: bool = False,
) -> Event:  # fmt: skip
    """Told now; of `at_ms`, or of now. Its address is the home's, so that no device can claim to have said it.

    `late`: what brought it about came late, so rules that hear of it settle as they do over that itself.
    """
    return Event(
        event_id, type_, facts.site, f"home:{facts.home}", facts.home, subject, now_ms,
        now_ms if at_ms is None else at_ms, device=device, resident=resident, quality=(LATE,) if late else (),
        content=content or {},
    )  # fmt: skip
