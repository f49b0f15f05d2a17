"""What the home fold and the floor say: the only language between rules and desk.

Effects are values with computed ids, so saying one twice changes nothing. They carry what a person needs to
understand them later: events, parameters with origin, clock values, what was held back. A reason is a code
with arguments; words are put to it outside (`api/words`).
"""

from __future__ import annotations

import msgspec

from ingest.event import name_uuid

LIVE = "live"


class Cause(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One event behind an effect, as contracts §4 shows it."""

    event_id: str
    type: str
    received_at_ms: int
    observed_at_ms: int | None = None
    effective_at_ms: int = 0
    device_id: str | None = None
    quality: tuple[str, ...] = ()
    content: dict[str, object] = {}


class Parameter(msgspec.Struct, frozen=True, gc=False):
    """A value in force and where it came from: "book", "site", "ward nord", "plan r1"."""

    value: str  # as people write it: "35 min", "22:00-06:00"
    origin: str


class Reason(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A code of the words catalogue and its arguments (numbers, times in ms, codes; never names)."""

    code: str
    args: dict[str, object] = {}


class Suppressed(msgspec.Struct, frozen=True, gc=False):
    """Something that was held back, when and why."""

    at_ms: int
    reason: Reason


class Raise(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="raise"):
    """An alert begins, or the rules name what the floor has raised already (same alert_id)."""

    effect_id: str
    alert_id: str
    at_ms: int  # the fold's now
    site: str
    home: str
    subject: str
    rule: str  # "R05"; the floor says "R01"-like best guesses, or "R43"
    rule_version: str
    code: str  # VKP code, "" where the catalogue has none
    priority: str  # P1 … P5
    episode: str
    condition: str  # active | momentary
    reason: Reason
    causes: tuple[Cause, ...] = ()
    parameters: dict[str, Parameter] = {}
    suppressed: tuple[Suppressed, ...] = ()
    resident: str | None = None
    device: str | None = None
    alarm: bool = False  # alarm class: nothing may stop it, it never closes itself
    trigger: str | None = None  # address + trigger word: presses of one trigger may merge, of two never
    staff_alarm: bool = False  # R53: stands alone
    late_ms: int = 0  # how long after it happened we heard of it
    due_ms: int | None = None  # the timer that fired, where one did
    test: bool = False
    self_resolves: bool = False  # P2/P3 sensor alert that ends by itself when its condition clears unclaimed
    source: str = "rules"  # rules | floor


class Update(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="update"):
    """More about an alert that stands: a cause, a higher priority, a fact for its timeline."""

    effect_id: str
    alert_id: str
    at_ms: int
    reason: Reason
    causes: tuple[Cause, ...] = ()
    priority: str | None = None  # only ever higher
    rule: str | None = None  # which rule says it, where it is not the alert's own


class Clear(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="clear"):
    """The condition is over, or never was (`retracted`). Never closes an alert that a person must close."""

    effect_id: str
    alert_id: str
    at_ms: int
    reason: Reason
    causes: tuple[Cause, ...] = ()
    retracted: bool = False
    stays: bool = False  # nobody saw it end, the watch did: it must not close by itself, a person closes it


class Observe(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, tag="observe"):
    """No alert, but somebody will ask: held back, window ended, setting in force, rule quarantined,
    person watched or not watched.
    """

    effect_id: str
    at_ms: int
    home: str
    subject: str
    kind: str  # held | disarmed | in_force | quarantined | watched | not_watched | away | home | prewarning | …
    reason: Reason
    rule: str | None = None
    causes: tuple[Cause, ...] = ()


Effect = Raise | Update | Clear | Observe


def alarm_alert_id(site: str, event_id: str) -> str:
    """Id of a person-alarm's alert. The floor can compute it without any rule, so both say the same one."""
    return name_uuid(LIVE, site, "person-alarm", event_id)


def rule_alert_id(lane: str, site: str, rule: str, subject: str, episode: str) -> str:
    """Id of every other alert: one per lane, rule, subject and episode."""
    return name_uuid(lane, site, rule, subject, episode)


def effect_id(alert_id: str, kind: str, cause: str) -> str:
    """Id of an effect: what it is about, what it does, and the step or event that made it."""
    return name_uuid(alert_id, kind, cause)


class Fenced(Exception):
    """Somebody else has moved this position: we are not the owner any more and must stop."""
