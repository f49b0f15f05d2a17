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
from rules.kinds.kind import Kind
from rules.needs import lacking
from rules.parameters import Values, Written

ROLES = ("at_once", "enter", "leave", "extend", "then")
REMEMBERED_MAX = 400_000  # answers kept; they are computed again when this many were asked for
NARROWED_MAX = 20_000  # … of who listens to what, by type, role and room: free text of gateways is in it
MEASURED = "measured"
_ALWAYS = (-watch.FOREVER_MS, watch.FOREVER_MS, True)
_NEVER = (-watch.FOREVER_MS, watch.FOREVER_MS, False)


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
    free: bool  # needs no measure and is on for everybody, but for what a plan says
    kind: Kind
    prefix: str  # of the keys of its instances: "R05/"
    tests: bool  # a test of ours is one for this rule too: else it is no sign of life, no state and no dose
    personal: bool  # its instances are residents'
    shared: bool  # … and what nobody's device says is for the only one who lives there, or …
    everyone: bool  # … for each of them
    of_device: bool  # they are devices'
    measured: bool  # it needs a measure
    switched: bool  # book or layer say `on` of it
    of_ward: dict[str | None, Values]  # its parameters without a plan, of the wards that were asked for
    role: str | None = None  # of a first condition of which nothing is left to check

    def is_off(self, facts: Facts) -> bool:
        """Whether it is shipped switched off and nothing switches it on in this home, as far as is known already."""
        if not self.switched or facts.plans:
            return False
        values = self.of_ward.get(facts.ward)
        return values is not None and not values.on


