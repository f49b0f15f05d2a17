"""The index of a book: a rule is left out only where none of its conditions can hold."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from ingest.event import UNASSIGNED, Event
from rules.book import Match, Rule
from rules.conditions import asks_circumstances, event_meets
from rules.facts import Device, Facts, Resident
from rules.in_force import ROLES, InForce
from rules.kinds.dwell_state import DwellState
from tests.support.home_story import BOOK, HomeStory

FACTS = Facts("h1", residents={"r1": Resident("r1")}, devices={"d1": Device("d1", "bed")})
PLACES = (("bed", "bedroom"), ("motion", "bathroom"), ("front_door", "hall"), (None, None), ("dispenser", "kitchen"))
METRICS = ("temperature", "spo2", 7, None)


def heard(type_: str, role: str | None, room: str | None, metric: object, *, assigned: bool = True) -> Event:
    event = Event("e1", type_, "solbakken", "a1", "h1", "r1", 0, 0, device="d1", resident="r1", role=role, room=room)
    quality = () if assigned else (UNASSIGNED,)
    return msgspec.structs.replace(event, quality=quality, content={} if metric is None else {"metric": metric})


@pytest.mark.parametrize("type_", ["motion.detected", "bed.left", "door.opened", "measured", "alarm.pressed", "new"])
def test_the_index_leaves_out_only_what_cannot_hold(type_: str) -> None:
    """Of each type, role, room and metric, the index finds the same rules and roles as the conditions of the book."""
    book = InForce(BOOK)
    plain = [
        rule for rule in BOOK.rules if rule.per != "gateway" and all(_plain(match) for _, match in conditions(rule))
    ]
    assert len(plain) > 40
    for (role, room), metric, assigned in itertools.product(PLACES, METRICS, (True, False)):
        event = heard(type_, role, room, metric, assigned=assigned)
        found = {one.rule.id: book.role_of(one, event, FACTS, 0) for one in book.listeners(event)}
        for rule in plain:
            meets = [
                name
                for name, match in conditions(rule)
                if (not match.types or type_ in match.types) and event_meets(match, event)
            ]
            assert found.get(rule.id) == (meets[0] if meets else None), rule.id


def conditions(rule: Rule) -> list[tuple[str, Match]]:
    return [(role, match) for role in ROLES for match in getattr(rule, role)]


def _plain(match: Match) -> bool:
    """Whether a condition asks for nothing but the event."""
    return not asks_circumstances(match) and match.model_in is None and match.goes_to_person is None


def test_a_restart_knows_which_event_began_the_state() -> None:
    """After a snapshot it is known that the newest event of a trace is the one that began the state."""
    story = HomeStory()
    story.event("bed.occupied", story.at("22:00"))
    story.event("bed.left", story.at("23:00"))
    story.fold.restore(story.fold.snapshot())
    home = story.fold.state.homes["h1"]
    trace = next(iter(home.facts.traces("bed")))
    assert trace.last == trace.runs[-1]
    assert isinstance(home.instances["R05/r1"].state, DwellState)
