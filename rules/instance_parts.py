"""What every act on an instance of a fold needs: keep what a kind has answered, tell it, end it, set it aside. Pure.

Here an outcome of a kind becomes effects. Nothing of it decides when a kind is called: `instances.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ingest.event import Event
from rules import watch
from rules.book import Rule
from rules.effects import Effect, Observe, Reason, effect_id
from rules.home_state import Home, Instance, due_ms_of, kept
from rules.in_force import InForce
from rules.kinds.kind import Context, Fire, Outcome, Over, State, Tell
from rules.outcomes import ended, to_effects, told_event
from rules.parameters import LastingValues, Values
from rules.shelving import with_covers
from rules.timers import Timers

Witness = Callable[[str, int, Event | None, str], None]
"""("rule/subject", now, the event or None for a timer, its role)."""

OPEN_MAX = 64  # alerts of one instance that wait for their Clear


class InstanceParts:
    """Acts on one instance of one home. Every act appends what is to be told to `effects`."""

    def __init__(self, book: InForce, timers: Timers, site: str, lane: str, *, all_measures: bool) -> None:
        self.book = book
        self.site, self.lane = site, lane
        self.effects: list[Effect] = []
        self.told: list[Event] = []  # occurrences of the fold's own that other rules have not heard yet
        self.witness: Witness | None = None  # told of every call of a kind; for explanations
        self._timers = timers
        self._all_measures = all_measures

    def watched(self, home: Home, rule: Rule, resident: str | None) -> bool:
        """Whether this rule may look at this person now."""
        return self._watch_window(home, rule, resident)[2]

    def _watch_window(self, home: Home, rule: Rule, resident: str | None) -> tuple[int, int, bool]:
        return self.book.watch_window(home.facts, rule, resident, home.now_ms, all_measures=self._all_measures)

    def rule_of(self, key: str) -> tuple[Rule, str]:
        rule_id, _, subject = key.partition("/")
        return self.book.rules[rule_id], subject

    def observe(self, home: Home, subject: str, kind: str, reason: Reason, rule: str | None, cause: str) -> None:
        """Tell what is no alert, but will be asked for."""
        name = effect_id(f"{home.facts.home}/{subject}/{rule}", kind, cause)
        self.effects.append(Observe(name, home.now_ms, home.facts.home, subject, kind, reason, rule))

    def _context(self, home: Home, rule: Rule, subject: str, instance: Instance) -> Context[Values]:
        values = self.book.values(home.facts, rule, instance.resident, home.now_ms)
        return Context(home.now_ms, rule, values, subject, home.facts, instance.resident)

    def _take(
        self, home: Home, instance: Instance, context: Context[Values], after: State | None, outcomes: list[Outcome]
    ) -> None:
        """Keep the state a kind has answered, and tell its outcomes."""
        instance.state = kept(after)
        if not outcomes:
            return
        self.told += [told_event(outcome, context) for outcome in outcomes if isinstance(outcome, Tell)]
        outcomes = with_covers(outcomes, home, context.rule, self.book, self.watched)
        open_ids = list(instance.open_ids)
        told = to_effects(outcomes, context, self.site, self.lane, open_ids)
        _growing(instance, outcomes, context)
        instance.open_ids = tuple(open_ids[-OPEN_MAX:])
        self.effects += told
        if any(isinstance(effect, Observe) and effect.kind == "held" for effect in told):
            instance.hold_check_ms = watch.hold_ends_ms(home.facts, context.rule, instance.resident, home.now_ms)

    def _keep(self, home: Home, key: str, instance: Instance) -> None:
        """Set its timer; an instance that remembers nothing goes."""
        due_ms = due_ms_of(instance)
        if due_ms is None and instance.state is None and not instance.open_ids:
            home.instances.pop(key, None)
            return
        home.instances[key] = instance
        if due_ms is not None:
            self._timers.look(home.facts.home, due_ms)

    def end(self, home: Home, key: str, reason: Reason) -> None:
        """Forget an instance; what it had open is cleared and stays for a person to close."""
        instance = home.instances.pop(key)
        for alert_id in instance.open_ids:
            self.effects.append(ended(alert_id, reason, home.now_ms))

    def quarantine(self, home: Home, key: str, error: Exception) -> None:
        """Set the instance aside and say so; where it watches a person, that they are not watched."""
        rule, subject = self.rule_of(key)
        instance = home.instances.get(key)
        if instance is None:
            instance = home.instances[key] = Instance()
        instance.quarantined = rule.version
        instance.state, instance.hold_check_ms, instance.watch_check_ms = None, None, None
        instance.growing = None
        args: dict[str, object] = {"error": type(error).__name__, "rule": rule.id, "alarm": rule.alarm}
        reason = Reason("rule.failed", args)
        cause = f"{rule.version}/{home.now_ms}"
        self.observe(home, subject, "quarantined", reason, rule.id, cause)
        if rule.per == "resident" and instance.resident is not None:
            self.observe(home, subject, "not_watched", reason, rule.id, cause)

    def pick_up(self, home: Home, key: str) -> None:
        """What was quarantined is tried anew; `begin` then builds it from what is known."""
        rule, subject = self.rule_of(key)
        self.observe(home, subject, "watched", Reason("rule.works_again", {"rule": rule.id}), rule.id, str(home.now_ms))
        self.end(home, key, Reason("rule.works_again", {"rule": rule.id}))


def _growing(instance: Instance, outcomes: list[Outcome], context: Context[Values]) -> None:
    """Note when an alert that was just raised grows, and forget what is over."""
    values = context.values
    after_ms = values.grow_after_ms if isinstance(values, LastingValues) and values.grow_to is not None else None
    growing = instance.growing or {}
    for outcome in outcomes:
        if isinstance(outcome, Over):
            growing = {e: due_ms for e, due_ms in growing.items() if e != outcome.episode}
        elif isinstance(outcome, Fire) and not outcome.momentary and after_ms is not None:
            begun_ms = outcome.since_ms if outcome.begun_ms is None else outcome.begun_ms
            growing = {**growing, outcome.episode: max(begun_ms + after_ms, context.now_ms)}
    instance.growing = growing or None
