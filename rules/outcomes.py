"""From what a kind decided to what the desk is told: ids, identity, parameters. Pure.

Identity of an alert (design §4 Ids): for alarm class the event, so that floor and rules say the same id; for every
other one lane, rule, subject and episode.
"""

from __future__ import annotations

import msgspec

from ingest.event import LATE_AFTER_MS, TEST, Event, name_uuid
from ingest.record import Input, Setting
from ingest.vocabulary import goes_to_person
from rules.book import Variant
from rules.conditions import asks_circumstances, circumstances_meet, content_meets, event_meets
from rules.effects import Clear, Effect, Observe, Raise, Reason, Update, alarm_alert_id, effect_id, rule_alert_id
from rules.kinds.kind import Context, Fire, Grow, More, Note, Outcome, Over, Tell
from rules.occurrence import occurrence
from rules.parameters import Values

TASK = "/task"  # at the end of the episode of a technical task


def to_effects(
    outcomes: list[Outcome], context: Context[Values], site: str, lane: str, open_ids: list[str]
) -> list[Effect]:
    """The effects. `open_ids`: ids of the alerts that are open for this rule and subject; kept up to date."""
    effects: list[Effect] = []
    for outcome in outcomes:
        if isinstance(outcome, Fire):
            raised = _raise(outcome, context, site, lane)
            if raised is not None:
                told = _with_task(raised, context, site, lane)
                effects += told
                if raised.condition != "momentary":
                    open_ids += [each.alert_id for each in told]
        elif isinstance(outcome, Note):
            effects.append(_observe(outcome, context))
        elif not isinstance(outcome, Tell):  # that is for other rules, not for the desk
            said, alert_id = _meant(outcome, context, site, lane, open_ids)
            effects.append(_change(said, alert_id, context))
            if isinstance(outcome, Over) and alert_id in open_ids:
                open_ids.remove(alert_id)
                task_id = rule_alert_id(lane, site, context.rule.id, context.subject, f"{outcome.episode}{TASK}")
                if task_id in open_ids:
                    open_ids.remove(task_id)
                    effects.append(_change(outcome, task_id, context))
    return effects


def _meant(
    outcome: Grow | More | Over, context: Context[Values], site: str, lane: str, open_ids: list[str]
) -> tuple[Grow | More | Over, str]:
    """What is said, and of which alert: the rule's own of this episode, or the person alarm of an event.

    A person alarm is momentary for floor and rules alike: that its cause is over is one more thing to know of it.
    """
    own_id = rule_alert_id(lane, site, context.rule.id, context.subject, outcome.episode)
    if isinstance(outcome, Grow) or outcome.alarm is None or own_id in open_ids:
        return outcome, own_id
    return More(outcome.episode, outcome.reason, outcome.causes, outcome.alarm), alarm_alert_id(site, outcome.alarm)


def ended(alert_id: str, reason: Reason, at_ms: int) -> Clear:
    """Nobody looks any more: the condition is over as far as we know, and a person closes the alert."""
    return Clear(effect_id(alert_id, "clear", f"{reason.code}/{at_ms}"), alert_id, at_ms, reason, stays=True)


def told_event(tell: Tell, context: Context[Values]) -> Event:
    """What one rule tells the others, as an event of the home's own."""
    facts, now_ms = context.facts, context.now_ms
    name = name_uuid(facts.home, context.rule.id, context.subject, tell.type, tell.episode, now_ms)
    return occurrence(
        facts, name, tell.type, context.subject, context.resident, now_ms,
        device=context.subject if context.subject in facts.devices else None, content=tell.content,
    )  # fmt: skip


def _variant(fire: Fire, context: Context[Values]) -> Variant | None:
    """The first variant whose conditions hold: of the event, or of what an alert without one says of itself."""
    event = fire.event
    for variant in context.rule.variants:
        when = variant.when
        if event is None:
            device = context.facts.devices.get(fire.device or "")
            other_role = bool(when.roles) and (device is None or device.role not in when.roles)
            if when.types or other_role or not content_meets(when, fire.content):
                continue
        else:
            asked = when.goes_to_person is not None and goes_to_person(event.type, event.content)
            other_type = bool(when.types) and event.type not in when.types
            if other_type or not event_meets(when, event, goes_to_person=asked):
                continue
        at_ms = context.now_ms if event is None else event.effective_at_ms
        if not asks_circumstances(when) or circumstances_meet(
            when, context.facts, context.rule, context.values, context.resident, context.now_ms, at_ms
        ):
            return variant
    return None


