"""The lines of a timeline as steps. Pure; WrongWord says which line cannot be meant, and the nearest right word."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from rules.book import Book
from rules.book_check import parameters_of_kind
from rules.parameters import Written, parse_parameter
from rules.rule_test import Clock, Device, Site, Step, WrongWord
from rules.rule_test_events import HALF_DAY_MS, NOTES, EventWords
from rules.rule_test_words import CLOCK, SPAN, clock_ms, is_span, lines_of, near, span_ms, split_time

STAFF_TAG = "s1"
_HEARD = re.compile(rf"\sheard ({CLOCK}|\+{SPAN})(?=\s|$)")
_UNTIL = re.compile(rf"until ({CLOCK})")
_SINCE = re.compile(rf"\ssince ({CLOCK})(?=\s|$)")
_TOKEN = re.compile(r'[a-z_]+="[^"]*"|\S+')
_SETTING = re.compile(r"(?:^|,)\s*([a-z_]+):\s*")


_REPEATED = re.compile(rf"(.+), (\d{{1,4}}) times every ({SPAN})")
REPEATED_MAX = 1_000


def _repeated(line: int, text: str) -> list[str]:
    """ "12:00 motion detected, 200 times every 15 s" as the lines it stands for."""
    found = _REPEATED.fullmatch(text)
    if found is None:
        return [text]
    times = int(found[2])
    if not 2 <= times <= REPEATED_MAX:
        raise WrongWord(line, f"{times} times: write 2 to {REPEATED_MAX}")
    return [found[1], *[f"+{found[3]} {split_time(found[1], line)[1]}"] * (times - 1)]


class TimelineReader:
    """Reads one timeline; later lines count from earlier ones."""

    def __init__(self, book: Book, site: Site, clock: Clock) -> None:
        self._clock, self._site = clock, site
        self._rules = {rule.id: rule for rule in book.rules}
        self._services = sorted({service for rule in book.rules for service in rule.measure})
        self._residents = [person.id for person in site.residents]
        self._events = EventWords(book, site, clock)
        self._last_ms: int | None = None
        self._heard_ms: int | None = None
        self._verbs: dict[str, Callable[[Step, str], Step]] = {
            "wait": self._wait, "staff": self._staff, "pause": self._pause, "plan": self._plan,
            "measure": self._measure, "rule": self._rule, "gateway": self._gateway, "feed": self._feed,
        }  # fmt: skip

    def read(self, text: str) -> list[Step]:
        """All steps, in the order in which they are heard."""
        return [self._line(line, each) for line, said in lines_of(text) for each in _repeated(line, said)]

    def _line(self, line: int, text: str) -> Step:
        written, rest = split_time(text, line)
        heard = _HEARD.search(f" {rest}")
        if heard is not None:
            rest = (f" {rest}"[: heard.start()] + f" {rest}"[heard.end() :]).strip()
        at_ms = self._time(written, line, told_late=heard is not None)
        heard_ms = at_ms
        if heard is not None:
            heard_ms = at_ms + span_ms(heard[1][1:]) if is_span(heard[1]) else clock_ms(heard[1], self._clock, at_ms)
        if self._heard_ms is not None and heard_ms < self._heard_ms:
            raise WrongWord(line, f"{text!r} is heard before the line above it; lines stand in the order of hearing")
        self._last_ms, self._heard_ms = at_ms, heard_ms
        step = Step(line, text, at_ms, heard_ms, "wait", heard_given=heard is not None)
        word, _, more = rest.partition(" ")
        if word in self._verbs:
            return self._verbs[word](step, more.strip())
        if word == "device":
            return self._device(step, more.strip())
        if not word:
            raise WrongWord(line, f"{text!r} says only a time; `wait` is nothing but time")
        return self._event(step, rest)

    def _time(self, written: str, line: int, *, told_late: bool) -> int:
        if is_span(written):
            if self._last_ms is None:
                raise WrongWord(line, f"{written!r}: the first line has no line before it")
            return self._last_ms + span_ms(written[1:])
        at_ms = clock_ms(written, self._clock, self._last_ms)
        ahead_ms = 0 if self._last_ms is None else at_ms - self._last_ms
        if told_late and ahead_ms > HALF_DAY_MS and not written.startswith("day"):  # meant to be out of order?
            raise WrongWord(line, f"{written!r} with `heard`: say which day it was, such as day 1 {written}")
        return at_ms

    # -- events ------------------------------------------------------------------------------------------------

    def _event(self, step: Step, rest: str, device: Device | None = None, gateway: str | None = None) -> Step:
        words, said, notes = _words(rest, step.line)
        type_ = self._events.type_of(words, step.line)
        address = said.pop("address", "vardevakt:gw-1/unknown" if "unassigned" in notes else "")
        own = gateway is not None or "unassigned" in notes
        speaker = None if own else device or self._events.device_of(type_, said, step.line)
        role = speaker.role if speaker is not None else None
        content = self._events.content_of(type_, said, step.at_ms, role, step.line)
        return msgspec.structs.replace(
            step, verb="event", type=type_, content=content, device=speaker, gateway=gateway, notes=notes,
            address=address,
        )  # fmt: skip

    def _device(self, step: Step, rest: str) -> Step:
        name, _, more = rest.partition(" ")
        device = self._events.device(name, step.line)
        first = more.partition(" ")[0]
        if first in ("silent", "back"):
            return self._silent(msgspec.structs.replace(step, device=device), first, more[len(first) :])
        return self._event(step, more, device=device)

    def _gateway(self, step: Step, rest: str) -> Step:
        name, _, more = rest.partition(" ")
        if name not in self._site.gateways:
            raise WrongWord(step.line, f"unknown gateway {name!r}{near(name, self._site.gateways)}")
        first = more.partition(" ")[0]
        if first in ("silent", "back"):
            return self._silent(msgspec.structs.replace(step, gateway=name), first, more[len(first) :])
        return self._event(step, more, gateway=name)

    def _silent(self, step: Step, verb: str, rest: str) -> Step:
        since_ms = None
        if (found := _SINCE.search(rest)) is not None:
            day_before_ms = step.at_ms - 86_400_000
            since_ms = clock_ms(found[1], self._clock, day_before_ms + 1)
            rest = rest[: found.start()] + rest[found.end() :]
        _, said, _ = _words(f"x {rest}", step.line)
        type_ = "device.offline" if verb == "silent" else "device.online"
        interval = said.pop("interval_seconds", None)
        if said or (interval is not None and not interval.isdigit()):
            raise WrongWord(step.line, f"{rest.strip()!r}: may be followed by since 01:00 and interval_seconds=900")
        content = {} if interval is None else {"interval_seconds": int(interval)}
        return msgspec.structs.replace(step, verb=verb, type=type_, since_ms=since_ms, content=content)

    def _feed(self, step: Step, rest: str) -> Step:
        if rest not in ("lost", "back"):
            raise WrongWord(step.line, f"feed {rest!r}; one of: lost, back")
        return msgspec.structs.replace(step, verb="feed", on=rest == "back")

    def _staff(self, step: Step, rest: str) -> Step:
        word, _, more = rest.partition(" ")
        if word == "alarm":
            return self._event(step, f"staff alarm {more}")
        if word not in ("arrives", "leaves"):
            raise WrongWord(step.line, f"staff {word!r}{near(word, ('arrives', 'leaves', 'alarm'))}")
        _, said, _ = _words(f"x {more}", step.line)
        planned, tag = said.pop("planned_minutes", None), said.pop("tag", STAFF_TAG)
        if said or (planned is not None and not planned.isdigit()):
            raise WrongWord(step.line, f"{more!r}: may be followed by tag=s2 and planned_minutes=20")
        content: dict[str, str | int | float | bool | None] = {"tag": tag}
        if planned is not None:
            content["planned_minutes"] = int(planned)
        type_ = "staff.arrived" if word == "arrives" else "staff.left"
        return msgspec.structs.replace(step, verb="event", type=type_, content=content)

    # -- settings ----------------------------------------------------------------------------------------------

    def _wait(self, step: Step, rest: str) -> Step:
        if rest:
            raise WrongWord(step.line, f"wait {rest!r}: a time and wait is all: 06:00 wait")
        return step

    def _pause(self, step: Step, rest: str) -> Step:
        words, said, _ = _words(rest, step.line)
        resident = self._resident(words[0], step.line)
        rules = tuple(self._known(word, step.line) for word in said.pop("rules", "").split(",") if word)
        until = _UNTIL.fullmatch(" ".join(words[1:]))
        if words[1:] == ["ends"]:
            return msgspec.structs.replace(step, verb="pause", target=resident, on=False)
        if until is None or said:
            raise WrongWord(step.line, f"pause {rest!r}; write pause r1 until 10:00, or pause r1 ends")
        until_ms = clock_ms(until[1], self._clock, step.at_ms + 1)
        return msgspec.structs.replace(step, verb="pause", target=resident, until_ms=until_ms, rules=rules)

    def _plan(self, step: Step, rest: str) -> Step:
        words = rest.split(maxsplit=2)
        if words and words[0] in self._rules:
            words = [self._residents[0], *rest.split(maxsplit=1)]
        if len(words) != 3:
            raise WrongWord(step.line, f"plan {rest!r}; write plan r1 R05 for: 30 min, or plan r1 R05 ends")
        resident, rule = self._resident(words[0], step.line), self._known(words[1], step.line)
        values = None if words[2] == "ends" else self._values(rule, words[2], step.line)
        return msgspec.structs.replace(step, verb="plan", target=resident, rule=rule, values=values)

    def _rule(self, step: Step, rest: str) -> Step:
        word, _, more = rest.partition(" ")
        rule = self._known(word, step.line)
        if more in ("on", "off"):
            return msgspec.structs.replace(step, verb="rule", rule=rule, on=more == "on")
        return msgspec.structs.replace(step, verb="rule", rule=rule, values=self._values(rule, more, step.line))

    def _measure(self, step: Step, rest: str) -> Step:
        words, said, _ = _words(rest, step.line)
        if len(words) != 2 or words[1] not in ("begins", "ends"):
            raise WrongWord(step.line, f"measure {rest!r}; write measure digital_supervision begins, or ends")
        if words[0] not in self._services:
            raise WrongWord(step.line, f"unknown service {words[0]!r}{near(words[0], self._services)}")
        resident = self._resident(said.get("resident", self._residents[0]), step.line)
        return msgspec.structs.replace(step, verb="measure", rule=words[0], target=resident, on=words[1] == "begins")

    def _resident(self, name: str, line: int) -> str:
        if name not in self._residents:
            raise WrongWord(line, f"unknown resident {name!r}{near(name, self._residents)}")
        return name

    def _known(self, rule: str, line: int) -> str:
        if rule not in self._rules:
            raise WrongWord(line, f"unknown rule {rule!r}{near(rule, self._rules)}")
        return rule

    def _values(self, rule: str, text: str, line: int) -> dict[str, Written]:
        """ "for: 30 min, window: 21:00-07:00" as parameters of a rule."""
        parts = _SETTING.split(text)
        if parts[0].strip() or len(parts) < 3:
            raise WrongWord(line, f"{text!r} is no parameter; write for: 30 min, window: 21:00-07:00")
        return {
            name: written_value(self._rules[rule].kind, name, text.strip().strip('"'), rule, line)
            for name, text in zip(parts[1::2], parts[2::2], strict=True)
        }


def written_value(kind: str, name: str, text: str, rule: str, line: int) -> Written:
    """One parameter, checked as the book would."""
    known = parameters_of_kind(kind)
    if name not in known:
        raise WrongWord(line, f"{rule} has no parameter {name!r}{near(name, known)}")
    how = known[name][1]
    value: Written = text
    if how == "flag":
        value = {"true": True, "false": False}.get(text, text)
    elif how == "count" and text.isdigit():
        value = int(text)
    try:
        parse_parameter(how, value)
    except ValueError as error:
        raise WrongWord(line, f"{rule}: {name}: {error}") from error
    return value


def _words(rest: str, line: int) -> tuple[list[str], dict[str, str], tuple[str, ...]]:
    """(words, fields, notes) of what stands behind the time."""
    words: list[str] = []
    said: dict[str, str] = {}
    notes: list[str] = []
    for token in _TOKEN.findall(rest):
        name, equals, value = token.partition("=")
        if equals:
            if name in said:
                raise WrongWord(line, f"{name} is said twice")
            said[name] = value.strip('"')
        elif token in NOTES and words:
            notes.append(token)
        elif said or notes:
            raise WrongWord(line, f"{token!r}: neither field=value nor a note{near(token, (*NOTES, 'heard'))}")
        else:
            words.append(token)
    if not words:
        raise WrongWord(line, f"{rest!r} says nothing that happened")
    return words, said, tuple(notes)
