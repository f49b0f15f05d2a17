"""Policies over HTTP, and what belongs to handling an alert: cards, positions, relatives, an outside centre."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from alerts.access import access_log
from alerts.relay import Relay
from ingest.record import RawRecord
from tests.support.desk import MINUTE
from tests.support.http import HttpStack, http_stack, slug

RING = {"steps": [{"after": "0 s", "tell": ["1", "fallback"]}], "repeat": "2 min"}
POLICY = {"ward": "nord", "priorities": ["P1"], **RING}


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[HttpStack]:
    with http_stack(tmp_path_factory.mktemp("policies")) as made:
        contact = {"resident": "r1", "name": "Per", "responder": True, "hours": "08:00-22:00"}
        made.store.save("contact", "c1", contact, None, made.now_ms)
        made.store.save("contact", "c2", {"resident": "r1", "name": "Eva"}, None, made.now_ms)
        key = {"home": "h1", "kind": "key_box", "where": "porch", "tag": "R17"}
        made.store.save("key", "k1", key, None, made.now_ms)
        yield made


@pytest.fixture(scope="module")
def operator(stack):
    return stack.machine("carer", "operator")


def put(client, policy_id, value, **headers):
    return client.put(f"/api/v1/policies/{policy_id}", json=value, headers=headers)


def act(client, alert_id, name, **body):
    key = f"{alert_id}-{name}-{len(str(body))}-{body}"
    headers = {"idempotency-key": str(abs(hash(key)))}
    return client.post(f"/api/v1/alerts/{alert_id}/{name}", json={"staff": "s1"} | body, headers=headers)


def test_a_policy_is_saved_read_and_removed_with_its_versions(stack, operator):
    """Who and when stand with each version; saving what stands makes none; the shipped profiles have the same form."""
    first = put(operator, "alarms", POLICY | {"why": "2026/1"})
    assert first.status_code == 200, first.text
    assert (first.json()["version"], first.json()["ward"], first.json()["repeat"]) == (1, "nord", "2 min")
    assert put(operator, "alarms", POLICY | {"why": "2026/1"}).json()["version"] == 1
    assert put(operator, "alarms", POLICY | {"two": True}, **{"if-match": "1"}).json()["version"] == 2
    stale = put(operator, "alarms", POLICY, **{"if-match": "1"})
    assert (stale.status_code, slug(stale)) == (409, "changed-meanwhile")

    one = operator.get("/api/v1/policies/alarms").json()
    assert [(v["version"], v["removed"], v["value"]["two"]) for v in one["versions"]] == [
        (2, False, True),
        (1, False, False),
    ]
    listed = operator.get("/api/v1/policies").json()
    assert [item["id"] for item in listed["items"]] == ["alarms"]
    for policy in listed["profiles"]["on_foot"]:
        again = put(operator, policy.pop("id"), policy)
        assert again.status_code == 200, again.text
        assert operator.delete(f"/api/v1/policies/{again.json()['id']}").status_code == 200
    assert operator.delete("/api/v1/policies/alarms").json()["version"] == 3
    assert slug(operator.get("/api/v1/policies/alarms")) == "not-found"
    assert slug(operator.delete("/api/v1/policies/alarms")) == "not-found"
    audited = stack.database.reader.connect()
    whats = [row[0] for row in audited.exec_driver_sql("SELECT what FROM audit WHERE about = 'alarms' ORDER BY id")]
    audited.close()
    assert whats == ["policy.saved", "policy.saved", "policy.removed"]


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"steps": [{"after": "0 s", "tell": ["1"]}]}, "steps[0].tell", "goes on for ever"),
        ({"steps": [{"after": "0 s", "tell": []}]}, "steps[0].tell", "names nobody"),
        ({"steps": []}, "steps", "at least 1"),
        ({"steps": [{"after": "1 min", "tell": ["all", "fallback"]}]}, "steps[0].after", "must begin within"),
        ({"steps": [{"after": "0 s", "tell": ["responders"]}]}, "steps[0].tell", "relatives are never the only"),
        ({"steps": [{"after": "0 s", "tell": ["function:natt-9", "fallback"]}]}, "steps[0].tell", "no function"),
        ({"steps": [{"after": "0 s", "tell": ["function:tom", "fallback"]}]}, "steps[0].tell", "is empty"),
        ({"steps": [{"after": "0 s", "tell": ["7", "fallback"]}]}, "steps[0].tell", "only 3 functions"),
        ({"ward": "sor", "steps": [{"after": "0 s", "tell": ["all", "fallback"]}]}, "steps[0].tell", "no functions"),
        ({"rings": "by_day"}, "rings", "would let a P1 wait"),
        ({"repeat": "1 h"}, "repeat", "between"),
        ({"rules": ["R53"]}, "steps[0].tell", "rings all on shift"),
        ({"ward": "vest"}, "ward", "there is no ward"),
        ({"resident": "r2"}, "resident", "does not live in ward"),
        ({"hours": "22-07"}, "hours", "not a time of day"),
        ({"rules": ["R99"]}, "rules[0]", "no rule"),
        ({"why": "x" * 500}, "why", "longer than 200"),
        ({"tell": ["1"]}, "tell", "unknown key"),
    ],
)
def test_a_policy_that_could_end_in_silence_or_names_nobody_is_not_saved(stack, operator, change, field, says):
    """422 with the field and the reason, and nothing is changed."""
    stack.store.save("function", "tom", {"ward": "nord", "name": "Tom"}, None, stack.now_ms)
    refused = put(operator, "wrong", POLICY | change)
    stack.store.remove("function", "tom", None, stack.now_ms)

    assert (refused.status_code, slug(refused)) == (422, "bad-field"), refused.text
    errors = {one["field"]: one["message"] for one in refused.json()["errors"]}
    assert says in errors[field], errors
    assert slug(operator.get("/api/v1/policies/wrong")) == "not-found"


def test_policies_are_for_operators_of_their_ward(stack):
    """Carers read, operators of a ward change its own, and none of them the whole site's."""
    carer = stack.machine("carer")
    assert slug(put(carer, "mine", POLICY)) == "wrong-role"
    assert carer.get("/api/v1/policies").status_code == 200
    bound = stack.person("siri", "s2", roles=("carer", "operator"), wards=("sor",))
    assert slug(put(bound, "mine", POLICY)) == "wrong-role"
    assert slug(put(bound, "mine", RING)) == "wrong-role"
    assert put(stack.machine(), "site", RING | {"priorities": ["P2"]}).status_code == 200
    assert slug(put(bound, "site", {"ward": "sor", **RING})) == "wrong-role"
    assert slug(bound.delete("/api/v1/policies/site")) == "wrong-role"
    assert stack.machine().delete("/api/v1/policies/site").status_code == 200


