"""A home told as a story: local times in, effects out, through the production home fold. For rule tests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import msgspec

from ingest.event import BUFFERED, LATE, LATE_AFTER_MS, Event, name_uuid
from ingest.record import CLOCK, EVENT, SETTING, Input, Setting
from rules.book import Book, with_versions
from rules.book_file import shipped_book
from rules.effects import Clear, Effect, Observe, Raise
from rules.home_fold import HomeFold
from rules.local_time import instant_ms

ZONE = "Europe/Oslo"
NIGHT = date(2026, 3, 1)
BOOK = shipped_book()


class HomeStory:
    """One home `h1` with Kari (`r1`), her bed `d-bed`, pendant, dispenser and motion sensors behind gateway `gw-1`."""

    def __init__(
        self, day: date = NIGHT, *, measure: bool = True, book: Book = BOOK, risks: tuple[str, ...] = ()
    ) -> None:
        self.day = day
        self.fold = HomeFold(book, "solbakken")
        self.inputs: list[Input] = []
        self.effects: list[Effect] = []
        self.versions: dict[str, int] = {}
        self.now_ms = instant_ms(day, 0, ZONE)
        self.set("home", "h1", {"ward": "nord"})
        self.set("gateway", "gw-1", {"home": "h1"})
        self.set("resident", "r1", {"home": "h1", "risks": list(risks)})
        for role, room in (("bed", "bedroom"), ("pendant", None), ("dispenser", "kitchen"), ("motion", "hall")):
            value = {"resident": "r1", "role": role, "room": room, "gateway": "gw-1"}
            self.set("device", f"d-{role}", {key: item for key, item in value.items() if item is not None})
        if measure:
            self.set("measure", "m1", {"resident": "r1", "service": "digital_supervision", "from": "2020-01-01"})

    def at(self, clock: str, days: int = 0) -> int:
        """The instant of "HH:MM[:SS]" local time on the story's day."""
        hours, minutes, *seconds = (int(part) for part in clock.split(":"))
        start_ms = instant_ms(self.day, days * 1_440 + hours * 60 + minutes, ZONE)
        return start_ms + (seconds[0] if seconds else 0) * 1_000

    def give(self, given: Input) -> list[Effect]:
        """One input through the fold; remembers everything for a second telling."""
        self.now_ms = max(self.now_ms, given.received_at_ms)
        self.inputs.append(given)
        effects = self.fold.apply(given)
        self.effects += effects
        return effects

    def set(self, kind: str, key: str, value: Mapping[str, object] | None, at_ms: int | None = None) -> list[Effect]:
        """One setting, next version."""
        setting_id = f"{kind}/{key}"
        self.versions[setting_id] = self.versions.get(setting_id, 0) + 1
        setting = Setting(setting_id, self.versions[setting_id], kind, None if value is None else dict(value))
        home = "" if kind in ("site", "ward", "book") else "h1"
        return self.give(Input(SETTING, at_ms or self.now_ms, home, setting=setting))

    def event(
        self,
        type_: str,
        at_ms: int,
        *,
        heard_ms: int | None = None,
        role: str | None = None,
        quality: tuple[str, ...] = (),
        state: bool = False,
        resident: str | None = "r1",
        **content: Any,
    ) -> list[Effect]:
        """An event of Kari's device of that role, observed at `at_ms` and heard then or later.

        Role "gateway": the gateway's own. `resident` None: the device hangs in the home and is nobody's.
        """
        received_ms = heard_ms if heard_ms is not None else at_ms
        if received_ms - at_ms > LATE_AFTER_MS and LATE not in quality:
            quality = (BUFFERED, LATE, *quality)
        role = role or _ROLES.get(type_.partition(".")[0], "motion")
        gateway_only = role == "gateway"
        event = Event(
            name_uuid(type_, role, resident, at_ms, received_ms, str(sorted(content.items()))),
            type_,
            "solbakken",
            f"vardevakt:gw-1/d-{role}",
            "h1",
            resident or f"d-{role}",
            received_ms,
            at_ms,
            observed_at_ms=at_ms,
            device=None if gateway_only else f"d-{role}",
            gateway="gw-1",
            resident=None if gateway_only else resident,
            role=None if gateway_only else role,
            room=_ROOMS.get(role),
            quality=quality,
            state=state,
            content=dict(content),
        )
        return self.give(Input(EVENT, received_ms, "h1", event=event))

    def book(self, book: Book, at_ms: int | None = None) -> list[Effect]:
        """A new rule book in force."""
        return self.set("book", "current", {"id": "current", "book": msgspec.to_builtins(book)}, at_ms)

    def until(self, at_ms: int) -> list[Effect]:
        """Nothing but time."""
        return self.give(Input(CLOCK, at_ms))

    def raised(self, rule: str | None = None) -> list[Raise]:
        """Alerts so far, of one rule if named."""
        return [e for e in self.effects if isinstance(e, Raise) and rule in (None, e.rule)]

    def cleared(self, rule: str | None = None) -> list[Clear]:
        """What cleared so far, of alerts of one rule if named."""
        ids = {alert.alert_id for alert in self.raised(rule)}
        return [e for e in self.effects if isinstance(e, Clear) and (rule is None or e.alert_id in ids)]

    def noted(self, kind: str, rule: str | None = None) -> list[Observe]:
        found = [effect for effect in self.effects if isinstance(effect, Observe) and effect.kind == kind]
        return [effect for effect in found if rule in (None, effect.rule)]


def changed(rule_id: str, book: Book = BOOK, **fields: Any) -> Book:
    """The book with one rule's fields replaced."""
    rules = [msgspec.structs.replace(rule, **fields) if rule.id == rule_id else rule for rule in book.rules]
    return with_versions(msgspec.structs.replace(book, rules=tuple(rules)))


def without(*rule_ids: str, book: Book = BOOK) -> Book:
    """The book with rules switched off."""
    return with_versions(msgspec.structs.replace(book, off=rule_ids))


def retell(inputs: list[Input], book: Book = BOOK) -> bytes:
    """The effects of a fresh fold over the same inputs, as bytes."""
    fold = HomeFold(book, "solbakken")
    return effect_bytes([effect for given in inputs for effect in fold.apply(given)])


def effect_bytes(effects: list[Effect]) -> bytes:
    """Canonical bytes of effects, for comparing two tellings."""
    return b"\n".join(msgspec.json.encode(effect, order="sorted") for effect in effects)


_ROLES = {
    "bed": "bed",
    "alarm": "pendant",
    "fall": "pendant",
    "dose": "dispenser",
    "battery": "pendant",
    "trigger": "pendant",
}
_ROOMS = {"bed": "bedroom", "motion": "hall", "front_door": "hall", "dispenser": "kitchen"}
