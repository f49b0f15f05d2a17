"""Cries that could not be understood: how often what may be an alarm, but is no readable one, goes to a person.

Pure. Never lose an alarm, never a storm. Within WINDOW_MS after the first at one address the same bytes are the same
cry (a gateway resends until it is answered, and what we cannot read we cannot answer). Other bytes go through at
once, up to AT_ONCE; what comes beyond that is counted and told once when the window ends. So a device that sends
rubbish without end is one line a minute (the desk merges those into the open alarm), and a real press between its
rubbish reaches a person within the minute at the latest. Every message stays a dead letter with its bytes anyway.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b

import msgspec

WINDOW_MS = 60_000
AT_ONCE = 5
ADDRESSES_MAX = 50_000  # beyond it nothing is held back (fail open)
_SUMMARY = b""  # stands among the fingerprints for a summary


def fingerprint(payload: bytes) -> bytes:
    """Eight bytes that stand for the payload."""
    return blake2b(payload, digest_size=8).digest()


class Window(msgspec.Struct, array_like=True):
    """What one address cried since `from_ms`."""

    from_ms: int
    told: list[bytes]  # fingerprints
    held: int = 0


class Undecodable:
    """Open windows by address, the oldest first."""

    def __init__(self, windows: list[tuple[str, Window]] | None = None) -> None:
        self._windows: OrderedDict[str, Window] = OrderedDict(windows or [])

    def state(self) -> list[tuple[str, Window]]:
        """For a snapshot; the order counts."""
        return list(self._windows.items())

    def admit(self, address: str, payload: bytes, now_ms: int) -> bool:
        """Whether this one goes to a person now. `fire` must have run up to `now_ms` before."""
        mark = fingerprint(payload)
        window = self._windows.get(address)
        if window is None:
            if len(self._windows) < ADDRESSES_MAX:
                self._windows[address] = Window(now_ms, [mark])
            return True
        if mark in window.told:
            return False
        if len(window.told) < AT_ONCE:
            window.told.append(mark)
            return True
        window.held += 1
        return False

    def next_due_ms(self) -> int | None:
        """When the oldest window ends."""
        return next(iter(self._windows.values())).from_ms + WINDOW_MS if self._windows else None

    def fire(self, until_ms: int, tell: Callable[[str, int, int], None]) -> None:
        """End windows due at `until_ms`; `tell(address, at_ms, count)` for each that held something back."""
        while (due_ms := self.next_due_ms()) is not None and due_ms <= until_ms:
            address, window = self._windows.popitem(last=False)
            if window.held:
                self._windows[address] = Window(due_ms, [_SUMMARY])
                tell(address, due_ms, window.held)
