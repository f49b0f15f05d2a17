"""Nights beside the ten stories: nobody answers, and a restart in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests.support.wired_story import WiredStory

NIGHT = date(2026, 3, 2)


@pytest.fixture
def night(tmp_path: Path) -> Iterator[WiredStory]:
    """From 22:00 the evening before; both gateways are heard each minute."""
    story = WiredStory(tmp_path, NIGHT, "00:00")
    yield story
    story.close()


def test_nobody_answers_and_it_never_ends_in_silence(night: WiredStory) -> None:
    """A P1 that nobody takes rings function 1 at once, function 2 after 90 s, in the end the fallback, and goes on."""
    night.until("03:00")
    night.publish("03:00", "gw-1/pendant-7", {"type": "alarm.pressed", "id": "n1", "trigger": "pendant"})
    night.heartbeats("03:30", "gw-1", "gw-2")
    assert night.rung("natt-1")[0] == night.at("03:00")
    assert night.rung("natt-2")[0] == night.at("03:01:30")
    last_ms = max(at_ms for at_ms, _ in night.phones.told)
    assert last_ms >= night.at("03:25")
    assert night.alert("R01")["next_step"]["at"] > "2026-03-02T02:30:00Z"


def test_a_restart_in_the_middle_changes_nothing(night: WiredStory, tmp_path: Path) -> None:
    """The folds are rebuilt from the log half way: the same alerts, and the escalation goes on where it stood."""
    night.publish("00:00:10", "gw-1/bed-1", {"type": "bed.occupied", "id": "b1"})
    night.heartbeats("02:10", "gw-1", "gw-2")
    night.publish("02:10", "gw-1/bed-1", {"type": "bed.left", "id": "b2"})
    night.publish("02:20", "gw-2/pendant-2", {"type": "alarm.pressed", "id": "q1", "trigger": "pendant"})
    night.heartbeats("02:20:30", "gw-1", "gw-2")
    night.restart()
    night.heartbeats("02:35", "gw-1", "gw-2")
    assert [(a["rule"], a["opened_at"]) for a in night.alerts() if a["rule"] in ("R01", "R05")] == [
        ("R01", "2026-03-02T01:20:00Z"),
        ("R05", "2026-03-02T01:30:00Z"),
    ]
    assert night.rung("natt-2")[0] == night.at("02:21:30")
