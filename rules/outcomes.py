"""From what a kind decided to what the desk is told: ids, identity, parameters. Pure.

Identity of an alert (design §4 Ids): for alarm class the event, so that floor and rules say the same id; for every
other one lane, rule, subject and episode.
"""

from __future__ import annotations

from ingest.event import LATE_AFTER_MS, TEST, Event
from ingest.vocabulary import goes_to_person
from rules.book import Variant
from rules.conditions import asks_circumstances, circumstances_meet, content_meets, event_meets
from rules.effects import Clear, Effect, Observe, Raise, Reason, Update, alarm_alert_id, effect_id, rule_alert_id
from rules.kinds.kind import Context, Fire, Grow, More, Note, Outcome, Over
from rules.parameters import Values


def to_effects(
    outcomes: list[Outcome], context: Context[Values], site: str, lane: str, open_ids: list[str]
) -> list[Effect]:
    """The effects. `open_ids`: ids of the alerts that are open for this rule and subject; kept up to date."""
    effects: list[Effect] = []
    for outcome in outcomes:
        if isinstance(outcome, Fire):
            raised = _raise(outcome, context, site, lane)
            if raised is not None:
                effects.append(raised)
                if not outcome.momentary:
                    open_ids.append(raised.alert_id)
        elif isinstance(outcome, Note):
            effects.append(_observe(outcome, context))
        else:
            alert_id = rule_alert_id(lane, site, context.rule.id, context.subject, outcome.episode)
            effects.append(_change(outcome, alert_id, context))
            if isinstance(outcome, Over) and alert_id in open_ids:
                open_ids.remove(alert_id)
    return effects


def ended(alert_id: str, reason: Reason, at_ms: int) -> Clear:
    """Nobody looks any more: the condition is over as far as we know, and a person closes the alert."""
    return Clear(effect_id(alert_id, "clear", f"{reason.code}/{at_ms}"), alert_id, at_ms, reason, stays=True)


def _variant(fire: Fire, context: Context[Values]) -> Variant | None:
    """The first variant whose conditions hold: of the event, or of what an alert without one says of itself."""
    event = fire.event
    for variant in context.rule.variants:
        when = variant.when
        if event is None:
            if when.types or not content_meets(when, fire.content):
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
        subject = context.subject
        alert_id = rule_alert_id(lane, site, rule.id, context.subject, fire.episode)
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
        variant.priority if variant is not None and variant.priority is not None else rule.priority,
        fire.episode,
        "momentary" if fire.momentary else "active",
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
        self_resolves=rule.self_resolves,
    )


def trigger_of(event: Event) -> str:
    """What was pressed or sensed it: presses of one trigger may merge, of two never."""
    return f"{event.address}:{event.content.get('trigger') or event.type.partition('.')[0]}"


def _change(outcome: Grow | More | Over, alert_id: str, context: Context[Values]) -> Effect:
    at_ms = context.now_ms
    if isinstance(outcome, Grow):
        name = effect_id(alert_id, "update", f"grow:{outcome.priority}")
        return Update(name, alert_id, at_ms, outcome.reason, priority=outcome.priority)
    step = outcome.causes[-1].event_id if outcome.causes else str(at_ms)
    if isinstance(outcome, More):
        return Update(effect_id(alert_id, "update", step), alert_id, at_ms, outcome.reason, outcome.causes)
    return Clear(effect_id(alert_id, "clear", step), alert_id, at_ms, outcome.reason, outcome.causes, outcome.retracted)


def _observe(note: Note, context: Context[Values]) -> Observe:
    facts, rule = context.facts, context.rule
    name = effect_id(f"{facts.home}/{context.subject}/{rule.id}", note.kind, f"{note.episode}/{context.now_ms}")
    return Observe(name, context.now_ms, facts.home, context.subject, note.kind, note.reason, rule.id, note.causes)


__all__ = ["ended", "to_effects", "trigger_of"]
