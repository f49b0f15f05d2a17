"""A case as the inputs that the home fold would read: its site as settings, its steps as events and settings. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingest.event import BUFFERED, CLOCK_SUSPECT, LATE, RETAINED, TEST, UNASSIGNED, Event, name_uuid
from ingest.record import CLOCK, EVENT, SETTING, Input, Setting
from ingest.trust import trusted_time
from rules.book import Book, Layer, with_versions
from rules.book_check import check_book
from rules.rule_test import Case, Device, Measured, Settings, Site, Step
from rules.rule_test_events import NOBODY

SITE_ID = "rule-test"
HOME = "h1"
SITE_WIDE = ("site", "ward", "book")


def book_of(site: Site, shipped: Book) -> Book:
    """The book with what the site of a case says of it. ValueError in words."""
    layers: list[Layer] = [Layer("site", None, site.set)] if site.set else []
    layers += [Layer(f"ward {ward}", ward, settings) for ward, settings in site.wards.items()]
    if not layers and not site.off:
        return shipped
    known = {rule.id for rule in shipped.rules}
    named = [*site.off, *(rule for layer in layers for rule in layer.set)]
    if unknown := [rule for rule in named if rule not in known]:
        raise ValueError(f"unknown rule {unknown[0]!r}")
    return _over(shipped, tuple(layers), site.off)


def all_measures(case: Case) -> bool:
    """Whether every measure is in force all the time: neither site nor timeline says anything else."""
    return case.site.measures is None and all(step.verb != "measure" for step in case.steps)


def _over(book: Book, layers: tuple[Layer, ...], off: tuple[str, ...]) -> Book:
    both = tuple(dict.fromkeys((*book.off, *off)))
    return check_book(with_versions(msgspec.structs.replace(book, layers=(*book.layers, *layers), off=both)))


def inputs_of(case: Case, book: Book, home: str = HOME) -> list[Input]:
    """Settings as of the first line, then the steps, then time until the end. `book`: the one the case begins with."""
    return _Home(case, book, home).tell()


class _Home:
    def __init__(self, case: Case, book: Book, home: str) -> None:
        self._case, self._site, self._book, self._id = case, case.site, book, home
        self._versions: dict[str, int] = {}
        self._inputs: list[Input] = []
        self._said: Settings = {}
        self._off: tuple[str, ...] = ()
        self._lost_ms = 0

    def tell(self) -> list[Input]:
        start_ms = min(step.at_ms for step in self._case.steps)
        self._begin(start_ms)
        for step in self._case.steps:
            self._step(step)
        self._inputs.append(Input(CLOCK, self._case.end_ms))
        return self._inputs

    def _begin(self, at_ms: int) -> None:
        site = self._site
        self._set("site", SITE_ID, {"timezone": site.timezone}, at_ms)
        self._set("home", self._id, {"ward": site.ward, "kind": site.kind}, at_ms)
        for gateway in site.gateways:
            self._set("gateway", gateway, {"home": self._id}, at_ms)
        for person in site.residents:
            value = {"home": self._id, "risks": list(person.risks), "critical": person.critical}
            self._set("resident", person.id, value, at_ms)
        named = [step.device for step in self._case.steps if step.device is not None]
        for device in {device.id: device for device in (*site.devices, *named)}.values():
            self._set("device", device.id, _device(device, self._id), at_ms)
        for measure in self._measures():
            value = {"resident": measure.resident, "service": measure.service, "from": measure.from_ or "2020-01-01",
                     "until": measure.until}  # fmt: skip
            self._set("measure", f"{measure.service}-{measure.resident}", value, at_ms)
        for plan in site.plans:
            value = {"resident": plan.resident, "rule": plan.rule, "set": plan.set, "from": plan.from_,
                     "until": plan.until}  # fmt: skip
            self._set("plan", f"{plan.rule}-{plan.resident}", value, at_ms)

    def _measures(self) -> tuple[Measured, ...]:
        """Those of the site; where only the timeline tells of them, all but the one that is about to begin."""
        if self._site.measures is not None or all_measures(self._case):
            return self._site.measures or ()
        first: dict[tuple[str, str], bool] = {}
        for step in self._case.steps:
            if step.verb == "measure":
                first.setdefault((step.rule, step.target), step.on)
        services = sorted({service for rule in self._book.rules for service in rule.measure})
        people = [person.id for person in self._site.residents]
        return tuple(
            Measured(service, person)
            for person in people
            for service in services
            if not first.get((service, person), False)
        )

    def _set(self, kind: str, key: str, value: Mapping[str, object] | None, at_ms: int) -> None:
        setting_id = f"{kind}/{key}"
        self._versions[setting_id] = self._versions.get(setting_id, 0) + 1
        plain = None if value is None else {name: _plain(item) for name, item in value.items() if item is not None}
        setting = Setting(setting_id, self._versions[setting_id], kind, plain)
        self._inputs.append(Input(SETTING, at_ms, "" if kind in SITE_WIDE else self._id, setting=setting))

    # -- steps -------------------------------------------------------------------------------------------------

    def _step(self, step: Step) -> None:
        if step.verb in ("event", "silent", "back"):
            self._event(step)
        elif step.verb == "feed":
            self._feed(step)
        elif step.verb == "pause":
            value = {"resident": step.target, "from_ms": step.at_ms, "until_ms": step.until_ms,
                     "rules": list(step.rules)}  # fmt: skip
            self._set("pause", f"pause-{step.target}", value if step.on else None, step.heard_ms)
        elif step.verb == "plan":
            told = None if step.values is None else {"resident": step.target, "rule": step.rule, "set": step.values}
            self._set("plan", f"{step.rule}-{step.target}", told, step.heard_ms)
        elif step.verb == "measure":
            self._measure(step)
        elif step.verb == "rule":
            self._rule(step)
        else:
            self._inputs.append(Input(CLOCK, step.heard_ms))

    def _measure(self, step: Step) -> None:
        """It begins or ends within the day: a site's own dates are days."""
        value = {"resident": step.target, "service": step.rule, "from": "2020-01-01"} if step.on else None
        self._set("measure", f"{step.rule}-{step.target}", value, step.heard_ms)

    def _rule(self, step: Step) -> None:
        if step.values is not None:
            self._said = {**self._said, step.rule: {**self._said.get(step.rule, {}), **step.values}}
        elif step.on:
            self._off = tuple(rule for rule in self._off if rule != step.rule)
        else:
            self._off = (*self._off, step.rule)
        off = tuple(rule for rule in self._book.off if not (step.on and rule == step.rule and step.values is None))
        self._book = msgspec.structs.replace(self._book, off=off)
        layers = (Layer("site", None, self._said),) if self._said else ()
        book = _over(self._book, layers, self._off)
        self._set("book", "current", {"book": msgspec.to_builtins(book)}, step.heard_ms)

    def _feed(self, step: Step) -> None:
        if not step.on:
            self._lost_ms = step.at_ms
            self._fact("feed.lost", {"from_ms": step.at_ms, "to_ms": step.heard_ms}, step.heard_ms)
            return
        self._fact("feed.gap", {"from_ms": self._lost_ms or step.at_ms, "to_ms": step.heard_ms}, step.heard_ms)
        self._fact("feed.settled", {"from_ms": step.heard_ms, "to_ms": step.heard_ms}, step.heard_ms)

    def _fact(self, type_: str, content: dict[str, str | int | float | bool | None], at_ms: int) -> None:
        home = self._id
        event = Event(name_uuid(type_, at_ms), type_, SITE_ID, "service", home, home, at_ms, at_ms, content=content)
        self._inputs.append(Input(EVENT, at_ms, home, event, derived=True))

    def _event(self, step: Step) -> None:
        device, notes = step.device, step.notes
        observed_ms = None if "untimed" in notes else step.at_ms
        effective_ms, doubt = trusted_time(observed_ms, step.heard_ms)
        derived = step.verb != "event"
        if derived:
            observed_ms, effective_ms, doubt = None, step.since_ms or step.at_ms, None
        home, subject, address = self._id, *_speaker(step, self._id)
        if UNASSIGNED in notes:
            home = f"address:{address}"
        resident = None if device is None or device.resident == NOBODY else device.resident
        said_room = step.content.get("room")
        event = Event(
            name_uuid(SITE_ID, step.line, step.text),
            step.type,
            SITE_ID,
            address,
            home,
            resident or subject,
            step.heard_ms,
            effective_ms,
            observed_ms,
            None if device is None else device.id,
            step.gateway if device is None else device.gateway,
            resident,
            None if device is None else device.role,
            said_room if isinstance(said_room, str) else None if device is None else device.room,
            _quality(step, doubt),
            derived or "state" in notes or "retained" in notes,
            content=step.content,
        )
        self._inputs.append(Input(EVENT, step.heard_ms, home, event, derived=derived))


def _quality(step: Step, doubt: str | None) -> tuple[str, ...]:
    notes = step.notes
    words = (
        (RETAINED, "retained" in notes),
        (TEST, "test" in notes),
        (BUFFERED, step.heard_given and "retained" not in notes),
        (LATE, doubt == LATE),
        (CLOCK_SUSPECT, doubt == CLOCK_SUSPECT),
        (UNASSIGNED, "unassigned" in notes),
    )
    return tuple(word for word, holds in words if holds)


def _speaker(step: Step, home: str) -> tuple[str, str]:
    """(subject where there is no resident, address)."""
    device = step.device
    if device is not None:
        return device.id, f"vardevakt:{device.gateway}/{device.id}"
    if step.gateway is not None:
        return step.gateway, f"vardevakt:{step.gateway}"
    return (step.address, step.address) if step.address else (home, f"home:{home}")


def _device(device: Device, home: str) -> dict[str, object]:
    where = {"home": home} if device.resident == NOBODY else {"resident": device.resident}
    return {**where, "role": device.role, "room": device.room, "gateway": device.gateway, "model": device.model}


def _plain(item: object) -> object:
    """Dates as site files write them."""
    return item.isoformat() if hasattr(item, "isoformat") else item
