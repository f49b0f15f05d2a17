"""What a dwell keeps, its parameters, and when it is due. Part of `dwell.py`, where its theory stands; pure."""

from __future__ import annotations

import msgspec

from rules.effects import Cause
from rules.facts import NEVER_MS
from rules.kinds.kind import Context, State
from rules.local_time import next_window, window_at
from rules.parameters import Count, Duration, Flag, LastingValues, Window, Words
from rules.presence import Recent

LOW_RISK = "low"  # a risk a site file can give: what is broken here may wait


class DwellState(State, frozen=True, gc=False, tag="dwell"):
    phase: str = "out"  # out | idle (in the state, not armed) | armed | held | open | ending
    register_ms: int = NEVER_MS  # effective time of the last write
    since_ms: int = 0
    entered: Cause | None = None
    out_since_ms: int | None = None  # since when out of the state, for "prior presence"
    prior_window_ms: int | None = None  # start of the window in which enough prior presence was seen
    extended: bool = False
    settle_ms: int = NEVER_MS  # what came late does not fire before
    fired_due_ms: int | None = None  # when the open alert was due by the law
    begun_ms: int = 0  # this episode was taken over when a watch began, then
    recent: Recent = ()  # the last pulses, where they must be borne out
    left: Cause | None = None  # of `ending`: what it was left with
    left_ms: int = 0
    again: Cause | None = None  # newest word of the state while it stands: what lay between may be heard later

    @property
    def episode(self) -> str:
        name = self.entered.event_id if self.entered is not None else str(self.since_ms)
        return f"{name}@{self.begun_ms}" if self.begun_ms else name


class DwellValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    for_ms: Duration = 0
    clear_for_ms: Duration = 0
    window: Window | None = None
    prior_ms: Duration = 0
    extend_ms: Duration = 0
    starts_inside: Flag = False
    for_at_night_ms: Duration | None = None
    night: Window | None = None
    prove_within_ms: Duration = 0
    for_critical_ms: Duration | None = None
    for_low_risk_ms: Duration | None = None
    intervals: Count = 0
    cap_ms: Duration | None = None
    cap_critical_ms: Duration | None = None
    critical_roles: Words = ()


def law_ms(state: DwellState, context: Context[DwellValues], from_ms: int = NEVER_MS) -> int:
    """When it is due by the law of the module's text, settled or not."""
    start_ms = max(state.since_ms, context.hold_end_ms, from_ms)
    window = context.values.window
    if window is not None:
        start_ms = max(start_ms, next_window(start_ms, window, context.facts.timezone)[0])
    return start_ms + limit_ms(state, context)


def armed(state: DwellState, context: Context[DwellValues], from_ms: int = NEVER_MS) -> DwellState:
    due_ms = max(law_ms(state, context, from_ms), state.settle_ms, context.now_ms)
    return msgspec.structs.replace(state, phase="armed", due_ms=due_ms)


def limit_ms(state: DwellState, context: Context[DwellValues]) -> int:
    """How long is too long: `for`, another one by who it concerns, or a multiple of the device's own interval."""
    values = context.values
    found_ms = values.for_ms
    if values.for_at_night_ms is not None and values.night is not None:
        by_night = window_at(state.since_ms, values.night, context.facts.timezone) is not None
        found_ms = values.for_at_night_ms if by_night else found_ms
    if values.for_critical_ms is not None or values.for_low_risk_ms is not None:
        people = context.facts.residents
        person = people.get(context.resident or "")
        concerned = [person] if person is not None else list(people.values())
        if any(each.critical for each in concerned):
            found_ms = found_ms if values.for_critical_ms is None else values.for_critical_ms
        elif concerned and values.for_low_risk_ms is not None and all(LOW_RISK in each.risks for each in concerned):
            found_ms = values.for_low_risk_ms
    if values.intervals and state.entered is not None:
        interval_s = state.entered.content.get("interval_seconds")
        if isinstance(interval_s, int | float):
            found_ms = max(found_ms, round(interval_s * 1_000) * values.intervals)
    device = context.facts.devices.get(context.subject) if values.critical_roles else None
    critical = device is not None and device.role in values.critical_roles
    cap_ms = values.cap_critical_ms if critical and values.cap_critical_ms is not None else values.cap_ms
    if cap_ms is not None:
        found_ms = min(found_ms, cap_ms)
    return found_ms + (values.extend_ms if state.extended else 0)
