"""Chance that can be told again: named streams of numbers made from a seed. Pure; integers only.

A stream is named by what it is for ("day", resident, date), so that one more resident, or one more question asked
elsewhere, changes nobody else's day. `random` promises the same numbers only for the same calls in the same order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Chance:
    """One stream. The same names give the same answers on every machine."""

    __slots__ = ("_asked", "_name")

    def __init__(self, *names: str | int) -> None:
        self._name = "\x1f".join(str(name) for name in names)
        self._asked = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to limit - 1."""
        self._asked += 1
        text = f"{self._name}\x1e{self._asked}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") % limit

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + self.below(high - low + 1)

    def around(self, middle: int, spread: int) -> int:
        """Near `middle`, at most `spread` away, the middle more often."""
        return middle - spread + (self.between(0, 2 * spread) + self.between(0, 2 * spread)) // 2

    def happens(self, per_mille: int) -> bool:
        """True in so many of a thousand cases."""
        return self.below(1_000) < per_mille

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def digits(self, count: int) -> str:
        """Hexadecimal digits, for addresses."""
        return "".join("0123456789abcdef"[self.below(16)] for _ in range(count))
