"""NEWS2 (Royal College of Physicians 2017): points of each measurement, and their sum. Pure; whole numbers only.

The chart is written for whole numbers (temperature: tenths), so a reading is rounded to these first, halves up: 91.4 %
counts as 91, 38.05 degrees as 38.1. What is missing has no points, which is not the same as 0: the sum of what is known
is then what the score is *at least*, and it is said which are missing. What no living person can have is no reading.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingest.event import Value
from ingest.metrics import in_usual_milli

RESPIRATION, SPO2, OXYGEN, SYSTOLIC = "respiration_rate", "spo2", "oxygen", "systolic"
PULSE, CONSCIOUSNESS, TEMPERATURE = "heart_rate", "consciousness", "body_temperature"
PARAMETERS = (RESPIRATION, SPO2, OXYGEN, SYSTOLIC, PULSE, CONSCIOUSNESS, TEMPERATURE)
"""The seven that a score is made of; metrics of `measured`."""

# (highest reading of the band, its points); above the last one: the points that stand alone
_BANDS: dict[str, tuple[tuple[tuple[int, int], ...], int]] = {
    RESPIRATION: (((8, 3), (11, 1), (20, 0), (24, 2)), 3),
    SPO2: (((91, 3), (93, 2), (95, 1)), 0),
    SYSTOLIC: (((90, 3), (100, 2), (110, 1), (219, 0)), 3),
    PULSE: (((40, 3), (50, 1), (90, 0), (110, 1), (130, 2)), 3),
    TEMPERATURE: (((350, 3), (360, 1), (380, 0), (390, 1)), 2),  # tenths of a degree
    OXYGEN: (((0, 0),), 2),
    CONSCIOUSNESS: (((0, 0),), 3),
}
_SCALE_TWO: tuple[tuple[int, int], ...] = ((83, 3), (85, 2), (87, 1), (92, 0))  # at more than that: by the oxygen
_SCALE_TWO_ON_OXYGEN: tuple[tuple[tuple[int, int], ...], int] = (((94, 1), (96, 2)), 3)
_POSSIBLE = {RESPIRATION: (1, 90), SPO2: (30, 100), OXYGEN: (0, 100), SYSTOLIC: (30, 330), PULSE: (10, 330),
             TEMPERATURE: (200, 460)}  # fmt: skip
_WORDS: dict[str, dict[str, int]] = {
    OXYGEN: {"air": 0, "room_air": 0, "oxygen": 1},
    CONSCIOUSNESS: {
        "a": 0, "alert": 0, "c": 1, "confusion": 1, "confused": 1, "new_confusion": 1, "v": 1, "voice": 1, "p": 1,
        "pain": 1, "u": 1, "unresponsive": 1,
    },
}  # fmt: skip


class Score(msgspec.Struct, frozen=True, gc=False):
    """`total` of what is known: at least that much. `alone`: what has 3 points by itself."""

    total: int
    missing: tuple[str, ...]
    alone: tuple[str, ...]

    @property
    def complete(self) -> bool:
        return not self.missing


def reading(metric: str, value: Value, unit: str) -> int | None:
    """A measurement as the chart counts: whole units, tenths of a degree, 1 for oxygen and for not alert.

    None for what is no reading of it: another word or unit, or what no living person can have.
    """
    if isinstance(value, str):
        return _WORDS.get(metric, {}).get(value.strip().lower().replace(" ", "_"))
    if metric == CONSCIOUSNESS:
        return None
    if isinstance(value, bool):
        return int(value) if metric == OXYGEN else None
    milli = in_usual_milli(metric, value, unit)
    if milli is None:
        return None
    step = 100 if metric == TEMPERATURE else 1_000
    found = (2 * milli + step) // (2 * step)
    low, high = _POSSIBLE[metric]
    if not low <= found <= high:
        return None
    return int(milli > 0) if metric == OXYGEN else found  # half a litre is oxygen too


def points(metric: str, known: Mapping[str, int], *, scale_two: bool) -> int | None:
    """Points of one of the seven, given the readings that are known; None when they cannot be known."""
    found = known.get(metric)
    if found is None:
        return None
    if metric != SPO2 or not scale_two:
        return _in_bands(found, *_BANDS[metric])
    if found <= _SCALE_TWO[-1][0]:
        return _in_bands(found, _SCALE_TWO, 0)
    if OXYGEN not in known:
        return None
    return _in_bands(found, *_SCALE_TWO_ON_OXYGEN) if known[OXYGEN] else 0


def score(known: Mapping[str, int], *, scale_two: bool) -> Score:
    """The sum over readings. `scale_two`: this person's oxygen saturation is meant to be 88-92 % (a doctor decides)."""
    found = {metric: points(metric, known, scale_two=scale_two) for metric in PARAMETERS}
    return Score(
        sum(each for each in found.values() if each is not None),
        tuple(metric for metric, each in found.items() if each is None),
        tuple(metric for metric, each in found.items() if each == 3),
    )


def _in_bands(found: int, bands: tuple[tuple[int, int], ...], above: int) -> int:
    return next((each for highest, each in bands if found <= highest), above)