def test_what_a_policy_names_cannot_go(stack, operator):
    """A function that a policy rings is still in use; afterwards it may be removed."""
    stack.store.save("function", "rute-1", {"ward": "nord", "name": "Rute 1", "phone": "+4799999999"}, None, 0)
    tell = [{"after": "0 s", "tell": ["function:rute-1", "fallback"]}]
    assert put(operator, "rute", POLICY | {"steps": tell}).status_code == 200
    with pytest.raises(Exception, match="policy rute still refers to it"):
        stack.store.remove("function", "rute-1", None, stack.now_ms)
    operator.delete("/api/v1/policies/rute")
    assert stack.store.remove("function", "rute-1", None, stack.now_ms) is not None


def test_the_card_says_where_who_and_how_to_get_in_and_the_read_is_logged(stack, operator):
    """Everything that 113 asks about stands on it, and who read it is known."""
    alert_id = stack.press("card-1")
    card = operator.get(f"/api/v1/alerts/{alert_id}/card?number=112", headers={"x-purpose": "ambulance"}).json()

    assert (card["number"], card["address"], card["person"]["name"]) == ("112", "Fjellveien 1", "Kari Nordmann")
    assert card["keys"] == [{"kind": "key_box", "where": "porch", "tag": "R17"}]
    assert {one["name"]: one["responder"] for one in card["contacts"]} == {"Per": True, "Eva": False}
    assert [one["type"] for one in card["known"]] == ["alarm.pressed"]
    looked = access_log.list(stack.database, "r1")["items"][0]
    assert (looked["what"], looked["why"]) == ("card", "ambulance")
    doctor = operator.get(f"/api/v1/alerts/{alert_id}/card?number=116117").json()
    assert doctor == card | {"number": "116117"}, "the doctor on call asks the same"
    assert slug(operator.get(f"/api/v1/alerts/{alert_id}/card?number=114")) == "bad-field"
    assert slug(operator.get("/api/v1/alerts/none/card")) == "unknown-alert"
    assert slug(stack.machine("operator").get(f"/api/v1/alerts/{alert_id}/card")) == "wrong-role"


