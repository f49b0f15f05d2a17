"""Which class a metric or a mark belongs to, and with it how long it is kept in full. Pure."""

from __future__ import annotations

from ingest.series_rows import BEHAVIOUR as BEHAVIOUR_TYPES
from ingest.series_rows import LEVELS, STATES

BEHAVIOUR, CARE, DEVICE = "behaviour", "care", "device"
CLASSES = (BEHAVIOUR, CARE, DEVICE)
"""How somebody lives (bed, doors, motion); what care needs (measurements, alarms, doses); how devices are."""

_DEVICE_METRICS = frozenset(
    {"battery_low"} | {metric for of, levels in LEVELS.items() if of != "continence.level" for _, metric, _ in levels}
)
_BEHAVIOUR_METRICS = frozenset(metric for metric, _ in STATES.values()) - _DEVICE_METRICS
_DEVICE_MARKS = (
    "device.", "battery.", "accumulator.", "mains.", "tamper.", "radio.", "link.", "trigger.", "test.", "tracker.",
    "dispenser.",
)  # fmt: skip


def class_of_metric(metric: str) -> str:
    """What is measured is of CARE, also a metric that nobody knows yet."""
    if metric in _DEVICE_METRICS:
        return DEVICE
    return BEHAVIOUR if metric in _BEHAVIOUR_METRICS else CARE


def class_of_mark(type: str) -> str:
    """Alarms, fires, doses and measurements that failed are of CARE."""
    if type.startswith(_DEVICE_MARKS):
        return DEVICE
    return BEHAVIOUR if type.startswith(BEHAVIOUR_TYPES) and not type.startswith("measurement.") else CARE
