"""The items that people enter, as pydantic models: one definition for site file, API, pages and desk. Pure.

Field names are those of the tables in `alerts/schema/people.py`; the names people write (contracts §3) are aliases.
Durations are milliseconds inside and "30 min" outside; days are ISO text, because a day belongs to the home and becomes
instants only in the folds. Relations between items (does that home exist?) are checked where all items are at hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, cast

import msgspec
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

import rules.book
from alerts.reads.alert_view import instant
from alerts.site import types as site_types
from alerts.site.problems import Problem, meant, problems_of, shown, wrong
from alerts.site.types import Address, Day, Duration, Email, Id, Ids, Label, Parameters, Phone, Texts, Words, word
from alerts.site.words import CLASSES, KEY_KINDS, PERSON_ALARMS, ROLES, SERVICES
from ingest.wire_time import rfc3339_ms

PAUSE_MAX_MS = 92 * 86_400_000
TEST_SESSION_MAX_MS = 30 * 60_000
RULE = re.compile(r"R(0[1-9]|[1-5]\d|60)")
PLANNED = re.compile(RULE.pattern + r"[a-z]?|(?!R\d)[A-Z][A-Z0-9_]{1,15}")  # R44b; ROUTINE, and a site's own


class Item(BaseModel):
    """What every item has. Unknown keys are errors; nothing is converted in silence."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, str_strip_whitespace=True)
    id: Id

    def row(self) -> dict[str, Any]:
        """Columns of its table."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in self.model_dump().items()}

    def value(self) -> dict[str, Any]:
        """As people write it (contracts §3), without what is not set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        """An item from its table, where it was checked when it was saved."""
        fields: dict[str, Any] = {name: row[name] for name in cls.model_fields}
        known = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
        construct: Any = cls.model_construct  # its signature asks for each field by name
        return cast(Self, construct(None, **known))


class Site(Item):
    name: Label
    timezone: site_types.Timezone = "Europe/Oslo"
    language: Literal["nb", "en"] = "nb"


class Ward(Item):
    name: Label
    arrival_goal_ms: Duration | None = Field(None, alias="arrival_goal")
    profile: Literal["on_foot", "centre"] = "on_foot"


class Home(Item):
    ward: Id
    kind: Literal["own_home", "shared", "care_home"] = "own_home"


class Resident(Item):
    home: Id
    name: Label
    born: Day | None = None
    phone: Phone | None = None
    address: Label | None = None
    protected: bool = False
    critical: bool = False
    risks: Words = ()


class Contact(Item):
    resident: Id
    name: Label
    relation: Label | None = None
    phone: Phone | None = None
    responder: bool = False
    hours: site_types.Hours | None = None  # when a responder may be rung; at any hour without


class Key(Item):
    home: Id
    kind: Annotated[str, Field(max_length=64), word(KEY_KINDS)]
    where: Label | None = None
    tag: Label | None = None


class _Period(Item):
    """Days from, and until and with; no end where `until` is missing."""

    from_date: Day = Field(alias="from")
    until_date: Day | None = Field(None, alias="until")

    @model_validator(mode="after")
    def _in_order(self) -> _Period:
        if self.until_date is not None and self.until_date < self.from_date:
            raise wrong("ends_before_it_begins", f"{self.until_date} is before {self.from_date}", "until")
        return self


class Measure(_Period):
    resident: Id
    service: Annotated[str, Field(max_length=64), word(SERVICES)]
    decision: Label | None = None
    basis: Annotated[str, Field(max_length=64), word(("consent",))] | None = None
    review_date: Day | None = Field(None, alias="review")


class Gateway(Item):
    home: Id | None = None
    address: Address
    interval_ms: Duration | None = Field(None, alias="interval")


class Device(Item):
    address: Address
    model: Label | None = None
    role: Annotated[str, Field(max_length=64), word(ROLES)] | None = None
    room: Label | None = None
    resident: Id | None = None
    home: Id | None = None
    gateway: Id | None = None
    interval_ms: Duration | None = Field(None, alias="interval")


class Function(Item):
    ward: Id
    name: Label
    phone: Phone | None = None


class Staff(Item):
    name: Label
    email: Email | None = None
    functions: Ids = ()
    role: Literal["carer", "operator"] = "carer"
    until_date: Day | None = Field(None, alias="until")  # a temp's last day, included


class Plan(_Period):
    resident: Id
    rule: str
    parameters: Parameters = Field(alias="set")
    why: Label | None = None

    @model_validator(mode="after")
    def _known_rule(self) -> Plan:
        if not PLANNED.fullmatch(self.rule):
            raise wrong("unknown_word", f"{shown(self.rule)} is no rule; write R01 to R60", "rule")
        return self


