"""The rule book as values: what a rule is. Pure; YAML is `book_file.py`'s, what an engine can run `book_check.py`'s.

A rule is a kind plus parameters plus small conditions. A value in force comes from the highest layer that sets
it: shipped < site < ward < person (plan), and remembers which. Books are content-addressed: `Book.version` is the
hash of everything in it, `Rule.version` that of one rule.
"""

from __future__ import annotations

import functools
import hashlib
from typing import Literal

import msgspec

from ingest.event import Value
from ingest.prepared_types import prepare
from ingest.quantities import parse_window
from rules.parameters import Written

PER = ("resident", "device", "gateway", "address")
HOLDS = ("staff", "away", "pause", "out", "gateway")  # away: said; out: probably, by doors and silence
AddsTo = Literal["", "first", "last"]
Group = Literal["", "bed", "activity", "doors", "surroundings", "medication", "measurements", "devices"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Conditions on one event and on how things stand; all that are given must hold (`conditions.py`)."""

    types: tuple[str, ...] = ()
    where: dict[str, tuple[Value, ...]] = {}  # field of the event: one of these words or numbers
    at_least: dict[str, int | float] = {}  # field of the event: this number or more
    at_most: dict[str, int | float] = {}  # … or less
    roles: tuple[str, ...] = ()  # role of the device
    rooms: tuple[str, ...] = ()  # where it stands
    assigned: bool | None = None
    goes_to_person: bool | None = None  # what may be an alarm though nobody knows device or type (R43)
    model_in: str | None = None  # a parameter of the rule whose list must name the device's model
    staff: bool | None = None  # staff on the spot when it happened, and still
    window: str | None = None  # local time, half-open: "22:00-06:00"
    in_window: str | None = None  # … of a parameter of the rule, so that a person may have their own
    weekdays: tuple[Weekday, ...] = ()
    holiday: bool | None = None  # a public holiday in Norway
    away: bool | None = None
    paused: bool | None = None
    in_bed: bool | None = None  # their bed says occupied
    risks: tuple[str, ...] = ()  # the person has one of these
    no_risks: tuple[str, ...] = ()  # … or none of these
    critical: bool | None = None
    alone: bool | None = None  # nobody else lives there

    def window_minutes(self) -> tuple[int, int]:
        """`window` in minutes after local midnight."""
        return _window_minutes(self.window or "00:00-00:00")


@functools.lru_cache(maxsize=1_024)
def _window_minutes(text: str) -> tuple[int, int]:
    return parse_window(text)


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where one rule means different things: the first variant that matches gives priority and code."""

    when: Match = Match()
    priority: str | None = None
    code: str | None = None
    alarm: bool | None = None
    drop: bool = False  # matches, but is not for anybody


class Need(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A device that a home must have, else the rule is not applicable there (`needs.py`)."""

    what: dict[str, str]  # nb, en: how it is said that it is missing
    roles: tuple[str, ...] = ()  # a device of one of these roles …
    rooms: tuple[str, ...] = ()  # … in one of these rooms, where any are named
    not_in: tuple[str, ...] = ()  # … and in none of these
    anywhere: tuple[str, ...] = ()  # or of one of these roles, wherever it is


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
    group: Group = ""  # class of rules that a pause can name; shipped rules have that of their family
    alarm: bool = False  # person alarm: no measure, hold, pause or settle applies
    measure: tuple[str, ...] = ()  # services one of which must be decided for this person
    needs: tuple[Need, ...] = ()  # devices without which it cannot be right in a home
    holds: tuple[str, ...] = ()  # what may withhold it
    at_once: tuple[Match, ...] = ()  # fires without waiting: fall confirmed, dose missed; looked at first
    enter: tuple[Match, ...] = ()  # begins it: the signal, the state, the sign of life, the dose
    leave: tuple[Match, ...] = ()  # ends it: cancel, leaving the state, fetched
    extend: tuple[Match, ...] = ()  # lengthens a dwell once
    then: tuple[Match, ...] = ()  # what must follow, or must not, in a sequence
    variants: tuple[Variant, ...] = ()
    set: dict[str, Written] = {}
    self_resolves: bool = False
    counts_tests: bool = False  # what happens within a test session of ours counts as well
    task: str = ""  # priority of a technical task that is raised beside what is more urgent, for the same device
    adds_to: AddsTo = ""  # no alert of its own: said of the person alarm of what it began with, or of what followed
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
    shadow: dict[str, dict[str, Written]] = {}  # rules on trial beside the others, with their values (`shadow.py`)
    version: str = ""


def with_versions(book: Book) -> Book:
    """The same book with every version computed from its content."""
    rules = []
    for rule in book.rules:
        bare = msgspec.structs.replace(rule, version="")
        layers = [(layer.origin, layer.ward, layer.set[rule.id]) for layer in book.layers if rule.id in layer.set]
        rules.append(msgspec.structs.replace(rule, version=_hash([msgspec.to_builtins(bare), layers])))
    whole = [[rule.version for rule in rules], msgspec.to_builtins(book.layers), list(book.off)]
    if book.shadow:
        whole.append(book.shadow)
    return msgspec.structs.replace(book, rules=tuple(rules), version=_hash(whole))


def _hash(value: object) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="sorted")).hexdigest()[:16]


prepare(Book)
