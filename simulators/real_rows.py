"""Rows of public home recordings as they are published, read into one shape. Pure.

Three formats: CASAS with labels (spaces), CASAS CIL (tabs), MIT PlaceLab (state changes with a length, in seconds).
They give wall-clock time without a zone; `instant` makes UTC of it. A time that comes twice in autumn is taken as the
first, so what lies in the second pass of that hour falls into the first: rows are sorted afterwards, nothing is lost.
A row that cannot be read is named with file and line; nobody converts half a home.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import msgspec

from simulators.days import Instant

ON, OFF = "ON", "OFF"
_STATES = {"ON": ON, "OFF": OFF, "OPEN": ON, "CLOSE": OFF, "CLOSED": OFF}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Row(msgspec.Struct, frozen=True, gc=False):
    """One reading: at that instant, that sensor became ON (or OPEN) or OFF (or CLOSE)."""

    at_ms: int
    sensor: str
    state: str
    label: str = ""  # what the person was doing, by those who watched; never an input, only a judge


class Label(msgspec.Struct, frozen=True, gc=False):
    """A doing of the person, by those who watched: [from, to] in ms UTC."""

    activity: str
    from_ms: int
    to_ms: int


class BadRow(ValueError):
    """A row nobody can read: file, line and what is wrong with it."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}, line {line}: {reason}")
        self.file, self.line, self.reason = file, line, reason


def casas_labelled(lines: Iterable[str], file: str, instant: Instant) -> list[Row]:
    """`2011-06-15 10:37:08.98 OutsideDoor FrontDoor OPEN Leave_Home`: date, time, sensor, place, state, label."""
    clock = _Clock(instant)
    rows = []
    for number, fields in _split(lines, None):
        if len(fields) != 6:
            raise BadRow(file, number, f"{len(fields)} words; six are: date, time, sensor, place, state, label")
        day, time, sensor, place, state, label = fields
        at_ms = clock.read(day, time, file, number)
        rows.append(Row(at_ms, f"{sensor}/{place}", _state(state, file, number), label))
    return _sorted(rows)


def casas_tabbed(lines: Iterable[str], file: str, instant: Instant) -> list[Row]:
    """`2016-07-12 00:00:30.60<tab>BedroomABed<tab>ON<tab>label, often empty`."""
    clock = _Clock(instant)
    rows = []
    for number, fields in _split(lines, "\t"):
        if len(fields) not in (3, 4) or fields[0].count(" ") != 1:
            raise BadRow(file, number, "not a time, a sensor, a state and perhaps a label between tabs")
        day, time = fields[0].split(" ")
        label = fields[3] if len(fields) == 4 else ""
        rows.append(Row(clock.read(day, time, file, number), fields[1], _state(fields[2], file, number), label))
    return _sorted(rows)


def placelab_rows(lines: Iterable[str], names: dict[str, str], file: str, instant: Instant) -> list[Row]:
    """`1050721741<tab>45<tab>137`: begin, length in seconds, sensor; each gives an ON and an OFF.

    The seconds count wall-clock time as if it were UTC (meals of home D lie at 7, 12 and 19 h that way).
    """
    rows = []
    for sensor, from_ms, to_ms in _placelab(lines, names, file, instant):
        rows += [Row(from_ms, sensor, ON), Row(to_ms, sensor, OFF)]
    return _sorted(rows)


def placelab_labels(lines: Iterable[str], names: dict[str, str], file: str, instant: Instant) -> list[Label]:
    """The same columns for doings; they may overlap."""
    return [Label(activity, from_ms, to_ms) for activity, from_ms, to_ms in _placelab(lines, names, file, instant)]


def placelab_names(lines: Iterable[str], file: str) -> dict[str, str]:
    """`137<tab>Bathroom,Door`: number -> name."""
    names = {}
    for number, fields in _split(lines, "\t"):
        if len(fields) != 2:
            raise BadRow(file, number, "not a number and a name between tabs")
        names[fields[0]] = fields[1].strip()
    return names


def labels_of(rows: Iterable[Row]) -> list[Label]:
    """Runs of rows with the same label: from the first row of the run to its last."""
    labels: list[Label] = []
    before = ""
    for row in rows:
        if row.label and row.label == before:
            labels[-1] = Label(row.label, labels[-1].from_ms, row.at_ms)
        elif row.label:
            labels.append(Label(row.label, row.at_ms, row.at_ms))
        before = row.label
    return labels


class _Clock:
    """Wall-clock texts to instants; remembers the minute it read last, since rows come in bursts."""

    def __init__(self, instant: Instant) -> None:
        self._instant = instant
        self._minute, self._minute_ms = "", 0

    def read(self, day: str, time: str, file: str, line: int) -> int:
        try:
            hour, minute, second = time.split(":")
            key = f"{day} {hour}:{minute}"
            if key != self._minute:
                if not (0 <= int(hour) < 24 and 0 <= int(minute) < 60):
                    raise ValueError("no time of day")
                self._minute_ms = self._instant(date.fromisoformat(day), int(hour) * 60 + int(minute))
                self._minute = key
            second_ms = int(float(second) * 1_000)
            if not 0 <= second_ms < 61_000:
                raise ValueError("no second")
        except ValueError as error:
            raise BadRow(file, line, f"{day} {time} is no time like 2011-06-15 01:03:39.149: {error}") from error
        return self._minute_ms + second_ms


def _split(lines: Iterable[str], separator: str | None) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        text = line.rstrip("\r\n")
        if text.strip():
            yield number, text.split(separator)


def _state(word: str, file: str, line: int) -> str:
    state = _STATES.get(word)
    if state is None:
        raise BadRow(file, line, f"{word!r} is no state; known are {', '.join(_STATES)}")
    return state


def _placelab(
    lines: Iterable[str], names: dict[str, str], file: str, instant: Instant
) -> Iterator[tuple[str, int, int]]:
    for number, fields in _split(lines, "\t"):
        if len(fields) != 3 or not all(field.isdecimal() for field in fields):
            raise BadRow(file, number, "not three numbers between tabs: begin, length in seconds, id")
        if fields[2] not in names:
            raise BadRow(file, number, f"nobody says what number {fields[2]} is")
        begin_s, length_s = int(fields[0]), int(fields[1])
        yield names[fields[2]], _as_written(begin_s, instant), _as_written(begin_s + length_s, instant)


def _as_written(seconds: int, instant: Instant) -> int:
    wall = _EPOCH + timedelta(seconds=seconds)
    return instant(wall.date(), wall.hour * 60 + wall.minute) + wall.second * 1_000


def _sorted(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.at_ms)