class _Timed(Item):
    """Instants from, and until but without. Written as `from` and `until` with offset, or as milliseconds UTC."""

    from_ms: int
    until_ms: int

    @model_validator(mode="before")
    @classmethod
    def _instants(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        value = dict(given)
        for name in ("from", "until"):
            written = value.pop(name, None)
            if written is None or f"{name}_ms" in value:
                continue
            at_ms = rfc3339_ms(written) if isinstance(written, str) else None
            if at_ms is None:
                raise wrong("bad_instant", f"{shown(written)} is no time with an offset: 2026-03-01T21:14:05Z", name)
            value[f"{name}_ms"] = at_ms
        return value

    def value(self) -> dict[str, Any]:
        """As people write it, and the same in milliseconds."""
        return super().value() | {"from": instant(self.from_ms), "until": instant(self.until_ms)}


class Pause(_Timed):
    """Some rules keep quiet about one person for a while. Person alarms cannot be paused (promise 3)."""

    resident: Id
    rules: Texts = ()  # classes or single rules; empty, or "all" = all that may be paused
    reason: Literal["away", "hospital", "holiday", "day_centre", "visitors", "technical", "other"]
    note: Label | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Pause:
        for rule in self.rules:
            if rule in PERSON_ALARMS:
                raise wrong("person_alarm", f"{rule} is a person's alarm, which nothing can pause", "rules")
            if rule not in CLASSES and not RULE.fullmatch(rule):
                sentence, near = meant(tuple(CLASSES), rule)
                raise wrong("unknown_word", f"{shown(rule)} is no rule or class of rules; {sentence}", "rules", near)
        if not self.from_ms < self.until_ms <= self.from_ms + PAUSE_MAX_MS:
            raise wrong("impossible_period", "a pause ends after it begins, and within 92 days", "until")
        return self


class Book(Item):
    """A rule book ready for the fold (`rules.book.Book` as JSON); `rules/book_file.py` reads and checks the file."""

    book: dict[str, Any]

    @model_validator(mode="after")
    def _is_a_book(self) -> Book:
        try:
            msgspec.convert(self.book, rules.book.Book)
        except msgspec.ValidationError as error:
            raise wrong("bad_book", f"is no rule book: {error}"[:200], "book") from error
        return self


class TestSession(_Timed):
    """A named technician tests one device; ends by itself (domain §4 Tests)."""

    __test__ = False  # its name looks like one of pytest's
    device: Id
    staff: Id

    @model_validator(mode="after")
    def _short(self) -> TestSession:
        if not self.from_ms < self.until_ms <= self.from_ms + TEST_SESSION_MAX_MS:
            raise wrong("impossible_period", "a test session lasts at most 30 min", "until")
        return self


MODELS: dict[str, type[Item]] = {
    "site": Site,
    "ward": Ward,
    "home": Home,
    "resident": Resident,
    "gateway": Gateway,
    "device": Device,
    "measure": Measure,
    "key": Key,
    "contact": Contact,
    "function": Function,
    "staff": Staff,
    "plan": Plan,
    "pause": Pause,
    "book": Book,
    "test_session": TestSession,
}
"""Kind -> model, in the order in which items may be saved: what is referred to comes first."""

REFERENCES: dict[str, dict[str, str]] = {
    "home": {"ward": "ward"},
    "resident": {"home": "home"},
    "gateway": {"home": "home"},
    "device": {"resident": "resident", "home": "home", "gateway": "gateway"},
    "measure": {"resident": "resident"},
    "key": {"home": "home"},
    "contact": {"resident": "resident"},
    "function": {"ward": "ward"},
    "staff": {"functions": "function"},
    "plan": {"resident": "resident"},
    "pause": {"resident": "resident"},
    "test_session": {"device": "device", "staff": "staff"},
}
"""Kind -> field -> kind it refers to."""

ORDERED: dict[str, str] = {"function": "ward", "contact": "resident"}
"""Kinds whose order among the items of the same parent means something: whom to ring first."""


def written_name(model: type[Item], field: str) -> str:
    """The name people write for a field of the model."""
    return model.model_fields[field].alias or field


def check(kind: str, value: Mapping[str, Any]) -> Item | list[Problem]:
    """The item, or everything that is wrong with it. `value` as people write it, with its id."""
    model = MODELS[kind]
    try:
        return model.model_validate(dict(value))
    except ValidationError as error:
        return problems_of(error, [written_name(model, field) for field in model.model_fields])
