"""Pure: may this alert ring now? What is held back, until when and why; never what calls for help.

Theory of operation. Everything that keeps a telephone quiet is a **stage** of one pipeline with one signature,
`(Notice, Situation) -> Verdict | None`: None passes the question on, a verdict answers it and names its reason. The
first stage is the law of promise 3: a person's alarm, staff's own alarm and every P1 ring, whatever the rest would
say. All times are the effect's or the timer's own, never the wall clock's, so that a replay gives the same verdicts.

| stage | for | verdict | until |
|---|---|---|---|
| alarm | person alarms, staff alarms, P1 | ring | |
| shelved | a chattering device's rules that its R42 names | behind that alert | its own time |
| outage | what a power cut or dead network explains, in a home of an open outage | behind the outage | it is over |
| inhibited | the silence of devices behind a gateway that is gone | behind the gateway's alert | it is back |
| settle | what an outage could explain, before one is known | wait | 60 s after it opened |
| silence | what somebody silenced, with reason and end | wait | the silence's end |
| rate | the same rule for the same person, P3 to P5, a fifth time in an hour | wait | the hour is over |
| list | P3 by night; P4 and P5 | wait | 07:30; the next workday |
| open | everything else | ring | |

*Behind*: it stands on the board under the other alert, rings nobody, and is over with it. *Wait*: it stands on the
board with the reason, and rings when its time has come and it is still open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from alerts.handling.lifecycle import higher
from rules.effects import Reason

RING, WAIT, BEHIND = "ring", "wait", "behind"

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
SETTLE_MS = 60 * SECOND
RATE_WINDOW_MS = HOUR
RATE_MOST = {"P3": 4, "P4": 4, "P5": 4}  # a P2 is somebody in need: however often, it rings

OUTAGE = "OUTAGE"  # rule of the alert that stands for all homes of an outage
EXPLAINED = {"R27": "P4", "R36": "P4", "R37": "P4", "R38": "P3", "R38a": "P3", "R52": "P2"}
"""Rules that an outage explains, each with the highest priority that may stand behind one: a dispenser that is out of
reach before a dose (R27 as P2) asks for a person, outage or not."""
INHIBITED = ("R37",)
"""Rules that an open alert about the same home's gateway explains."""


class Silence(msgspec.Struct, frozen=True):
    """Somebody's decision that certain alerts shall not ring for a time. Empty fields match everything."""

    silence_id: str
    from_ms: int
    until_ms: int
    ward: str | None = None
    home: str | None = None
    resident: str | None = None
    device: str | None = None
    rule: str | None = None


class Notice(msgspec.Struct, frozen=True):
    """One open alert about which somebody could be rung."""

    rule: str
    priority: str
    opened_ms: int
    home: str
    alarm: bool = False
    staff_alarm: bool = False
    ward: str | None = None
    resident: str | None = None
    device: str | None = None


class Situation(msgspec.Struct, frozen=True):
    """What is known at `now_ms` that could keep it quiet."""

    now_ms: int
    may_ring_ms: int = 0  # from when its chain may ring by its own hours (escalation.earliest_ms)
    shelved_by: str | None = None  # the open alert of its chattering device that names its rule
    outage: str | None = None  # the open outage's alert that its home belongs to
    gateway_gone: str | None = None  # an open alert about its home's gateway
    silences: tuple[Silence, ...] = ()
    rang_ms: tuple[int, ...] = ()  # when the same rule opened for the same person before, newest last


class Verdict(msgspec.Struct, frozen=True):
    """What becomes of it, and the named reason."""

    kind: str  # RING | WAIT | BEHIND
    reason: Reason
    until_ms: int = 0  # of a WAIT
    behind: str = ""  # of a BEHIND: the alert that stands for it


Stage = Callable[[Notice, Situation], Verdict | None]


def explained_by_outage(rule: str, priority: str) -> bool:
    """Whether an outage could stand for this alert."""
    limit = EXPLAINED.get(rule)
    return limit is not None and higher(limit, priority) == limit


