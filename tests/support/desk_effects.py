"""What the folds say, as a desk to test with hears it: presses, an empty bed, a gateway that is gone, their ends."""

from __future__ import annotations

from typing import Any

import msgspec

from rules.effects import Cause, Clear, Observe, Raise, Reason, Update, alarm_alert_id, effect_id

SITE = "solbakken"
NIGHT_MS = 1_772_328_600_000  # Sunday 2026-03-01, 02:30 in Oslo
NOON_MS = NIGHT_MS + 9 * 3_600_000 + 1_800_000  # 12:00 the same day
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


def cause(event_id: str, at_ms: int, type: str = "alarm.pressed", **fields: Any) -> Cause:
    return Cause(event_id=event_id, type=type, received_at_ms=at_ms, effective_at_ms=at_ms, **fields)


def pressed(event_id: str, at_ms: int, *, source: str = "rules", **fields: Any) -> Raise:
    """An alarm-class alert of a press: R01 as the rules name it, or the floor's first guess."""
    alert_id = alarm_alert_id(SITE, event_id)
    values: dict[str, Any] = {
        "effect_id": effect_id(alert_id, "raise", event_id),
        "alert_id": alert_id,
        "at_ms": at_ms,
        "site": SITE,
        "home": "h1",
        "subject": "r1",
        "resident": "r1",
        "device": "d1",
        "rule": "R01" if source == "rules" else "R43",
        "rule_version": "v1" if source == "rules" else "floor",
        "code": "3" if source == "rules" else "",
        "priority": "P1",
        "episode": event_id,
        "condition": "momentary",
        "reason": Reason("pressed" if source == "rules" else "alarm_received", {"trigger": "pendant"}),
        "causes": (cause(event_id, at_ms),),
        "alarm": True,
        "trigger": "vardevakt:gw-1/pendant-7|pendant",
        "source": source,
    }
    return Raise(**(values | fields))


def as_floor(press: Raise) -> Raise:
    """The same alarm as the floor first says it: a guess of a name, and its own effect id."""
    return msgspec.structs.replace(
        press,
        effect_id=press.effect_id + "-floor",
        rule="R43",
        rule_version="floor",
        code="",
        reason=Reason("floor"),
        parameters={},
        source="floor",
    )


def out_of_bed(episode: str, at_ms: int, **fields: Any) -> Raise:
    """R05 for Kari: a P2 that resolves by itself when she is back and nobody has taken it."""
    resident = fields.get("resident", "r1")
    alert_id = effect_id(f"R05:{resident}", "alert", episode)
    values: dict[str, Any] = {
        "effect_id": effect_id(alert_id, "raise", episode),
        "alert_id": alert_id,
        "at_ms": at_ms,
        "site": SITE,
        "home": "h1",
        "subject": resident or "d2",
        "resident": resident,
        "device": "d2",
        "rule": "R05",
        "rule_version": "v1",
        "code": "4.7",
        "priority": "P2",
        "episode": episode,
        "condition": "active",
        "reason": Reason("out_of_bed", {"minutes": 20}),
        "causes": (cause(f"left-{episode}", at_ms - 20 * MINUTE, "bed.left"),),
        "self_resolves": True,
    }
    return Raise(**(values | fields))


def cleared(alert: Raise, at_ms: int, *, retracted: bool = False) -> Clear:
    return Clear(
        effect_id=effect_id(alert.alert_id, "clear", str(at_ms)),
        alert_id=alert.alert_id,
        at_ms=at_ms,
        reason=Reason("back_in_bed"),
        causes=(cause(f"back-{at_ms}", at_ms, "bed.occupied"),),
        retracted=retracted,
    )


def updated(alert: Raise, at_ms: int, *, priority: str | None = None) -> Update:
    return Update(
        effect_id=effect_id(alert.alert_id, "update", str(at_ms)),
        alert_id=alert.alert_id,
        at_ms=at_ms,
        reason=Reason("longer"),
        causes=(cause(f"more-{at_ms}", at_ms, "motion.detected"),),
        priority=priority,
    )


def observed(kind: str, at_ms: int, *, subject: str = "r1", rule: str | None = None, **args: object) -> Observe:
    return Observe(
        effect_id=effect_id(f"observe:{subject}:{rule}", kind, str(at_ms)),
        at_ms=at_ms,
        home="h1",
        subject=subject,
        kind=kind,
        reason=Reason(kind, args),
        rule=rule,
    )


def way_gone(home: str, resident: str, gateway: str, at_ms: int) -> tuple[Observe, Raise]:
    """What the folds say of a home whose gateway is silent: nothing gets through, and nobody there can call."""
    observe = Observe(
        effect_id=effect_id(f"way:{resident}", "not_watched", str(at_ms)), at_ms=at_ms, home=home, subject=resident,
        kind="not_watched", reason=Reason("way.broken", {"way": gateway}),
    )  # fmt: skip
    alert_id = effect_id(f"R52:{resident}", "alert", str(at_ms))
    lost = Raise(
        effect_id=effect_id(alert_id, "raise", "1"), alert_id=alert_id, at_ms=at_ms, site=SITE, home=home,
        subject=resident, resident=resident, rule="R52", rule_version="v1", code="", priority="P2",
        episode=str(at_ms), condition="active", reason=Reason("dwell.too_long"), self_resolves=True,
    )  # fmt: skip
    return observe, lost


def way_back(lost: Raise, at_ms: int) -> tuple[Observe, Clear]:
    """The gateway of `way_gone` is heard again."""
    watched = Observe(
        effect_id=effect_id(f"way:{lost.subject}", "watched", str(at_ms)), at_ms=at_ms, home=lost.home,
        subject=lost.subject, kind="watched", reason=Reason("way.restored"),
    )  # fmt: skip
    clear = Clear(
        effect_id=effect_id(lost.alert_id, "clear", str(at_ms)), alert_id=lost.alert_id, at_ms=at_ms,
        reason=Reason("dwell.left"),
    )  # fmt: skip
    return watched, clear
