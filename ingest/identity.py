"""Which events are the same event: ids, and what was seen before.

Pure. Contracts §1 "Identity" and design §4. With a key of the source's own, the id is a name of (site, address, key,
observed time, type, content): a copy gives the same id, and that id seen within HORIZON_MS is a duplicate. The same
key with another id is a new event, marked as reused (a pendant's counter restarts with its battery). Without a key
every message is a new event, numbered within its millisecond at its address, so that a replay of the same recording
gives the same ids; a copy is then only what receive marked as one.

Memory is bounded, oldest first: per address by horizon and by ORDINARY_MAX ids, alarms apart by ALARMS_MAX so that
chatter cannot push them out, all addresses together by TOTAL_MAX ordinary ids (then every address keeps fewer). What a
cap costs: a resend of something forgotten counts as new. Its id is the same as the first time, so an alert made of it
is the same alert; a measurement is overwritten by itself. Nothing is ever lost by it.
"""

from __future__ import annotations

from itertools import islice

import msgspec

from ingest.event import Draft, content_bytes, name_uuid

HORIZON_MS = 7 * 86_400_000
ORDINARY_MAX = 20_000
ALARMS_MAX = 4_096
TOTAL_MAX = 1_000_000
_SWEEP_EVERY = 64  # insertions between two looks at what is too old

NEW, REUSED, DUPLICATE, REDELIVERED, KEPT = "new", "reused", "duplicate", "redelivered", "kept"
"""Outcomes. KEPT: a marked copy of an alarm without a key, which is never dropped."""

Seen = dict[str, tuple[int, str]]
"""Event id -> (when first seen, key), in order of insertion. The mark that a keyless alarm leaves for its retained copy
stands under an id of its own, with the event's id for a key."""


class Memory:
    """What one address has said. Dicts come only when there is something to put into them."""

    __slots__ = ("alarms", "keys", "ordinal", "ordinal_ms", "ordinary")

    def __init__(self) -> None:
        self.ordinary: Seen | None = None
        self.alarms: Seen | None = None
        self.keys: dict[str, int] = {}  # key -> how many remembered ids have it
        self.ordinal_ms = 0  # of the last keyless event
        self.ordinal = 0


class MemoryState(msgspec.Struct, frozen=True, array_like=True):
    """A Memory in a snapshot: (id, first seen, key) in order of insertion."""

    ordinal_ms: int
    ordinal: int
    ordinary: list[tuple[str, int, str]]
    alarms: list[tuple[str, int, str]]


