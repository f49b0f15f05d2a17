"""Recordings of real homes, read where they lie, through the importer and the production path."""

from __future__ import annotations

from collections import Counter

import pytest

from rules.book_file import shipped_book
from simulators.real_files import read_home
from simulators.real_homes import DOSE_LABELS, convert
from simulators.real_rows import ON, Label, Row
from tests.realhomes.collapse import HORIZON_MS, collapses
from tests.realhomes.homes import INACTIVE, LABELLED, Options, report, zoned
from tests.realhomes.telling import Telling, site_file

BOOK = shipped_book()
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("casas_al_smarthome", 61_578),
        ("casas_cil_tm000_absence", 21_968),
        ("casas_cil_tm000_inactivity", 202),
        ("mit_placelab_d", 2_772),
        ("mit_placelab_e", 1_962),
    ],
)
def test_every_row_of_a_recording_is_read(shared_dir, name, rows):
    """As many rows as the description of the data says; each is an event or left out for a named reason."""
    home = read_home(shared_dir, name, zoned)

    halves = 2 if name.startswith("mit") else 1  # their rows have a beginning and an end
    assert home.rows == rows
    assert len(home.sensed) + sum(home.left_out.values()) == halves * rows


def test_the_labelled_home_is_what_its_description_says(shared_dir):
    """466 door rows, 43 and 34 medicine runs, and days that begin and end in Pullman's time."""
    home = read_home(shared_dir, LABELLED, zoned)
    runs = Counter(label.activity for label in home.labels if label.activity in DOSE_LABELS)

    assert sum(one.device == "front-door" for one in home.sensed) == 466
    assert runs == {"Morning_Meds": 43, "Evening_Meds": 34}
    assert home.first_ms == 1_308_125_019_149  # 2011-06-15 01:03:39.149 there


def test_a_real_morning_goes_through_the_production_path(shared_dir):
    """The inactive morning is understood to the last row, and the silence after it is found by R16."""
    found = report(INACTIVE, BOOK, Options(shared_dir), lambda _line: None)

    assert found.dead_letters == 0
    assert found.events == 101
    assert [one.rule for one in found.alerts if one.rule == "R16"] == ["R16"]


def test_a_collapse_is_found_by_r16_after_its_patience():
    """Told up to the moment and then silent, the folds raise R16 twelve hours after the last reading, in each draw
    the same, however many draws were told before it; stray pulses can only make it later.
    """
    begin_ms = 1_308_125_019_000
    rows = [
        Row(begin_ms + number * HOUR_MS + place, sensor, ON, "Cook")
        for number in range(6)
        for place, sensor in enumerate(("LivingRoom/LivingRoom", "Kitchen/Kitchen"))  # one alone proves nobody
    ]
    home = convert("here", "Europe/Oslo", rows, [Label("Cook", begin_ms, begin_ms + 5 * HOUR_MS)])
    telling = Telling(site_file(home, BOOK), BOOK)
    telling.begin(home.first_ms - 1_000)
    moments = [begin_ms + 1 + HOUR_MS // 2, begin_ms + 1 + 3 * HOUR_MS + HOUR_MS // 4]

    silent, pulsing = collapses(home, telling, moments, ("R16",), 1, lambda _done: None)

    assert [draw.found for draw in silent] == [
        {"R16": 12 * HOUR_MS - HOUR_MS // 2},
        {"R16": 12 * HOUR_MS - HOUR_MS // 4},
    ]
    assert all(draw.found.get("R16", HORIZON_MS) >= silent[0].found["R16"] for draw in pulsing)
    assert telling.open_rules == {}
