"""Who is rung now, who is next, and since when somebody has it: what the board's card says, out of the desk's rows."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.reads.alert_view import instant
from tests.support.desk import IDA, MINUTE, OLA, SECOND, Duty


@pytest.fixture
def duty(tmp_path):
    return Duty(tmp_path)


@pytest.fixture
def alert_id(duty):
    press = duty.press("e1")
    duty.apply(press)
    return press.alert_id


def step(duty: Duty) -> dict[str, Any]:
    (row,) = duty.queue()
    return dict(row["next_step"])


def rung_last(duty: Duty) -> set[str]:
    """Whose phones rang last."""
    newest_ms = max(one.created_ms for one in duty.phones.received)
    return {one.target for one in duty.phones.received if one.created_ms == newest_ms}


def test_ringing_is_whoever_was_told_last_and_has_not_answered(duty, alert_id):
    """Through the whole chain of a P1: the names are those whose phones rang, `target` who is new in the next step."""
    seen = []
    for _ in range(5):
        now = step(duty)
        seen.append((now["ringing"], now["target"]))
        assert {name.lower() for name in now["ringing"]} == rung_last(duty)
        duty.wait(now_left(duty))

    assert seen == [
        (["Natt-1"], "Natt-2"),
        (["Natt-1", "Natt-2"], "Leder"),
        (["Natt-1", "Natt-2", "Leder"], "fallback"),
        (["Natt-1", "Natt-2", "Leder", "fallback"], "Natt-1"),
        (["Natt-1", "Natt-2", "Leder", "fallback"], "Natt-1"),
    ]
    assert duty.alert(alert_id)["next_step"] == step(duty), "the alert says what its card says"


def now_left(duty: Duty) -> int:
    """Until the next step."""
    at = step(duty)["at"]
    return next(ms for ms in range(SECOND, 10 * MINUTE, SECOND) if instant(duty.now_ms + ms) == at)


def test_a_hand_over_rings_the_one_asked_and_then_the_next_as_well(duty, alert_id):
    """Nobody accepts: the names grow in the order in which they were asked, and end with all and the fallback."""
    duty.act(alert_id, "claim")
    duty.act(alert_id, "hand-over", to="natt-2")
    assert (step(duty)["ringing"], step(duty)["target"]) == (["Natt-2"], "Leder")
    duty.wait(2 * MINUTE)
    assert (step(duty)["ringing"], step(duty)["target"]) == (["Natt-2", "Leder"], "Natt-1")
    duty.wait(60 * MINUTE)
    assert sorted(step(duty)["ringing"]) == ["Leder", "Natt-1", "Natt-2", "fallback"]


def test_a_holder_who_is_asked_is_who_rings(duty, alert_id):
    """Three minutes after the claim Ola is asked; if he does not answer the others are next."""
    duty.act(alert_id, "claim")
    duty.wait(3 * MINUTE)

    assert (step(duty)["what"], step(duty)["ringing"], step(duty)["targets"]) == (
        "ring_next",
        ["Ola"],
        ["Natt-2", "Leder"],
    )


def test_what_waits_for_the_morning_rings_nobody(duty):
    """A P3 of the night stands on the morning's list: nobody's phone has rung, and the card says none."""
    card = duty.out_of_bed(priority="P3")
    duty.apply(card)

    assert (step(duty)["ringing"], step(duty)["target"]) == ([], "Natt-1")


def test_since_is_the_present_state_and_claimed_at_the_claim(duty, alert_id):
    """Each act that moves the handling begins `since` anew; `claimed_at` stays until somebody else has it."""
    claimed_ms = duty.now_ms
    by = duty.act(alert_id, "claim")["claimed_by"]
    assert (by["since"], by["claimed_at"]) == (instant(claimed_ms), instant(claimed_ms))
    for act in ("en-route", "on-site"):
        duty.now_ms += 2 * MINUTE
        by = duty.act(alert_id, act)["claimed_by"]
        assert (by["since"], by["claimed_at"]) == (instant(duty.now_ms), instant(claimed_ms)), act
    there_ms = duty.now_ms
    duty.now_ms += MINUTE
    by = duty.act(alert_id, "contact", OLA, outcome="spoke")["claimed_by"]
    assert (by["since"], by["claimed_at"]) == (instant(there_ms), instant(claimed_ms)), "contact moves nothing"
    duty.act(alert_id, "hand-over", to="natt-2")
    duty.now_ms += MINUTE
    by = duty.act(alert_id, "accept", IDA)["claimed_by"]
    assert (by["name"], by["since"], by["claimed_at"]) == ("Ida", instant(duty.now_ms), instant(duty.now_ms))
