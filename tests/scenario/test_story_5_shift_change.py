"""Story 5: a claim left in the rack, a temp, one telephone for both. Told over the API, as a browser on that phone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from alerts.channels.channel import PushTo
from alerts.messages import push_subscriptions
from tests.support.http import PASSWORD, slug
from tests.support.story_face import PIN, StoryClient, StoryFace
from tests.support.wired_story import FALLBACK, WiredStory

ROUTE_2 = "+4798888882"
ENDPOINT = "https://push.example.org/emil"
DAY = f"""
site: {{id: solbakken, name: Solbakken, timezone: Europe/Oslo, language: nb}}
wards: [{{id: nord, name: Nord}}, {{id: sor, name: Sor}}]
homes: [{{id: h1, ward: nord, kind: own_home}}, {{id: h2, ward: sor, kind: own_home}}]
residents: [{{id: r1, home: h1, name: Kari Nordmann}}, {{id: r2, home: h2, name: Per Lia}}]
measures:
  - {{resident: r1, service: digital_supervision, decision: "2026/114", basis: consent, from: 2026-01-01}}
keys: [{{home: h1, kind: key_box, where: porch, tag: R17}}]
gateways: [{{id: gw-1, home: h1, address: "vardevakt:gw-1", interval: 15 min}}]
devices:
  - {{id: d1, address: "vardevakt:gw-1/pendant-7", role: pendant, resident: r1, gateway: gw-1}}
  - {{id: d2, address: "vardevakt:gw-1/pills", role: dispenser, resident: r1, gateway: gw-1}}
functions:
  - {{id: rute-2, ward: nord, name: Rute 2, phone: "{ROUTE_2}"}}
  - {{id: rute-1, ward: sor, name: Rute 1, phone: "+4798888881"}}
staff:
  - {{id: s1, name: Mona, functions: [rute-2], role: carer}}
  - {{id: s2, name: Emil, functions: [rute-2], role: carer, until: 2026-07-20}}
