"""Pages around an alert: taking over, coming as the second, the card, relatives, a search; and who is rung."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest

from alerts.routing.policy_store import Policies
from tests.support.board import board_stack, key_of
from tests.support.desk import SITE, out_of_bed
from tests.support.http import HttpStack


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[HttpStack]:
    with board_stack(tmp_path_factory.mktemp("handling")) as made:
        made.store.save("resident", "r1", RESIDENT, None, made.now_ms)
        contact = {"resident": "r1", "name": "Per & Pål", "responder": True}
        made.store.save("contact", "c1", contact, None, made.now_ms)
        key = {"home": "h1", "kind": "key_box", "where": "porch", "tag": "R17"}
        made.store.save("key", "k1", key, None, made.now_ms)
        yield made


RESIDENT = {
    "home": "h1",
    "name": "Kari <b>Nordmann</b>",
    "address": "Fjellveien 1",
    "risks": ["violence"],
    "born": "1938-04-02",
}


def take(client, alert_id, act, **fields):
    page = client.get(f"/alerts/{alert_id}").text
    return client.post(f"/alerts/{alert_id}/{act}", data={"key": key_of(page), **fields})


def test_the_first_reads_wait_outside_and_another_may_come_or_take_over(stack):
    """Two must go: the page says so, offers Ida to come as the second, and then to take it over."""
    sensor = out_of_bed("two", stack.now_ms)
    stack.apply(sensor)
    ola, ida = stack.person("ola", "s1"), stack.person("ida", "s2")
    assert take(ola, sensor.alert_id, "claim").status_code == 200
    page = ola.get(f"/alerts/{sensor.alert_id}").text
    assert "Vent ute: to må gå." in page
    assert "En til er bedt om å komme." in page
    assert "Begynn å lete" in page
    other = ida.get(f"/alerts/{sensor.alert_id}").text
    assert "Jeg kommer som nummer to" in other
    assert 'name="take_over"' in other
    assert take(ida, sensor.alert_id, "claim").status_code == 200
    assert "Ida kommer som nummer to." in ola.get(f"/alerts/{sensor.alert_id}").text
    assert take(ida, sensor.alert_id, "claim", take_over="1").status_code == 200
    after = ida.get(f"/alerts/{sensor.alert_id}").text
    assert "Tok den over fra Ola" in html.unescape(after)
    take(ida, sensor.alert_id, "note", search="start")
    assert "Leting begynt, posisjoner vises" in ida.get(f"/alerts/{sensor.alert_id}").text
    assert "Slutt å lete" in ida.get(f"/alerts/{sensor.alert_id}").text


def test_the_card_is_a_page_to_read_out_and_the_call_is_an_act(stack):
    """Address, key, who: as text, whatever is in a name; the button writes the call into the timeline."""
    alert_id = stack.press("card")
    ola = stack.person("ola", "s1")
    assert f"/alerts/{alert_id}/card/113" in ola.get(f"/alerts/{alert_id}").text
    card = ola.get(f"/alerts/{alert_id}/card/113")
    assert card.status_code == 200
    for said in ("Fjellveien 1", "R17", "Kari &lt;b&gt;Nordmann&lt;/b&gt;", "Per &amp; Pål", "Ingen har nådd"):
        assert said in card.text, said
    assert take(ola, alert_id, "note", call="113").status_code == 200
    assert "Ringte 113" in ola.get(f"/alerts/{alert_id}").text
    assert stack.person("drift", None, roles=("operator",)).get(f"/alerts/{alert_id}/card/113").status_code == 403


def test_the_doctor_on_call_has_a_card_as_the_others_in_both_languages(stack):
    """116117: where, how to get in, who and born when; that one rang is written down in words, and so for the rest."""
    alert_id = stack.press("doctor")
    ola = stack.person("ola", "s1")
    alert = ola.get(f"/alerts/{alert_id}").text
    assert [f'/alerts/{alert_id}/card/{number}">Kort for {said}<' in alert for number, said in CARDS] == [True] * 4
    card = ola.get(f"/alerts/{alert_id}/card/116117").text
    for said in ("Ring legevakt 116 117 og les opp dette", "tel:116117", "Fjellveien 1", "R17", "født 2. april 1938"):
        assert said in card, said
    english = ola.get(f"/alerts/{alert_id}/card/116117?lang=en").text
    assert "Ring the doctor on call (116 117) and read this out" in english
    assert "I have rung the doctor on call (116 117)" in english
    ola.get("/?lang=nb")
    assert take(ola, alert_id, "note", call="116117").status_code == 200
    assert "Ringte legevakt 116 117" in ola.get(f"/alerts/{alert_id}").text
    assert ola.get(f"/alerts/{alert_id}/card/114").status_code == 422


CARDS = (("113", "113"), ("112", "112"), ("110", "110"), ("116117", "legevakt 116 117"))


def test_a_relative_s_answer_is_one_tap(stack):
    """The carer who telephoned writes it down; it stands beside the name."""
    alert_id = stack.press("relative", trigger="cord")
    ola = stack.person("ola", "s1")
    page = ola.get(f"/alerts/{alert_id}").text
    assert "Per &amp; Pål" in page
    said = ola.post(f"/alerts/{alert_id}/responders/c1", data={"answer": "coming", "csrf": ola.headers["x-csrf-token"]})
    assert said.status_code == 200
    page = ola.get(f"/alerts/{alert_id}").text
    assert "En pårørende kommer" in page


def test_the_page_of_policies_says_per_ward_who_is_rung(stack):
    """The ward's own line first with who saved it, then the usual ones; an operator may remove it."""
    steps = [{"after": "0 s", "tell": ["1", "responders"]}, {"after": "2 min", "tell": ["all", "fallback"]}]
    value = {"ward": "nord", "rules": ["R10"], "steps": steps, "repeat": "1 min", "two": True, "owner": "sentralen"}
    Policies(stack.database, SITE).save("own", value, "s1", stack.now_ms)
    keeper = stack.person("keeper", None, roles=("operator",))
    page = html.unescape(keeper.get("/policies").text)

    assert "R10" in page
    assert "Med en gang: Natt 1, pårørende som kan komme." in page
    assert "Etter 2 min: alle på vakt, vakttelefonen utenfor." in page
    assert "Så hver 1 min til noen tar den. To må gå." in page
    assert page.index("sentralen") < page.index("<strong>P5")
    removed = keeper.post("/policies/own/remove", data={"csrf": keeper.headers["x-csrf-token"]})
    assert (removed.status_code, "sentralen" in removed.text) == (200, False)
    assert stack.person("ola", "s1").get("/policies").status_code == 200


