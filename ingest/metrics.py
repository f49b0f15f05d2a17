"""In which unit each metric is usually told, and what a value in another unit is in that one. Pure.

Units are UCUM codes, as `measured` carries them (contracts §1). What is usual: what the codecs send and staff read.
Values become whole thousandths of the usual unit, so that rules compare exactly and no float enters a state. A metric
that is not listed here is told in whatever unit its devices use.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import msgspec

MILLI = 1_000


class Conversion(msgspec.Struct, frozen=True):
    """thousandths of the usual unit = thousandths of the other x times / parts + plus."""

    times: int
    parts: int
    plus: int = 0


_SAME = Conversion(1, 1)
_RATE = {
    "/min": _SAME,
    "{beats}/min": _SAME,
    "{breaths}/min": _SAME,
    "1/min": _SAME,
    "min-1": _SAME,
    "Hz": Conversion(60, 1),
}
_PRESSURE = {"mm[Hg]": _SAME, "kPa": Conversion(75_006, 10_000)}  # 1 kPa = 7.5006 mmHg
_TEMPERATURE = {"Cel": _SAME, "[degF]": Conversion(5, 9, -17_778), "K": Conversion(1, 1, -273_150)}
_SHARE = {"%": _SAME, "1": Conversion(100, 1)}

_METRICS: dict[str, dict[str, Conversion]] = {  # the first unit is the usual one
    "temperature": _TEMPERATURE,
    "body_temperature": _TEMPERATURE,
    "humidity": _SHARE,
    "spo2": _SHARE,
    "battery": _SHARE,
    "continence": _SHARE,
    "heart_rate": _RATE,
    "respiration_rate": _RATE,
    "systolic": _PRESSURE,
    "diastolic": _PRESSURE,
    "weight": {"kg": _SAME, "g": Conversion(1, 1_000), "[lb_av]": Conversion(45_359_237, 100_000_000)},
    "glucose": {"mmol/L": _SAME, "mg/dL": Conversion(1_000, 18_016)},  # molar mass of glucose 180.16 g/mol
    "co2": {"[ppm]": _SAME},
    "co": {"[ppm]": _SAME},
    "oxygen": {"L/min": _SAME, "l/min": _SAME, "mL/min": Conversion(1, 1_000)},
    "power": {"W": _SAME, "kW": Conversion(1_000, 1)},
    "energy": {"kW.h": _SAME, "W.h": Conversion(1, 1_000)},
    "illuminance": {"lx": _SAME},
    "noise": {"dB": _SAME, "dB[SPL]": _SAME},
    "pressure": {"hPa": _SAME, "Pa": Conversion(1, 100), "kPa": Conversion(10, 1), "mbar": _SAME},
    "days_left": {"d": _SAME},
    "doses_left": {"1": _SAME},
    "battery_volts": {"V": _SAME, "mV": Conversion(1, 1_000)},
}

_MEANT = {
    "°C": "Cel", "C": "Cel", "degC": "Cel", "celsius": "Cel", "°F": "[degF]", "F": "[degF]", "degF": "[degF]",
    "mmHg": "mm[Hg]", "bpm": "/min", "prosent": "%", "percent": "%", "lb": "[lb_av]", "lbs": "[lb_av]", "ppm": "[ppm]",
    "kWh": "kW.h", "Wh": "W.h", "lux": "lx", "kilo": "kg",
}  # fmt: skip
"""What people and some gateways write, and the UCUM code that they mean."""

UNITS: Mapping[str, tuple[str, ...]] = MappingProxyType({metric: tuple(known) for metric, known in _METRICS.items()})
"""Metric -> units that are understood for it, the usual one first."""

LEVELS: Mapping[str, tuple[tuple[str, str, str], ...]] = MappingProxyType({
    "battery.level": (("percent", "battery", "%"), ("volts", "battery_volts", "V")),
    "dispenser.stock": (("days_left", "days_left", "d"), ("doses_left", "doses_left", "1")),
    "continence.level": (("percent", "continence", "%"),),
    "sound.loud": (("level_db", "noise", "dB"),),
})  # fmt: skip
"""Event types beside `measured` that carry a measurement: (field, metric, unit), the one that is looked at first."""


def meant(unit: str) -> str:
    """The UCUM code of what somebody wrote; itself where nothing else is known."""
    return _MEANT.get(unit.strip(), unit.strip())


def usual_unit(metric: str) -> str | None:
    """The unit a metric is usually told in; None for a metric that is not listed."""
    known = UNITS.get(metric)
    return None if known is None else known[0]


def in_usual_milli(metric: str, value: object, unit: str) -> int | None:
    """A value in whole thousandths of the metric's usual unit; None when it is no number or the unit does not fit.

    Of a metric that is not listed: thousandths of the unit it came in.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return converted_milli(metric, round(value * MILLI), unit)


def converted_milli(metric: str, milli: int, unit: str) -> int | None:
    """As `in_usual_milli`, of thousandths."""
    known = _METRICS.get(metric)
    if known is None:
        return milli
    how = known.get(unit) or known.get(meant(unit))
    return None if how is None else (milli * how.times * 2 + how.parts) // (how.parts * 2) + how.plus
