"""Rotas as people write them: what is read, what is refused with its line, and both nights on which clocks change."""

from __future__ import annotations

import pytest

from alerts.shifts import rota
from alerts.shifts.rota import Known, Line
from alerts.shifts.rota_files import RotaUnreadable, read_csv, read_icalendar

HOUR = 3_600_000
OSLO = "Europe/Oslo"
KNOWN = Known(
    OSLO,
    functions={"natt-1": ("Natt 1", "nord"), "natt-2": ("Natt 2", "nord"), "rute-1": ("Rute 1", "sor")},
    staff={
        "s1": ("Ola Nordmann", None),
        "s2": ("Ida Vik", None),
        "s3": ("Emil", rota.instant_ms("2026-07-21 00:00", OSLO)),
        "s4": ("Ola nordmann", None),
    },
)


def line(text, number=1):
    staff, function, begins, ends = (part.strip() for part in text.split("|"))
    return Line(number, staff, function, begins, ends)


def check(*texts):
    return rota.check([line(text, place) for place, text in enumerate(texts, 1)], KNOWN)


def hours(checked):
    return [(one.until_ms - one.from_ms) / HOUR for one in checked.planned]


def test_the_nights_on_which_clocks_change_have_their_own_length():
    """22:00 to 07:30 is 10.5 h in October, 8.5 h in March, and 9.5 h on any other night."""
    checked = check(
        "s1 | natt-1 | 2026-10-24 22:00 | 07:30", "s1 | natt-1 | 2026-10-25 22:00 | 07:30",
        "s1 | natt-1 | 2026-03-28 22:00 | 2026-03-29 07:30",
    )  # fmt: skip
    assert hours(checked) == [8.5, 10.5, 9.5]


@pytest.mark.parametrize(
    ("begins", "utc"),
    [
        ("2026-10-25 02:30", "2026-10-25T00:30"),  # comes twice: the first
        ("2026-10-25T02:30:00+01:00", "2026-10-25T01:30"),  # the second, said with its offset
        ("2026-03-29 02:30", "2026-03-29T01:00"),  # is skipped: the moment the clocks go forward
        ("1.3.2026 22.00", "2026-03-01T21:00"),
        ("2026-03-01 24:00", "2026-03-01T23:00"),
    ],
)
def test_a_written_time_is_one_instant(begins, utc):
    """Also where the wall clock says it twice or never."""
    assert rota.instant_ms(begins, OSLO) == rota.instant_ms(f"{utc}:00Z", OSLO)


@pytest.mark.parametrize(
    "text", ["", "nå", "2026-13-01 22:00", "2026-02-30 22:00", "2026-03-01 25:00", "22:00", "9" * 400]
)
def test_what_is_no_time_is_none(text):
    """Without a day, beyond the calendar, or no time at all."""
    assert rota.instant_ms(text, OSLO) is None


@pytest.mark.parametrize(
    ("text", "code", "near"),
    [
        ("Ida Wik | natt-1 | 2026-03-01 22:00 | 07:30", "unknown_staff", "Ida Vik"),
        ("s1 | Nat 1 | 2026-03-01 22:00 | 07:30", "unknown_function", "Natt 1"),
        ("OLA NORDMANN | natt-1 | 2026-03-01 22:00 | 07:30", "ambiguous", None),
        ("s1 | natt-1 | i morgen | 07:30", "bad_instant", None),
        ("s1 | natt-1 | 2026-03-01 22:00 | 2026-03-01 20:00", "impossible_period", None),
        ("s1 | natt-1 | 2026-03-01 22:00 | 2026-03-03 07:30", "impossible_period", None),
        ("Emil | natt-1 | 2026-07-20 22:00 | 07:30", "after_access", None),
        (f"{'x' * 500} | natt-1 | 2026-03-01 22:00 | 07:30", "unknown_staff", None),
        ("<b>s1</b> | natt-1 | 2026-03-01 22:00 | 07:30", "unknown_staff", None),
    ],
)
def test_one_mistake_refuses_the_whole_rota_with_its_line(text, code, near):
    """Named by code, line and the word that was perhaps meant; no message holds more than a little of what came."""
    checked = check("s2 | natt-2 | 2026-03-01 22:00 | 07:30", text)
    ((found),) = checked.problems
    assert (found.code, found.line, checked.planned) == (code, 2, ())
    assert found.nearest == near or near is None
    assert len(found.message) < 400


