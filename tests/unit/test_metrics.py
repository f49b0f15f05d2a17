"""Metrics and their units: what a value is in the usual one, and limits whose unit says nothing about the metric."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.metrics import LEVELS, UNITS, in_usual_milli, meant, usual_unit
from ingest.vocabulary import TYPES
from rules.book_file import BookError, book_for_site
from rules.limits import unit_problems
from tests.support.home_story import BOOK


@pytest.mark.parametrize(
    ("metric", "value", "unit", "milli"),
    [
        ("temperature", 36.6, "Cel", 36_600),
        ("temperature", -14, "Cel", -14_000),
        ("body_temperature", 98.6, "[degF]", 37_000),
        ("temperature", 288.15, "K", 15_000),
        ("temperature", 20, "°C", 20_000),
        ("spo2", 0.92, "1", 92_000),
        ("heart_rate", 61, "{beats}/min", 61_000),
        ("systolic", 16, "kPa", 120_010),
        ("weight", 80_500, "g", 80_500),
        ("weight", 176.37, "[lb_av]", 80_000),
        ("glucose", 90.08, "mg/dL", 5_000),
        ("oxygen", 500, "mL/min", 500),
        ("steps", 12, "{steps}", 12_000),
        ("temperature", 20, "kg", None),
        ("temperature", float("nan"), "Cel", None),
        ("temperature", "warm", "Cel", None),
        ("temperature", True, "Cel", None),
        ("temperature", 20, "", None),
    ],
)
def test_a_value_in_the_usual_unit(metric: str, value: object, unit: str, milli: int | None) -> None:
    """Whole thousandths, or None where it is no number or its unit says nothing about the metric."""
    assert in_usual_milli(metric, value, unit) == milli


def test_the_table_is_whole() -> None:
    """Each metric has a usual unit that is its own; each level names a field that its event has."""
    assert [metric for metric in UNITS if usual_unit(metric) != UNITS[metric][0]] == []
    assert usual_unit("steps") is None
    assert meant(" mmHg ") == "mm[Hg]"
    for name, fields in LEVELS.items():
        assert [field for field, metric, _ in fields if field not in TYPES[name] or metric not in UNITS] == []


def test_a_limit_whose_unit_does_not_fit_is_an_error_with_the_right_word(tmp_path: Path) -> None:
    """A book says it with file and line before it is in force, also of a word that is no UCUM code."""
    (cold,) = [rule for rule in BOOK.rules if rule.id == "R34"]
    assert list(unit_problems(cold, {"unit": "mm[Hg]"})) == [
        ("unit", "'mm[Hg]' is no unit of temperature; did you mean Cel?")
    ]
    assert list(unit_problems(cold, {"unit": "[degF]"})) == []
    path = tmp_path / "site.yaml"
    for unit, told in (("kg", "no unit of temperature; did you mean Cel?"), ("°C", "did you mean Cel?")):
        path.write_text(
            f'set:\n  R34: {{below: 16}}\n  R39: {{below: 15}}\nwards:\n  nord:\n    R34: {{unit: "{unit}"}}\n'
        )
        with pytest.raises(BookError) as error:
            book_for_site(path)
        assert error.value.line == 6
        assert str(error.value).endswith(told)
