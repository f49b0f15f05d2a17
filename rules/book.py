"""The rule book as values: what a rule is, and which parameters are in force for whom. Pure; YAML is `book_file.py`'s.

A rule is a kind plus parameters plus small conditions. A value in force comes from the highest layer that sets
it: shipped < site < ward < person (plan), and remembers which. Books are content-addressed: `Book.version` is the
hash of everything in it, `Rule.version` that of one rule.
"""

from __future__ import annotations

import hashlib

import msgspec

from ingest.event import UNASSIGNED, Event, Value
from ingest.quantities import format_duration, format_window, parse_duration_ms, parse_window
from rules.effects import Parameter

PRIORITIES = ("P1", "P2", "P3", "P4", "P5")
KINDS = ("signal", "dwell", "absence", "deadline")
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
    alarm: bool = False  # person alarm: no measure, hold, pause or settle applies
    measure: tuple[str, ...] = ()  # services one of which must be decided for this person
    holds: tuple[str, ...] = ()  # what may withhold it
    at_once: tuple[Match, ...] = ()  # fires without waiting: fall confirmed, dose missed; looked at first
    enter: tuple[Match, ...] = ()  # begins it: the signal, the state, the sign of life, the dose
    leave: tuple[Match, ...] = ()  # ends it: cancel, leaving the state, fetched
    extend: tuple[Match, ...] = ()  # lengthens a dwell once
    variants: tuple[Variant, ...] = ()
    set: dict[str, str | int | bool] = {}
    self_resolves: bool = False
    episode_per_subject: bool = False  # one alert per subject until it is closed, not one per event
    version: str = ""


class Layer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Values that a site or ward puts over the shipped ones."""

    origin: str  # "site", "ward nord"
    ward: str | None = None
    set: dict[str, dict[str, str | int | bool]] = {}  # rule id -> parameter -> value


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


# Parameters: name -> how people write it. A kind uses those it names; a book may set no other.
PARAMETERS = {
    "for": "duration",
    "window": "window",
    "prior": "duration",
    "extend": "duration",
    "starts_inside": "flag",
    "for_critical": "duration",
    "intervals": "count",
    "cap": "duration",
    "cancel_window": "duration",
    "grace": "duration",
    "grace_critical": "duration",
    "again_after_pause": "duration",
    "grow_after": "duration",
    "grow_to": "priority",
    "fetched_when_dispensed": "words",
}
PARAMETERS_OF_KIND = {
    "signal": ("cancel_window",),
    "dwell": (
        "for",
        "window",
        "prior",
        "extend",
        "starts_inside",
        "for_critical",
        "intervals",
        "cap",
        "grow_after",
        "grow_to",
    ),
    "absence": ("for", "again_after_pause"),
    "deadline": ("grace", "grace_critical", "fetched_when_dispensed"),
}


class Values(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Parameters in force for one rule and person, parsed, and where each came from."""

    for_ms: int = 0
    window: tuple[int, int] | None = None
    prior_ms: int = 0
    extend_ms: int = 0
    starts_inside: bool = False
    for_critical_ms: int | None = None
    intervals: int = 0
    cap_ms: int | None = None
    cancel_window_ms: int = 0
    grace_ms: int = 0
    grace_critical_ms: int | None = None
    again_after_pause_ms: int = 0
    grow_after_ms: int | None = None
    grow_to: str | None = None
    fetched_when_dispensed: tuple[str, ...] = ()
    shown: dict[str, Parameter] = {}


def parse_parameter(name: str, value: object) -> object:
    """The typed value of one parameter. ValueError says in words what is allowed."""
    kind = PARAMETERS[name]
    if kind == "duration":
        return parse_duration_ms(value)
    if kind == "window":
        return parse_window(value)
    if kind == "flag":
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is not true or false")
        return value
    if kind == "priority":
        if value not in PRIORITIES:
            raise ValueError(f"{value!r} is not one of P1 to P5")
        return value
    if kind == "words":
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a list of words separated by commas")
        return tuple(word.strip() for word in value.split(",") if word.strip())
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 1_000_000:
        raise ValueError(f"{value!r} is not a whole number")
    return value


def values_in_force(rule: Rule, layers: list[tuple[str, dict[str, str | int | bool]]]) -> Values:
    """Merge (origin, settings) pairs, lowest first. Names and values were checked when they were saved."""
    fields: dict[str, object] = {}
    shown: dict[str, Parameter] = {}
    for origin, settings in layers:
        for name, written in settings.items():
            value = parse_parameter(name, written)
            fields[f"{name}_ms" if PARAMETERS[name] == "duration" else name] = value
            shown[name] = Parameter(_written(name, value), origin)
    return msgspec.convert({**fields, "shown": dict(sorted(shown.items()))}, Values)


def _written(name: str, value: object) -> str:
    if PARAMETERS[name] == "duration" and isinstance(value, int):
        return format_duration(value)
    if PARAMETERS[name] == "window" and isinstance(value, tuple):
        return format_window(value)
    if PARAMETERS[name] == "words" and isinstance(value, tuple):
        return ", ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_book(book: Book) -> Book:
    """The same book; ValueError when a rule of it could not be run by this version of the engine."""
    known = {rule.id for rule in book.rules}
    for rule in book.rules:
        if rule.kind not in KINDS or rule.per not in PER or rule.priority not in PRIORITIES:
            raise ValueError(f"{rule.id}: unknown kind {rule.kind!r}, per {rule.per!r} or priority {rule.priority!r}")
        sets = [("book", rule.set), *((layer.origin, layer.set.get(rule.id, {})) for layer in book.layers)]
        for _, settings in sets:
            if unknown := [name for name in settings if name not in PARAMETERS_OF_KIND[rule.kind]]:
                raise ValueError(f"{rule.id}: unknown parameter {unknown[0]!r}")
        try:
            values_in_force(rule, sets)
        except ValueError as error:
            raise ValueError(f"{rule.id}: {error}") from error
    if len(known) != len(book.rules):
        raise ValueError("a rule stands twice in the book")
    return book


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