def test_an_operator_writes_a_policy_on_the_page_and_reads_what_is_wrong_with_it(stack):
    """What cannot be saved comes back with each field and reason, and what was written; what can be holds."""
    keeper = stack.person("keeper", None, roles=("operator",))
    csrf = {"csrf": keeper.headers["x-csrf-token"], "policy_id": "mine"}
    wrong = '{"ward": "nord", "steps": [{"after": "0 s", "tell": ["1"]}], "repeat": "1 min", "why": "<b>"}'
    refused = keeper.post("/policies", data=csrf | {"value": wrong})
    assert refused.status_code == 422
    assert "<code>steps[0].tell</code> Siste trinn kan ende med at ingen ringes" in refused.text
    assert "&lt;b&gt;" in refused.text
    assert keeper.post("/policies", data=csrf | {"value": "no json"}).status_code == 422
    saved = keeper.post("/policies", data=csrf | {"value": saved_text(wrong)})
    assert saved.status_code == 200
    assert keeper.get("/api/v1/policies/mine").json()["why"] == "<b>"
    assert stack.person("ola", "s1").post("/policies", data=csrf | {"value": wrong}).status_code == 403
    bound = stack.person("siri", None, roles=("operator",), wards=("sor",))
    other = {"csrf": bound.headers["x-csrf-token"], "policy_id": "theirs", "value": saved_text(wrong)}
    assert bound.post("/policies", data=other).status_code == 403, "the ward stands in the text, not in the form"


def saved_text(wrong):
    return wrong.replace('["1"]', '["1", "fallback"]')
