"""A book made ready for the fold: who listens to which event, and what is in force for one person. Pure.

Nothing here is saved; it follows from the book and the facts.
"""

from __future__ import annotations

import msgspec

from ingest.event import UNASSIGNED, Event
from ingest.vocabulary import goes_to_person
from rules import watch
from rules.book import Book, Match, Rule
from rules.book_check import values_of
from rules.conditions import asks_circumstances, circumstances_meet, event_meets
from rules.facts import Facts
from rules.kinds import KINDS
from rules.parameters import Values

ROLES = ("at_once", "enter", "leave", "extend", "then")
REMEMBERED_MAX = 100_000  # answers kept; they are computed again when this many were asked for


class Condition(msgspec.Struct, frozen=True, gc=False):
    """One condition of a rule on an event of one type: its role, and what is left to check beside the type."""

    role: str
    match: Match
    bare: bool  # nothing is left to check
    circumstances: bool  # it asks how things stand


class Listener(msgspec.Struct, frozen=True, gc=False):
    """A rule, and its conditions for one type in their order: the first that holds gives the role."""

    rule: Rule
    conditions: tuple[Condition, ...]


class InForce:
    """One book, indexed. Rules keep the order of the book, and so do their effects."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.rules = {rule.id: rule for rule in book.rules if rule.id not in book.off}
        self.standing_rules = [rule for rule in self.rules.values() if KINDS[rule.kind].stands]
        self._known: dict[tuple[str, bool], tuple[Listener, ...]] = {}
        self._values: dict[tuple[str, str, str], tuple[int, int, Values]] = {}
        layered = {rule_id for layer in book.layers for rule_id, settings in layer.set.items() if "on" in settings}
        self._switched = layered | {rule.id for rule in book.rules if "on" in rule.set}
        self._watch: dict[tuple[str, str, str], tuple[int, int, bool]] = {}
        names = {name for rule in self.rules.values() for _, match in _conditions(rule) for name in match.types}
        for name in ("", *sorted(names)):
            for assigned in (True, False):
                self._known[name, assigned] = tuple(self._listeners(name, assigned=assigned))

    def listeners(self, event: Event) -> tuple[Listener, ...]:
        """Rules that want this type, and those that listen to whatever nobody else knows (R43)."""
        assigned = UNASSIGNED not in event.quality
        found = self._known.get((event.type, assigned))
        return self._known["", assigned] if found is None else found

    def role_of(self, listener: Listener, event: Event, facts: Facts, now_ms: int) -> str | None:
        """The role of the first condition of the rule that the event meets; None when it meets none."""
        for condition in listener.conditions:
            if condition.bare or self._meets(condition, listener.rule, event, facts, now_ms):
                return condition.role
        return None

    def _meets(self, condition: Condition, rule: Rule, event: Event, facts: Facts, now_ms: int) -> bool:
        match = condition.match
        asked = match.goes_to_person is not None and goes_to_person(event.type, event.content)
        if not event_meets(match, event, goes_to_person=asked):
            return False
        if match.model_in is not None and not self._listed(match.model_in, rule, event, facts):
            return False
        if not condition.circumstances:
            return True
        resident = event.resident
        values = self.values(facts, rule, resident, now_ms)
        return circumstances_meet(match, facts, rule, values, resident, now_ms, event.effective_at_ms)

    def _listed(self, parameter: str, rule: Rule, event: Event, facts: Facts) -> bool:
        device = facts.devices.get(event.device or "")
        words = getattr(self.values(facts, rule, event.resident, event.received_at_ms), parameter)
        return device is not None and device.model is not None and device.model in words

    def forget(self) -> None:
        """A plan, measure, ward, zone or layer has changed."""
        self._values.clear()
        self._watch.clear()

    def watch_window(
        self, facts: Facts, rule: Rule, resident: str | None, now_ms: int, *, all_measures: bool
    ) -> tuple[int, int, bool]:
        """[from, until) in which it stays the same whether this rule may look at this person; and whether it may.

        It may where it is switched on and, if it needs a measure, one is in force. Remembered while it holds.
        """
        measured = bool(rule.measure) and not all_measures
        if rule.alarm or not (measured or self.switched(facts, rule)):
            return -watch.FOREVER_MS, watch.FOREVER_MS, True
        key = (rule.id, resident or "", facts.home)
        known = self._watch.get(key)
        if known is None or not known[0] <= now_ms < known[1]:
            if len(self._watch) > REMEMBERED_MAX:
                self._watch.clear()
            always = (-watch.FOREVER_MS, watch.FOREVER_MS, True)
            from_ms, until_ms, inside = watch.watch_window(facts, rule, resident, now_ms) if measured else always
            on = self.values(facts, rule, resident, now_ms).on
            values_from_ms, values_until_ms, _ = self._values[key]
            known = max(from_ms, values_from_ms), min(until_ms, values_until_ms), inside and on
            self._watch[key] = known
        return known

    def switched(self, facts: Facts, rule: Rule) -> bool:
        """Whether book, layer or a plan of the home says `on` of this rule."""
        if rule.id in self._switched:
            return True
        return bool(facts.plans) and any(plan.rule == rule.id and "on" in plan.set for plan in facts.plans.values())

    def values(self, facts: Facts, rule: Rule, resident: str | None, now_ms: int) -> Values:
        """Parameters in force now; remembered until the next date on which a plan of this person begins or ends."""
        key = (rule.id, resident or "", facts.home)
        known = self._values.get(key)
        if known is not None and known[0] <= now_ms < known[1]:
            return known[2]
        layers = [("book", rule.set)] + [
            (layer.origin, layer.set[rule.id])
            for layer in self.book.layers
            if rule.id in layer.set and layer.ward in (None, facts.ward)
        ]
        from_ms, until_ms = -watch.FOREVER_MS, watch.FOREVER_MS
        for plan_id in sorted(facts.plans):
            plan = facts.plans[plan_id]
            if plan.rule != rule.id or plan.resident != resident:
                continue
            for edge_ms in watch.date_range_ms(plan.from_date, plan.until_date, facts.timezone):
                from_ms = max(from_ms, edge_ms) if edge_ms <= now_ms else from_ms
                until_ms = min(until_ms, edge_ms) if edge_ms > now_ms else until_ms
            if watch.in_force(plan, facts.timezone, now_ms):
                layers.append((f"plan {plan.resident}", plan.set))
        values = values_of(rule, layers)
        if len(self._values) > REMEMBERED_MAX:
            self._values.clear()
        self._values[key] = (from_ms, until_ms, values)
        return values

    def _listeners(self, name: str, *, assigned: bool) -> list[Listener]:
        found = []
        for rule in self.rules.values():
            conditions = tuple(
                Condition(role, match, _rest(match) == Match(), asks_circumstances(match))
                for role, match in _conditions(rule)
                if (name in match.types or not match.types) and match.assigned in (None, assigned)
            )
            if conditions:
                found.append(Listener(rule, conditions))
        return found


def _conditions(rule: Rule) -> list[tuple[str, Match]]:
    return [(role, match) for role in ROLES for match in getattr(rule, role)]


def _rest(match: Match) -> Match:
    """What the index has not looked at."""
    return msgspec.structs.replace(match, types=(), assigned=None)
