"""Whatever is known at once, an alarm passes every stage; and what is kept quiet always has an end."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alerts.quiet.pipeline import (
    BEHIND,
    EXPLAINED,
    HOUR,
    INHIBITED,
    RING,
    STAGES,
    WAIT,
    Notice,
    Silence,
    Situation,
    judge,
)

NOW_MS = 1_772_328_600_000
EVERYTHING = Silence("s1", 0, NOW_MS + 24 * HOUR)
KNOWN: tuple[dict[str, Any], ...] = (
    {"shelved_by": "a1"},
    {"outage": "a2"},
    {"gateway_gone": "a3"},
    {"silences": (EVERYTHING,)},
    {"rang_ms": tuple(NOW_MS - one for one in range(1, 20))},
    {"may_ring_ms": NOW_MS + 24 * HOUR},
)
RULES = sorted({*EXPLAINED, *INHIBITED, "R01", "R03", "R29", "R34", "R43", "R53"})


def test_alarm_class_passes_every_combination():
    """Every set of reasons to be quiet x every rule x alarm, staff alarm or P1: it rings, and by the first stage."""
    tried = 0
    for count in range(len(KNOWN) + 1):
        for chosen in itertools.combinations(KNOWN, count):
            situation = Situation(NOW_MS, **{name: value for one in chosen for name, value in one.items()})
            for rule, priority in itertools.product(RULES, ("P1", "P2", "P3", "P4", "P5")):
                for alarm, staff in ((True, False), (False, True), (False, False)):
                    if not (alarm or staff or priority == "P1"):
                        continue
                    notice = Notice(rule, priority, NOW_MS, "h1", alarm=alarm, staff_alarm=staff)
                    verdict = judge(notice, situation)
                    assert (verdict.kind, verdict.reason.code) == (RING, "quiet.alarm")
                    tried += 1
    assert tried == 2 ** len(KNOWN) * len(RULES) * 11


SITUATIONS = st.builds(
    Situation,
    now_ms=st.just(NOW_MS),
    may_ring_ms=st.integers(NOW_MS - HOUR, NOW_MS + 72 * HOUR),
    shelved_by=st.none() | st.just("a1"),
    outage=st.none() | st.just("a2"),
    gateway_gone=st.none() | st.just("a3"),
    silences=st.lists(
        st.builds(
            Silence,
            silence_id=st.sampled_from("ab"),
            from_ms=st.integers(NOW_MS - HOUR, NOW_MS + HOUR),
            until_ms=st.integers(NOW_MS - HOUR, NOW_MS + HOUR),
            rule=st.none() | st.sampled_from(RULES),
        ),
        max_size=3,
    ).map(tuple),
    rang_ms=st.lists(st.integers(NOW_MS - 2 * HOUR, NOW_MS), max_size=8).map(lambda found: tuple(sorted(found))),
)
NOTICES = st.builds(
    Notice,
    rule=st.sampled_from(RULES),
    priority=st.sampled_from(("P2", "P3", "P4", "P5")),
    opened_ms=st.integers(NOW_MS - HOUR, NOW_MS),
    home=st.just("h1"),
)


@given(notice=NOTICES, situation=SITUATIONS)
def test_a_verdict_always_names_its_reason_and_its_end(notice, situation):
    """A wait ends in the future, a "behind" names an alert, and the first stage that answers is heard."""
    verdict = judge(notice, situation)
    assert verdict.reason.code.startswith("quiet.")
    if verdict.kind == WAIT:
        assert verdict.until_ms > NOW_MS
        assert verdict.reason.args["until_ms"] == verdict.until_ms
    if verdict.kind == BEHIND:
        assert verdict.behind in {"a1", "a2", "a3"}
    said = [found for stage in STAGES if (found := stage(notice, situation)) is not None]
    assert verdict == said[0] if said else verdict.kind == RING
