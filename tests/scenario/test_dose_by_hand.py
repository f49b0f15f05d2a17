"""A dose that was not fetched, and staff who give it by hand: the rules hear of it, and nobody is asked again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from ingest.codecs import default_codecs
from ingest.record import STAFF, RawRecord
from ingest.source_fold import SourceFold
from rules.effects import Clear, Effect
from rules.home_fold import HomeFold
from tests.support.wired_story import BOOK, SITE, WiredStory

DISPENSER = '  - {id: d5, address: "vardevakt:gw-1/pills", role: dispenser, resident: r1, gateway: gw-1}\n'
WITH_DISPENSER = SITE.replace("functions:\n", DISPENSER + "functions:\n")


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[WiredStory]:
    """Kari's dose of 20:00 is not fetched, and R22 stands on the board since 21:00."""
    story = WiredStory(tmp_path, date(2026, 3, 3), "19:30", WITH_DISPENSER)
    story.heartbeats("20:00", "gw-1", "gw-2")
    story.publish("20:00", "gw-1/pills", {"type": "dose.due", "dose_id": "evening", "window_minutes": 60})
    story.heartbeats("21:05", "gw-1", "gw-2")
    assert (story.alert("R22")["condition"], story.alert("R22")["handling"]) == ("active", "new")
    yield story
    story.close()


def taken(story: WiredStory) -> None:
    """Ola has it and has spoken with Kari."""
    story.act("21:10", "ola", story.alert("R22"), "claim")


def staff_facts(story: WiredStory) -> list[dict[str, object]]:
    return [msgspec.json.decode(record.payload) for record in story.raw if record.kind == STAFF]


@pytest.mark.parametrize(
    ("action", "event"),
    [("dose_given", "dose.taken"), ("dose_confirmed", "dose.taken"), ("dose_skipped", "dose.skipped")],
)
def test_a_dose_settled_when_ending_is_not_asked_about_again(evening: WiredStory, action: str, event: str) -> None:
    """The act leaves a fact of that dose in RAW, the rule clears the alert, and no successor opens."""
    taken(evening)
    evening.act("21:15", "ola", evening.alert("R22"), "end", action=action, ask_again_minutes=30)
    evening.heartbeats("23:30", "gw-1", "gw-2")

    alert = evening.alert("R22")
    assert (alert["condition"], alert["handling"], alert["action_code"]) == ("cleared", "ended", action)
    (fact,) = staff_facts(evening)
    assert (fact["type"], fact["dose_id"], fact["assisted"], fact["actor"]) == (event, "evening", True, "s1")
    assert fact["resident"] == "r1", "a pseudonym, as everything in the logs"


def test_ended_with_another_action_it_is_asked_about_again(evening: WiredStory) -> None:
    """The control: without word of the dose it stays active, and a successor opens after the time that was set."""
    taken(evening)
    evening.act("21:15", "ola", evening.alert("R22"), "end", action="talked", ask_again_minutes=30)
    evening.heartbeats("21:50", "gw-1", "gw-2")

    assert staff_facts(evening) == []
    mine = [(one["condition"], one["handling"]) for one in evening.alerts() if one["rule"] == "R22"]
    assert mine == [("active", "ended"), ("active", "new")]


def test_documenting_it_settles_it_as_well_and_only_once(evening: WiredStory) -> None:
    """Written down afterwards, before it is asked again: the same fact; written down once more, no second one."""
    taken(evening)
    evening.act("21:15", "ola", evening.alert("R22"), "end", ask_again_minutes=60)
    codes = {"cause": "medication", "action": "dose_given", "contact": "spoke"}
    for clock in ("21:20", "21:25"):
        evening.act(clock, "ola", evening.alert("R22"), "document", **codes)
    evening.heartbeats("23:30", "gw-1", "gw-2")

    assert evening.alert("R22")["condition"] == "cleared"
    assert len(staff_facts(evening)) == 1


def test_a_fold_built_again_from_the_log_says_the_same(evening: WiredStory) -> None:
    """What staff did by hand is in RAW, so a refold agrees: dose given, its silent dispenser urgent no more."""
    taken(evening)
    evening.act("21:15", "ola", evening.alert("R22"), "end", action="dose_given")
    evening.heartbeats("22:30", "gw-1", "gw-2")

    first, second = effects(evening.raw), effects(evening.raw)
    assert [msgspec.json.encode(one) for one in first] == [msgspec.json.encode(one) for one in second]
    cleared = sorted(one.reason.code for one in first if isinstance(one, Clear))
    assert cleared == ["dispenser.dose_settled", "dose.given_by_hand"]
    silent = [(one["priority"], one["condition"]) for one in evening.alerts() if one["rule"] == "R27"]
    assert silent == [("P2", "cleared"), ("P4", "active")], "what is left is a repair"
    evening.restart()
    evening.heartbeats("23:30", "gw-1", "gw-2")
    assert evening.alert("R22")["condition"] == "cleared", "and after a restart nothing opens"


def effects(raw: list[RawRecord]) -> list[Effect]:
    source, home = SourceFold("solbakken", default_codecs()), HomeFold(BOOK, "solbakken")
    return [
        effect
        for seq, record in enumerate(raw, 1)
        for given in source.apply(msgspec.structs.replace(record, seq=seq)).inputs
        for effect in home.apply(given)
    ]
