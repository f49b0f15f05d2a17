"""A collapse put into a recorded home: from a random waking moment no sensor sees anybody, yet every wire is whole.

All draws share the recording up to their moment: the folds are told it once, and a branch of them is told the silence.
A second branch is told the same silence with stray pulses in it, as sensors of an empty home give them: what takes any
pulse for a sign of life leaves somebody lying there.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence

import msgspec

from rules.effects import Raise
from simulators.message import Message, record_of
from simulators.real_homes import RealHome, Sensed, messages_of, reports_of, told
from tests.realhomes.telling import Telling
from tests.realhomes.truth import Span

HORIZON_MS = 36 * 3_600_000
FINDERS = ("R17", "R16", "R12")  # who may find somebody who has fallen silent
PULSE_EVERY_MS = 20_000_000  # on average: the empty home of the absence week gave 15 in 83.6 h
COUNTED = 1_000_000  # stray pulses are counted from here, so that none looks like an event of the recording


class Collapse(msgspec.Struct, frozen=True):
    """One draw. `found`: rule -> ms until its alert; `standing`: finders whose alert was open already."""

    at_ms: int
    away: bool  # the folds took the person to be out at that moment, or soon after
    found: dict[str, int]
    standing: tuple[str, ...] = ()


def draw_moments(waking: Sequence[Span], count: int, seed: int) -> list[int]:
    """So many instants, each waking millisecond as likely as any other; sorted. [] when nobody was awake."""
    total_ms = sum(span.length_ms for span in waking)
    if total_ms == 0:
        return []
    dice = random.Random(seed)
    return sorted(_nth(waking, dice.randrange(total_ms)) for _ in range(count))


def collapses(
    home: RealHome,
    telling: Telling,
    moments: Sequence[int],
    finders: Sequence[str],
    seed: int,
    progress: Callable[[int], None],
) -> tuple[list[Collapse], list[Collapse]]:
    """Each moment's collapse in silence, and with stray pulses. `telling` has begun; `finders`: in the book."""
    rest = iter(messages_of(home))
    silent, pulsing = [], []
    waiting: Message | None = next(rest, None)
    for number, at_ms in enumerate(moments, 1):
        while waiting is not None and waiting.at_ms <= at_ms:
            telling.tell(record_of(waiting))
            waiting = next(rest, None)
        silent.append(_lying(home, telling.branch(), at_ms, finders, []))
        pulsing.append(_lying(home, telling.branch(), at_ms, finders, _pulses(home, at_ms, seed + number)))
        progress(number)
    return silent, pulsing


def _lying(home: RealHome, telling: Telling, at_ms: int, finders: Sequence[str], pulses: Sequence[Sensed]) -> Collapse:
    standing = tuple(rule for rule in finders if rule in telling.open_rules.values())
    found: dict[str, int] = {}
    away = False
    reports = reports_of(home, at_ms + 1, at_ms + HORIZON_MS)
    for message in heapq.merge(reports, told(pulses, COUNTED), key=lambda one: one.at_ms):
        for effect in telling.tell(record_of(message)):
            if isinstance(effect, Raise) and effect.rule in finders:
                found.setdefault(effect.rule, effect.at_ms - at_ms)
        away = away or telling.is_away(message.at_ms)
        if all(rule in found or rule in standing for rule in finders):
            break
    return Collapse(at_ms, away, found, standing)


def _pulses(home: RealHome, at_ms: int, seed: int) -> list[Sensed]:
    """Single movements of one sensor each, at random times."""
    dice = random.Random(seed)
    sensors = [one for one in home.devices if one.began == "motion.detected"]
    found: list[Sensed] = []
    next_ms = at_ms + round(dice.expovariate(1 / PULSE_EVERY_MS)) + 1
    while next_ms < at_ms + HORIZON_MS:
        sensor = dice.choice(sensors)
        found.append(Sensed(next_ms, sensor.device, "motion.detected", {"room": sensor.room}))
        next_ms += round(dice.expovariate(1 / PULSE_EVERY_MS)) + 1
    return found


def _nth(spans: Sequence[Span], offset_ms: int) -> int:
    for span in spans:
        if offset_ms < span.length_ms:
            return span.from_ms + offset_ms
        offset_ms -= span.length_ms
    raise AssertionError("the offset lies within their sum")