def test_the_same_person_twice_in_one_function_is_a_mistake():
    """Which end holds? The same line twice is only said twice."""
    checked = check("s1 | natt-1 | 2026-03-01 22:00 | 07:30", "s1 | natt-1 | 2026-03-02 01:00 | 07:30")
    assert [(one.code, one.line) for one in checked.problems] == [("overlap", 2)]
    twice = check("s1 | natt-1 | 2026-03-01 22:00 | 07:30", "s1 | natt-1 | 2026-03-01 22:00 | 07:30")
    assert len(twice.planned) == 1


def test_what_a_leader_may_want_so_is_said_and_not_refused():
    """A hole in a ward, one person in two functions, two people in one; shifts that touch leave no hole."""
    checked = check(
        "s1 | natt-1 | 2026-03-01 22:00 | 07:30", "s1 | natt-2 | 2026-03-02 06:00 | 2026-03-02 10:00",
        "s2 | natt-2 | 2026-03-02 09:00 | 2026-03-02 12:00", "s2 | natt-1 | 2026-03-02 22:00 | 07:30",
        "s2 | rute-1 | 2026-03-02 12:00 | 2026-03-02 15:00",
    )  # fmt: skip
    said = [(one.code, one.about, (one.until_ms - one.from_ms) / HOUR) for one in checked.notices]
    assert said == [("hole", "nord", 10), ("two_functions", "s1", 1.5), ("two_people", "natt-2", 1)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"navn;hva\nOla;Natt 1\n", "bad_heading"),
        (b"\x00\x01\x02", "bad_file"),
        (b'staff,function,from,until\n"Ola', "bad_file"),
        (b"staff,function,from,until\n" + b"s1,natt-1,2026-03-01 22:00,07:30\n" * 2_001, "too_long"),
    ],
)
def test_a_file_that_is_no_csv_rota_is_refused(content, code):
    """By what is wrong with it, before anything is judged; an empty one has no shifts."""
    if code == "empty":
        assert rota.check(read_csv(content), KNOWN).problems[0].code == "empty"
        return
    with pytest.raises(RotaUnreadable) as refused:
        read_csv(content)
    assert refused.value.problems[0].code == code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_is_read_as_spreadsheets_write_it(encoding, delimiter):
    """With any of three separators, byte-order mark or Windows letters; columns in any order, empty lines between."""
    rows = (("til", "Ansatt", "fra", "Funksjon", "merknad"), ("07:30", "Bjørn", "2026-03-01 22:00", "Natt 1", "x"))
    text = "\r\n\r\n".join(delimiter.join(row) for row in rows)
    (found,) = read_csv(text.encode(encoding))
    assert (found.staff, found.function, found.begins, found.ends) == ("Bjørn", "Natt 1", "2026-03-01 22:00", "07:30")


OCTOBER_MS = 1_792_832_400_000  # 2026-10-24 07:00 UTC


def calendar(*events):
    body = "".join(f"BEGIN:VEVENT\r\nUID:{place}\r\n{one}END:VEVENT\r\n" for place, one in enumerate(events))
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:t\r\n{body}END:VCALENDAR\r\n".encode()


NIGHT = "DTSTART;TZID=Europe/Oslo:20261024T220000\r\nDTEND;TZID=Europe/Oslo:20261025T073000\r\n"


def test_icalendar_events_are_shifts():
    """Person in the summary or invited, zones also by Microsoft's names, floating times, durations, none cancelled."""
    found = read_icalendar(
        calendar(
            f"{NIGHT}SUMMARY:Natt 1: Ida Vik\r\n",
            "DTSTART:20261025T220000\r\nDURATION:PT9H\r\nSUMMARY:Natt 1\r\nATTENDEE;CN=Ida Vik:mailto:i@x.no\r\n",
            f"{NIGHT}SUMMARY:Natt 2: Ida Vik\r\nSTATUS:CANCELLED\r\n",
            "DTSTART;TZID=W. Europe Standard Time:20261026T220000\r\nDTEND:20261027T063000Z\r\nSUMMARY:Natt 1: s2\r\n",
        ),
        OCTOBER_MS,
    )
    checked = rota.check(found, KNOWN)
    assert (checked.problems, hours(checked)) == ((), [10.5, 9, 9.5])
    assert {(one.staff, one.function) for one in checked.planned} == {("s2", "natt-1")}


