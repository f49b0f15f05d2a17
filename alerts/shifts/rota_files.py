"""Edge: a rota out of a file, CSV or iCalendar, as lines of text for `rota.py`. Nothing is judged here but form.

CSV: a heading names the columns, in Norwegian or English, in any order; separated by comma, semicolon or tab, as
spreadsheets write it. iCalendar: one event per shift; `SUMMARY` is the function and `ATTENDEE` the person, or
`SUMMARY` is both: "Natt 1: Ola". Repeating events are written out half a year ahead (`rota_repeats.py`); all-day events
are refused: a shift is written with its times.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from alerts.shifts import rota_repeats
from alerts.shifts.rota import TEXT_MAX, Line
from alerts.site.problems import PROBLEMS_MAX, Problem, nearest

LINES_MAX = 2_000
CSV, ICALENDAR = "text/csv", "text/calendar"

HEADINGS = {
    "staff": ("staff", "ansatt", "navn", "name", "person"),
    "function": ("function", "funksjon", "vakt"),
    "from": ("from", "fra", "start"),
    "until": ("until", "to", "til", "slutt", "end"),
}
"""What each column may be called."""


class RotaUnreadable(Exception):
    """The file is no rota. `problems` say what and where; nothing was read."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].message)
        self.problems = problems[:PROBLEMS_MAX]


def read_csv(content: bytes) -> list[Line]:
    """Lines of a CSV file. Raises RotaUnreadable."""
    text = _text(content)
    heading = text.partition("\n")[0]
    delimiter = max(";,\t", key=heading.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return _rows(rows)
    except csv.Error as error:
        raise _unreadable("bad_file", "is no CSV", rows.line_num) from error


def read_icalendar(content: bytes, now_ms: int) -> list[Line]:
    """Events of an iCalendar file; `line` is where each begins. `now_ms`: around which repeating ones are written out.
    Raises RotaUnreadable.
    """
    import icalendar  # a quarter of a second of every start, and asked for seldom

    text = _text(content)
    places = [number for number, one in enumerate(text.splitlines(), 1) if one.strip().upper() == "BEGIN:VEVENT"]
    if len(places) > LINES_MAX:
        raise _unreadable("too_long", f"has more than {LINES_MAX} shifts")
    try:
        events = icalendar.Calendar.from_ical(text).walk("VEVENT")
    except (ValueError, KeyError, IndexError) as error:
        raise _unreadable("bad_file", "is no iCalendar") from error
    found: list[Line] = []
    problems: list[Problem] = []
    moved = _moved(events)
    for event, line in zip(events, places, strict=False):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        one = _event(event, line, moved, now_ms)
        problems.append(one) if isinstance(one, Problem) else found.extend(one)
        if len(found) > LINES_MAX:
            raise _unreadable("too_long", f"has more than {LINES_MAX} shifts", line)
    if problems:
        raise RotaUnreadable(problems)
    return found


READERS: dict[str, Callable[[bytes, int], list[Line]]] = {
    CSV: lambda content, _now_ms: read_csv(content),
    ICALENDAR: read_icalendar,
}
"""Media type -> reader of (content, now)."""


def _rows(rows: Any) -> list[Line]:
    columns: dict[str, int] | None = None
    found: list[Line] = []
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if columns is None:
            columns = _columns(cells, rows.line_num)
        elif len(found) == LINES_MAX:
            raise _unreadable("too_long", f"has more than {LINES_MAX} shifts", rows.line_num)
        else:
            staff, function, begins, ends = (
                cells[columns[name]][:TEXT_MAX] if columns[name] < len(cells) else "" for name in HEADINGS
            )
            found.append(Line(rows.line_num, staff, function, begins, ends))
    return found


def _columns(cells: list[str], line: int) -> dict[str, int]:
    """Where each column stands. Raises RotaUnreadable."""
    names = [cell.casefold() for cell in cells]
    columns = {
        column: names.index(next(word for word in words if word in names))
        for column, words in HEADINGS.items()
        if any(word in names for word in words)
    }
    missing = [column for column in HEADINGS if column not in columns]
    if missing:
        message = f"the first line must name the columns staff, function, from and until; {missing[0]} is missing"
        raise RotaUnreadable([Problem("bad_heading", missing[0], message, line, nearest(missing[0], names[:20]))])
    return columns


def _event(event: Any, line: int, moved: Mapping[str, list[Any]], now_ms: int) -> list[Line] | Problem:
    """The shifts of one event: one, or as many as it repeats."""
    try:
        begins, ends = event.start, event.end
    except (ValueError, KeyError, TypeError, AttributeError):
        return Problem("bad_instant", "DTSTART", "has no begin and end that can be read", line)
    if not isinstance(begins, datetime) or not isinstance(ends, datetime):
        return Problem("bad_instant", "DTSTART", "lasts whole days; write when the shift begins and ends", line)
    rule = event.get("RRULE")
    times = [(begins, ends)]
    if event.get("RDATE") is not None or isinstance(rule, list):
        return Problem("repeats", "RRULE", "repeats on days of its own; write each as an event", line)
    if rule is not None:
        without = [*_dates(event.get("EXDATE")), *moved.get(str(event.get("UID", "")), ())]
        try:
            series = rota_repeats.begins_of(begins, rule, rule.to_ical().decode(), without, now_ms)
        except rota_repeats.BadRepeat as error:
            return Problem("repeats", "RRULE", f"{error}; write each shift as an event of its own", line)
        times = [(one, rota_repeats.end_of(one, begins, ends)) for one in series]
    function, _, staff = str(event.get("SUMMARY", "")).partition(":")
    who = (next(_people(event), None) or staff).strip()[:TEXT_MAX]
    what = function.strip()[:TEXT_MAX]
    return [Line(line, who, what, _written(one), _written(end)) for one, end in times]


def _moved(events: list[Any]) -> dict[str, list[Any]]:
    """By series, the instants that an event of its own stands for."""
    found: dict[str, list[Any]] = {}
    for event in events:
        instead_of = event.get("RECURRENCE-ID")
        if instead_of is not None and hasattr(instead_of, "dt"):
            found.setdefault(str(event.get("UID", "")), []).append(instead_of.dt)
    return found


def _dates(given: Any) -> list[Any]:
    """Every day or instant of a property that may stand several times."""
    lists = given if isinstance(given, list) else [given]
    return [one.dt for several in lists for one in getattr(several, "dts", ())]


def _people(event: Any) -> Iterator[str]:
    """Who is invited, by name or else by address."""
    given = event.get("ATTENDEE", [])
    for one in given if isinstance(given, list) else [given]:
        name = str(getattr(one, "params", {}).get("CN", "")) or str(one).removeprefix("mailto:").removeprefix("MAILTO:")
        if name.strip():
            yield name


def _written(moment: datetime) -> str:
    """With its offset; one without is the site's own time."""
    if moment.tzinfo is not None:
        return moment.isoformat()
    return moment.strftime("%Y-%m-%d %H:%M")


def _text(content: bytes) -> str:
    """UTF-8, else what Norwegian spreadsheets on Windows write."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\x00" in text:
        raise _unreadable("bad_file", "is no text")
    return text


def _unreadable(code: str, message: str, line: int | None = None) -> RotaUnreadable:
    return RotaUnreadable([Problem(code, "", message, line)])
