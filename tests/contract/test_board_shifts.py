"""The page of shifts and the shift's phone: what each role sees and does on it, in both languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import insert

from alerts.schema.shifts import rota
from tests.support.board import board_stack
from tests.support.desk import HOUR, MINUTE, SITE
from tests.support.http import PASSWORD, HttpStack

CSV = "ansatt;funksjon;fra;til\nOla;Natt 1;2026-03-01 22:00;07:30\nIda;Natt 2;2026-03-02 22:00;07:30\n"


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with board_stack(tmp_path) as made:
        yield made


def leader(stack):
    return stack.person("leder", None, roles=("operator",))


def upload(client, content, name="turnus.csv", **more):
    return client.post("/shifts/rota", files={"rota": (name, content)}, data=more)


@pytest.mark.parametrize(("lang", "word"), [("nb", "På vakt nå"), ("en", "On shift now")])
def test_the_page_stands_in_both_languages_and_shows_leaders_more(stack, lang, word):
    """Everybody signed in sees who is on; the rota and telephones are a leader's."""
    ola = stack.person().get("/shifts", params={"lang": lang})
    lead = leader(stack).get("/shifts", params={"lang": lang})
    assert (ola.status_code, word in ola.text, lead.status_code) == (200, True, 200)
    assert ('name="rota"' in ola.text, 'name="rota"' in lead.text) == (False, True)
    assert not re.search(r">\s*(?:shifts?|strip)\.[a-z_]+\s*<", ola.text + lead.text)


def test_only_what_one_may_take_is_offered(stack):
    """Ola's own function and no other; what the rota gives him today comes first; a leader without any is told so."""
    offered = re.compile(r'action="[^"]*/shifts".*?</form>', re.DOTALL)

    def options(client):
        found = offered.search(client.get("/shifts").text)
        return [] if found is None else re.findall(r'<option value="([^"]+)"', found.group())

    assert options(stack.person()) == ["natt-1"]
    now_ms = stack.now_ms
    row = {"site_id": SITE, "id": "x", "function_id": "natt-2", "saved_ms": 0, "planned_staff_id": "s1"}
    with stack.database.writer.begin() as conn:
        conn.execute(insert(rota).values(row | {"staff_id": "s1", "from_ms": now_ms, "until_ms": now_ms + 8 * HOUR}))
    assert options(stack.person()) == ["natt-2", "natt-1"]
    assert options(stack.person("sjef", None, roles=("carer",))) == []


def test_check_in_stands_in_the_frame_and_check_out_takes_it_away(stack):
    """ "Natt 1: Ola til 07:30" on every page; with nobody left the strip says so."""
    ola = stack.person()
    ola.post("/shifts", data={"function": "natt-1", "until": "07:30"})
    assert "Natt 1: Ola til 07:30" in ola.get("/").text
    page = ola.get("/shifts").text
    (shift,) = re.findall(r"shifts/([0-9a-f-]+)/check-out", page)
    assert "Ingen på vakt: Nord" not in page
    done = ola.post(f"/shifts/{shift}/check-out")
    assert "Det er gjort." in done.text
    assert "Ingen på vakt: Nord" in done.text
    assert "Natt 1: Ola" not in done.text


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"function": "natt-2"}, "Vakten er ikke blant dine"),
        ({"function": "natt-1", "until": "snart"}, "kan ikke brukes"),
        ({"function": "<b>" * 60}, "kan ikke brukes"),
    ],
)
def test_what_cannot_be_checked_in_to_is_said_on_the_page(stack, form, sentence):
    """The page comes back with a sentence, nobody is on shift, and markup is text."""
    answer = stack.person().post("/shifts", data=form)
    assert answer.status_code in {403, 422}
    assert sentence in answer.text
    assert "<b><b>" not in answer.text
    assert 'check-out"' not in answer.text


def test_a_rota_is_tried_then_saved_and_its_holes_are_shown(stack):
    """A trial saves nothing; saved it is the page's next and the list of holes; a mistake is named with its line."""
    lead = leader(stack)
    tried = upload(lead, CSV, trial="1")
    assert "Prøvd, ikke lagret: 2 nye" in tried.text
    assert "Nord: ingen fra" in tried.text
    assert "Neste: Ola" not in lead.get("/shifts").text
    assert "Lagret: 2 nye" in upload(lead, CSV).text
    page = lead.get("/shifts").text
    assert "Neste: Ola" in page
    assert "<li>Nord: kl. 02:30 til kl. 22:00</li>" in page, "from now to the first night"
    assert "3 hull i turnusen" in page

    wrong = upload(lead, CSV.replace("Ida", "Idaa").replace("Natt 1", "<i>Natt 1</i>"))
    assert wrong.status_code == 422
    assert "Linje 3: Den ansatte finnes ikke. Mente du Ida?" in wrong.text
    assert "<i>" not in wrong.text
    assert upload(stack.person(), CSV).status_code == 403


def test_a_browser_becomes_a_phone_and_the_next_one_checks_in_on_it_with_a_pin(stack):
    """The leader registers it once; then name, PIN and function are enough, whoever had it before."""
    ola = stack.person()
    ola.post("/shifts/pin", data={"pin": "4711", "password": PASSWORD})
    phone = leader(stack)
    assert stack.client().get("/check-in", follow_redirects=False).headers["location"].startswith("/login")
    registered = phone.post("/shifts/phone", data={"label": "Nattelefon", "function": "natt-1"})
    assert "Telefonen er registrert." in registered.text
    phone.post("/logout")
    assert "Stemple inn med PIN" in phone.get("/login").text

    wrong = phone.post("/check-in", data={"user": "ola", "pin": "0815", "function": "natt-1"})
    assert (wrong.status_code, "Sjekk bruker og PIN" in wrong.text) == (
        401,
        True,
    )
    right = phone.post("/check-in", data={"user": "ola", "pin": "4711", "function": "natt-1"})
    assert "Natt 1: Ola" in right.text
    assert phone.get("/api/v1/session").json()["user"] == "ola"
    assert 'data-phone="yes"' in right.text, "beat.js tells from now on that it is there"
    stack.now_ms += 6 * MINUTE
    assert "Nattelefon ikke hørt siden" in phone.get("/shifts").text
    assert "1 vakttelefon høres ikke" in phone.get("/").text
    assert phone.post("/api/v1/phones/heartbeat").status_code == 200
    assert "høres ikke" not in phone.get("/").text


def test_sound_is_muted_at_most_until_ones_own_shift_ends(stack):
    """With a shift of one's own the mute ends with it, not with the usual hours."""
    ola = stack.person()
    ola.post("/shifts", data={"function": "natt-1", "until": "05:00"})
    ola.post("/sound", data={"sound": "off"})
    assert int(ola.cookies["sound_off_until"]) == stack.now_ms + 2 * HOUR + 30 * MINUTE


def test_health_names_what_nobody_covers_without_calling_the_service_unready(stack):
    """A ward with nobody on duty and holes in its rota are reasons to look, not to restart."""
    upload(leader(stack), CSV)
    health = stack.client().get("/health/ready")
    found = {(one["code"], one["part"], one["blocking"]) for one in health.json()["reasons"]}
    assert {("nobody_on_duty", "nord", False), ("rota_gap", "nord", False)} <= found
    assert health.status_code == 200
