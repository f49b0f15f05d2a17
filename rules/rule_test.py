"""Rule tests as values: a case, the lines of its timeline, what must come of it. Pure.

`rule_test_words.py` and `rule_test_events.py` read people's notation into these, `rule_test_home.py` makes inputs of
them, `rule_test_run.py` runs and judges, `rule_test_file.py` reads the files.
"""

from __future__ import annotations

from datetime import date

import msgspec

from ingest.event import Value
from rules.local_time import instant_ms, local_date, to_local
from rules.parameters import Written

ZONE = "Europe/Oslo"
DAY_MS = 86_400_000
DAY_1 = date(2026, 3, 2)
"""A Monday without holidays or clock changes near it."""
SHOWS = ("fires", "just below", "clears", "held", "not held", "late", "other")
NOTE_KINDS = ("added", "held", "disarmed", "recorded_only", "quarantined", "skipped", "watched", "not_watched")


class WrongWord(Exception):
    """Something in a rule test that cannot be meant; `line` counts from 0 within the text it stands in."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class Device(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A device as site files write it; without `resident` it is r1's, "nobody" hangs in the home."""

    id: str
    role: str
    room: str | None = None
    resident: str = "r1"
    gateway: str = "gw-1"
    model: str | None = None


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    id: str
    risks: tuple[str, ...] = ()
    critical: bool = False


class Measured(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"from_": "from"}):
    """A measure as site files write it."""

    service: str
    resident: str = "r1"
    from_: date | None = None
    until: date | None = None


class Planned(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, rename={"from_": "from"}):
    """A plan as site files write it."""

    rule: str
    set: dict[str, Written]
    resident: str = "r1"
    from_: date | None = None
    until: date | None = None


Settings = dict[str, dict[str, Written]]


class Site(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The home `h1` of a case, and what its site says of the book; all of it has defaults."""

    residents: tuple[Person, ...] = (Person("r1"),)
    devices: tuple[Device, ...] = ()
    gateways: tuple[str, ...] = ("gw-1",)
    kind: str = "own_home"
    ward: str = "nord"
    timezone: str = ZONE
    measures: tuple[Measured, ...] | None = None  # None: every one is in force
    plans: tuple[Planned, ...] = ()
    set: Settings = {}
    wards: dict[str, Settings] = {}
    off: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """One line of a timeline. `verb` says what it is; `words`, `fields` and `notes` are as written."""

    line: int
    text: str
    at_ms: int
    heard_ms: int
    verb: str  # event | silent | back | feed | pause | plan | measure | rule | wait
    type: str = ""  # of events
    content: dict[str, Value] = {}
    device: Device | None = None
    gateway: str | None = None  # the gateway's own event
    target: str = ""  # what a setting is about: resident, service, rule
    rule: str = ""
    values: dict[str, Written] | None = None  # of a plan or rule; None: it ends, or is switched (`on`)
    on: bool = True
    until_ms: int = 0
    since_ms: int | None = None
    rules: tuple[str, ...] = ()
    address: str = ""
    notes: tuple[str, ...] = ()
    heard_given: bool = False


class Fate(msgspec.Struct, frozen=True, order=True):
    """What becomes of an alert: "cleared", "retracted", "left" (to a person), or a priority it grows to."""

    at_ms: int
    what: str


class Expected(msgspec.Struct, frozen=True):
    """An alert that must come."""

    line: int
    text: str
    at_ms: int
    rule: str
    priority: str
    code: str | None = None
    subject: str | None = None
    fates: tuple[Fate, ...] = ()
    late_ms: int = 0
    never_clears: bool = False
    until_end: bool = False
    test: bool = False
    because: str | None = None


class ExpectedNote(msgspec.Struct, frozen=True):
    """Something that must be observed (`absent`: must not, at any time)."""

    line: int
    text: str
    at_ms: int
    kind: str
    rule: str | None = None
    subject: str | None = None
    code: str | None = None
    absent: bool = False


class Case(msgspec.Struct, frozen=True):
    """One rule test."""

    file: str
    line: int
    rule: str
    title: str
    shows: tuple[str, ...]
    site: Site
    clock: Clock
    steps: tuple[Step, ...]
    alerts: tuple[Expected, ...] = ()
    notes: tuple[ExpectedNote, ...] = ()
    quiet: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.rule} {self.title}"

    @property
    def end_ms(self) -> int:
        """When the story is over: the last that is told or waited for."""
        told = [step.heard_ms for step in self.steps]
        wanted = [alert.at_ms for alert in self.alerts] + [note.at_ms for note in self.notes]
        return max(told + wanted + [fate.at_ms for alert in self.alerts for fate in alert.fates])

    def told(self, at_ms: int) -> str:
        """A time as the lines of the case would write it: without the day where the story is shorter than one."""
        shown = self.clock.told(at_ms)
        return shown.rpartition(" ")[2] if self.end_ms - min(step.at_ms for step in self.steps) < DAY_MS else shown

    @property
    def judged(self) -> tuple[str, ...]:
        """Rules whose every alert must be expected; empty with `quiet: all`, then it is every rule."""
        if "all" in self.quiet:
            return ()
        return tuple(dict.fromkeys((self.rule, *self.quiet, *(alert.rule for alert in self.alerts))))


class Clock(msgspec.Struct, frozen=True):
    """Local time of a case: "day 1" is `day`."""

    day: date
    timezone: str

    def at(self, days: int, seconds: int) -> int:
        """The instant of seconds after midnight of that many days after day 1."""
        minutes, rest = divmod(seconds, 60)
        return instant_ms(self.day, days * 1_440 + minutes, self.timezone) + rest * 1_000

    def days_of(self, at_ms: int) -> int:
        """How many days after day 1 an instant falls."""
        return (local_date(at_ms, self.timezone) - self.day).days

    def next(self, seconds: int, from_ms: int) -> int:
        """The next time the clock shows that, not before `from_ms`."""
        days = self.days_of(from_ms)
        at_ms = self.at(days, seconds)
        return at_ms if at_ms >= from_ms else self.at(days + 1, seconds)

    def told(self, at_ms: int) -> str:
        """As people write it: "02:10", "02:10:30", with the day from day 2 on."""
        local = to_local(at_ms, self.timezone)
        shown = f"{local:%H:%M:%S}" if local.second or local.microsecond else f"{local:%H:%M}"
        shown += f".{local.microsecond // 1_000:03d}" if local.microsecond else ""
        days = self.days_of(at_ms)
        return f"day {days + 1} {shown}" if days else shown
