"""The table of handling, move by move, and the laws beside it."""

from __future__ import annotations

import pytest

from alerts.handling import lifecycle
from alerts.handling.acts import ACTS, TAKE_OVER, Actor
from alerts.handling.lifecycle import (
    Allowed,
    Refusal,
    State,
    condition_after,
    decide,
    may_end,
    may_self_resolve,
    possible,
)

OLA = Actor(staff="s1", name="Ola")
IDA = Actor(staff="s2", name="Ida")

# Written out once more by hand, not from the module: act → handling → what the holder gets, what another one gets.
MINE_AND_OTHERS = {
    "claim": {
        "new": ("claimed", "claimed"),
        "handed_over": ("claimed", "claimed"),
        "claimed": ("claimed", "already_claimed"),
        "accepted": ("accepted", "already_claimed"),
        "en_route": ("en_route", "already_claimed"),
        "on_site": ("on_site", "already_claimed"),
        "ended": ("already_ended", "already_ended"),
        "documented": ("already_ended", "already_ended"),
    },
    "release": {
        "new": ("not_claimed", "not_claimed"),
        "claimed": ("new", "not_yours"),
        "handed_over": ("new", "not_yours"),
        "on_site": ("new", "not_yours"),
        "ended": ("already_ended", "already_ended"),
    },
    "contact": {"new": ("new", "new"), "en_route": ("en_route", "en_route"), "ended": ("already_ended",) * 2},
    "hand-over": {
        "new": ("not_claimed", "not_claimed"),
        "claimed": ("handed_over", "not_yours"),
        "handed_over": ("handed_over", "not_yours"),
        "on_site": ("handed_over", "not_yours"),
    },
    "accept": {
        "new": ("not_handed_over",) * 2,
        "claimed": ("not_handed_over",) * 2,
        "handed_over": ("yours_already", "accepted"),
        "accepted": ("accepted", "not_yours"),
    },
    "decline": {"new": ("new", "new"), "handed_over": ("yours_already", "handed_over"), "claimed": ("not_asked",) * 2},
    "en-route": {
        "new": ("not_claimed",) * 2,
        "claimed": ("en_route", "not_yours"),
        "accepted": ("en_route", "not_yours"),
        "en_route": ("en_route", "not_yours"),
        "on_site": ("not_from_on_site",) * 2,
        "handed_over": ("not_from_handed_over",) * 2,
    },
    "on-site": {
        "new": ("not_claimed",) * 2,
        "claimed": ("on_site", "not_yours"),
        "en_route": ("on_site", "not_yours"),
        "on_site": ("on_site", "not_yours"),
    },
    "note": {handling: (handling, handling) for handling in lifecycle.HANDLINGS},
    "end": {
        "new": ("not_claimed",) * 2,
        "claimed": ("ended", "not_yours"),
        "on_site": ("ended", "not_yours"),
        "handed_over": ("not_from_handed_over",) * 2,
        "ended": ("already_ended",) * 2,
    },
    "document": {
        "new": ("not_ended",) * 2,
        "on_site": ("not_ended",) * 2,
        "ended": ("documented", "documented"),
        "documented": ("documented", "documented"),
    },
    "reopen": {"claimed": ("not_ended",) * 2, "ended": ("new", "new"), "documented": ("new", "new")},
}
CASES = [
    (act, handling, actor, expected)
    for act, by_handling in MINE_AND_OTHERS.items()
    for handling, both in by_handling.items()
    for actor, expected in zip((OLA, IDA), both, strict=True)
]


@pytest.mark.parametrize(("act", "handling", "actor", "expected"), CASES)
def test_each_act_leads_where_the_table_says_or_is_refused_by_name(act, handling, actor, expected):
    """An allowed act gives the next handling; any other gives the reason why not."""
    holder = None if handling == "new" else "s1"
    decision = decide(act, State(handling=handling, priority="P2", holder=holder), actor)

    assert (decision.to if isinstance(decision, Allowed) else decision.code) == expected


def test_the_table_names_every_act_and_only_known_states():
    """No act is without a line, and no line leads to a state that does not exist."""
    assert {move.act for move in lifecycle.TABLE} == {*ACTS, TAKE_OVER}
    for move in lifecycle.TABLE:
        assert set(move.origin) <= set(lifecycle.HANDLINGS)
        assert move.to in {*lifecycle.HANDLINGS, lifecycle.UNCHANGED}


def test_no_state_is_matched_by_two_lines_of_one_act():
    """What an act does in a state is said once for each who may do it."""
    seen = [(move.act, origin, move.who) for move in lifecycle.TABLE for origin in move.origin]

    assert len(seen) == len(set(seen))


