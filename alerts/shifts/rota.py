"""Pure: is this rota right? Lines as people write them become planned shifts, or a list of what to mend.

Theory of operation. One mistake refuses the whole file, as half a rota is a hole nobody sees; every mistake is named
with its line, and with the word that was perhaps meant. What a leader may want so is no mistake but said: a hole in
which nobody of a ward is planned, one person in two functions, two people in one (the later check-in has it).
Staff and functions are written by id or by name. A time without offset is the site's own: one that comes twice when
the clocks go back means the first, one that is skipped the moment they go forward (rules/local_time.py).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec

from alerts.shifts import coverage
from alerts.shifts.shift import Planned
from alerts.site.problems import Problem, meant, shown
from ingest.wire_time import rfc3339_ms
from rules import local_time

HOUR_MS = 3_600_000
LONGEST_MS = 25 * HOUR_MS  # a whole day, also the one on which the clocks go back
SAID_MAX = 50
TEXT_MAX = 200
_LOCAL = re.compile(r"(\d{4})-(\d{2})-(\d{2})[T ]+(\d{1,2})[:.](\d{2})(?::00)?")
_NORWEGIAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})[T ,]+(\d{1,2})[:.](\d{2})(?::00)?")
_CLOCK = re.compile(r"(\d{1,2})[:.](\d{2})")


class Line(msgspec.Struct, frozen=True):
    """One shift as it was written: its line in the file, and four texts."""

    line: int
    staff: str
    function: str
    begins: str
    ends: str


class Known(msgspec.Struct, frozen=True):
    """What a rota may speak of. `functions`: id -> (name, ward); `staff`: id -> (name, access ends ms or None)."""

    timezone: str
    functions: Mapping[str, tuple[str, str]]
    staff: Mapping[str, tuple[str, int | None]]


class Notice(msgspec.Struct, frozen=True):
    """Something that may be meant so. `code`: hole (of the ward `about`), two_functions (of the person), two_people
    (in the function).
    """

    code: str
    about: str
    from_ms: int
    until_ms: int
    others: tuple[str, ...] = ()  # the two functions, or the two people


class Checked(msgspec.Struct, frozen=True):
    """A rota that may be saved if it has no problems."""

    planned: tuple[Planned, ...] = ()
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()


def check(lines: Sequence[Line], known: Known) -> Checked:
    """Everything that is wrong with a rota; if nothing is, its shifts in order and what to think about."""
    problems: list[Problem] = []
    found: dict[Planned, int] = {}
    for line in lines:
        one = _planned(line, known)
        if isinstance(one, Planned):
            found.setdefault(one, line.line)
        else:
            problems += one
    if not lines:
        problems.append(Problem("empty", "", "there is no shift in it"))
    problems += _twice(found)
    if problems:
        return Checked(problems=tuple(sorted(problems, key=lambda one: one.line or 0)[:SAID_MAX]))
    planned = tuple(sorted(found, key=lambda one: (one.from_ms, one.function, one.staff)))
    return Checked(planned=planned, notices=tuple(notices(planned, known)))


def notices(planned: Sequence[Planned], known: Known) -> list[Notice]:
    """What a leader should look at: holes first, in the order of wards and time."""
    wards: dict[str, list[tuple[int, int]]] = defaultdict(list)
    people: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    places: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for one in planned:
        wards[known.functions[one.function][1]].append((one.from_ms, one.until_ms))
        people[one.staff].append((one.from_ms, one.until_ms, one.function))
        places[one.function].append((one.from_ms, one.until_ms, one.staff))
    said = [
        Notice("hole", ward, gap.from_ms, gap.until_ms)
        for ward, spans in sorted(wards.items())
        for gap in coverage.gaps(spans, min(spans)[0], max(until for _, until in spans))
    ]
    for code, spans_of in (("two_functions", people), ("two_people", places)):
        for about, spans3 in sorted(spans_of.items()):
            shared = coverage.overlaps(spans3)
            said += [Notice(code, about, begin, end, (a, b)) for begin, end, a, b in shared if a != b]
    return said[:SAID_MAX]


def instant_ms(text: str, timezone: str, after_ms: int | None = None) -> int | None:
    """A written time as ms UTC; None when it is none. `after_ms`: a clock time alone means the next one after it."""
    text = text.strip()[:TEXT_MAX]
    aware_ms = rfc3339_ms(text)
    if aware_ms is not None:
        return aware_ms
    try:
        if match := _LOCAL.fullmatch(text):
            year, month, day, hour, minute = (int(part) for part in match.groups())
        elif match := _NORWEGIAN.fullmatch(text):
            day, month, year, hour, minute = (int(part) for part in match.groups())
        elif (match := _CLOCK.fullmatch(text)) and after_ms is not None:
            return _next_clock_ms(int(match[1]), int(match[2]), timezone, after_ms)
        else:
            return None
        return _local_ms(date(year, month, day), hour, minute, timezone)
    except ValueError:
        return None


def _local_ms(day: date, hour: int, minute: int, timezone: str) -> int | None:
    if not 1970 <= day.year <= 2200 or minute > 59 or (hour, minute) > (24, 0):
        return None
    return local_time.instant_ms(day, hour * 60 + minute, timezone)


def _next_clock_ms(hour: int, minute: int, timezone: str, after_ms: int) -> int | None:
    if minute > 59 or (hour, minute) > (24, 0):
        return None
    minutes = hour * 60 + minute
    day = local_time.local_date(after_ms, timezone)
    today_ms = local_time.instant_ms(day, minutes, timezone)
    return today_ms if today_ms > after_ms else local_time.instant_ms(day, minutes + 1_440, timezone)


def _planned(line: Line, known: Known) -> Planned | list[Problem]:
    problems: list[Problem] = []
    staff = _named(line.staff, {one: name for one, (name, _) in known.staff.items()}, "staff", line.line, problems)
    function = _named(
        line.function, {one: name for one, (name, _) in known.functions.items()}, "function", line.line, problems
    )
    from_ms = instant_ms(line.begins, known.timezone)
    until_ms = instant_ms(line.ends, known.timezone, from_ms)
    for text, at_ms, field in ((line.begins, from_ms, "from"), (line.ends, until_ms, "until")):
        if at_ms is None and (field == "from" or from_ms is not None):
            message = f"{shown(text)} is no time; write it as 2026-03-01 22:00"
            problems.append(Problem("bad_instant", field, message, line.line))
    if from_ms is not None and until_ms is not None and not from_ms < until_ms <= from_ms + LONGEST_MS:
        message = "a shift ends after it begins, and within a day"
        problems.append(Problem("impossible_period", "until", message, line.line))
    if staff is not None and until_ms is not None:
        access_until_ms = known.staff[staff][1]
        if access_until_ms is not None and until_ms > access_until_ms:
            last = local_time.local_date(access_until_ms - 1, known.timezone)
            message = f"{shown(line.staff)} has access until {last}"
            problems.append(Problem("after_access", "until", message, line.line))
    if problems or staff is None or function is None or from_ms is None or until_ms is None:
        return problems
    return Planned(staff, function, from_ms, until_ms)


def _named(text: str, names: Mapping[str, str], kind: str, line: int, problems: list[Problem]) -> str | None:
    """The id of what was written as id or name."""
    text = text.strip()
    if text in names:
        return text
    same = [one for one, name in names.items() if name.casefold() == text.casefold()]
    if len(same) == 1:
        return same[0]
    if same:
        message = f"{len(same)} are called {shown(text)}; write the id"
        problems.append(Problem("ambiguous", kind, message, line))
    else:
        sentence, near = meant(sorted({*names, *names.values()}), text)
        problems.append(Problem(f"unknown_{kind}", kind, f"there is no {kind} {shown(text)}; {sentence}", line, near))
    return None


def _twice(found: Mapping[Planned, int]) -> Iterable[Problem]:
    """The same person twice in the same function at the same time, with different ends: which one holds?"""
    spans: dict[tuple[str, str], list[tuple[int, int, str]]] = defaultdict(list)
    for one, line in found.items():
        spans[one.staff, one.function].append((one.from_ms, one.until_ms, str(line)))
    for several in spans.values():
        for _, _, first, second in coverage.overlaps(several):
            lines = sorted((int(first), int(second)))
            message = f"overlaps line {lines[0]}: the same person in the same function"
            yield Problem("overlap", "from", message, lines[1])
