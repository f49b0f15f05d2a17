from datetime import date

import pytest

from rules.local_time import instant_ms
from simulators.real_rows import (
    OFF,
    ON,
    BadRow,
    Label,
    Row,
    casas_labelled,
    casas_tabbed,
    labels_of,
    placelab_labels,
    placelab_names,
    placelab_rows,
)

ZONE = "America/Los_Angeles"
HOUR_MS = 3_600_000


def at(day, minutes):
    return instant_ms(day, minutes, ZONE)


def labelled(*lines):
    return casas_labelled(lines, "home.txt", at)


def test_a_labelled_row_is_read_with_its_zone():
    """01:03:39.149 of a summer night in Pullman is seven hours later in UTC; sensor, state and label are kept."""
    (row,) = labelled("2011-06-15 01:03:39.14962 OutsideDoor FrontDoor OPEN Sleep")

    assert row == Row(at(date(2011, 6, 15), 63) + 39_149, "OutsideDoor/FrontDoor", ON, "Sleep")
    assert row.at_ms == 1_308_096_000_000 + 8 * HOUR_MS + 3 * 60_000 + 39_149  # 2011-06-15 00:00 UTC + 08:03:39.149


def test_winter_and_summer_have_their_own_offset():
    """Noon in January and noon in July are 8 and 7 hours before UTC."""
    winter, summer = labelled("2011-01-10 12:00:00 Den Den ON x", "2011-07-10 12:00:00 Den Den ON x")

    assert winter.at_ms % (24 * HOUR_MS) == 20 * HOUR_MS
    assert summer.at_ms % (24 * HOUR_MS) == 19 * HOUR_MS


def test_an_hour_that_comes_twice_is_taken_as_the_first():
    """On the autumn night 01:30 is the first 01:30, also behind 01:59, and rows come out in order."""
    rows = casas_tabbed(
        ["2021-11-07 01:59:00\tBed\tON", "2021-11-07 01:30:00\tBed\tOFF", "2021-11-07 02:00:00\tBed\tON"], "f", at
    )

    assert [row.at_ms for row in rows] == sorted(row.at_ms for row in rows)
    assert rows[0].state == OFF
    assert rows[2].at_ms - rows[0].at_ms == HOUR_MS + HOUR_MS // 2  # 01:30 first pass to 02:00


def test_an_hour_that_is_skipped_becomes_the_change():
    """02:30 of the spring night does not exist; it is read as the instant of the change, not lost."""
    (row,) = casas_tabbed(["2021-03-14 02:30:00\tBed\tON\t"], "f", at)

    assert row.at_ms == at(date(2021, 3, 14), 3 * 60)


def test_a_tabbed_row_may_have_an_empty_label_or_none():
    """The CIL files end each row with a tab, some without; both are rows without a label."""
    rows = casas_tabbed(
        ["2016-07-12 00:00:30.600670\tBedroomABed\tON\t", "2016-07-12 00:00:31\tBedroomABed\tOFF"], "f", at
    )

    assert [(row.sensor, row.state, row.label) for row in rows] == [("BedroomABed", ON, ""), ("BedroomABed", OFF, "")]


def test_a_state_change_is_a_beginning_and_an_end():
    """MIT rows have a length; their seconds are wall-clock time counted as if it were UTC."""
    names = placelab_names(["137\tBathroom,Door "], "names")
    rows = placelab_rows(["1050721741\t45\t137"], names, "sensors", at)

    assert [(row.sensor, row.state) for row in rows] == [("Bathroom,Door", ON), ("Bathroom,Door", OFF)]
    assert rows[0].at_ms == 1_050_721_741_000 + 7 * HOUR_MS
    assert rows[1].at_ms - rows[0].at_ms == 45_000
    assert placelab_labels(["1050721741\t60\t137"], names, "f", at)[0].to_ms == rows[0].at_ms + 60_000


@pytest.mark.parametrize(
    ("read", "line", "named"),
    [
        (labelled, "2011-06-15 01:03:39 Bedroom ON Sleep", "5 words"),
        (labelled, "2011-06-15 01:03:39 Bedroom Bedroom MAYBE Sleep", "'MAYBE' is no state"),
        (labelled, "2011-06-15 25:03:39 Bedroom Bedroom ON Sleep", "no time"),
        (labelled, "2011-06-15 01:03:nan Bedroom Bedroom ON Sleep", "no time"),
        (lambda *lines: casas_tabbed(lines, "home.txt", at), "2011-06-15 01:03:39 Bed ON", "between tabs"),
        (lambda *lines: placelab_rows(lines, {"1": "a"}, "home.txt", at), "10\tx\t1", "three numbers"),
        (lambda *lines: placelab_rows(lines, {"1": "a"}, "home.txt", at), "10\t5\t2", "what number 2 is"),
        (lambda *lines: placelab_names(lines, "home.txt"), "nonsense", "a number and a name"),
    ],
)
def test_a_bad_row_is_named(read, line, named):
    """What cannot be read stops the conversion with file, line and reason; empty lines count and are passed over."""
    with pytest.raises(BadRow, match=named) as found:
        read("", line)

    assert (found.value.file, found.value.line) == ("home.txt", 2)


def test_runs_of_a_label_are_doings():
    """Rows of one label in a row are one doing; the same label after another is a second one; none is none."""
    rows = [Row(number, "s", ON, label) for number, label in enumerate(["a", "a", "b", "", "a"])]

    assert labels_of(rows) == [Label("a", 0, 1), Label("b", 2, 2), Label("a", 4, 4)]
