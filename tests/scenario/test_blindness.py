"""What the service makes of the time in which it heard nothing itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from ingest.record import FEED, RawRecord
from tests.support.wired_story import WiredStory


@pytest.fixture
def day(tmp_path: Path) -> Iterator[WiredStory]:
    story = WiredStory(tmp_path, date(2026, 3, 2), "00:00")
    yield story
    story.close()


def down(story: WiredStory, until: str) -> None:
    """Nothing runs until then; the first record of the new life says so, and a canary comes round a second later."""
    from_ms, story.now_ms = story.now_ms, story.at(until)
    for kind in ("feed.lost", "feed.gap"):
        fact = {"type": kind, "from_ms": from_ms, "to_ms": story.now_ms}
        story._take(RawRecord(story.now_ms, FEED, payload=json.dumps(fact).encode()))
        story.until(story.now_ms + 1_000)


def test_nobody_is_called_inactive_for_hours_that_we_did_not_hear(day: WiredStory) -> None:
    """A patience of 12 hours that ran out while the service was down is held; 30 minutes after, it is said at last."""
    day.publish("00:10", "gw-1/bed-1", {"type": "bed.left"})
    day.heartbeats("11:00", "gw-1", "gw-2")
    down(day, "12:30")
    assert [alert for alert in day.alerts() if alert["rule"] == "R16" and alert["resident_id"] == "r1"] == []
    day.heartbeats("13:30", "gw-1", "gw-2")

    found = [alert["opened_at"] for alert in day.alerts() if alert["rule"] == "R16" and alert["resident_id"] == "r1"]
    assert found == ["2026-03-02T12:00:01Z"]


def test_who_moved_meanwhile_raises_nothing(day: WiredStory) -> None:
    """What a gateway kept while we were down says that the person is up: no alert at any time."""
    day.publish("00:10", "gw-1/bed-1", {"type": "bed.occupied"})
    day.heartbeats("11:00", "gw-1", "gw-2")
    down(day, "12:30")
    kept = {"type": "bed.left", "id": "b1", "time": "2026-03-02T11:40:00+01:00", "buffered": True}
    day.publish("12:31", "gw-1/bed-1", kept)
    day.heartbeats("14:00", "gw-1", "gw-2")

    assert [alert for alert in day.alerts() if alert["rule"] == "R16" and alert["resident_id"] == "r1"] == []
