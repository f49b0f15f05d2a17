"""Story 2: he presses again, nobody hears a voice, and nobody may close it; a staffed centre, hand-overs wait 2 min."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alerts.handling.acts import Refused
from alerts.reads import queries
from tests.support.wired_story import FALLBACK, NATT_1, NATT_2, SITE, WiredStory

QUARTER_MS = 15 * 60_000
CENTRE = (
    SITE.replace("interval: 1 min", "interval: 15 min")
    .replace("arrival_goal: 40 min", "arrival_goal: 40 min, profile: centre")
    .replace("tag: R17}", "tag: R17}, {home: h2, kind: key_box, where: porch, tag: R18}")
    .replace(
        "functions:\n",
        '  - {id: d8, address: "vardevakt:gw-2/hub-1", role: hub, home: h2, gateway: gw-2}\nfunctions:\n',
        1,
    )
)
CODES = "Svar R18 1 = jeg tar den, R18 0 = kan ikke."


@pytest.fixture
def night(tmp_path: Path) -> Iterator[WiredStory]:
    """The evening before; times after midnight go on counting, "24:55" is five to one."""
    story = WiredStory(tmp_path, date(2026, 1, 11), "23:30", CENTRE)
    story.beat("gw-1", "gw-2", every_ms=QUARTER_MS)
    yield story
    story.close()


def press(story: WiredStory, clock: str) -> None:
    story.publish(clock, "gw-2/pendant-2", {"type": "alarm.pressed", "id": clock, "trigger": "pendant"})


def test_story_2_no_answer(night: WiredStory) -> None:
    """The alarm of 23:40 is shown on the one of 00:55; without voice Natt 1, then Natt 2, and the card to read out."""
    press(night, "23:40")
    first = night.alert("R01")
    night.act("23:41", "ola", first, "claim")
    night.act("23:42", "ola", first, "contact", outcome="spoke")
    night.act("23:42", "ola", first, "end", cause="accidental", note="det var feil")
    assert night.queue() == []

    press(night, "24:55:00")
    night.publish("24:55:30", "gw-2/hub-1", {"type": "voice.failed", "id": "v1"})
    (alert,) = [one for one in night.alerts() if one["rule"] == "R01" and one["alert_id"] != first["alert_id"]]
    assert (alert["handling"], alert["next_step"]["at"]) == ("handed_over", "2026-01-11T23:57:30Z")
    found = queries.alert(night.database, alert["alert_id"])
    assert found is not None, "read a moment ago"
    said = {line["text_code"]: line for line in found["timeline"]}
    assert said["sequence.again"]["args"]["since_ms"] == night.at("23:40")
    assert said["sequence.told"]["at"] == "2026-01-11T23:55:30Z"
    with pytest.raises(Refused) as refused:
        night.act("24:56", "ola", alert, "end")
    assert refused.value.code == "not_from_handed_over"

    night.until("24:57:30")
    assert night.sms(NATT_1)[-2:] == [
        ("00:55:00", f"P1 hos R18: noen må gå. {CODES}"),
        ("00:55:30", f"P1 hos R18: du blir bedt om å overta. {CODES}"),
    ]
    assert night.sms(NATT_2)[-1] == ("00:57:30", f"P1 hos R18: du blir bedt om å overta. {CODES}")
    assert (night.calls(NATT_1)[-1], night.calls(NATT_2)[-1]) == ("00:55:30", "00:57:30")
    shown = queries.alert(night.database, alert["alert_id"])
    assert shown is not None, "read a moment ago"
    assert shown["cards"] == ["113"]
    assert night.timeline(alert, "dispatched", "card_offered", "hand_over_unanswered") == [
        ("00:55:30", "card_offered"),
        ("00:55:30", "dispatched"),
        ("00:57:30", "hand_over_unanswered"),
    ]

    assert night.reply("24:58", NATT_2, "r18 ja") == "take"
    (row,) = night.queue()
    assert (row["claimed_by"]["name"], row["handling"]) == ("Nina", "accepted")
    with pytest.raises(Refused) as refused:
        night.act("24:59", "nina", alert, "end")
    assert refused.value.code == "needs_contact", "nobody has spoken with him yet"
    night.until("25:00")
    assert night.sms(FALLBACK) == []
    assert not {"R02", "R58"} & {one["rule"] for one in night.alerts()}, "neither has a row of its own"