class InForce:
    """One book, indexed. Rules keep the order of the book, and so do their effects; but what is said of an alarm comes
    after it, as nobody else may have raised it yet.
    """

    def __init__(self, book: Book) -> None:
        self.book = book
        self.rules = {rule.id: rule for rule in book.rules if rule.id not in book.off}
        self.standing_rules = [rule for rule in self.rules.values() if KINDS[rule.kind].stands]
        self.device_rules = [rule for rule in self.standing_rules if rule.per == "device"]
        self._known: dict[tuple[str, bool], tuple[Listener, ...]] = {}
        self._narrowed: dict[tuple[str, bool, str | None, str | None, str | None, bool], tuple[Listener, ...]] = {}
        self._values: dict[tuple[str, str | None, str], tuple[int, int, Values]] = {}
        self._of_ward: dict[str, dict[str | None, Values]] = {rule_id: {} for rule_id in self.rules}
        layered = {rule_id for layer in book.layers for rule_id, settings in layer.set.items() if "on" in settings}
        self._switched = layered | {rule.id for rule in book.rules if "on" in rule.set}
        self._watch: dict[tuple[tuple[str, ...], str | None, str], tuple[int, int, bool]] = {}
        self._lacking: dict[tuple[str, str | None, str], tuple[dict[str, str], ...]] = {}
        self._types = {name for rule in self.rules.values() for _, match in _conditions(rule) for name in match.types}

    def listeners(self, event: Event) -> tuple[Listener, ...]:
        """Rules that may want this event, by all that does not change from one event of a device to the next."""
        metric = event.content.get("metric") if event.type == MEASURED else None
        if not isinstance(metric, str):
            metric = None
        key = (event.type, UNASSIGNED not in event.quality, event.role, event.room, metric, event.device is None)
        found = self._narrowed.get(key)
        if found is None:
            if len(self._narrowed) >= NARROWED_MAX:
                self._narrowed.clear()
            narrowed = (_narrowed(listener, event, metric) for listener in self._of_type(*key[:2]))
            found = self._narrowed[key] = tuple(listener for listener in narrowed if listener is not None)
        return found

    def begun_by(self, name: str) -> tuple[Rule, ...]:
        """Rules that an event of this type begins."""
        known = self._of_type(name, True) if name in self._types else ()
        return tuple(one.rule for one in known if any(each.role == "enter" for each in one.conditions))

    def role_of(self, listener: Listener, event: Event, facts: Facts, now_ms: int) -> str | None:
        """The role of the first condition of the rule that the event meets; None when it meets none."""
        if listener.role is not None:
            return listener.role
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
        self._lacking.clear()

    def watch_window(
        self, facts: Facts, rule: Rule, resident: str | None, now_ms: int, *, all_measures: bool
    ) -> tuple[int, int, bool]:
        """[from, until) in which it stays the same whether this rule may look at this person; and whether it may.

        It may where it is switched on, the home has the devices it needs and, if it needs a measure, one is in force.
        Remembered while it holds.
        """
        if rule.alarm:
            return _ALWAYS
        if rule.needs and self.lacking(facts, rule, resident):
            return _NEVER
        found = self._measured(facts, rule, resident, now_ms) if rule.measure and not all_measures else _ALWAYS
        if not self.switched(facts, rule):
            return found
        from_ms, until_ms, values = self._in_force(facts, rule, resident, now_ms)
        return max(found[0], from_ms), min(found[1], until_ms), found[2] and values.on

    def lacking(self, facts: Facts, rule: Rule, resident: str | None) -> tuple[dict[str, str], ...]:
        """What a rule needs and this home has not (`needs.lacking`), remembered until a setting changes."""
        key = (rule.id, resident, facts.home)
        found = self._lacking.get(key)
        if found is None:
            if len(self._lacking) > REMEMBERED_MAX:
                self._lacking.clear()
            found = self._lacking[key] = lacking(facts, rule, resident)
        return found

    def _measured(self, facts: Facts, rule: Rule, resident: str | None, now_ms: int) -> tuple[int, int, bool]:
        """`watch.watch_window`, remembered for all rules that the same services allow."""
        key = (rule.measure, resident, facts.home)
        known = self._watch.get(key)
        if known is None or not known[0] <= now_ms < known[1]:
            if len(self._watch) > REMEMBERED_MAX:
                self._watch.clear()
            known = self._watch[key] = watch.watch_window(facts, rule, resident, now_ms)
        return known

    def switched(self, facts: Facts, rule: Rule) -> bool:
        """Whether book, layer or a plan of the home says `on` of this rule."""
        if rule.id in self._switched:
            return True
        return bool(facts.plans) and any(plan.rule == rule.id and "on" in plan.set for plan in facts.plans.values())

    def values(self, facts: Facts, rule: Rule, resident: str | None, now_ms: int) -> Values:
        """Parameters in force now: those of the ward, unless the person has a plan."""
        if not facts.plans:
            found = self._of_ward.get(rule.id, {}).get(facts.ward)
            return self._without_plan(facts, rule) if found is None else found
        known = self._values.get((rule.id, resident, facts.home))
        if known is not None and known[0] <= now_ms < known[1]:
            return known[2]
        return self._in_force(facts, rule, resident, now_ms)[2]

    def _in_force(self, facts: Facts, rule: Rule, resident: str | None, now_ms: int) -> tuple[int, int, Values]:
        """[from, until) and the values in it; remembered until the next day on which a plan begins or ends."""
        if not facts.plans:
            return -watch.FOREVER_MS, watch.FOREVER_MS, self.values(facts, rule, resident, now_ms)
        key = (rule.id, resident, facts.home)
        known = self._values.get(key)
        if known is None or not known[0] <= now_ms < known[1]:
            if len(self._values) > REMEMBERED_MAX:
                self._values.clear()
            known = self._values[key] = self._with_plans(facts, rule, resident, now_ms)
        return known

    def _without_plan(self, facts: Facts, rule: Rule) -> Values:
        found = values_of(rule, self._layers(facts, rule))
        self._of_ward.setdefault(rule.id, {})[facts.ward] = found
        return found

    def _with_plans(self, facts: Facts, rule: Rule, resident: str | None, now_ms: int) -> tuple[int, int, Values]:
        layers = self._layers(facts, rule)
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
        return from_ms, until_ms, values_of(rule, layers)

    def _layers(self, facts: Facts, rule: Rule) -> list[tuple[str, dict[str, Written]]]:
        """(origin, settings) of the book and what site and ward lay over it, lowest first."""
        return [("book", rule.set)] + [
            (layer.origin, layer.set[rule.id])
            for layer in self.book.layers
            if rule.id in layer.set and layer.ward in (None, facts.ward)
        ]

    def _of_type(self, type_: str, assigned: bool) -> tuple[Listener, ...]:
        """Rules that want events of a type; made when the first of them comes, as a book is indexed often in tests."""
        name = type_ if type_ in self._types else ""  # R43 listens to whatever nobody else knows
        found = self._known.get((name, assigned))
        if found is None:
            found = self._known[name, assigned] = tuple(self._listeners(name, assigned=assigned))
        return found

    def _listeners(self, name: str, *, assigned: bool) -> list[Listener]:
        found = []
        for rule in sorted(self.rules.values(), key=lambda one: bool(one.adds_to)):
            conditions = tuple(
                Condition(role, match, _rest(match) == Match(), asks_circumstances(match))
                for role, match in _conditions(rule)
                if (name in match.types or not match.types) and match.assigned in (None, assigned)
            )
            if conditions:
                switched = rule.id in self._switched
                free = not rule.measure and not rule.needs and not switched
                kind, personal = KINDS[rule.kind], rule.per == "resident"
                everyone = personal and (kind.nobodys == "all" or (kind.nobodys != "subject" and rule.everyone))
                shared = everyone or (personal and kind.nobodys == "only")
                found.append(
                    Listener(
                        rule, conditions, free, kind, f"{rule.id}/",
                        rule.kind == "signal" or rule.counts_tests,
                        personal, shared, everyone, rule.per == "device",
                        bool(rule.measure) and not rule.alarm, switched, self._of_ward[rule.id],
                    )
                )  # fmt: skip
        return found


def _conditions(rule: Rule) -> list[tuple[str, Match]]:
    return [(role, match) for role in ROLES for match in getattr(rule, role)]


def _rest(match: Match) -> Match:
    """What the index has not looked at."""
    return msgspec.structs.replace(match, types=(), assigned=None)


def _narrowed(listener: Listener, event: Event, metric: str | None) -> Listener | None:
    """The same with what may still hold for such an event; None when nothing may."""
    if listener.rule.per == ("gateway" if event.device is not None else "device"):
        return None  # nobody's instance hears it
    conditions: list[Condition] = []
    for condition in listener.conditions:
        match = condition.match
        if (match.roles and event.role not in match.roles) or (match.rooms and event.room not in match.rooms):
            continue
        where = dict(match.where)
        if metric is not None and metric not in where.pop("metric", (metric,)):
            continue
        rest = msgspec.structs.replace(_rest(match), roles=(), rooms=(), where=where)
        conditions.append(Condition(condition.role, rest, rest == Match(), condition.circumstances))
        if conditions[-1].bare:
            break  # it always holds: what comes after it is never asked
    if not conditions:
        return None
    role = conditions[0].role if conditions[0].bare else None
    return msgspec.structs.replace(listener, conditions=tuple(conditions), role=role)
