"""The day as a band and thirty days as a picture."""

from datetime import date
from typing import Any

from api.board.band import LEFT, PLOT, Span, band, picture
from api.board.place import day_span, hour_ticks, local_clock
from api.board.words import Words

DAY = day_span(date(2026, 3, 1), "Europe/Oslo")
HOUR = 3_600_000
WORDS = Words("nb", DAY.from_ms + 12 * HOUR, local_clock("Europe/Oslo"))


def drawn(marks, *, alerts=(), blind=(), now_ms=DAY.from_ms + 12 * HOUR):
    return band(marks, alerts, blind, DAY, now_ms, WORDS, hour_ticks(date(2026, 3, 1), "Europe/Oslo"))


def mark(hours: float, kind: str, room: str = "") -> dict[str, object]:
    return {"at_ms": round(DAY.from_ms + hours * HOUR), "type": kind, "room": room}


def rows(view) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in view["rows"]}


def test_rooms_are_rows_and_events_stand_at_their_time():
    """Noon lies in the middle; each room has a row of its own."""
    view = drawn([mark(12, "motion.detected", "kitchen"), mark(18, "motion.detected", "bathroom")])

    assert [one["x"] for one in rows(view)["Kjøkken"]["marks"]] == [LEFT + PLOT / 2]
    assert [one["title"] for one in rows(view)["Bad"]["marks"]] == ["18:00 Bevegelse, bad"]


def test_a_night_in_bed_is_a_bar_from_midnight():
    """Going to bed the evening before still fills this morning; a state that lasts ends at now."""
    view = drawn([mark(-2, "bed.occupied", "bedroom"), mark(6, "bed.left", "bedroom"), mark(9, "bed.occupied")])
    first, second = rows(view)["Seng"]["bars"]

    assert (first["x"], first["w"]) == (LEFT, PLOT / 4)
    assert second["w"] == PLOT / 8, "09 to now, 12"


def test_doses_doors_and_alerts_have_rows_of_their_own():
    """A dose that was not fetched is another sign than one that was."""
    alert = {"at_ms": DAY.from_ms + HOUR, "text": "Fall bekreftet", "tone": "p1"}
    view = drawn([mark(8, "dose.taken"), mark(12, "dose.missed"), mark(10, "door.opened", "front")], alerts=[alert])

    assert [one["kind"] for one in rows(view)["Doser"]["marks"]] == ["dose", "dose_missed"]
    assert [one["kind"] for one in rows(view)["Dører"]["marks"]] == ["door"]
    assert [(one["tone"], one["title"]) for one in rows(view)["Alarmer"]["marks"]] == [("p1", "01:00 Fall bekreftet")]


def test_where_we_were_blind_it_is_grey():
    """A gap is drawn over its time and says so; one of another day is not there."""
    gap = Span(DAY.from_ms + 6 * HOUR, DAY.from_ms + 12 * HOUR)
    view = drawn([], blind=[gap, Span(0, 1)])

    assert [(one["x"], one["w"]) for one in view["blind"]] == [(LEFT + PLOT / 4, PLOT / 4)]
    assert view["blind"][0]["title"] == "Ikke hørt 06:00 til 12:00"


def test_heartbeats_are_no_activity():
    """What a device says of itself makes no row and no line."""
    view = drawn([mark(3, "heartbeat"), mark(4, "battery.low"), mark(30, "motion.detected", "hall")])

    assert (view["rows"], view["lines"]) == ([], [])


def test_the_picture_shows_empty_blind_busy_and_not_yet():
    """Not yet watched, nothing happened, nothing was heard, much happened: four different cells."""
    view = picture({(0, 3): 20, (1, 4): 1}, ["søn. 1. mars", ""], {(0, 5), (0, 3)}, WORDS, now=(1, 6))
    first, second = ([cell["tone"] for cell in day["cells"]] for day in view["days"])

    assert (first[2], first[3], first[4], first[5]) == ("cn", "c4", "c0", "cb"), "a blind hour with a mark still counts"
    assert (second[4], second[6], second[7]) == ("c1", "c0", "cn")