class Identity:
    """Memories by address. `total_max` is for tests."""

    def __init__(self, site: str, total_max: int = TOTAL_MAX) -> None:
        self._site = site
        self._memories: dict[str, Memory] = {}
        self._total = 0
        self._total_max = total_max

    def identify(
        self, address: str, draft: Draft, received_at_ms: int, *, alarm: bool, retained: bool = False, dup: bool = False
    ) -> tuple[str, str]:
        """Event id and outcome of one draft; remembers it.

        `alarm`: the floor needs it. `retained`: arrived with the retain flag. `dup`: receive marked it as a copy.
        """
        memory = self._memories.get(address)
        if memory is None:
            memory = self._memories[address] = Memory()
        kind = draft.type + "?test" if draft.test else draft.type  # `test` is part of the content
        content = content_bytes(draft.content).decode() if draft.content else ""
        key = draft.key
        if key is None:
            return self._keyless(memory, address, draft, kind, content, received_at_ms, alarm, retained, dup)
        event_id = name_uuid(self._site, address, key, draft.observed_at_ms, kind, content)
        if self._seen(memory, event_id, received_at_ms) is not None:
            return event_id, DUPLICATE
        outcome = REUSED if key in memory.keys else NEW
        self._remember(memory, event_id, received_at_ms, key, alarm)
        return event_id, outcome

    def forget(self, address: str) -> None:
        memory = self._memories.pop(address, None)
        if memory is not None and memory.ordinary is not None:
            self._total -= len(memory.ordinary)

    def state(self) -> dict[str, MemoryState]:
        return {
            address: MemoryState(
                memory.ordinal_ms,
                memory.ordinal,
                [(event_id, at_ms, key) for event_id, (at_ms, key) in (memory.ordinary or {}).items()],
                [(event_id, at_ms, key) for event_id, (at_ms, key) in (memory.alarms or {}).items()],
            )
            for address, memory in self._memories.items()
        }

    def restore(self, state: dict[str, MemoryState]) -> None:
        self._memories, self._total = {}, 0
        for address, kept in state.items():
            memory = self._memories[address] = Memory()
            memory.ordinal_ms, memory.ordinal = kept.ordinal_ms, kept.ordinal
            if kept.ordinary:
                memory.ordinary = {event_id: (at_ms, key) for event_id, at_ms, key in kept.ordinary}
                self._total += len(memory.ordinary)
            if kept.alarms:
                memory.alarms = {event_id: (at_ms, key) for event_id, at_ms, key in kept.alarms}
            for _, _, key in (*kept.ordinary, *kept.alarms):
                memory.keys[key] = memory.keys.get(key, 0) + 1

    def _keyless(
        self, memory: Memory, address: str, draft: Draft, kind: str, content: str, received_at_ms: int,
        alarm: bool, retained: bool, dup: bool,
    ) -> tuple[str, str]:  # fmt: skip
        if memory.ordinal_ms == received_at_ms:
            memory.ordinal += 1
        else:
            memory.ordinal_ms, memory.ordinal = received_at_ms, 0
        observed = draft.observed_at_ms
        event_id = name_uuid(self._site, address, None, observed, kind, content, received_at_ms, memory.ordinal)
        if not alarm:
            return event_id, REDELIVERED if dup else NEW
        if observed is not None:
            # A broker keeps a copy of a retained alarm and shows it after each reconnect. By its own time and content
            # it is known again; one without a time cannot be told from a new press and is raised (fail open).
            stored = name_uuid(self._site, address, "retained copy", observed, kind, content)
            first = self._seen(memory, stored, received_at_ms)
            if first is None:
                self._remember(memory, stored, received_at_ms, event_id, alarm)
            elif retained:
                return first, DUPLICATE
        return event_id, KEPT if dup else NEW

    def _remember(self, memory: Memory, event_id: str, at_ms: int, key: str, alarm: bool) -> None:
        memory.keys[key] = memory.keys.get(key, 0) + 1
        if alarm:
            if memory.alarms is None:
                memory.alarms = {}
            memory.alarms[event_id] = (at_ms, key)
            if len(memory.alarms) % _SWEEP_EVERY == 0:
                _sweep(memory, memory.alarms, at_ms, ALARMS_MAX)
            return
        if memory.ordinary is None:
            memory.ordinary = {}
        memory.ordinary[event_id] = (at_ms, key)
        self._total += 1
        if len(memory.ordinary) % _SWEEP_EVERY == 0:
            self._total -= _sweep(memory, memory.ordinary, at_ms, ORDINARY_MAX)
        if self._total > self._total_max:
            self._make_room(at_ms)

    def _seen(self, memory: Memory, event_id: str, now_ms: int) -> str | None:
        """Key under which this id was remembered within the horizon; None when it was not."""
        for seen in (memory.ordinary, memory.alarms):
            if seen is not None and (entry := seen.get(event_id)) is not None:
                if now_ms - entry[0] <= HORIZON_MS:
                    return entry[1]
                _drop(memory, seen, event_id)
                self._total -= seen is memory.ordinary
        return None

    def _make_room(self, now_ms: int) -> None:
        """Halve what an address may keep until all together are a quarter below the limit."""
        limit = ORDINARY_MAX
        while self._total > self._total_max - self._total_max // 4:
            for memory in self._memories.values():
                if memory.ordinary is not None:
                    self._total -= _sweep(memory, memory.ordinary, now_ms, limit)
            limit //= 2


def _sweep(memory: Memory, seen: Seen, now_ms: int, limit: int) -> int:
    """Drop what is older than the horizon, then the oldest beyond `limit`. How many went."""
    before = len(seen)
    old = []
    for event_id, (at_ms, _) in seen.items():
        if now_ms - at_ms <= HORIZON_MS:
            break
        old.append(event_id)
    old.extend(islice(seen, len(old), max(len(old), before - limit)))
    for event_id in old:
        _drop(memory, seen, event_id)
    return before - len(seen)


def _drop(memory: Memory, seen: Seen, event_id: str) -> None:
    key = seen.pop(event_id)[1]
    left = memory.keys[key] - 1
    if left:
        memory.keys[key] = left
    else:
        del memory.keys[key]