def test_positions_are_visible_only_during_the_alert_or_the_search(stack, operator):
    """Seen while it is open; ended, they are hidden and those who looked are listed."""
    stack.now_ms += 60 * MINUTE
    while Relay(stack.database, stack.receiver.submit_many, lambda: stack.now_ms).run_once():
        pass  # the source fold knows whose the tracker is
    alert_id = stack.press("wander", rule="R10", code="4.21", trigger="door", subject="r1")
    payload = b'{"type": "position.fixed", "id": "f1", "latitude": 60.1, "longitude": 11.2, "accuracy_metres": 8}'
    stack.record(RawRecord(stack.now_ms, topic="vardevakt/1/gw-1/pendant-7/event", payload=payload, qos=1))
    client = stack.person("ola", "s1")
    act(operator, alert_id, "claim")
    act(operator, alert_id, "note", search="start")
    seen = client.get(f"/api/v1/alerts/{alert_id}/positions").json()
    assert (seen["visible"], [(one["latitude"], one["longitude"]) for one in seen["items"]]) == (True, [(60.1, 11.2)])
    assert operator.get(f"/api/v1/alerts/{alert_id}/card").json()["position"]["latitude"] == 60.1
    act(operator, alert_id, "contact", outcome="spoke")
    assert act(operator, alert_id, "end").status_code == 200
    hidden = client.get(f"/api/v1/alerts/{alert_id}/positions").json()

    assert (hidden["visible"], hidden["items"]) == (False, [])
    assert [one["who"] for one in hidden["looked"]] == ["ola"]
    assert hidden["search"]["until"] is not None
    assert operator.get(f"/api/v1/alerts/{alert_id}/card").json()["position"] is None


def test_a_relative_s_answer_is_written_down_and_bad_ones_are_refused(stack, operator):
    """Only a contact of this person who agreed; the alert stays whose it was."""
    stack.now_ms += 60 * MINUTE
    alert_id = stack.press("responder", trigger="cord")
    url = f"/api/v1/alerts/{alert_id}/responders/"
    said = operator.post(f"{url}c1", json={"answer": "coming", "staff": "s1"})
    assert (said.status_code, said.json()["handling"]) == (200, "new")
    for contact, answer, expected in (("c2", "coming", 422), ("c9", "coming", 422), ("c1", "maybe", 422)):
        assert operator.post(f"{url}{contact}", json={"answer": answer, "staff": "s1"}).status_code == expected
    assert slug(operator.post(f"/api/v1/alerts/{alert_id}/owner", json={"said": "received"})) == "not-yours"
    assert operator.post("/api/v1/alerts/none/owner", json={"said": "returned"}).status_code == 404


def test_a_carer_does_not_say_for_the_centre_that_it_has_an_alert(stack):
    """The centre's word holds our own chain back: by its key or an operator, never by whoever is signed in."""
    alert_id = stack.press("centre-word", trigger="door")
    url, client = f"/api/v1/alerts/{alert_id}/owner", stack.person("per", "s1")
    refused = client.post(url, json={"said": "received"})
    assert (refused.status_code, slug(refused)) == (403, "wrong-role")
    assert slug(client.post(url, json={"said": "returned"})) == "not-yours"


def test_two_claims_at_once_and_a_claim_on_an_ended_alert_say_how_it_stands(stack, operator):
    """The second is refused unless it says that it takes over; a claim on what has ended is refused."""
    stack.now_ms += 60 * MINUTE
    alert_id = stack.press("claims", trigger="hub")
    assert act(operator, alert_id, "claim").status_code == 200
    refused = act(operator, alert_id, "claim", staff="s2")
    assert (refused.status_code, refused.json()["alert"]["claimed_by"]["name"]) == (409, "Ola")
    taken = act(operator, alert_id, "claim", staff="s2", take_over=True)
    assert (taken.status_code, taken.json()["claimed_by"]["name"]) == (200, "Ida")
    act(operator, alert_id, "on-site", staff="s2")
    act(operator, alert_id, "end", staff="s2")
    assert slug(act(operator, alert_id, "claim", take_over=True, note="x")) == "already-ended"
    assert slug(act(operator, alert_id, "note", text="x" * 2_001)) == "bad-field"
    assert slug(act(operator, alert_id, "note", text="late", at="yesterday")) == "bad-field"


def test_the_codes_of_an_alert_come_in_both_languages_the_last_choices_first(stack, operator):
    """What this kind of alert mostly is comes before the rest, and what was chosen lately before that."""
    stack.now_ms += 60 * MINUTE
    fall = stack.press("fall-1", rule="R03", code="4.1", trigger="fall")
    codes = operator.get(f"/api/v1/alerts/{fall}").json()["codes"]
    assert codes["cause"][0] == {"code": "fall_no_injury", "nb": "Fall uten skade", "en": "Fall without injury"}
    act(operator, fall, "claim")
    act(operator, fall, "on-site")
    act(operator, fall, "end")
    act(operator, fall, "document", cause="acute_illness", action="called_113", contact="spoke")
    stack.now_ms += MINUTE
    again = stack.press("fall-2", rule="R03", code="4.1", trigger="fall2")
    first = {name: found[0]["code"] for name, found in operator.get(f"/api/v1/alerts/{again}").json()["codes"].items()}

    assert first == {"cause": "acute_illness", "action": "called_113", "contact": "spoke"}
