"""The instances of a fold: one rule for one subject, called, begun, released, ended. Pure; part of `home_fold.py`.

Here an outcome of a kind becomes effects, and here alone a rule's failure is caught: that (rule, subject) is
quarantined and told, everything else goes on, and a new version of the rule or of a plan for it picks it up again.

Theory of operation of the watch. Where a rule needs a measure, an instance has a timer at the instant at which the
measure ends or the next one begins (`watch_check_ms`). When it ends, what is open is cleared (nobody looks any more)
and stays for a person to close. When it begins, kinds that look at states begin over what is known of the home: who
lies on the floor already is not forgotten.
"""

from __future__ import annotations

from collections.abc import Callable

from ingest.event import Event
from rules import watch
from rules.book import Rule
from rules.effects import Effect, Observe, Reason, effect_id
from rules.facts import Trace
from rules.home_state import Home, Instance, due_ms_of, kept, subjects, to_begin
from rules.in_force import InForce
from rules.kinds import KINDS
from rules.kinds.kind import Context, Fire, Grow, Outcome, Over, State, Tell
from rules.outcomes import ended, to_effects, told_event
from rules.parameters import LastingValues, Values
from rules.shelving import with_covers
from rules.situations import standing
from rules.timers import Timers

Witness = Callable[[str, int, Event | None, str], None]
"""("rule/subject", now, the event or None for a timer, its role)."""

OPEN_MAX = 64  # alerts of one instance that wait for their Clear


