"""The homes of a fold: those at hand as values, the others asleep as the bytes that a snapshot has of them. Pure.

A home that is asleep takes a sixth of the memory, costs the collector nothing, and a snapshot takes it as it is. It
sleeps from a restart until its first input or timer, so that a service with 125 000 of them is at work in seconds; and
again when so many are awake that memory must be bounded: those that were quiet for longest go first. What a fold says
does not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from rules.home_state import UNKNOWN_HOME, FoldState, Home, first_timer

AWAKE_MAX = 150_000  # homes; with sensors each takes some 60 kB while it is awake
WOKEN_BYTES = 16_000_000  # of a snapshot: in a smaller one all are woken by the restart itself
_encoder = msgspec.msgpack.Encoder(order="sorted")
_decoder = msgspec.msgpack.Decoder(Home)


class Head(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What must be known of a home that is asleep: the beginning of its bytes."""

    now_ms: int
    due_ms: int | None
    aside: bool


class Saved(FoldState, omit_defaults=True, kw_only=True):
    """A `FoldState` as it is written, its homes not read yet."""

    homes: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)  # type: ignore[assignment]  # the same bytes


_heads = msgspec.msgpack.Decoder(Head)
_HEAD_ALONE = b"\x93"  # msgpack for a list of three
_SIZES = {0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9, 0xD0: 2, 0xD1: 3, 0xD2: 5, 0xD3: 9}
"""Bytes of a number in msgpack by its first byte; of a small one, of none and of a flag it is one."""
_saved = msgspec.msgpack.Decoder(Saved)
_states = msgspec.msgpack.Decoder(FoldState)


class Homes:
    """`awake` are the fold's own; never so many of them that `awake_max` is passed by much."""

    def __init__(self, awake: dict[str, Home], awake_max: int = AWAKE_MAX) -> None:
        self.awake = awake
        self._asleep: dict[str, bytes] = {}
        self._awake_max = awake_max

    def __len__(self) -> int:
        return len(self.awake) + len(self._asleep)

    def __contains__(self, home_id: str) -> bool:
        return home_id in self.awake or home_id in self._asleep

    def get(self, home_id: str) -> Home | None:
        """A home, woken if need be."""
        home = self.awake.get(home_id)
        if home is None and home_id in self._asleep:
            home = _decoder.decode(self._asleep.pop(home_id))
            self.add(home_id, home)
        return home

    def add(self, home_id: str, home: Home) -> None:
        """One that is awake."""
        self.awake[home_id] = home
        if len(self.awake) > self._awake_max + self._awake_max // 8:
            self._rest(home_id)

    def names(self) -> list[str]:
        """All of them, in order."""
        return sorted([*self.awake, *self._asleep])

    def timers(self) -> Iterator[tuple[int, str]]:
        """The same of those that are awake."""
        for name, home in self.awake.items():
            first = first_timer(home)
            if first is not None:
                yield first[0], name

    def set_aside(self) -> list[dict[str, str]]:
        """Instances in quarantine, in order: {"rule", "subject"}. Their homes do not sleep."""
        return [
            dict(zip(("rule", "subject"), key.split("/", 1), strict=True))
            for _, home in sorted(self.awake.items())
            for key, instance in sorted(home.instances.items())
            if instance.quarantined
        ]

    def forget_idle(self, now_ms: int, idle_ms: int, unknown_max: int) -> None:
        """Forget homes of unknown devices that nothing was heard of for long, or of which there are too many.

        Nobody can tell: they hold signals only, and those that wait are never idle that long. A device that comes back
        begins anew, and what is raised again on the same day has the same id.
        """
        unknown = sorted((self._head(name).now_ms, name) for name in self.names() if name.startswith(UNKNOWN_HOME))
        excess = len(unknown) - unknown_max
        for index, (heard_ms, name) in enumerate(unknown):
            if self._head(name).due_ms is None and (heard_ms <= now_ms - idle_ms or index < excess):
                self.awake.pop(name, None)
                self._asleep.pop(name, None)

    def snapshot(self, state: FoldState) -> bytes:
        """All state as bytes; equal states give equal bytes on every machine, whoever sleeps."""
        homes: dict[str, Any] = {name: msgspec.Raw(known) for name, known in self._asleep.items()}
        for name, home in self.awake.items():
            _note_head(home)
            homes[name] = home  # written where it belongs in the whole, which costs no copy of its bytes
        fields = {name: getattr(state, name) for name in state.__struct_fields__ if name != "homes"}
        return _encoder.encode(Saved(homes=homes, **fields))

    def take(self, asleep: dict[str, msgspec.Raw]) -> Iterator[tuple[int, str]]:
        """Homes of a snapshot, those awake in it and others; who has something set aside is woken.

        Gives (due, home) of the first timer of each that has one, as it was written.
        """
        for name, home in self.awake.items():
            if home.due_ms is not None:
                yield home.due_ms, name
        for name, raw in asleep.items():
            self._asleep[name] = known = bytes(raw)  # a copy, so that the whole of the snapshot need not be kept
            head = head_of(known)
            if head.due_ms is not None:
                yield head.due_ms, name
            if head.aside:
                self.get(name)

    def _rest(self, but: str) -> None:
        quiet = sorted((home.now_ms, name) for name, home in self.awake.items() if name != but)
        for _, name in quiet[: len(self.awake) - self._awake_max]:
            home = self.awake[name]
            known = packed(home)
            if not home.aside:
                del self.awake[name]
                self._asleep[name] = known

    def _head(self, name: str) -> Head:
        home = self.awake.get(name)
        if home is None:
            return head_of(self._asleep[name])
        first = first_timer(home)
        return Head(home.now_ms, None if first is None else first[0], False)


def decoded(state: bytes, awake_max: int) -> tuple[FoldState, dict[str, msgspec.Raw]]:
    """A snapshot, and those of its homes that sleep: all or none. ValueError when it is damaged or another's."""
    if len(state) <= WOKEN_BYTES:
        whole = _states.decode(state)
        if len(whole.homes) <= awake_max:
            return whole, {}
    saved = _saved.decode(state)
    fields = {name: getattr(saved, name) for name in saved.__struct_fields__ if name != "homes"}
    return FoldState(**fields), saved.homes


def packed(home: Home) -> bytes:
    """A home as a snapshot has it, and as it sleeps."""
    _note_head(home)
    return _encoder.encode(home)


def head_of(known: bytes) -> Head:
    """The beginning of the bytes of a home. The rest is left out: to be skipped it would have to be read."""
    end = 1 + _SIZES.get(known[1], 1)  # behind `now_ms`
    end += _SIZES.get(known[end], 1) + 1
    return _heads.decode(_HEAD_ALONE + known[1:end])


def _note_head(home: Home) -> None:
    first = first_timer(home)
    home.due_ms = None if first is None else first[0]
    home.aside = False
    for instance in home.instances.values():
        if instance.quarantined:
            home.aside = True
