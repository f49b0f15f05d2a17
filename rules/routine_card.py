"""What a routine card says: one feature of a day that differs, as a reason with numbers as people write them. Pure."""

from __future__ import annotations

from datetime import date

import msgspec

from rules.effects import Reason
from rules.routine_day import ACTIVE, CLOCK, MINUTE_MS, SLOT_MS, Feature
from rules.usual import Usual


class Finding(msgspec.Struct, frozen=True, gc=False):
    """A feature that differs: `off_milli` in sigma, for the order."""

    feature: Feature
    value: int
    known: Usual
    off_milli: int
    more: bool
    drift: bool = False

    @property
    def key(self) -> str:
        return f"{self.feature.name}{'+' if self.more else '-'}"

    @property
    def shown(self) -> str:
        """The value as people write it."""
        return _shown(self.feature, self.value)


def reason_of(one: Finding, day: int) -> Reason:
    """In numbers as people write them: "5" and "1–2", "09:40" and "07:00–07:30"."""
    feature = one.feature
    low, high = _shown(feature, one.known.low), _shown(feature, one.known.high)
    args: dict[str, object] = {
        "feature": feature.name, "value": one.shown, "usual": low if low == high else f"{low}–{high}",
        "day": str(date.fromordinal(day)),
    }  # fmt: skip
    if one.drift:
        return Reason("routine.drifts_up" if one.more else "routine.drifts_down", args)
    if feature.how == CLOCK:
        return Reason("routine.later" if one.more else "routine.earlier", args)
    return Reason("routine.minutes" if feature.how == ACTIVE else "routine.times", args)


def _shown(feature: Feature, value: int) -> str:
    if feature.how == CLOCK:
        return f"{value // 60 % 24:02d}:{value % 60:02d}"
    return str(value * SLOT_MS // MINUTE_MS if feature.how == ACTIVE else value)