"""
HAND_OVER = "P2 hos R17: du blir bedt om å overta. Svar R17 1 = jeg tar den, R17 0 = kan ikke."


class Rack:
    """The phone of Rute 2, and whoever uses its browser."""

    def __init__(self, folder: Path) -> None:
        self.story = WiredStory(folder, date(2026, 7, 20), "14:30", DAY)
        self.story.beat("gw-1", every_ms=15 * 60_000)
        self.face = StoryFace(self.story)
        made = self.face.person("leder", None, "operator").post(
            "/api/v1/phones", json={"label": "Rute 2", "function": "rute-2", "limit_seconds": 86_400}
        )
        self._token = {"authorization": f"Bearer {made.json()['token']}"}
        for login, staff in (("mona", "s1"), ("emil", "s2")):
            self.face.person(login, staff)

    def check_in(self, who: str, **more: str) -> StoryClient:
        """Somebody types their PIN on the phone: their browser from then on."""
        client = self.face.client()
        body = {"function": "rute-2", "user": who, "pin": PIN} | more
        answer = client.post("/api/v1/shifts", json=body, headers=self._token)
        assert answer.status_code == 201, answer.text
        client.headers["x-csrf-token"] = answer.json()["csrf"]
        return client

    def act(self, client: StoryClient, clock: str, alert_id: str, act: str) -> dict[str, object]:
        self.story.until(clock)
        answer = client.post(f"/api/v1/alerts/{alert_id}/{act}", json={}, headers={"idempotency-key": f"{clock}{act}"})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def press(self, clock: str) -> None:
        press = {"type": "alarm.pressed", "id": clock, "trigger": "pendant"}
        self.story.publish(clock, "gw-1/pendant-7", press)


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[Rack]:
    made = Rack(tmp_path)
    yield made
    made.face.close()
    made.story.close()


def mona_leaves(rack: Rack) -> tuple[StoryClient, str]:
    """Mona has claimed a P2 and is on her way; then the phone lies in the rack, and she is still checked in."""
    mona = rack.check_in("mona", until="2026-07-20T15:00:00+02:00")
    rack.story.publish("14:49", "gw-1/pills", {"type": "dispenser.break_in", "id": "f1"})
    alert = rack.story.alert("R28")
    assert (alert["priority"], rack.story.told("14:30")) == ("P2", [("14:49:00", "ring", "rute-2")])
    rack.act(mona, "14:50", alert["alert_id"], "claim")
    rack.act(mona, "14:53", alert["alert_id"], "en-route")
    return mona, alert["alert_id"]


def test_story_5_emil_takes_over_the_phone_and_what_it_holds(rack: Rack) -> None:
    """15:05: Mona's session ends, her claim rings in that second, and reads are Emil's; a neighbour is not his."""
    mona, alert_id = mona_leaves(rack)
    rack.story.until("15:05")
    assert mona.get("/api/v1/session").status_code == 200
    emil = rack.check_in("emil")
    assert rack.story.sms(ROUTE_2)[-1] == ("15:05:00", HAND_OVER)
    assert rack.story.calls(ROUTE_2) == ["14:49:00", "15:05:00"]
    assert mona.get("/api/v1/session").status_code == 401
    assert [one["name"] for one in emil.get("/api/v1/shifts").json()["items"]] == ["Emil"]

    accepted = rack.act(emil, "15:06", alert_id, "accept")
    # it is there, or this fails
    assert (accepted["handling"], accepted["claimed_by"]["name"]) == ("accepted", "Emil")  # type: ignore[index]
    assert emil.get("/api/v1/residents/r1").status_code == 200
    neighbour = emil.get("/api/v1/residents/r2")
    assert (neighbour.status_code, slug(neighbour)) == (403, "wrong-role")
    reads = rack.face.person("leder", None).get("/api/v1/residents/r1/access-log").json()["items"]
    assert [one["who"] for one in reads][1:] == ["emil"], "besides the leader, who looks at this list"
    assert rack.story.sms(FALLBACK) == []


def test_story_5_with_nobody_there_it_rings_at_a_quarter_past(rack: Rack) -> None:
    """Not at 15:14:59; at 15:15:00 the function, and with nobody in it the number outside in the same second."""
    _, alert_id = mona_leaves(rack)
    rack.story.until("15:14:59")
    assert rack.story.told("14:49:01") == []
    rack.story.until("15:15")
    assert rack.story.told("15:00") == [("15:15:00", "hand_over", "rute-2"), ("15:15:00", "hand_over", "fallback")]
    assert rack.story.sms(ROUTE_2)[-1] == ("15:15:00", HAND_OVER)
    (row,) = rack.story.queue()
    assert (row["handling"], row["lead"]["alert_id"]) == ("handed_over", alert_id)


def test_story_5_after_the_last_day_nothing_reaches_the_temp(rack: Rack) -> None:
    """Until midnight Emil is told in his own browser; then his claim is offered, he is logged out, and stays so."""
    rack.story.until("20:00")
    emil = rack.check_in("emil")
    browser = PushTo(ENDPOINT, "key", "secret")
    story, owner = rack.story, ("function", "rute-2")
    push_subscriptions.subscribe(story.database, "solbakken", owner, browser, "emil", story.now_ms)
    rack.press("23:50")
    alert_id = rack.story.alert("R01")["alert_id"]
    rack.act(emil, "23:51", alert_id, "claim")
    rack.press("23:52")
    pushed = [rack.story.clock(one.at_ms) for one in rack.story.phones.received(ENDPOINT)]
    assert pushed[-2:] == ["23:50:00", "23:52:00"]

    rack.story.until("24:00")
    assert emil.get("/api/v1/session").status_code == 401
    assert rack.story.sms(ROUTE_2)[-1] == ("00:00:00", HAND_OVER.replace("P2", "P1"))
    again = rack.face.client().post("/api/v1/session", json={"user": "emil", "password": PASSWORD})
    assert again.status_code == 403
    rack.press("24:01")
    rack.story.until("24:10")
    midnight_ms = rack.story.at("24:00")
    assert [one for one in rack.story.phones.received(ENDPOINT) if one.at_ms >= midnight_ms] == []
    assert rack.story.rung("rute-2", ("hand_over",)), "the function's telephone goes on ringing"