TWO = {"handling": "claimed", "priority": "P2", "holder": "s1", "two": True}


@pytest.mark.parametrize(
    ("state", "act", "expected"),
    [
        (TWO, "claim", Allowed("claimed", who="one more")),
        (TWO | {"handling": "on_site"}, "claim", Allowed("on_site", who="one more")),
        (TWO | {"second": "s2"}, "claim", Allowed("claimed", repeated=True, who="second")),
        (TWO | {"second": "s3"}, "claim", Refusal("already_claimed")),
        (TWO | {"two": False}, "claim", Refusal("already_claimed")),
        (TWO | {"second": "s2", "handling": "on_site"}, "en-route", Allowed("on_site", who="second")),
        (TWO | {"second": "s2"}, "on-site", Allowed("claimed", who="second")),
        (TWO | {"second": "s2"}, "release", Allowed("claimed", who="second")),
        (TWO | {"second": "s2"}, "end", Refusal("not_yours")),
        (TWO, "take-over", Allowed("claimed", who="another")),
        (TWO | {"handling": "on_site", "two": False}, "take-over", Allowed("claimed", who="another")),
        (TWO | {"handling": "new", "holder": None}, "take-over", Refusal("not_claimed")),
        (TWO | {"handling": "ended"}, "take-over", Refusal("already_ended")),
    ],
)
def test_a_second_comes_only_where_two_must_go_and_taking_over_is_said(state, act, expected):
    """Ida comes as the second where one is asked for; a plain claim never takes it from Ola, taking over does."""
    assert decide(act, State(**state), IDA) == expected


@pytest.mark.parametrize(
    ("state", "ends"),
    [
        ({}, False),
        ({"contact_ms": 5}, True),
        ({"on_site_ms": 5}, True),
        ({"contact_ms": 5, "last_alarm_ms": 4}, True),
        ({"contact_ms": 5, "last_alarm_ms": 6}, False),
        ({"on_site_ms": 5, "last_alarm_ms": 6}, False),
        ({"on_site_ms": 5, "last_alarm_ms": 6, "handling": "on_site"}, True),
        ({"priority": "P2"}, True),
    ],
)
def test_a_p1_ends_only_with_contact_after_its_last_alarm(state, ends):
    """Speaking with the person before they pressed again says nothing about the new press."""
    full = State(**({"handling": "claimed", "priority": "P1", "holder": "s1"} | state))

    assert may_end(full) is ends
    if not ends:
        assert decide("end", full, OLA) == Refusal("needs_contact")


@pytest.mark.parametrize(
    ("changed", "resolves"),
    [
        ({}, True),
        ({"priority": "P3"}, True),
        ({"priority": "P1"}, False),
        ({"priority": "P4"}, True),
        ({"alarm": True}, False),
        ({"ever_claimed": True}, False),
        ({"handling": "claimed"}, False),
        ({"self_resolves": False}, False),
    ],
)
def test_clearing_closes_only_what_nobody_ever_took(changed, resolves):
    """What its rule lets end by itself, P1 and alarms excepted, and only while nobody ever took it."""
    usual = {"self_resolves": True, "priority": "P2", "alarm": False, "ever_claimed": False, "handling": "new"}

    assert may_self_resolve(**(usual | changed)) is resolves


@pytest.mark.parametrize(
    ("before", "retracted", "after"),
    [
        ("active", False, "cleared"),
        ("active", True, "retracted"),
        ("cleared", False, "cleared"),
        ("cleared", True, "retracted"),
        ("momentary", False, "momentary"),
        ("momentary", True, "retracted"),
        ("retracted", False, "retracted"),
    ],
)
def test_the_condition_follows_its_own_table(before, retracted, after):
    """A press never clears, and what never was stays retracted."""
    assert condition_after(before, retracted=retracted) == after


def test_a_page_offers_what_would_be_allowed():
    """The acts possible now are those the table allows this person."""
    state = State(handling="claimed", priority="P1", holder="s1")

    assert possible(state, OLA) == ["claim", "release", "contact", "hand-over", "en-route", "on-site", "note"]
    assert possible(state, IDA) == ["contact", "note", "take-over"]


def test_a_machine_without_staff_holds_by_its_own_name():
    """Two machine keys never share a claim by both having no staff id."""
    assert (
        Actor(staff=None, name="key-a", kind="machine").holder != Actor(staff=None, name="key-b", kind="machine").holder
    )