def test_a_repeating_event_is_the_shifts_it_means():
    """Each second night until the third of November: 07:30 after both 10.5 and 9.5 h; one left out, one moved."""
    series = "SUMMARY:Natt 1: Ida Vik\r\nRRULE:FREQ=DAILY;INTERVAL=2;UNTIL=20261103T220000Z\r\n"
    left_out = "EXDATE;TZID=Europe/Oslo:20261028T220000\r\n"
    moved = (
        "RECURRENCE-ID;TZID=Europe/Oslo:20261030T220000\r\nDTSTART;TZID=Europe/Oslo:20261031T220000\r\n"
        "DTEND;TZID=Europe/Oslo:20261101T073000\r\nSUMMARY:Natt 1: Ida Vik\r\n"
    )
    content = calendar(f"{NIGHT}{series}{left_out}", moved).replace(b"UID:1", b"UID:0")
    found = read_icalendar(content, OCTOBER_MS)
    assert [one.begins[:16] for one in found] == [
        "2026-10-24T22:00", "2026-10-26T22:00", "2026-11-01T22:00", "2026-11-03T22:00", "2026-10-31T22:00",
    ]  # fmt: skip
    checked = rota.check(found, KNOWN)
    assert (checked.problems, sorted(hours(checked))) == ((), [9.5, 9.5, 9.5, 9.5, 10.5])


def test_a_series_without_end_is_written_out_half_a_year_ahead():
    """From yesterday on, whenever it began, by the wall's clock; too many are refused with their line."""
    weekly = f"{NIGHT.replace('2026', '2024')}SUMMARY:Natt 1: s1\r\nRRULE:FREQ=WEEKLY;BYDAY=SA\r\n"
    found = read_icalendar(calendar(weekly), OCTOBER_MS)
    assert (found[0].begins, len(found)) == ("2026-10-24T22:00:00+02:00", 27)
    assert found[1].begins == "2026-10-31T22:00:00+01:00"
    with pytest.raises(RotaUnreadable) as refused:
        read_icalendar(calendar(*[weekly.replace("WEEKLY;BYDAY=SA", "DAILY")] * 12), OCTOBER_MS)
    assert refused.value.problems[0].code == "too_long"


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (f"{NIGHT}SUMMARY:Natt 1: s1\r\nRRULE:FREQ=SECONDLY\r\n", "repeats"),
        (f"{NIGHT}SUMMARY:Natt 1: s1\r\nRRULE:FREQ=DAILY;BYHOUR=1,2,3\r\n", "repeats"),
        (f"{NIGHT}SUMMARY:Natt 1: s1\r\nRDATE:20261101T220000Z\r\n", "repeats"),
        ("DTSTART:09990101T220000Z\r\nDURATION:PT9H\r\nSUMMARY:Natt 1: s1\r\nRRULE:FREQ=DAILY\r\n", "repeats"),
        ("DTSTART;VALUE=DATE:20261024\r\nSUMMARY:Natt 1: s1\r\n", "bad_instant"),
        ("SUMMARY:Natt 1: s1\r\n", "bad_instant"),
        ("DTSTART:sometime\r\nDTEND:later\r\nSUMMARY:Natt 1: s1\r\n", "bad_instant"),
    ],
)
def test_an_event_that_is_no_shift_refuses_the_file_with_its_line(event, code):
    """Repeating, whole days, without times: named with the line on which it begins."""
    with pytest.raises(RotaUnreadable) as refused:
        read_icalendar(calendar(f"{NIGHT}SUMMARY:Natt 1: s1\r\n", event), OCTOBER_MS)
    ((found),) = refused.value.problems
    assert (found.code, found.line) == (code, 10)


@pytest.mark.parametrize("content", [b"", b"hello", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"])
def test_what_is_no_calendar_is_refused(content):
    """Nothing, text, and half a file."""
    with pytest.raises(RotaUnreadable):
        read_icalendar(content, OCTOBER_MS)
