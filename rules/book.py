"""The rule book as values: what a rule is. Pure; YAML is `book_file.py`'s, what an engine can run `book_check.py`'s.

A rule is a kind plus parameters plus small conditions. A value in force comes from the highest layer that sets
it: shipped < site < ward < person (plan), and remembers which. Books are content-addressed: `Book.version` is the
hash of everything in it, `Rule.version` that of one rule.
"""

from __future__ import annotations

import hashlib

import msgspec

from ingest.event import UNASSIGNED, Event, Value
from rules.parameters import Written

PER = ("resident", "device", "gateway", "address")
HOLDS = ("staff", "away", "pause", "gateway")


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Conditions on one event; all that are given must hold."""

    types: tuple[str, ...] = ()
    where: dict[str, tuple[Value, ...]] = {}  # field of the event: one of these words or numbers
    at_least: dict[str, int] = {}  # field of the event: this number or more
    roles: tuple[str, ...] = ()  # role of the device
    assigned: bool | None = None
    goes_to_person: bool | None = None  # what may be an alarm though nobody knows device or type (R43)
    staff: bool | None = None  # staff on the spot when it happened, and still
    model_in: str | None = None  # a parameter of the rule whose list must name the device's model


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where one rule means different things: the first variant that matches gives priority and code."""

    when: Match = Match()
    priority: str | None = None
    code: str | None = None
    alarm: bool | None = None
    drop: bool = False  # matches, but is not for anybody


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One rule of the book, parameters still as people write them."""

    id: str
    kind: str
    name: dict[str, str]  # nb, en
    source: str  # a sentence: where the rule and its numbers come from
    priority: str
    code: str = ""  # VKP alert code, "" where VKP has none
    per: str = "resident"
    everyone: bool = False  # what nobody's device saw in a shared home counts for each who lives there
    alarm: bool = False  # person alarm: no measure, hold, pause or settle applies
    measure: tuple[str, ...] = ()  # services one of which must be decided for this person
    holds: tuple[str, ...] = ()  # what may withhold it
    at_once: tuple[Match, ...] = ()  # fires without waiting: fall confirmed, dose missed; looked at first
    enter: tuple[Match, ...] = ()  # begins it: the signal, the state, the sign of life, the dose
    leave: tuple[Match, ...] = ()  # ends it: cancel, leaving the state, fetched
    extend: tuple[Match, ...] = ()  # lengthens a dwell once
    then: tuple[Match, ...] = ()  # what must follow, or must not, in a sequence
    variants: tuple[Variant, ...] = ()
    set: dict[str, Written] = {}
    self_resolves: bool = False
    episode_per_subject: bool = False  # one alert per subject until it is closed, not one per event
    version: str = ""


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Values that a site or ward puts over the shipped ones."""

    origin: str  # "site", "ward nord"
    ward: str | None = None
    set: dict[str, dict[str, Written]] = {}  # rule id -> parameter -> value


class Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole book in force: shipped rules and the layers over them."""

    rules: tuple[Rule, ...]
    layers: tuple[Layer, ...] = ()
    off: tuple[str, ...] = ()  # rules a site has switched off; person alarms stay on the floor all the same
    version: str = ""


def with_versions(book: Book) -> Book:
    """The same book with every version computed from its content."""
    rules = []
    for rule in book.rules:
        bare = msgspec.structs.replace(rule, version="")
        layers = [(layer.origin, layer.ward, layer.set[rule.id]) for layer in book.layers if rule.id in layer.set]
        rules.append(msgspec.structs.replace(rule, version=_hash([msgspec.to_builtins(bare), layers])))
    whole = [[rule.version for rule in rules], msgspec.to_builtins(book.layers), list(book.off)]
    return msgspec.structs.replace(book, rules=tuple(rules), version=_hash(whole))


def _hash(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:16]


def matches(
    match: Match, event: Event, *, staff_present: bool = False, goes_to_person: bool = False, model_listed: bool = False
) -> bool:
    """Whether all conditions hold, but for `types`, which the engine's index has checked."""
    for field, words in match.where.items():
        if event.content.get(field) not in words:
            return False
    for field, least in match.at_least.items():
        value = event.content.get(field)
        if not isinstance(value, int | float) or value < least:
            return False
    if match.roles and event.role not in match.roles:
        return False
    if match.assigned is not None and match.assigned == (UNASSIGNED in event.quality):
        return False
    if match.goes_to_person is not None and match.goes_to_person != goes_to_person:
        return False
    if match.model_in is not None and not model_listed:
        return False
    return match.staff is None or match.staff == staff_present
