"""The shipped rule tests as one town: each story in a home of its own, all of them rows of partitions of INPUTS.

- Names are made unique (residents, devices, gateways, addresses, homes) and with them the ids of events and alerts, so
  that no two stories meet. A home's name is chosen so that it stands in the partition that its story shall have.
- A partition has one book, so a story whose site changes the book has a partition of its own.
- Measures that are in force all the time are written out, as a real site does: no fold of the service takes them for
  granted.
- In a partition the rows of all homes lie in the order of their times, so that one home's rows fire the timers of
  others. Stories that end at about the same time share one: a home lives on until the partition's last row, and what it
  says after the end of its story is no part of it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec.structs import replace

from ingest.record import SETTING, Input, Setting
from ingest.topics import Layout
from rules.book import Book
from rules.book_file import shipped_book
from rules.effects import Effect, Observe, Raise
from rules.home_fold import HomeFold
from rules.rule_test import Case, Device, Measured, Site, Step
from rules.rule_test_events import NOBODY
from rules.rule_test_file import shipped_tests
from rules.rule_test_home import all_measures, book_of, inputs_of


class Story(msgspec.Struct, frozen=True):
    """A rule test with the names of its home. `homes`: its own, and those of devices that nobody registered."""

    case: Case
    book: Book
    partition: int
    homes: frozenset[str]
    inputs: tuple[Input, ...]


def town(layout: Layout) -> list[Story]:
    """Every shipped rule test."""
    book = shipped_book()
    cases = sorted(shipped_tests(book), key=lambda case: case.end_ms)
    books = [book_of(case.site, book) for case in cases]
    own = sum(each is not book for each in books)
    assert own < layout.partitions, f"{own} stories have a book of their own"
    shared, common = layout.partitions - own, len(cases) - own
    alone, nth = itertools.count(shared), itertools.count()
    return [
        _story(case, each, number, next(nth) * shared // common if each is book else next(alone), layout)
        for number, (case, each) in enumerate(zip(cases, books, strict=True))
    ]


def rows(stories: Iterable[Story], partitions: int) -> list[list[Input]]:
    """What stands in each partition: its book, then what its homes hear."""
    found = []
    for partition in range(partitions):
        here = [one for one in stories if one.partition == partition]
        heard = sorted((given for one in here for given in one.inputs), key=lambda given: given.received_at_ms)
        value: dict[str, object] = {"id": "town", "book": msgspec.to_builtins(here[0].book)}
        book = Setting("book/town", 1, "book", value)
        found.append([Input(SETTING, heard[0].received_at_ms, setting=book), *heard])
    return found


def by_story(stories: Sequence[Story], effects: Iterable[Effect]) -> list[list[Effect]]:
    """What each says until its end, in order. What concerns no home (the site, the book) is left out."""
    number_of = {home: number for number, one in enumerate(stories) for home in one.homes}
    found: list[list[Effect]] = [[] for _ in stories]
    home_of: dict[str, str] = {}
    for effect in effects:
        if isinstance(effect, Raise):
            home_of[effect.alert_id] = effect.home
        home = effect.home if isinstance(effect, Raise | Observe) else home_of.get(effect.alert_id)
        assert home is not None, f"of an alert that was never raised: {effect}"
        if home and effect.at_ms <= stories[number_of[home]].case.end_ms:
            found[number_of[home]].append(effect)
    return found


def on_one(story: Story, site: str) -> list[Effect]:
    """What the fold alone says of it, in one process, as whoever reads it from a store has it."""
    fold = HomeFold(story.book, site)
    said = [effect for given in story.inputs for effect in fold.apply(given)]
    (read,) = by_story([story], msgspec.json.decode(msgspec.json.encode(said), type=list[Effect]))
    return read


def differences(story: Story, one: Sequence[Effect], many: Sequence[Effect]) -> list[str]:
    """In words: effects that only one of them has, and fields that differ."""
    found, left = [], defaultdict[tuple[type, str], list[Effect]](list)
    for effect in many:
        left[type(effect), effect.effect_id].append(effect)
    for effect in one:
        alike = left[type(effect), effect.effect_id]
        if not alike:
            found.append(f"{story.case.name}: only on one machine: {effect}")
            continue
        twin = alike.pop(0)
        for field in effect.__struct_fields__:
            here, there = getattr(effect, field), getattr(twin, field)
            if here != there:
                found.append(f"{story.case.name}: {type(effect).__name__} {field}: {here!r}, on many {there!r}")
    found += [f"{story.case.name}: only on many: {effect}" for alike in left.values() for effect in alike]
    return found or ([] if list(one) == list(many) else [f"{story.case.name}: in another order"])


# -- names -----------------------------------------------------------------------------------------------------


def _story(case: Case, book: Book, number: int, partition: int, layout: Layout) -> Story:
    home = _placed(layout, partition, f"h{number}")
    unregistered = {step.address for step in case.steps if step.address}
    addresses = {one: _placed(layout, partition, f"address:{one}-{number}") for one in unregistered}
    addresses = {one: found.removeprefix("address:") for one, found in addresses.items()}
    renamed = _renamed(case, book, number, addresses)
    inputs = inputs_of(renamed, book, home)
    return Story(renamed, book, partition, frozenset(given.home for given in inputs if given.home), tuple(inputs))


def _placed(layout: Layout, partition: int, name: str) -> str:
    """The name of a home, with what makes it stand there."""
    names = (f"{name}-{more}" for more in itertools.count())
    return next(found for found in names if layout.partition_of(found) == partition)


def _renamed(case: Case, book: Book, number: int, addresses: dict[str, str]) -> Case:
    """The same story of others: a number before every name, which keeps their order; and before the text of its steps,
    of which the ids of events are made.
    """
    site = case.site if not all_measures(case) else replace(case.site, measures=_every_measure(case.site, book))
    devices = (*site.devices, *(step.device for step in case.steps if step.device is not None))
    known = {person.id for person in site.residents} | {one.id for one in devices} | set(site.gateways)

    def of(name: str) -> str:
        return f"{number}.{name}" if name in known else addresses.get(name, name)

    return replace(
        case,
        site=_site_of(site, of),
        steps=tuple(_step_of(step, f"{number} {step.text}", of) for step in case.steps),
        alerts=tuple(replace(one, subject=one.subject and of(one.subject)) for one in case.alerts),
        notes=tuple(replace(one, subject=one.subject and of(one.subject)) for one in case.notes),
    )


def _every_measure(site: Site, book: Book) -> tuple[Measured, ...]:
    services = sorted({service for rule in book.rules for service in rule.measure})
    return tuple(Measured(service, person.id) for person in site.residents for service in services)


def _site_of(site: Site, of: Callable[[str], str]) -> Site:
    return replace(
        site,
        residents=tuple(replace(one, id=of(one.id)) for one in site.residents),
        devices=tuple(_device_of(one, of) for one in site.devices),
        gateways=tuple(of(one) for one in site.gateways),
        measures=site.measures and tuple(replace(one, resident=of(one.resident)) for one in site.measures),
        plans=tuple(replace(one, resident=of(one.resident)) for one in site.plans),
    )


def _device_of(device: Device, of: Callable[[str], str]) -> Device:
    resident = device.resident if device.resident == NOBODY else of(device.resident)
    return replace(device, id=of(device.id), resident=resident, gateway=of(device.gateway))


def _step_of(step: Step, text: str, of: Callable[[str], str]) -> Step:
    return replace(
        step,
        text=text,
        device=step.device and _device_of(step.device, of),
        gateway=step.gateway and of(step.gateway),
        target=of(step.target),
        address=of(step.address),
        content={name: of(value) if isinstance(value, str) else value for name, value in step.content.items()},
    )
