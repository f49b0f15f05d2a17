"""What the labels say of a recorded home: who was out, asleep or up, and when. It judges; no fold ever sees it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise

import msgspec

from simulators.real_homes import RealHome, Sensed

OUT, ASLEEP, UP, UNLABELLED = "out", "asleep", "up", "unlabelled"
MINUTE_MS = 60_000
GAP_MS = 10 * MINUTE_MS  # shorter silences are somebody sitting still
ENTERING_MS = MINUTE_MS  # a sensor at the door may see somebody before the row that is labelled with coming home
NEAR_MS = 30 * MINUTE_MS  # how far from a silence a label on a way out may lie, where labels are few
BURST_MS = 10 * MINUTE_MS  # two sensors so near in time are a person, one alone may be a pulse
_LEAVES, _RETURNS = ("Leave_Home", "Going-out"), ("Enter_Home",)
_SLEEPS = ("Sleep", "Sleep_Out_Of_Bed", "Go_To_Sleep", "Bed_Toilet_Transition", "Sleeping")


class Span(msgspec.Struct, frozen=True):
    """[from, to) in ms UTC."""

    from_ms: int
    to_ms: int

    @property
    def length_ms(self) -> int:
        return self.to_ms - self.from_ms

    def overlap_ms(self, other: Span) -> int:
        """How long both last."""
        return max(0, min(self.to_ms, other.to_ms) - max(self.from_ms, other.from_ms))


class Truth:
    """The labels of one home, ready to be asked. Labels come late, so a way out may be seen at either of its ends.

    Where every row has a label, it counts until the next; where only some doings have one, no longer than they last.
    """

    def __init__(self, home: RealHome) -> None:
        self._labels, self.whole = home.labels, home.labelled_throughout
        self._begins = [label.from_ms for label in home.labels]
        times = [one.at_ms for one in home.sensed]
        gaps = [Span(a, b) for a, b in pairwise(times) if b - a >= GAP_MS]
        self.absences = [gap for gap in gaps if self._is_out(gap)]

    def state(self, at_ms: int) -> str:
        """OUT, ASLEEP, UP or UNLABELLED."""
        if not self._labels:
            return UNLABELLED
        if any(span.from_ms <= at_ms < span.to_ms for span in self.absences):
            return OUT
        doing = self._doing(at_ms, 0)
        if not doing:
            return UNLABELLED
        return ASLEEP if doing in _SLEEPS else UP

    def _is_out(self, gap: Span) -> bool:
        if self._doing(gap.from_ms, NEAR_MS).startswith(_LEAVES):
            return True
        first = bisect_left(self._begins, gap.to_ms)
        until = bisect_right(self._begins, gap.to_ms + ENTERING_MS)
        return any(label.activity.startswith(_RETURNS) for label in self._labels[first:until])

    def _doing(self, at_ms: int, slack_ms: int) -> str:
        """The label that was last begun, if it still counts; "" when none does."""
        place = bisect_right(self._begins, at_ms) - 1
        if place < 0 or (not self.whole and at_ms >= self._labels[place].to_ms + slack_ms):
            return ""
        return self._labels[place].activity


def waking_spans(home: RealHome, truth: Truth) -> list[Span]:
    """Between which instants somebody was at home and up by the labels. Empty without labels."""
    edges = sorted(
        {home.first_ms, home.last_ms}
        | {edge for one in home.labels for edge in (one.from_ms, one.to_ms) if home.first_ms <= edge <= home.last_ms}
        | {edge for gap in truth.absences for edge in (gap.from_ms, gap.to_ms)}
    )
    return [Span(a, b) for a, b in pairwise(edges) if truth.state(a) == UP]


def longest_absence(sensed: Sequence[Sensed]) -> Span:
    """The longest span in which no two sensors saw anybody within BURST_MS: between the last such and the next.

    Pulses of one sensor in an empty home do not end it. `sensed`: sorted; ValueError when nobody was ever seen.
    """
    seen = [
        one.at_ms for place, one in enumerate(sensed) if _borne_out(sensed, place, -1) or _borne_out(sensed, place, 1)
    ]
    return max((Span(a, b) for a, b in pairwise(seen)), key=lambda span: span.length_ms)


def _borne_out(sensed: Sequence[Sensed], place: int, step: int) -> bool:
    """Whether another sensor told something shortly before (-1) or after (1)."""
    own, other = sensed[place], place + step
    while 0 <= other < len(sensed) and abs(sensed[other].at_ms - own.at_ms) <= BURST_MS:
        if sensed[other].device != own.device:
            return True
        other += step
    return False
