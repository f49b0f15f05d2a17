"""Which policy holds, and that none which is saved can end in silence."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.handling.outcome_codes import KINDS, kind_of, offered
from alerts.routing.escalation import (
    OUTSIDE,
    RESPONDERS,
    Chosen,
    Duty,
    Target,
    next_step,
    second_targets,
    snapshot,
    with_next,
)
from alerts.routing.policies import Known, Policy, parse
from alerts.routing.policy_choice import Asked, choose, fits, shipped
from alerts.routing.profiles import MINUTE, PROFILES

NIGHT_MS = 1_772_328_600_000  # Sunday 2026-03-01, 02:30 in Oslo
N1, N2, N3 = (Target("function", f"natt-{n}", f"Natt {n}") for n in (1, 2, 3))
KNOWN = Known({"nord": ("natt-1", "natt-2", "natt-3")}, {"natt-1", "natt-2", "natt-3"}, {"r1": "nord"})
STEPS = [{"after": "0 s", "tell": ["1", "fallback"]}]


def policy(policy_id="x", **value):
    found = parse(policy_id, {"steps": STEPS, "repeat": "1 min"} | value, KNOWN)
    assert isinstance(found, Policy), found
    return found


def asked(**values):
    usual: dict[str, Any] = {
        "priority": "P1",
        "at_ms": NIGHT_MS,
        "timezone": "Europe/Oslo",
        "ward": "nord",
        "resident": "r1",
    }
    return Asked(**(usual | {"rule": "R10", "code": "4.21"} | values))


@pytest.mark.parametrize(
    ("value", "asking", "expected"),
    [
        ({}, {}, True),
        ({"ward": "nord"}, {"ward": None}, False),
        ({"resident": "r1"}, {"resident": "r2"}, False),
        ({"rules": ["R10", "R13"]}, {}, True),
        ({"rules": ["R05"]}, {}, False),
        ({"codes": ["4"]}, {}, True),
        ({"codes": ["4.2"]}, {}, False),
        ({"codes": ["4.2"]}, {"code": "4.2"}, True),
        ({"priorities": ["P2"]}, {}, False),
        ({"hours": "22:00-07:00"}, {}, True),
        ({"hours": "22:00-07:00"}, {"at_ms": NIGHT_MS + 12 * 60 * MINUTE}, False),
        ({}, {"staff_alarm": True}, False),
        ({"rules": ["R53"], "steps": [{"after": "0 s", "tell": ["all", "fallback"]}]}, {"staff_alarm": True}, True),
        ({"rules": ["R53"], "steps": [{"after": "0 s", "tell": ["all", "fallback"]}]}, {}, False),
    ],
)
def test_a_policy_fits_when_all_that_it_names_is_so(value, asking, expected):
    """Left out is any; a group code holds for its codes; staff's own alarm only where R53 is said."""
    assert fits(policy(**value), asked(**asking)) is expected


def test_the_policy_that_says_most_holds():
    """Person before rule before code before ward before hours before priority, then the id, whatever the order."""
    ranked = [
        policy("a1", resident="r1"),
        policy("b", rules=["R10"], ward="nord", hours="22:00-07:00"),
        policy("c", rules=["R10"]),
        policy("d", codes=["4.21"], ward="nord"),
        policy("e", ward="nord", hours="22:00-07:00"),
        policy("f", ward="nord", priorities=["P1"]),
        policy("g", hours="22:00-07:00"),
        policy("h", priorities=["P1"]),
        policy("i"),
        policy("j"),
    ]
    for place in range(len(ranked)):
        assert choose(reversed(ranked[place:]), asked()) is ranked[place]
    assert choose([policy("k", rules=["R05"])], asked()) is None


@pytest.mark.parametrize("profile", PROFILES)
def test_the_shipped_profiles_are_policies_in_the_same_form(profile):
    """Each line can be saved as it is published, and gives the chain that it was made of."""
    for value in shipped(profile):
        name = value.pop("id").removeprefix(f"{profile}-")
        assert policy(name, **value).chain() == PROFILES[profile][name]


