"""NEWS2: the chart of 2017, cell by cell, and what is no reading."""

from __future__ import annotations

import pytest

from rules.news2 import PARAMETERS, points, reading, score

WELL = {
    "respiration_rate": 16, "spo2": 97, "oxygen": 0, "systolic": 120, "heart_rate": 70, "consciousness": 0,
    "body_temperature": 370,
}  # fmt: skip

# first reading of each band -> points; from the lowest up (temperature in tenths)
CHART = {
    "respiration_rate": ((1, 3), (8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3), (60, 3)),
    "spo2": ((60, 3), (91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0)),
    "oxygen": ((0, 0), (1, 2)),
    "systolic": ((50, 3), (90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3), (280, 3)),
    "heart_rate": (
        (30, 3), (40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3), (200, 3),
    ),
    "consciousness": ((0, 0), (1, 3)),
    "body_temperature": (
        (340, 3), (350, 3), (351, 1), (360, 1), (361, 0), (380, 0), (381, 1), (390, 1), (391, 2), (420, 2),
    ),
}  # fmt: skip
SCALE_TWO = ((70, 3), (83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0))
ON_OXYGEN = ((93, 1), (94, 1), (95, 2), (96, 2), (97, 3), (100, 3))


@pytest.mark.parametrize("metric", PARAMETERS)
def test_every_band_of_the_chart(metric: str) -> None:
    """Both edges of each band have the points that the chart prints."""
    found = [(value, points(metric, {**WELL, metric: value}, scale_two=False)) for value, _ in CHART[metric]]
    assert found == list(CHART[metric])


def test_scale_two_of_the_oxygen_saturation() -> None:
    """88-92 is right; under it as under 96 on scale 1; above it only what is given with oxygen has points."""
    for value, expected in SCALE_TWO:
        for oxygen in ({}, {"oxygen": 0}, {"oxygen": 1}):
            assert points("spo2", {"spo2": value, **oxygen}, scale_two=True) == expected
    for value, expected in ON_OXYGEN:
        assert points("spo2", {"spo2": value, "oxygen": 1}, scale_two=True) == expected
        assert points("spo2", {"spo2": value, "oxygen": 0}, scale_two=True) == 0
        assert points("spo2", {"spo2": value}, scale_two=True) is None


def test_a_score_says_what_is_missing() -> None:
    """Whole it is 0; without a pulse it is "at least 0", and never 0; a three alone is named."""
    whole = score(WELL, scale_two=False)
    assert (whole.total, whole.complete, whole.missing, whole.alone) == (0, True, (), ())
    without = {metric: value for metric, value in WELL.items() if metric != "heart_rate"}
    part = score({**without, "spo2": 91}, scale_two=False)
    assert (part.total, part.complete, part.missing, part.alone) == (3, False, ("heart_rate",), ("spo2",))


def test_the_worst_is_twenty() -> None:
    """All at their worst make 20 points."""
    worst = {metric: max(cells, key=lambda cell: cell[1])[0] for metric, cells in CHART.items()}
    assert score(worst, scale_two=False).total == 20


@pytest.mark.parametrize(
    ("metric", "value", "unit", "expected"),
    [
        ("spo2", 91.4, "%", 91), ("spo2", 91.5, "%", 92), ("spo2", 0.95, "1", 95),
        ("body_temperature", 38.04, "Cel", 380),
        ("body_temperature", 38.05, "Cel", 381), ("body_temperature", 100.4, "[degF]", 380),
        ("respiration_rate", 24.5, "/min", 25), ("heart_rate", 1.5, "Hz", 90), ("systolic", 12, "kPa", 90),
        ("oxygen", 0.0, "L/min", 0), ("oxygen", 0.5, "L/min", 1), ("oxygen", True, "", 1), ("oxygen", "Air", "1", 0),
        ("consciousness", "A", "1", 0), ("consciousness", "new confusion", "1", 1), ("consciousness", "U", "", 1),
    ],
)  # fmt: skip
def test_what_a_measurement_counts_as(metric: str, value: object, unit: str, expected: int) -> None:
    """Rounded to the chart's numbers, halves up; units are converted; words are understood."""
    assert reading(metric, value, unit) == expected  # type: ignore[arg-type]  # also what is no number


@pytest.mark.parametrize(
    ("metric", "value", "unit"),
    [
        ("spo2", 0, "%"), ("spo2", 101, "%"), ("heart_rate", 70, "m"), ("heart_rate", "fast", "/min"),
        ("heart_rate", float("nan"), "/min"), ("heart_rate", True, "/min"), ("consciousness", 1, "1"),
        ("consciousness", "sleepy", "1"), ("body_temperature", 12, "Cel"), ("systolic", None, "mm[Hg]"),
        ("oxygen", 28, "%"),
    ],
)  # fmt: skip
def test_what_is_no_reading(metric: str, value: object, unit: str) -> None:
    """A finger that slipped off, another unit, an unknown word: missing, not 0."""
    assert reading(metric, value, unit) is None  # type: ignore[arg-type]  # also what is no number
