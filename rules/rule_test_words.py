"""People's notation of times, and the lines of `expect`, as values. Pure; WrongWord says what cannot be meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

import msgspec

from ingest.quantities import parse_duration_ms
from rules.parameters import PRIORITIES
from rules.rule_test import NOTE_KINDS, Clock, Expected, ExpectedNote, Fate, WrongWord

DAY_MS = 86_400_000
CLOCK = r"(?:day (?P<day>\d{1,3}) )?(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d))?"
SPAN = r"\d{1,6} (?:ms|s|min|h|d)(?: \d{1,6} (?:s|min|h))*"
_CLOCK = re.compile(CLOCK)
_LEADING = re.compile(rf"({CLOCK}|\+{SPAN})(?:\s+|$)")
_RULE = re.compile(r"R\d{2,3}[a-z]?")
_CODE = re.compile(r"\d{1,2}(?:\.\d{1,2}){0,2}")


def near(word: str, known: Iterable[str]) -> str:
    """ "; did you mean …?" where something is near."""
    listed = list(known)
    padded = f"R{word[1:]:0>2}" if word[:1] in ("R", "r") else ""
    found = [padded] if padded in listed else difflib.get_close_matches(word, listed, 1, 0.55)
    if found:
        return f"; did you mean {found[0]}?"
    return f"; one of: {', '.join(listed)}" if len(listed) <= 12 else ""


def span_ms(text: str) -> int:
    """ "1 h 30 min" -> ms; it has matched SPAN."""
    words = text.split()
    return sum(parse_duration_ms(f"{words[i]} {words[i + 1]}") for i in range(0, len(words), 2))


def split_time(text: str, line: int) -> tuple[str, str]:
    """A line's time, as written, and the rest."""
    found = _LEADING.match(text)
    if found is None:
        raise WrongWord(line, f"{text!r} begins with no time; write 22:10, 22:10:30, +20 min or day 2 08:00 first")
    return found[1], text[found.end() :].strip()


def is_span(written: str) -> bool:
    return written.startswith("+")


def clock_ms(written: str, clock: Clock, from_ms: int | None) -> int:
    """ "02:10" at or after `from_ms` (None: on day 1), "day 2 08:00" as it says."""
    found = _CLOCK.fullmatch(written)
    assert found is not None, "the caller has matched it"
    seconds = int(found["hour"]) * 3_600 + int(found["minute"]) * 60 + int(found["second"] or 0)
    if found["day"] is not None:
        return clock.at(int(found["day"]) - 1, seconds)
    return clock.at(0, seconds) if from_ms is None else clock.next(seconds, from_ms)


def lines_of(text: str) -> list[tuple[int, str]]:
    """(number from 0, text) of every line that says something; comments are left out."""
    found = []
    for number, line in enumerate(text.splitlines()):
        said = re.sub(r"(^|\s)#.*", "", line).strip()
        if said:
            found.append((number, said))
    return found


class ExpectReader:
    """Reads lines of `expect`. Times without a day are those of the first 24 h of the timeline."""

    def __init__(self, clock: Clock, start_ms: int, last_ms: int, rules: Iterable[str]) -> None:
        self._clock, self._start_ms = clock, start_ms
        self._long = last_ms - start_ms >= DAY_MS
        self._rules = list(rules)

    def read(self, text: str) -> tuple[list[Expected], list[ExpectedNote]]:
        alerts: list[Expected] = []
        notes: list[ExpectedNote] = []
        for line, said in lines_of(text):
            if said.startswith("no "):
                notes.append(self._note(line, said, said[3:].split(), self._start_ms, absent=True))
                continue
            written, rest = split_time(said, line)
            at_ms = self._time(written, line)
            words = rest.partition(",")[0].split()
            if len(words) >= 2 and words[1] in PRIORITIES:
                alerts.append(self._alert(line, said, rest, at_ms))
            else:
                notes.append(self._note(line, said, words, at_ms))
        return alerts, notes

    def _time(self, written: str, line: int) -> int:
        if is_span(written):
            raise WrongWord(line, f"{written!r}: in expect, times are clock times such as 02:30 or day 2 02:30")
        if self._long and not written.startswith("day"):
            raise WrongWord(line, f"{written!r}: the timeline is longer than a day, so say which: day 2 {written}")
        return clock_ms(written, self._clock, self._start_ms)

    def _rule(self, word: str, line: int) -> str:
        if word not in self._rules:
            raise WrongWord(line, f"unknown rule {word!r}{near(word, self._rules)}")
        return word

    def _alert(self, line: int, text: str, rest: str, at_ms: int) -> Expected:
        head, *parts = [part.strip() for part in rest.split(",")]
        rule, priority, *more = head.split()
        said: dict[str, object] = {}
        fates: list[Fate] = []
        for word in more:
            said["code" if _CODE.fullmatch(word) and "code" not in said else "subject"] = word
        if len(more) > 2 or len(said) != len(more):
            raise WrongWord(line, f"{head!r}: an alert is rule, priority, VKP code, subject: 02:30 R05 P2 4.7 r1")
        for part in parts:
            self._part(part, line, said, fates)
        told = Expected(line, text, at_ms, self._rule(rule, line), priority, fates=tuple(sorted(fates)))
        return msgspec.structs.replace(told, **said)

    def _part(self, part: str, line: int, said: dict[str, object], fates: list[Fate]) -> None:
        flags = {"never clears": "never_clears", "until the end": "until_end", "as a test": "test"}
        first, _, rest = part.partition(" ")
        if part in flags:
            said[flags[part]] = True
        elif first == "because" and rest:
            said["because"] = rest
        elif first == "late" and re.fullmatch(SPAN, rest):
            said["late_ms"] = span_ms(rest)
        elif first in ("cleared", "retracted") and _CLOCK.fullmatch(rest):
            fates.append(Fate(self._time(rest, line), first))
        elif part.startswith("left to a person ") and _CLOCK.fullmatch(time := part.removeprefix("left to a person ")):
            fates.append(Fate(self._time(time, line), "left"))
        elif first in PRIORITIES and rest.startswith("at ") and _CLOCK.fullmatch(rest[3:]):
            fates.append(Fate(self._time(rest[3:], line), first))
        else:
            known = ("cleared 02:50", "retracted 02:50", "left to a person 02:50", "P1 at 02:50", "late 35 min",
                     "never clears", "until the end", "as a test", "because dwell.too_long")  # fmt: skip
            raise WrongWord(line, f"{part!r} is nothing that becomes of an alert{near(part, known)}")

    def _note(self, line: int, text: str, words: list[str], at_ms: int, *, absent: bool = False) -> ExpectedNote:
        if len(words) < 2:
            raise WrongWord(line, f"{text!r}: expected an alert (R05 P2) or a note (R05 held hold.staff)")
        who, *rest = words
        kind, code = " ".join(rest), None
        if kind.replace(" ", "_") not in NOTE_KINDS:
            kind, code = " ".join(rest[:-1]), rest[-1]
        if kind.replace(" ", "_") not in NOTE_KINDS:
            known = [name.replace("_", " ") for name in NOTE_KINDS]
            raise WrongWord(line, f"{' '.join(rest)!r}: neither a priority nor a note{near(rest[0], known)}")
        rule = self._rule(who, line) if who in self._rules or _RULE.fullmatch(who) else None
        subject = None if rule is not None else who
        return ExpectedNote(line, text, at_ms, kind.replace(" ", "_"), rule, subject, code, absent)