class Instances:
    """Acts on the instances of one home at a time. Every act appends what is to be told to `effects`."""

    def __init__(self, book: InForce, timers: Timers, site: str, lane: str, *, all_measures: bool) -> None:
        self.book = book
        self.site, self.lane = site, lane
        self.effects: list[Effect] = []
        self.told: list[Event] = []  # occurrences of the fold's own that other rules have not heard yet
        self.witness: Witness | None = None  # told of every call of a kind; for explanations
        self._timers = timers
        self._all_measures = all_measures

    # -- watch -------------------------------------------------------------------------------------------------

    def watched(self, home: Home, rule: Rule, resident: str | None) -> bool:
        """Whether this rule may look at this person now."""
        return self._watch_window(home, rule, resident)[2]

    def _watch_window(self, home: Home, rule: Rule, resident: str | None) -> tuple[int, int, bool]:
        return self.book.watch_window(home.facts, rule, resident, home.now_ms, all_measures=self._all_measures)

    def begin(self, home: Home) -> None:
        """Begin what watches states and has no instance yet, over what is known of the home."""
        fresh: dict[str, Instance] = {}
        for rule in self.book.standing_rules:
            for subject, resident in to_begin(home.facts, rule):
                self._begin_watch(home, rule, subject, resident, fresh)
        events = sorted(
            (event for traces in home.facts.traces.values() for trace in traces.values() for event in _told(trace)),
            key=lambda event: (event.effective_at_ms, event.received_at_ms, event.event_id),
        )
        for event in (*events, *standing(home.facts, f"begin/{home.now_ms}", home.now_ms)):
            self._begin_with(home, event, fresh)
        for key, instance in fresh.items():
            if instance.state is not None:
                rule, subject = self.rule_of(key)
                context = self._context(home, rule, subject, instance)
                instance.state = kept(KINDS[rule.kind].begun(instance.state, context))
            if not instance.quarantined:
                self._keep(home, key, instance)

    def begin_device(self, home: Home, device: str) -> None:
        """A device was heard for the first time: what counts its silence begins."""
        fresh: dict[str, Instance] = {}
        for rule in self.book.standing_rules:
            for subject, resident in to_begin(home.facts, rule) if rule.per == "device" else ():
                if subject == device:
                    self._begin_watch(home, rule, subject, resident, fresh)
        for key, instance in fresh.items():
            self._keep(home, key, instance)

    def _begin_watch(
        self, home: Home, rule: Rule, subject: str, resident: str | None, fresh: dict[str, Instance]
    ) -> None:
        """An instance for whom is watched, or will be; kinds that count silence begin with the watch."""
        key = f"{rule.id}/{subject}"
        if key in home.instances:
            return
        instance = Instance(rule.version, resident=resident)
        _, until_ms, inside = self._watch_window(home, rule, resident)
        instance.watch_check_ms = until_ms if until_ms < watch.FOREVER_MS else None
        if not inside:
            if instance.watch_check_ms is not None:
                self._keep(home, key, instance)
            return
        fresh[key] = home.instances[key] = instance
        try:
            instance.state = kept(KINDS[rule.kind].initial(self._context(home, rule, subject, instance)))
        except Exception as error:  # noqa: BLE001 - as in `step`
            self.quarantine(home, key, error)

    def _begin_with(self, home: Home, event: Event, fresh: dict[str, Instance]) -> None:
        for listener in self.book.listeners(event):
            rule = listener.rule
            role = self.book.role_of(listener, event, home.facts, home.now_ms) if KINDS[rule.kind].stands else None
            for subject, resident in subjects(home.facts, rule, event) if role is not None else ():
                key = f"{rule.id}/{subject}"
                if key not in fresh:
                    if key in home.instances or not self.watched(home, rule, resident):
                        continue
                    fresh[key] = home.instances[key] = Instance(rule.version, resident=resident)
                instance = fresh[key]
                assert role is not None, "looked at above"
                try:
                    context = self._context(home, rule, subject, instance)
                    instance.state = kept(KINDS[rule.kind].step(instance.state, event, role, context)[0])
                except Exception as error:  # noqa: BLE001 - as in `step`
                    self.quarantine(home, key, error)

    def _unwatched(self, home: Home, key: str) -> None:
        """The measure has ended: forget, and begin again with the next one."""
        instance = home.instances[key]
        rule, subject = self.rule_of(key)
        on = self.book.values(home.facts, rule, instance.resident, home.now_ms).on
        reason = Reason("watch.no_measure" if on else "watch.switched_off", {"at_ms": home.now_ms})
        if instance.state is not None or instance.open_ids:
            self.observe(home, subject, "disarmed", reason, rule.id, str(home.now_ms))
        self.end(home, key, reason)
        if instance.resident is not None:
            self._begin_watch(home, rule, subject, instance.resident, {})

    # -- calls -------------------------------------------------------------------------------------------------

    def step(self, home: Home, rule: Rule, subject: str, resident: str | None, event: Event, role: str) -> None:
        """Give an event to the instance, a new one if there is none."""
        key = f"{rule.id}/{subject}"
        instance = home.instances.get(key)
        if instance is None:
            if role == "extend":
                return
            instance = home.instances[key] = Instance(rule.version, resident=resident)
            until_ms = self._watch_window(home, rule, resident)[1]
            instance.watch_check_ms = until_ms if until_ms < watch.FOREVER_MS else None
        if instance.quarantined:
            return
        try:
            context = self._context(home, rule, subject, instance)
            if self.witness is not None:
                self.witness(key, home.now_ms, event, role)
            after, outcomes = KINDS[rule.kind].step(instance.state, event, role, context)
            self._take(home, instance, context, after, outcomes)
        except Exception as error:  # noqa: BLE001 - design §5: a rule that raises is quarantined, all else goes on
            self.quarantine(home, key, error)
            return
        self._keep(home, key, instance)

    def fire(self, home: Home, key: str) -> None:
        """A timer of the instance is due."""
        instance = home.instances[key]
        try:
            if instance.watch_check_ms is not None and instance.watch_check_ms <= home.now_ms:
                self._check_watch(home, key)
            elif instance.hold_check_ms is not None and instance.hold_check_ms <= home.now_ms:
                self.release(home, key)
            elif any(due_ms <= home.now_ms for due_ms in instance.growing.values()):
                self._grow(home, key, instance)
            else:
                assert instance.state is not None, "only a kind's state, the checks and growth have timers"
                rule, subject = self.rule_of(key)
                context = self._context(home, rule, subject, instance)
                if self.witness is not None:
                    self.witness(key, home.now_ms, None, "timer")
                after, outcomes = KINDS[rule.kind].fire(instance.state, context)
                self._take(home, instance, context, after, outcomes)
                self._keep(home, key, instance)
        except Exception as error:  # noqa: BLE001 - as in `step`
            self.quarantine(home, key, error)

    def release(self, home: Home, key: str) -> None:
        """A hold may have ended or parameters changed: ask the kind again if nothing holds it any more."""
        instance = home.instances.get(key)
        if instance is None or instance.quarantined:
            return
        rule, subject = self.rule_of(key)
        try:
            instance.hold_check_ms = None
            if watch.hold(home.facts, rule, instance.resident, home.now_ms) is not None:
                instance.hold_check_ms = watch.hold_ends_ms(home.facts, rule, instance.resident, home.now_ms)
            elif instance.state is not None:
                context = self._context(home, rule, subject, instance)
                instance.state = kept(KINDS[rule.kind].rearm(instance.state, context))
        except Exception as error:  # noqa: BLE001 - as in `step`
            self.quarantine(home, key, error)
            return
        self._keep(home, key, instance)

    def check_watch(self, home: Home, key: str) -> None:
        """Measures have changed: end the watch, or look again when this one ends."""
        try:
            self._check_watch(home, key)
        except Exception as error:  # noqa: BLE001 - as in `step`
            self.quarantine(home, key, error)

    def _check_watch(self, home: Home, key: str) -> None:
        instance = home.instances[key]
        rule, _ = self.rule_of(key)
        if instance.quarantined:
            return
        _, until_ms, inside = self._watch_window(home, rule, instance.resident)
        was_waiting = instance.state is None and not instance.open_ids
        if not inside:
            self._unwatched(home, key)
            return
        instance.watch_check_ms = until_ms if until_ms < watch.FOREVER_MS else None
        if was_waiting:
            del home.instances[key]
            self.begin(home)
        else:
            self._keep(home, key, instance)

    def _grow(self, home: Home, key: str, instance: Instance) -> None:
        """What lasts gets the higher priority of its rule."""
        rule, subject = self.rule_of(key)
        context = self._context(home, rule, subject, instance)
        to = context.values.grow_to if isinstance(context.values, LastingValues) else None
        grown = [Grow(e, to or rule.priority, Reason("grows", {"at_ms": home.now_ms}))
                 for e, due_ms in instance.growing.items() if due_ms <= home.now_ms]  # fmt: skip
        instance.growing = {e: due_ms for e, due_ms in instance.growing.items() if due_ms > home.now_ms}
        self.effects += to_effects(list[Outcome](grown), context, self.site, self.lane, instance.open_ids)
        self._keep(home, key, instance)

    # -- ends --------------------------------------------------------------------------------------------------

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
            instance = home.instances[key] = Instance(rule.version)
        instance.quarantined = True
        instance.state, instance.hold_check_ms, instance.watch_check_ms = None, None, None
        instance.growing = {}
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

    # -- small parts -------------------------------------------------------------------------------------------

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
        told = to_effects(outcomes, context, self.site, self.lane, instance.open_ids)
        _growing(instance, outcomes, context)
        del instance.open_ids[:-OPEN_MAX]
        self.effects += told
        if any(isinstance(effect, Observe) and effect.kind == "held" for effect in told):
            instance.hold_check_ms = watch.hold_ends_ms(home.facts, context.rule, instance.resident, home.now_ms)

    def _keep(self, home: Home, key: str, instance: Instance) -> None:
        """Set its timer; an instance that remembers nothing goes."""
        if instance.state is None and not instance.open_ids and due_ms_of(instance) is None:
            home.instances.pop(key, None)
            return
        home.instances[key] = instance
        self._timers.look(home.facts.home, key, due_ms_of(instance))


def _growing(instance: Instance, outcomes: list[Outcome], context: Context[Values]) -> None:
    """Note when an alert that was just raised grows, and forget what is over."""
    values = context.values
    after_ms = values.grow_after_ms if isinstance(values, LastingValues) and values.grow_to is not None else None
    for outcome in outcomes:
        if isinstance(outcome, Over):
            instance.growing = {e: due_ms for e, due_ms in instance.growing.items() if e != outcome.episode}
        elif isinstance(outcome, Fire) and not outcome.momentary and after_ms is not None:
            begun_ms = outcome.since_ms if outcome.begun_ms is None else outcome.begun_ms
            instance.growing = {**instance.growing, outcome.episode: max(begun_ms + after_ms, context.now_ms)}


def _told(trace: Trace) -> tuple[Event, ...]:
    return trace.runs if trace.last is trace.runs[-1] else (*trace.runs, trace.last)
