"""The instances of a fold: one rule for one subject, called by events, timers and the ends of holds. Pure.

Part of `home_fold.py`. Here alone a rule's failure is caught: that (rule, subject) is quarantined and told, everything
else goes on, and a new version of the rule or of a plan for it picks it up again. What a call does to an instance
stands in `instance_parts.py`, when it is watched at all in `instance_watch.py`.
"""

from __future__ import annotations

import functools

from ingest.event import TEST, Event
from rules import watch
from rules.effects import Reason
from rules.home_state import Home, Instance, kept, subjects
from rules.in_force import Listener
from rules.instance_parts import Witness
from rules.instance_watch import InstanceWatch
from rules.kinds import KINDS
from rules.kinds.kind import Context, Grow, Outcome
from rules.outcomes import to_effects
from rules.parameters import LastingValues

_FREE = (-watch.FOREVER_MS, watch.FOREVER_MS, True)


class Instances(InstanceWatch):
    """Acts on the instances of one home at a time. Every act appends what is to be told to `effects`."""

    def to_rules(self, home: Home, event: Event, *, anew: bool = False) -> None:
        """Give an event to each rule that listens.

        `anew`: settings are changing just now, so who is watched is looked at for each rule.
        """
        facts, resident, device = home.facts, event.resident, event.device
        book, people, test = self.book, facts.residents, TEST in event.quality
        unmeasured = not facts.measures and not self._all_measures
        step = functools.partial(self.step, anew=True) if anew else self.step
        for listener in book.listeners(event):
            off = (test and not listener.tests) or (unmeasured and listener.measured)
            if off or (listener.switched and listener.is_off(facts)):
                continue
            role = listener.role or book.role_of(listener, event, facts, home.now_ms)
            if role is None:
                continue
            if resident is not None and listener.personal:
                step(home, listener, event.subject, resident, event, role)
            elif listener.shared:
                for person in people if listener.everyone or len(people) == 1 else ():
                    step(home, listener, person, person, event, role)
            elif device is not None and listener.of_device:
                step(home, listener, device, resident, event, role)
            else:
                for subject, whose in subjects(facts, listener.rule, event):
                    step(home, listener, subject, whose, event, role)

    def step(
        self, home: Home, listener: Listener, subject: str, resident: str | None, event: Event, role: str,
        *, anew: bool = False,
    ) -> None:  # fmt: skip
        """Give an event to the instance, a new one if there is none, if the rule may look at this person.

        One that has a state was watched when it got it, and is until its own check; `anew`: unless settings change now.
        """
        key, facts, now_ms = listener.prefix + subject, home.facts, home.now_ms
        instance = home.instances.get(key)
        before = None if instance is None else instance.state
        if (
            instance is None or before is None or anew or instance.resident != resident
            or (instance.watch_check_ms is not None and instance.watch_check_ms <= now_ms)
        ):  # fmt: skip
            if before is None and role == "extend":
                return  # nothing has begun that could be lengthened
            instance = self._called(home, listener, key, resident, instance)
            if instance is None or instance.quarantined:
                return
        rule = listener.rule
        try:
            values = None if facts.plans else listener.of_ward.get(facts.ward)
            if values is None:
                values = self.book.values(facts, rule, instance.resident, now_ms)
            context = Context(now_ms, rule, values, subject, facts, instance.resident)
            if self.witness is not None:
                self.witness(key, now_ms, event, role)
            after, outcomes = listener.kind.step(before, event, role, context)
            if before is not None and not outcomes:
                if after is before:
                    return
                if type(after) is type(before):  # it tells nothing, and a timer that comes no earlier has its entry
                    instance.state = after
                    due_ms = after.due_ms
                    if due_ms is not None and (before.due_ms is None or due_ms < before.due_ms):
                        self._timers.look(facts.home, due_ms)
                    return
            self._take(home, instance, context, after, outcomes)
        except Exception as error:  # noqa: BLE001 - design §5: a rule that raises is quarantined, all else goes on
            self.quarantine(home, key, error)
            return
        self._keep(home, key, instance)

    def _called(
        self, home: Home, listener: Listener, key: str, resident: str | None, instance: Instance | None
    ) -> Instance | None:
        """The instance to call, a new one if there is none; None where the rule may not look."""
        rule = listener.rule
        free = listener.free and not home.facts.plans
        _, until_ms, inside = _FREE if free else self._watch_window(home, rule, resident)
        if not inside:
            return None
        if instance is None:
            instance = home.instances[key] = Instance(resident=resident)
            instance.watch_check_ms = until_ms if until_ms < watch.FOREVER_MS else None
        return instance

    def fire(self, home: Home, key: str) -> None:
        """A timer of the instance is due."""
        instance = home.instances[key]
        try:
            if instance.watch_check_ms is not None and instance.watch_check_ms <= home.now_ms:
                self._check_watch(home, key)
            elif instance.hold_check_ms is not None and instance.hold_check_ms <= home.now_ms:
                self.release(home, key)
            elif any(due_ms <= home.now_ms for due_ms in (instance.growing or {}).values()):
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

    def _grow(self, home: Home, key: str, instance: Instance) -> None:
        """What lasts gets the higher priority of its rule."""
        rule, subject = self.rule_of(key)
        context = self._context(home, rule, subject, instance)
        to = context.values.grow_to if isinstance(context.values, LastingValues) else None
        growing = instance.growing or {}
        grown = [Grow(e, to or rule.priority, Reason("grows", {"at_ms": home.now_ms}))
                 for e, due_ms in growing.items() if due_ms <= home.now_ms]  # fmt: skip
        instance.growing = {e: due_ms for e, due_ms in growing.items() if due_ms > home.now_ms} or None
        self.effects += to_effects(list[Outcome](grown), context, self.site, self.lane, list(instance.open_ids))
        self._keep(home, key, instance)


__all__ = ["Instances", "Witness"]
