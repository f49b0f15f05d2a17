"""What is usual, by robust statistics in whole numbers: median, MAD, quartiles, and a drift sum (CUSUM). Pure.

Robust: a week in which everything was otherwise hardly moves a median. Whole numbers only, so that two machines agree
to the last bit: medians are kept doubled, a median of doubled deviations is fourfold, the rest is in thousandths.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

MILLI = 1_000
MAD_TO_SIGMA_MILLI = 1_483  # of values that scatter as the normal law has it, the MAD is 1/1.4826 of sigma
DRIFT_SLACK_MILLI = 500  # half a sigma a day is no drift …
DRIFT_LIMIT_MILLI = 5_000  # … and this much of the rest, summed, is (the usual choice for CUSUM)
DRIFT_CLIP_MILLI = 3_000  # one strange day is not a drift, nor are two

Drift = tuple[int, int]
"""How far values have drifted up and down, in thousandths of sigma."""


class Usual(msgspec.Struct, frozen=True, gc=False):
    """Of some values: twice the median, four times the MAD, and the quartiles."""

    median_2: int
    mad_4: int
    low: int
    high: int

    @property
    def sigma_milli(self) -> int:
        """How far values scatter, in thousandths; 0 when they do not."""
        return MAD_TO_SIGMA_MILLI * self.mad_4 // 4

    def off_milli(self, value: int) -> int:
        """How far a value is from the median, in thousandths; negative when under it."""
        return (2 * value - self.median_2) * (MILLI // 2)


def usual(values: Sequence[int]) -> Usual:
    """Of at least one value."""
    ordered = sorted(values)
    median_2 = _middle_2(ordered)
    mad_4 = _middle_2(sorted(abs(2 * value - median_2) for value in ordered))
    last = len(ordered) - 1
    return Usual(median_2, mad_4, ordered[last // 4], ordered[last - last // 4])


def differs(known: Usual, value: int, least: int, spreads_milli: int) -> bool:
    """Whether a value is further off than `spreads` sigma, and than what is worth telling at all."""
    off_milli = abs(known.off_milli(value))
    return off_milli >= least * MILLI and off_milli * MILLI >= spreads_milli * known.sigma_milli


def drifted(before: Drift, known: Usual, value: int, least: int) -> Drift:
    """The drift sums after one more value. A sigma is at least half of what is worth telling."""
    sigma_milli = max(known.sigma_milli, least * MILLI // 2, 1)
    off_milli = known.off_milli(value)
    z_milli = min(abs(off_milli) * MILLI // sigma_milli, DRIFT_CLIP_MILLI) * (1 if off_milli >= 0 else -1)
    return max(0, before[0] + z_milli - DRIFT_SLACK_MILLI), max(0, before[1] - z_milli - DRIFT_SLACK_MILLI)


def _middle_2(ordered: Sequence[int]) -> int:
    """Twice the median of what is in order."""
    return ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]
