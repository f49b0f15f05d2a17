"""Acts on the pages: claims, races, ends, forms without a script, pauses, tests, and what must sound."""

import re
from collections.abc import Iterator

import pytest

from tests.support.board import FakeDemo, board_stack, key_of
from tests.support.desk import out_of_bed
from tests.support.http import HttpStack


@pytest.fixture
def demo() -> FakeDemo:
    return FakeDemo()


@pytest.fixture
def stack(tmp_path, demo) -> Iterator[HttpStack]:
    with board_stack(tmp_path, demo=demo) as made:
        yield made


def take(client, alert_id, act="claim", **fields):
    page = client.get(f"/alerts/{alert_id}").text
    data = {"key": key_of(page), **fields}
    return client.post(f"/alerts/{alert_id}/{act}", data=data, headers={"hx-request": "true"})


def test_a_lost_race_is_told_as_a_sentence(stack):
    """The second to claim hears who has it and since when; nothing is done twice."""
    alert_id = stack.press()
    ola, ida = stack.person("ola", "s1"), stack.person("ida", "s2")
    late = ida.get(f"/alerts/{alert_id}").text
    won = take(ola, alert_id)
    stack.now_ms += 2_000
    lost = ida.post(f"/alerts/{alert_id}/claim", data={"key": key_of(late)}, headers={"hx-request": "true"})

    assert (won.status_code, won.text) == (200, "Du har den.")
    assert (lost.status_code, lost.text) == (409, "Ola tok den for 2 s siden.")


def test_a_double_tap_is_one_act(stack):
    """The same rendered form sent twice claims once and answers the same."""
    alert_id = stack.press()
    client = stack.person()
    key = key_of(client.get(f"/alerts/{alert_id}").text)
    answers = [client.post(f"/alerts/{alert_id}/note", data={"key": key, "note": "Ringte på"}) for _ in range(2)]
    kinds = [line["kind"] for line in client.get(f"/api/v1/alerts/{alert_id}").json()["timeline"]]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert kinds.count("note") == 1


def test_an_alert_from_claim_to_documentation_by_plain_forms(stack):
    """Claimed, on the way, on site, ended in two taps, documented with cause, action and contact: no script needed."""
    alert_id = stack.press()
    client = stack.person()
    for act in ("claim", "en-route", "on-site", "end"):
        answer = client.post(f"/alerts/{alert_id}/{act}", data={"key": key_of(client.get(f"/alerts/{alert_id}").text)})
        assert answer.status_code == 200, act
        assert answer.url.path == f"/alerts/{alert_id}"
    form = client.get(f"/alerts/{alert_id}").text
    assert "Hva var det?" in form
    data = {"key": key_of(form), "cause": "toilet", "action": "visit", "contact": "spoke"}
    page = client.post(f"/alerts/{alert_id}/document", data=data).text

    assert "Dokumentert: Toalett, Var hos personen, Snakket med personen" in page


def test_a_p1_offers_to_end_only_after_contact(stack):
    """Only what is possible now is offered: ending a P1 comes with contact, or on site."""
    alert_id = stack.press()
    client = stack.person()
    take(client, alert_id)
    before = client.get(f"/alerts/{alert_id}").text
    take(client, alert_id, "contact", outcome="spoke")
    after = client.get(f"/alerts/{alert_id}").text

    assert ("Ja, ferdig" in before, "Ja, ferdig" in after) == (False, True)


def test_a_form_without_its_token_is_refused_in_words(stack):
    """Another site's form does nothing, and a page that is too old says so."""
    alert_id = stack.press()
    client = stack.person()
    key = key_of(client.get(f"/alerts/{alert_id}").text)
    del client.headers["x-csrf-token"]
    answer = client.post(f"/alerts/{alert_id}/claim", data={"key": key, "csrf": "feil"})

    assert answer.status_code == 403
    assert "Last siden på nytt" in answer.text


def test_p1_rings_and_p2_sounds_once(stack):
    """The frame names what must sound: unclaimed P1 again and again, P2 once, nothing that somebody has."""
    p1 = stack.press()
    client = stack.person()
    stack.apply(out_of_bed("e2", stack.now_ms, resident="r2", subject="r2", home="h2"))
    frame = client.get("/parts/frame").text
    ring, once = re.findall(r'data-(?:ring|once)="([^"]*)"', frame)
    take(client, p1)
    after = client.get("/parts/frame").text

    assert len(ring.split()) == 1
    assert len(once.split()) == 1
    assert 'data-ring=""' in after


def test_a_pause_is_saved_and_says_when_it_is_in_force(stack):
    """A pause begins now, stands on the page as saved, and can be ended; an unknown reason is refused."""
    client = stack.person()
    begun = client.post("/residents/r1/pauses", data={"reason": "hospital", "hours": "24"})
    (pause,) = stack.store.list("pause", resident="r1")

    assert "Pausen er lagret." in begun.text
    assert "Lagret, gjelder straks" in begun.text
    assert pause["until_ms"] - pause["from_ms"] == 24 * 3_600_000
    assert client.post("/residents/r1/pauses", data={"reason": "latskap", "hours": "24"}).status_code == 422
    client.post(f"/residents/r1/pauses/{pause['id']}/end")
    assert stack.store.list("pause", resident="r1") == []


def test_a_test_session_begins_and_ends(stack):
    """One device, a named person, in everybody's sight on the strip; then closed."""
    client = stack.person()
    begun = client.post("/tests", data={"device": "d1"})
    (session,) = stack.store.list("test_session")

    assert "1 testøkt i gang" in begun.text
    assert "Smykke, Kari Nordmann" in begun.text
    assert "testøkt i gang" not in client.post(f"/tests/{session['id']}/close").text


def test_try_it_runs_what_it_offers(stack, demo):
    """A button runs its action, an unknown one is refused."""
    client = stack.person()

    assert "Trykk på smykke" in client.get("/try").text
    assert client.post("/try/press:r1", headers={"hx-request": "true"}).text == "Sendt."
    assert client.post("/try/annet").status_code == 404
    assert demo.ran == ["press:r1"]