words = st.sampled_from(
    ["1", "2", "3", "all", "fallback", "responders", "centre", "function:natt-2", "function:natt-9"]
)
steps = st.lists(
    st.tuples(st.integers(0, 20), st.lists(words, max_size=3, unique=True)), min_size=1, max_size=5
)  # fmt: skip
values = st.fixed_dictionaries(
    {"steps": steps, "repeat": st.sampled_from(["30 s", "5 min", "2 h", "3 d"])},
    optional={
        "priorities": st.lists(st.sampled_from(["P1", "P2", "P3", "P4", "P5"]), min_size=1, max_size=3, unique=True),
        "rings": st.sampled_from(["any_hour", "by_day", "workday"]),
        "rules": st.just(["R53"]),
        "ward": st.just("nord"),
        "owner": st.sampled_from(["us", "sentralen"]),
    },
)


@given(value=values, duty=st.sampled_from([(), (N1,), (N1, N2, N3)]))
def test_no_policy_that_can_be_saved_ends_in_silence(value, duty):
    """Whatever is written, what is accepted goes on telling staff or the fallback, in time, for ever."""
    written = value | {"steps": [{"after": f"{after} min", "tell": tell} for after, tell in value["steps"]]}
    found = parse("x", written, KNOWN)
    if not isinstance(found, Policy):
        assert found, "a refusal says why"
        return
    for priority in found.priorities or ("P1", "P2"):
        chain = snapshot(Duty("nord", "on_foot", duty), priority, NIGHT_MS, chosen=Chosen(found.chain()))
        if chain.mode == "workday":
            assert priority not in {"P1", "P2"}
            continue
        now_ms, told = max(NIGHT_MS, chain.base_ms), []
        for step in range(12):
            due = next_step(chain, step, now_ms)
            assert due.due_ms - now_ms <= {"P1": 15, "P2": 60}.get(priority, 10_000) * MINUTE
            assert any(target != RESPONDERS for target in due.targets)
            now_ms = max(due.due_ms, now_ms)
            told.append(due.targets)
        if priority in {"P1", "P2"}:
            assert OUTSIDE in told[-1]


def test_a_target_that_is_not_heard_brings_the_next_that_is():
    """Natt 1 is told, and Natt 3 with it when Natt 2 is not heard either; the fallback when nobody is."""
    deaf1, deaf2, deaf3 = (Target(t.kind, t.id, t.name, reachable=False) for t in (N1, N2, N3))

    assert with_next((N1,), (N1, N2, N3)) == (N1,)
    assert with_next((deaf1,), (deaf1, deaf2, N3)) == (deaf1, N3)
    assert with_next((deaf3,), (N1, N2, deaf3)) == (deaf3, N1)
    assert with_next((deaf1,), (deaf1, deaf2, deaf3)) == (deaf1, OUTSIDE)
    assert with_next((deaf1, N2), (deaf1, N2, N3)) == (deaf1, N2), "the next one is told already"


def test_the_second_is_asked_of_those_who_do_not_go_already():
    """Never the function that has it; the others when the step names nobody else; the fallback when there is none."""
    chain = snapshot(Duty("nord", "on_foot", (N1, N2)), "P2", NIGHT_MS)

    assert second_targets(chain, 0, ("natt-1",)) == (N2,)
    assert second_targets(chain, 1, ("natt-1",)) == (N2,)
    assert second_targets(chain, 9, ("natt-1",)) == (N2, OUTSIDE)
    alone = snapshot(Duty("nord", "on_foot", (N1,)), "P2", NIGHT_MS)
    assert second_targets(alone, 0, ("natt-1",)) == (OUTSIDE,)


@pytest.mark.parametrize(
    ("rule", "code", "kind"),
    [("R03", "4.1", "fall"), ("R44b", "5.1", "illness"), ("R99", "1.5", "medication"), ("R10", "4.15", "wandering")],
)
def test_an_alert_is_of_the_kind_of_its_rule_else_of_its_code(rule, code, kind):
    """Variants of a rule are of its kind; an unknown rule goes by the national code."""
    found = kind_of(rule, code)

    assert found is not None
    assert found.name == kind


def test_every_kind_offers_every_code_once_the_last_choice_first():
    """Nothing is lost by ordering; no rule stands in two kinds."""
    rules = list(itertools.chain.from_iterable(kind.rules for kind in KINDS))
    assert len(rules) == len(set(rules))
    for kind in KINDS:
        codes = offered(kind.rules[0], "", {"cause": ["test", "unheard_of"]})
        assert codes["cause"][:2] == ["test", kind.causes[0] if kind.causes[0] != "test" else kind.causes[1]]
        assert all(len(found) == len(set(found)) for found in codes.values())
        assert set(codes["cause"]) == set(offered("", "", {})["cause"])