def _raise(fire: Fire, context: Context[Values], site: str, lane: str) -> Raise | None:
    rule, event = context.rule, fire.event
    variant = _variant(fire, context)
    if variant is not None and variant.drop:
        return None
    alarm = variant.alarm if variant is not None and variant.alarm is not None else rule.alarm
    if alarm and event is not None:
        # the floor tells of the same alarm, in a lane of its own: whoever comes first must say the same of whom it is
        alert_id, subject = alarm_alert_id(site, event.event_id), event.subject
    else:
        # what hangs at one address is told apart there; whom it concerns is the resident all the same
        subject = context.resident if rule.per == "address" and context.resident is not None else context.subject
        alert_id = rule_alert_id(lane, site, rule.id, context.subject, fire.episode)
    priority = variant.priority if variant is not None and variant.priority is not None else rule.priority
    late_ms = context.now_ms - fire.since_ms
    shown_late = fire.late and late_ms - fire.waited_ms > LATE_AFTER_MS
    return Raise(
        effect_id(alert_id, "raise", rule.id),
        alert_id,
        context.now_ms,
        site,
        context.facts.home,
        subject,
        rule.id,
        rule.version,
        variant.code if variant is not None and variant.code is not None else rule.code,
        priority if fire.priority is None else min(priority, fire.priority),
        fire.episode,
        "momentary" if fire.momentary or (alarm and event is not None) else "active",
        fire.reason,
        causes=fire.causes,
        parameters=context.values.shown,
        resident=context.resident,
        device=fire.device,
        alarm=alarm,
        trigger=trigger_of(event) if event is not None and alarm else None,
        staff_alarm=rule.id == "R53",
        late_ms=late_ms if shown_late else 0,
        due_ms=fire.due_ms,
        test=event is not None and TEST in event.quality,
        self_resolves=rule.self_resolves and not alarm,
    )


def _with_task(raised: Raise, context: Context[Values], site: str, lane: str) -> list[Raise]:
    """What somebody must see to, and beside it what somebody must mend: a technical task about the same device.

    The first is then the resident's, the second the device's; of nobody's device there is one alert for both.
    """
    rule, resident = context.rule, context.resident
    if not rule.task or raised.alarm or resident is None or raised.priority >= rule.task:
        return [raised]
    alert_id = rule_alert_id(lane, site, rule.id, context.subject, f"{raised.episode}{TASK}")
    task = msgspec.structs.replace(
        raised, effect_id=effect_id(alert_id, "raise", rule.id), alert_id=alert_id, priority=rule.task, code="",
        episode=f"{raised.episode}{TASK}", resident=None,
    )  # fmt: skip
    return [msgspec.structs.replace(raised, subject=resident), task]


def skipped(given: Input, error: Exception) -> Observe:
    """Word of an input that nobody could fold."""
    event, setting = given.event, given.setting
    what = event.type if event is not None else setting.setting_id if setting is not None else given.kind
    subject = event.subject if event is not None else ""
    cause = event.event_id if event is not None else f"{what}/{setting.version if setting is not None else 0}"
    args: dict[str, object] = {"error": type(error).__name__, "type": what, "seq": given.seq}
    name = effect_id(f"{given.home}/{subject}", "skipped", cause)
    return Observe(name, given.received_at_ms, given.home, subject, "skipped", Reason("input.failed", args))


def not_run(rule_id: str, setting: Setting, at_ms: int) -> Observe:
    """Word of a rule that this engine does not know, in a book that was kept: the others run."""
    name = effect_id(f"{setting.setting_id}/{rule_id}", "quarantined", str(setting.version))
    return Observe(name, at_ms, "", "", "quarantined", Reason("rule.not_run", {"rule": rule_id}), rule_id)


def trigger_of(event: Event) -> str:
    """What was pressed or sensed it: presses of one trigger may merge, of two never."""
    return f"{event.address}:{event.content.get('trigger') or event.type.partition('.')[0]}"


def _change(outcome: Grow | More | Over, alert_id: str, context: Context[Values]) -> Effect:
    at_ms = context.now_ms
    if isinstance(outcome, Grow):
        name = effect_id(alert_id, "update", f"grow:{outcome.priority}")
        return Update(name, alert_id, at_ms, outcome.reason, priority=outcome.priority)
    step = outcome.causes[-1].event_id if outcome.causes else str(at_ms)
    if isinstance(outcome, More) and not outcome.causes:
        step = f"{outcome.reason.args.get('feature')}/{step}"  # several may be said at one instant
    if isinstance(outcome, More) and outcome.alarm is not None:
        # Several rules may speak of one alarm, and, of one of nobody's device, a rule for each who lives there: what
        # they say of the same time is the same, and said once.
        step = f"{context.rule.id}/{outcome.reason.args.get('since_ms')}/{step}"
    if isinstance(outcome, More):
        other = context.rule.id if outcome.alarm is not None else None
        return Update(effect_id(alert_id, "update", step), alert_id, at_ms, outcome.reason, outcome.causes, rule=other)
    return Clear(effect_id(alert_id, "clear", step), alert_id, at_ms, outcome.reason, outcome.causes, outcome.retracted)


def _observe(note: Note, context: Context[Values]) -> Observe:
    facts, rule = context.facts, context.rule
    name = effect_id(f"{facts.home}/{context.subject}/{rule.id}", note.kind, f"{note.episode}/{context.now_ms}")
    return Observe(name, context.now_ms, facts.home, context.subject, note.kind, note.reason, rule.id, note.causes)


__all__ = ["ended", "skipped", "to_effects", "told_event", "trigger_of"]