def judge(notice: Notice, situation: Situation) -> Verdict:
    """The first stage that answers."""
    for stage in STAGES:
        verdict = stage(notice, situation)
        if verdict is not None:
            return verdict
    return Verdict(RING, Reason("quiet.open"))


def loudest(verdicts: Iterable[Verdict]) -> Verdict | None:
    """Of an incident's alerts the one that rings, else the one that will ring first; None of none."""
    return min(verdicts, key=lambda one: (one.kind != RING, one.kind != WAIT, one.until_ms), default=None)


def _alarm(notice: Notice, situation: Situation) -> Verdict | None:
    if notice.alarm or notice.staff_alarm or notice.priority == "P1":
        return Verdict(RING, Reason("quiet.alarm"))
    return None


def _shelved(notice: Notice, situation: Situation) -> Verdict | None:
    if situation.shelved_by is None:
        return None
    return Verdict(BEHIND, Reason("quiet.shelved"), behind=situation.shelved_by)


def _outage(notice: Notice, situation: Situation) -> Verdict | None:
    if situation.outage is None or not explained_by_outage(notice.rule, notice.priority):
        return None
    return Verdict(BEHIND, Reason("quiet.outage"), behind=situation.outage)


def _inhibited(notice: Notice, situation: Situation) -> Verdict | None:
    if situation.gateway_gone is None or notice.rule not in INHIBITED:
        return None
    return Verdict(BEHIND, Reason("quiet.inhibited"), behind=situation.gateway_gone)


def _settle(notice: Notice, situation: Situation) -> Verdict | None:
    until_ms = notice.opened_ms + SETTLE_MS
    if situation.now_ms >= until_ms or not explained_by_outage(notice.rule, notice.priority):
        return None
    return Verdict(WAIT, Reason("quiet.settle", {"until_ms": until_ms}), until_ms=until_ms)


def _silenced(notice: Notice, situation: Situation) -> Verdict | None:
    now_ms = situation.now_ms
    found = [one for one in situation.silences if one.from_ms <= now_ms < one.until_ms and silences(one, notice)]
    if not found:
        return None
    longest = max(found, key=lambda one: (one.until_ms, one.silence_id))
    args: dict[str, object] = {"until_ms": longest.until_ms, "silence": longest.silence_id}
    return Verdict(WAIT, Reason("quiet.silence", args), until_ms=longest.until_ms)


def silences(silence: Silence, notice: Notice) -> bool:
    """Whether a silence speaks of this alert."""
    pairs = (
        (silence.ward, notice.ward),
        (silence.home, notice.home),
        (silence.resident, notice.resident),
        (silence.device, notice.device),
        (silence.rule, notice.rule),
    )
    return all(wanted is None or wanted == found for wanted, found in pairs)


def _rate(notice: Notice, situation: Situation) -> Verdict | None:
    most = RATE_MOST.get(notice.priority)
    if most is None:
        return None
    since_ms = notice.opened_ms - RATE_WINDOW_MS
    lately = sorted(at_ms for at_ms in situation.rang_ms if at_ms > since_ms)
    if len(lately) < most:
        return None
    until_ms = lately[-most] + RATE_WINDOW_MS
    if until_ms <= situation.now_ms:
        return None
    args: dict[str, object] = {"until_ms": until_ms, "count": len(lately), "most": most}
    return Verdict(WAIT, Reason("quiet.rate", args), until_ms=until_ms)


def _list(notice: Notice, situation: Situation) -> Verdict | None:
    if situation.may_ring_ms <= situation.now_ms:
        return None
    return Verdict(WAIT, Reason("quiet.list", {"until_ms": situation.may_ring_ms}), until_ms=situation.may_ring_ms)


STAGES: tuple[Stage, ...] = (_alarm, _shelved, _outage, _inhibited, _settle, _silenced, _rate, _list)
