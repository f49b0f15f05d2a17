"""R02 where an outside centre has the alarm and our row only watches: the centre is told anew, and must answer anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from alerts.channels import FAILED, Result
from alerts.handling.acts import Actor
from alerts.routing.policy_store import Policies
from tests.support.desk import SECOND, Duty
from tests.support.phones import CENTRE_PHONE
from tests.support.routing_desk import more, policy
from tests.support.wired_story import NATT_1, SITE, WiredStory

CENTRE = Actor(staff=None, name="sentralen", kind="machine")
HUB = '  - {id: d8, address: "vardevakt:gw-1/hub-1", role: hub, home: h1, gateway: gw-1}\nfunctions:\n'
OWNED = {
    "priorities": ["P1"],
    "steps": [{"after": "0 s", "tell": ["1"]}, {"after": "5 min", "tell": ["all", "fallback"]}],
    "repeat": "2 min",
    "owner": "sentralen",
}
CODES = "Svar R17 1 = jeg tar den, R17 0 = kan ikke."
GO, NO_VOICE = f"P1 hos R17: noen må gå. {CODES}", f"P1 hos R17: ingen talekontakt. Noen må dit. {CODES}"


@pytest.fixture
def night(tmp_path: Path) -> Iterator[WiredStory]:
    """Kari's P1 belongs to the centre first; her hub can speak."""
    story = WiredStory(tmp_path, date(2026, 1, 11), "23:30", SITE.replace("functions:\n", HUB, 1))
    Policies(story.database, "solbakken").save("centre", OWNED, "s3", story.now_ms)
    yield story
    story.close()


def pressed(story: WiredStory, clock: str) -> dict[str, Any]:
    """Kari presses; the centre is told."""
    story.publish(clock, "gw-1/pendant-7", {"type": "alarm.pressed", "id": clock, "trigger": "pendant"})
    return story.alert("R01")


def no_voice(story: WiredStory, clock: str) -> None:
    story.publish(clock, "gw-1/hub-1", {"type": "voice.failed", "id": f"v{clock}"})


def received(story: WiredStory, clock: str, alert: dict[str, Any]) -> None:
    story.until(clock)
    story.desk.centre_says(alert["alert_id"], "received", story.now_ms, CENTRE)
    story.settle()


def test_the_centre_that_has_it_is_told_that_nobody_answers_and_must_say_anew_that_it_has_it(night: WiredStory) -> None:
    """Its receipt of 23:40:10 was for a press; of a silent home it hears at 23:40:30, by SMS and call, and says nothing
    for 120 s: ours, and our own chain begins.
    """
    alert = pressed(night, "23:40:00")
    received(night, "23:40:10", alert)
    no_voice(night, "23:40:30")

    assert night.sms(CENTRE_PHONE) == [("23:40:00", GO), ("23:40:30", NO_VOICE)]
    assert night.calls(CENTRE_PHONE) == ["23:40:00", "23:40:30"]
    assert (night.alert("R01")["owner"], night.alert("R01")["handling"]) == ("sentralen", "new")
    night.until("23:42:29")
    assert night.sms(NATT_1) == []
    night.until("23:42:30")
    assert (night.alert("R01")["owner"], night.sms(NATT_1)) == (None, [("23:42:30", GO)])
    assert night.timeline(alert, "to_centre", "centre_received", "from_centre") == [
        ("23:40:00", "to_centre"),
        ("23:40:10", "centre_received"),
        ("23:40:30", "to_centre"),
        ("23:42:30", "from_centre"),
    ]


def test_a_centre_that_says_anew_that_it_has_it_keeps_it(night: WiredStory) -> None:
    """Told of the missing voice, it answers: theirs for half an hour from then, and nobody of ours is rung."""
    alert = pressed(night, "23:40:00")
    received(night, "23:40:10", alert)
    no_voice(night, "23:40:30")
    received(night, "23:41:00", alert)

    night.until("24:10:59")
    assert (night.alert("R01")["owner"], night.sms(NATT_1)) == ("sentralen", [])
    night.until("24:11:00")
    assert (night.alert("R01")["owner"], night.sms(NATT_1)) == (None, [("00:11:00", GO)])


def test_what_a_silent_centre_is_told_besides_gives_it_no_more_time(night: WiredStory) -> None:
    """Its 120 s run from the first word it has not answered: neither a missing voice nor a further press prolongs
    them, however often she presses.
    """
    alert = pressed(night, "23:40:00")
    no_voice(night, "23:40:30")
    for clock in ("23:41:30", "23:41:50"):
        night.publish(clock, "gw-1/pendant-7", {"type": "alarm.pressed", "id": clock, "trigger": "pendant"})
    assert len(night.sms(CENTRE_PHONE)) == 4, "each is said to it"
    night.until("23:42:00")

    found = [one for one in night.alerts() if one["alert_id"] == alert["alert_id"]]
    assert ([one["owner"] for one in found], night.sms(NATT_1)[0]) == ([None], ("23:42:00", GO))


@pytest.mark.expected_errors("the way to the centre is dead")
def test_a_centre_that_cannot_be_told_of_the_missing_voice_loses_it_at_once(tmp_path: Path) -> None:
    """It had the press; the word that nobody answers reaches it over no way: ours at once, not after 120 s."""
    duty = Duty(tmp_path)
    policy(duty, owner="sentralen", priorities=["P1"])
    press = duty.press("p1")
    duty.apply(press)
    duty.desk.centre_says(press.alert_id, "received", duty.now_ms, CENTRE)
    duty.wait(30 * SECOND)
    duty.phones.results = [Result(FAILED)] * 3
    duty.apply(more(press, "R02", duty.now_ms, "sequence.told"))
    duty.wait(25 * SECOND)

    assert duty.alert(press.alert_id)["owner"] is None
    assert duty.sent(press.alert_id) == [("ring", "sentralen"), ("ring", "natt-1"), ("ring", "fallback")]
