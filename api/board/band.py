"""Pure: a person's day as a band of 24 hours, and thirty days as a picture. Geometry only; the templates draw it.

Rooms are rows; what was heard is a mark, a state that lasted is a bar, a time in which nothing could be heard is grey.
Grey is laid over everything: where we were blind, an empty row does not mean that nothing happened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from api.board import format as fmt
from api.board.words import Words

LEFT, PLOT, ROW, GAP = 110, 960, 24, 4
LINES_MAX = 300
BARS = {
    "bed.occupied": ("bed", True), "bed.left": ("bed", False), "presence.started": ("room", True),
    "presence.ended": ("room", False), "room.entered": ("room", True), "room.left": ("room", False),
    "chair.occupied": ("room", True), "chair.left": ("room", False),
}  # fmt: skip
DOSES = {
    "dose.taken": "dose", "dose.dispensed": "dose", "dose.missed": "dose_missed", "dose.withheld": "dose_missed",
    "dose.skipped": "dose_missed",
}  # fmt: skip
QUIET = ("heartbeat", "battery", "measured", "device.", "dispenser.", "gateway.", "feed.", "link.", "test.", "mains.")


class Span(NamedTuple):
    """[from, to) in ms."""

    from_ms: int
    to_ms: int


def band(
    marks: Sequence[Mapping[str, Any]],
    alerts: Sequence[Mapping[str, Any]],
    blind: Sequence[Span],
    day: Span,
    now_ms: int,
    words: Words,
    hours: Sequence[tuple[int, str]],
) -> dict[str, Any]:
    """marks: {"at_ms", "type", "room"}; alerts: {"at_ms", "text", "tone"}; hours: (instant, text) of the ticks."""
    scale = _Scale(day, words)
    rows = _rows(marks, alerts, scale, min(now_ms, day.to_ms), words)
    for index, row in enumerate(rows):
        row["y"] = index * (ROW + GAP)
    axis = max(len(rows), 1) * (ROW + GAP)
    shown = [m for m in marks if day.from_ms <= m["at_ms"] < day.to_ms]
    return {
        "left": LEFT,
        "plot": PLOT,
        "row": ROW,
        "width": LEFT + PLOT + 24,
        "axis": axis,
        "height": axis + 22,
        "rows": rows,
        "blind": [scale.gap(span) for span in blind if span.to_ms > day.from_ms and span.from_ms < day.to_ms],
        "ticks": [{"x": scale.x(at_ms), "text": text} for at_ms, text in hours],
        "now_x": scale.x(now_ms) if day.from_ms < now_ms < day.to_ms else None,
        "summary": words("band.summary", n=len(shown)),
        "lines": [scale.title(m) for m in shown if not str(m["type"]).startswith(QUIET)][-LINES_MAX:],
    }


class _Scale:
    """From instants to places on the band, and to the titles that tell them."""

    def __init__(self, day: Span, words: Words) -> None:
        self.day = day
        self.words = words

    def x(self, at_ms: int) -> float:
        inside = min(max(at_ms, self.day.from_ms), self.day.to_ms) - self.day.from_ms
        return round(LEFT + PLOT * inside / (self.day.to_ms - self.day.from_ms), 1)

    def clock(self, at_ms: int) -> str:
        return self.words.local(at_ms).strftime("%H:%M")

    def title(self, mark: Mapping[str, Any]) -> str:
        room = self.words.code("room", mark.get("room"))
        text = f"{self.clock(mark['at_ms'])} {self.words.code('event', mark['type'])}"
        return f"{text}, {room.lower()}" if room else text

    def gap(self, span: Span) -> dict[str, Any]:
        x, end = self.x(span.from_ms), self.x(span.to_ms)
        title = self.words("band.gap", from_ms=span.from_ms, to_ms=span.to_ms)
        return {"x": x, "w": max(end - x, 1), "title": title}

    def bar(self, from_ms: int, to_ms: int) -> dict[str, Any]:
        x = self.x(from_ms)
        return {
            "x": x,
            "w": max(round(self.x(to_ms) - x, 1), 1),
            "title": self.words("band.from_to", from_ms=from_ms, to_ms=to_ms),
        }


def _rows(
    marks: Sequence[Mapping[str, Any]], alerts: Sequence[Mapping[str, Any]], scale: _Scale, end_ms: int, words: Words
) -> list[dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = {}
    begun: dict[str, int] = {}

    def row(key: str, name: str) -> dict[str, Any]:
        return rows.setdefault(key, {"name": name, "bars": [], "marks": [], "begun": None})

    for alert in alerts:
        row("0", words("band.alerts"))["marks"].append(
            {
                "kind": "alert",
                "x": scale.x(alert["at_ms"]),
                "tone": alert["tone"],
                "title": f"{scale.clock(alert['at_ms'])} {alert['text']}",
            }
        )
    for mark in sorted(marks, key=lambda m: m["at_ms"]):
        kind = str(mark["type"])
        if kind in BARS:
            what, begins = BARS[kind]
            key = "2bed" if what == "bed" else f"3{mark.get('room') or 'other'}"
            lane = row(key, words("band.bed") if what == "bed" else words.code("room", mark.get("room") or "other"))
            _bar(lane, begun, key, mark["at_ms"], scale, begins=begins)
        elif kind in DOSES:
            _mark(row, "8", words("band.doses"), DOSES[kind], mark, scale)
        elif kind.startswith("door."):
            _mark(row, "7", words("band.doors"), "door", mark, scale)
        elif not kind.startswith(QUIET):
            room = mark.get("room") or "other"
            _mark(row, f"3{room}", words.code("room", room), "activity", mark, scale)
    for key, from_ms in begun.items():
        if from_ms < scale.day.to_ms and end_ms > scale.day.from_ms:
            rows[key]["bars"].append(scale.bar(max(from_ms, scale.day.from_ms), end_ms))
    return [rows[key] for key in sorted(rows)]


def _bar(lane: dict[str, Any], begun: dict[str, int], key: str, at_ms: int, scale: _Scale, *, begins: bool) -> None:
    """A state begins or ends. What begins twice keeps its first beginning; an end alone reaches back to nothing."""
    if begins:
        begun.setdefault(key, at_ms)
        return
    from_ms = begun.pop(key, None)
    if from_ms is not None and at_ms > scale.day.from_ms:
        lane["bars"].append(scale.bar(max(from_ms, scale.day.from_ms), min(at_ms, scale.day.to_ms)))


def _mark(
    row: Callable[[str, str], dict[str, Any]], key: str, name: str, kind: str, mark: Mapping[str, Any], scale: _Scale
) -> None:
    """A mark of this day; what lies outside it makes no row."""
    if scale.day.from_ms <= mark["at_ms"] < scale.day.to_ms:
        row(key, name)["marks"].append({"kind": kind, "x": scale.x(mark["at_ms"]), "title": scale.title(mark)})


CELL, LINE, PICTURE_LEFT = 22, 13, 92
STEPS = (1, 3, 8, 16)  # marks an hour from which a cell takes the next tone


def picture(
    counts: Mapping[tuple[int, int], int],
    days: Sequence[str],
    blind: set[tuple[int, int]],
    words: Words,
    now: tuple[int, int],
) -> dict[str, Any]:
    """Thirty days: rows days (oldest first), columns local hours. counts and blind are keyed (day index, hour).

    now: (day index, hour) after which nothing has happened yet. Before the first mark nothing was watched: no cell.
    """
    first = min((place for place, count in counts.items() if count), default=now)
    rows = []
    for index, name in enumerate(days):
        tones = (_cell((index, hour), counts, blind, first, now) for hour in range(24))
        cells = [{"x": PICTURE_LEFT + hour * CELL, "tone": tone} for hour, tone in enumerate(tones)]
        rows.append({"y": 18 + index * LINE, "name": name, "cells": cells})
    active = sum(1 for count in counts.values() if count)
    return {
        "left": PICTURE_LEFT,
        "cell": CELL,
        "line": LINE,
        "width": PICTURE_LEFT + 24 * CELL + 14,
        "height": 20 + len(days) * LINE,
        "days": rows,
        "hours": [{"x": PICTURE_LEFT + hour * CELL, "text": f"{hour:02d}"} for hour in range(0, 25, 3)],
        "summary": words("picture.summary", n=active, hours=len(days) * 24),
    }


def _cell(
    place: tuple[int, int], counts: Mapping[tuple[int, int], int], blind: set[tuple[int, int]], first: tuple[int, int],
    now: tuple[int, int],
) -> str:  # fmt: skip
    """Tone of one hour: nothing known, blind, or how much happened. What was heard in a blind hour still counts."""
    if not first <= place <= now:
        return "cn"
    return "cb" if place in blind and not counts.get(place) else _tone(counts.get(place, 0))


def _tone(count: int) -> str:
    return f"c{sum(1 for step in STEPS if count >= step)}"


def is_activity(kind: str) -> bool:
    """Whether a mark says something about the person, not about a thing."""
    return not kind.startswith(QUIET)


def hour_place(at_ms: int, first_day: int, local: fmt.LocalClock) -> tuple[int, int]:
    """(day index, hour) of an instant, where `first_day` is the ordinal of the first row's date."""
    then = local(at_ms)
    return then.toordinal() - first_day, then.hour
