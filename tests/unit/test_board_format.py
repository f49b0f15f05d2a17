"""How the board writes times, ages and numbers."""

from datetime import datetime, timedelta

import pytest

from api.board import format as fmt
from api.board.place import day_span, hour_ticks, local_clock, shift_end_ms

OSLO = local_clock("Europe/Oslo")
NIGHT_MS = 1_772_328_600_000  # 2026-03-01 02:30 in Oslo
MINUTE, HOUR, DAY = fmt.MINUTE_MS, fmt.HOUR_MS, fmt.DAY_MS


@pytest.mark.parametrize(
    ("ms", "nb", "en"),
    [
        (-5_000, "0 s", "0 s"),
        (59_999, "59 s", "59 s"),
        (60_000, "1 min", "1 min"),
        (HOUR - 1, "59 min", "59 min"),
        (HOUR, "1 t", "1 h"),
        (3 * HOUR + 5 * MINUTE, "3 t 5 min", "3 h 5 min"),
        (2 * DAY, "2 døgn", "2 days"),
        (3 * DAY + 4 * HOUR, "3 døgn 4 t", "3 days 4 h"),
    ],
)
def test_a_length_of_time_is_written_as_people_say_it(ms, nb, en):
    """Seconds, then minutes, then hours with minutes, then days; never negative."""
    assert (fmt.span(ms, "nb"), fmt.span(ms, "en")) == (nb, en)


def test_an_explanation_keeps_its_seconds():
    """Under an hour the seconds stay, where there are any."""
    assert [fmt.exact_span(ms, "nb") for ms in (42_000, 260_000, 240_000, HOUR + 5_000)] == [
        "42 s", "4 min 20 s", "4 min", "1 t",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("age_ms", "nb", "en"),
    [
        (-2_000, "00:00", "00:00"),
        (42_000, "00:42", "00:42"),
        (59 * MINUTE + 59_000, "59:59", "59:59"),
        (HOUR, "kl. 01:30", "at 01:30"),
        (3 * HOUR, "lør. 28. feb. 23:30", "Sat 28 Feb 23:30"),
    ],
)
def test_a_card_counts_up_and_then_shows_the_clock(age_ms, nb, en):
    """Minutes and seconds under an hour; after that the clock it began, with a word before it or its date."""
    assert fmt.waiting(NIGHT_MS - age_ms, NIGHT_MS, OSLO, "nb") == nb
    assert fmt.waiting(NIGHT_MS - age_ms, NIGHT_MS, OSLO, "en") == en


def test_times_are_relative_under_an_hour_else_the_clock():
    """24 min ago is "24 min", 70 min ago is the clock."""
    assert fmt.ago(NIGHT_MS - 24 * MINUTE, NIGHT_MS, OSLO, "nb") == "24 min"
    assert fmt.ago(NIGHT_MS - 70 * MINUTE, NIGHT_MS, OSLO, "nb") == "kl. 01:20"


def test_dates_and_numbers_follow_the_language():
    """ "man. 23. nov." and "36,5" in bokmål, "Mon 23 Nov" and "36.5" in English."""
    monday = datetime.fromisoformat("2026-11-23")

    assert (fmt.date(monday, "nb"), fmt.date(monday, "en")) == ("man. 23. nov.", "Mon 23 Nov")
    assert (fmt.number(36.54, "nb"), fmt.number(36.54, "en"), fmt.number(40.0, "nb")) == ("36,5", "36.5", "40")
    assert (fmt.plain_date("2026-06-01", "nb"), fmt.plain_date("soon", "nb"), fmt.plain_date(None, "nb")) == (
        "1. juni 2026", "soon", "",
    )  # fmt: skip


@pytest.mark.parametrize(("born", "years"), [("1938-03-01", 88), ("1938-03-02", 87), (None, None), ("ukjent", None)])
def test_age_counts_whole_years(born, years):
    """A birthday counts on its day; an unknown one gives no age."""
    assert fmt.years_old(born, OSLO(NIGHT_MS)) == years


def test_names_are_short_in_the_queue():
    """First name and the initial of the last; a single name stays."""
    assert [fmt.short_name(name) for name in ("Kari Nordmann", "Anne Marie Lie", "Kari", "")] == [
        "Kari N.", "Anne L.", "Kari", "",
    ]  # fmt: skip


def test_instants_are_read_and_written_in_utc():
    """Text with Z and milliseconds are the same instant; None stays None, nonsense is refused."""
    assert fmt.to_ms("2026-03-01T01:30:00.250Z") == NIGHT_MS + 250
    assert fmt.to_ms(NIGHT_MS) == NIGHT_MS
    assert fmt.to_ms(None) is None
    assert fmt.to_z(NIGHT_MS) == "2026-03-01T01:30:00Z"
    with pytest.raises(ValueError):
        fmt.to_ms("i går")


def test_the_shift_ends_at_the_next_change():
    """A mute lasts to the next shift change on the site's clock, also over midnight."""
    ends = [OSLO(shift_end_ms(NIGHT_MS + hours * HOUR, "Europe/Oslo")) for hours in (0, 6, 14, 21)]

    assert [f"{end:%d %H:%M}" for end in ends] == ["01 07:30", "01 15:00", "01 22:30", "02 07:30"]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-03-01", 24)])
def test_a_day_has_its_true_length(day, hours):
    """The days on which the clock changes are 23 and 25 hours long, and the ticks stand where the clock says."""
    date = datetime.fromisoformat(day).date()
    span = day_span(date, "Europe/Oslo")
    ticks = hour_ticks(date, "Europe/Oslo")

    assert span.to_ms - span.from_ms == hours * HOUR
    assert [OSLO(at_ms).strftime("%H") for at_ms, _ in ticks[:-1]] == [text for _, text in ticks[:-1]]
    assert ticks[-1] == (span.to_ms, "00")
    assert OSLO(span.from_ms) + timedelta(days=1) == OSLO(span.to_ms)
