"""Pure: when nobody is on duty. Holes in what is planned, and who of a ward's functions is on duty at a moment.

Theory of operation. A ward that has never had a rota or a check-in has all its functions on duty, always. Any other
has those on duty that somebody is checked in to, and those that the rota gives to somebody now. Planned alone counts
as there in a ward that has never seen a check-in; in one that has, nobody has come: such a function is told all the
same, and whoever is next is told with it (`Target.reachable` False), as with a phone that is not heard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from alerts.routing.escalation import Target

DAY_MS = 86_400_000
AHEAD_MS = 7 * DAY_MS
OVERLAPS_MAX = 200


class Gap(msgspec.Struct, frozen=True):
    """From and until but without: nobody is planned."""

    from_ms: int
    until_ms: int


class Situation(msgspec.Struct, frozen=True):
    """What is known of a ward at a moment: ids of functions."""

    used: bool  # it has had a rota or a check-in
    checks_in: bool  # it has had a check-in
    attended: frozenset[str] = frozenset()  # somebody is checked in
    planned: frozenset[str] = frozenset()  # the rota gives it to somebody now
    silent: frozenset[str] = frozenset()  # its phone has not been heard within its limit


def on_duty(chain: Sequence[Target], ward: Situation) -> tuple[Target, ...]:
    """Those of a ward's functions that are on duty, in the order of its chain."""
    found = []
    for target in chain:
        there = not ward.used or target.id in ward.attended or (not ward.checks_in and target.id in ward.planned)
        if there or target.id in ward.planned:
            reachable = there and target.id not in ward.silent
            found.append(msgspec.structs.replace(target, reachable=reachable))
    return tuple(found)


def gaps(planned: Iterable[tuple[int, int]], from_ms: int, until_ms: int) -> list[Gap]:
    """Where in [from_ms, until_ms) none of the planned spans (from, until) is, in order."""
    found, covered_ms = [], from_ms
    for start_ms, end_ms in sorted(planned):
        if start_ms >= until_ms:
            break
        if start_ms > covered_ms:
            found.append(Gap(covered_ms, start_ms))
        covered_ms = max(covered_ms, end_ms)
    if covered_ms < until_ms:
        found.append(Gap(covered_ms, until_ms))
    return found


def overlaps(spans: Collection[tuple[int, int, str]]) -> list[tuple[int, int, str, str]]:
    """Pairs of spans (from, until, name) that share time, as (from, until, name, other name): the first 200."""
    found: list[tuple[int, int, str, str]] = []
    ordered = sorted(spans)
    for place, (start_ms, end_ms, name) in enumerate(ordered):
        for other_start_ms, other_end_ms, other in ordered[place + 1 :]:
            if other_start_ms >= end_ms:
                break
            if len(found) == OVERLAPS_MAX:
                return found
            found.append((max(start_ms, other_start_ms), min(end_ms, other_end_ms), name, other))
    return found
