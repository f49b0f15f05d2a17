"""The form of who is rung: what a leader picks is what the API saves, and each refusal stands beside its field."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

import pytest

from api.board.words import LANGUAGES, catalogue
from tests.support.board import board_stack
from tests.support.http import HttpStack
from tests.support.tree import ROOT

LAST = {"after_2": "5", "tell_2": ["all", "fallback"]}
NIGHTS: dict[str, Any] = {
    "name": "Netter på Åsen", "ward": "nord", "from": "22", "until": "07.00", "priority": ["P1"], "group": ["4"],
    "codes": "3, 7.1", "rule": ["", "R10"], "owner": "centre", "centre": "Sentralen Øst", "rings": "any_hour",
    "steps": "3", "after_0": "0", "tell_0": ["1", "responders"], "after_1": "1,5", "tell_1": ["function:natt-2"],
    **LAST, "repeat": "2", "two": "1", "why": "2026/114",
}  # fmt: skip


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[HttpStack]:
    with board_stack(tmp_path_factory.mktemp("policy-form")) as made:
        for place in (1, 2):
            phone = {"ward": "nord", "name": f"Natt {place}", "phone": f"+479888888{place}"}
            made.store.save("function", f"natt-{place}", phone, None, made.now_ms)
        made.store.save("function", "tom", {"ward": "nord", "name": "Tom"}, None, made.now_ms)
        yield made


@pytest.fixture(scope="module")
def leader(stack):
    return stack.person("leder", None, roles=("operator",))


def send(client, form, **headers):
    return client.post("/policies/form", data={"csrf": client.headers["x-csrf-token"], "do": "save"} | form, **headers)


def test_what_is_picked_on_the_form_is_what_the_api_saves_and_shows_again(stack, leader):
    """Every field once, clocks and minutes as people write them, a name with a space in it; then it is changed."""
    saved = send(leader, NIGHTS)
    assert (saved.status_code, "Lagret. Gjelder fra neste alarm." in saved.text) == (200, True), saved.text[:300]
    policy = leader.get("/api/v1/policies/netter-pa-asen").json()
    fields = ("ward", "hours", "priorities", "rules", "codes", "owner", "two", "why")
    assert {name: policy[name] for name in fields} == {
        "ward": "nord", "hours": "22:00-07:00", "priorities": ["P1"], "rules": ["R10"], "codes": ["4", "3", "7.1"],
        "owner": "sentralen-ost", "two": True, "why": "2026/114",
    }  # fmt: skip
    assert (policy["steps"][1], policy["repeat"]) == ({"after": "90 s", "tell": ["function:natt-2"]}, "2 min")

    page = leader.get("/policies/form?policy_id=netter-pa-asen").text
    for shown in ('name="after_1" id="after-1" maxlength="12" inputmode="decimal" value="1,5"', 'value="22:00"'):
        assert shown in page, shown
    assert re.search(r'name="tell_1" value="function:natt-2" checked> Natt 2', page)
    changed = NIGHTS | {"was": "netter-pa-asen", "version": "1", "name": "", "two": "", "owner": "us"}
    assert send(leader, changed).status_code == 200
    after = leader.get("/api/v1/policies/netter-pa-asen").json()
    assert (after["version"], after["two"], after["owner"]) == (2, False, "us")
    stale = send(leader, changed | {"why": "etterpå"})
    assert (stale.status_code, "Noen andre har endret den imens" in stale.text) == (422, True)
    taken = send(leader, NIGHTS)
    assert 'id="wrong-name">Det finnes en med dette navnet' in taken.text
    assert leader.delete("/api/v1/policies/netter-pa-asen").status_code == 200


@pytest.mark.parametrize(
    ("change", "place", "says"),
    [
        ({"tell_2": ["all"]}, "tell-2", "Siste trinn kan ende med at ingen ringes. Velg også vakttelefonen utenfor."),
        ({"tell_1": []}, "tell-1", "Ingen er valgt. Velg minst én."),
        ({"tell_1": ["responders"]}, "tell-1", "Pårørende er aldri de eneste."),
        ({"tell_1": ["function:tom", "all"]}, "tell-1", "Tom er tom: ingen ansatte har den"),
        ({"tell_1": ["function:borte"]}, "tell-1", "Det finnes ingen funksjon borte."),
        ({"tell_1": ["9"]}, "tell-1", "Sonen har bare 3 funksjoner."),
        ({"ward": "sor"}, "tell-0", "Sonen har ingen funksjoner"),
        ({"after_0": "1"}, "after-0", "En P1 må ringe med en gang: skriv 0."),
        ({"after_1": "0"}, "after-1", "Må komme senere enn trinnet før."),
        ({"after_1": "snart"}, "after-1", "Ikke en tid. Skriv minutter"),
        ({"after_2": "20"}, "after-2", "Siste trinn for en P1 må komme innen 15 min."),
        ({"repeat": "30"}, "repeat", "Må være mellom 30 s og 10 min når det kan være en P1."),
        ({"repeat": ""}, "repeat", "Ikke en tid."),
        ({"rings": "by_day"}, "rings", "En P1 kan ikke vente på en liste."),
        ({"priority": ["P2"], "rings": "workday"}, "rings", "En P2 kan ikke vente på en liste."),
        ({"priority": ["P3"], "tell_2": ["1"]}, "tell-2", "Velg også alle på vakt eller vakttelefonen utenfor."),
        ({"rule": ["R53"], "owner": "us"}, "tell-0", "ringes alle på en gang"),
        ({"rule": ["R53"], "tell_0": ["all"]}, "owner", "er det alltid vi som har den først"),
        ({"rule": ["R99"]}, "rules", "Finnes ikke hos oss."),
        ({"codes": "fall"}, "codes", "Finnes ikke hos oss."),
        ({"until": ""}, "hours", "Ikke to klokkeslett."),
        ({"centre": ""}, "owner", "Skriv et navn"),
        ({"name": " "}, "name", "Skriv et navn"),
        ({"why": "x" * 201}, "why", "For langt."),
    ],
)
def test_what_could_end_in_silence_or_names_nobody_is_refused_beside_its_field(stack, leader, change, place, says):
    """The desk's own reason in plain words at the field, which is marked and has the cursor; nothing is saved and
    nothing written is lost.
    """
    refused = send(leader, NIGHTS | change)
    page = html.unescape(refused.text)
    assert (refused.status_code, "Ikke lagret. Se det som er merket." in page) == (422, True)
    beside = re.findall(rf'id="wrong-{place}">([^<]*)<', page)
    assert any(says in said for said in beside), re.findall(r'id="wrong-[^>]*>[^<]*<', page)
    assert re.search(rf'aria-describedby="wrong-{place}"[^>]* autofocus', page), "the cursor stands there"
    if "why" not in change:
        assert 'name="why" maxlength="200" value="2026/114"' in page
    assert leader.get("/api/v1/policies").json()["items"] == []


def test_a_step_more_or_less_and_another_ward_keep_what_was_written(stack, leader):
    """Shown again as a fragment for htmx and as a page without: the cursor stands in the new step."""
    more = send(leader, NIGHTS | {"do": "add"}, headers={"hx-request": "true"}).text
    assert more.lstrip().startswith("<form")
    assert re.search(r'name="after_2" id="after-2"[^>]* value=""[^>]* autofocus', more)
    assert 'name="steps" value="4"' in more
    assert re.search(r'name="tell_3" value="fallback" checked', more), "the last stays the last"
    less = send(leader, NIGHTS | {"do": "drop-0"}).text
    assert 'name="steps" value="2"' in less
    assert 'name="after_0" id="after-0" maxlength="12" inputmode="decimal" value="1,5"' in less
    elsewhere = send(leader, NIGHTS | {"do": "show", "ward": "sor"}).text
    assert re.search(r'value="function:natt-2" checked> function:natt-2', elsewhere), "still there to be taken away"
    assert "Natt 1 <" not in elsewhere
    for odd in ("drop-2", "drop-99", "drop-x", "add-1000"):
        assert 'name="steps" value="' in send(leader, NIGHTS | {"do": odd}).text
    assert leader.get("/api/v1/policies").json()["items"] == []


def test_a_line_of_the_usual_ones_is_where_one_s_own_begins(stack, leader):
    """The list leads to it; JSON of the same line is in the fold-out; a function says how it is reached."""
    assert "/policies/form?like=on_foot-P2&amp;ward=nord" in leader.get("/policies").text
    page = html.unescape(leader.get("/policies/form?like=on_foot-P2&ward=nord").text)
    assert 'name="after_2" id="after-2" maxlength="12" inputmode="decimal" value="15"' in page
    assert re.search(r'<option value="nord" selected', page)
    assert '"after": "15 min"' in page
    assert re.search(r'value="function:tom"> Tom <span class="warn">ingen telefon', page)
    english = leader.get("/policies/form?like=centre-P1&lang=en").text
    leader.get("/policies?lang=nb")
    assert "In the end, until somebody takes it" in english
    assert leader.get("/policies/form?policy_id=borte").status_code == 404


def test_the_form_is_for_operators_of_the_ward(stack, leader):
    """A carer reads the list without buttons; a leader of one ward changes its own alone, and not the whole site."""
    carer = stack.person("ola", "s1")
    assert ("/policies/form" in carer.get("/policies").text, carer.get("/policies/form").status_code) == (False, 403)
    assert send(carer, NIGHTS).status_code == 403
    bound = stack.person("siri", None, roles=("operator",), wards=("sor",))
    page = bound.get("/policies/form").text
    assert ('<option value="sor" selected' in page, '<option value=""' in page.split('name="ward"')[1][:300]) == (
        True,
        False,
    )
    assert [send(bound, NIGHTS | {"ward": ward}).status_code for ward in ("nord", "")] == [403, 403]


def test_every_reason_of_the_desk_has_words(stack):
    """A code that nobody has put into words would be English on a Norwegian page."""
    source = (ROOT / "alerts" / "routing" / "policies.py").read_text("utf-8")
    codes = set(
        re.findall(r'Problem\("([a-z_]+)"|return "([a-z_]+)", [fs]|wrong\("([a-z_]+)"|code = "([a-z_]+)"', source)
    )
    named = {code for found in codes for code in found if code} | {"no_end", "not_at_once", "not_all_at_once"}
    assert len(named) > 12
    for lang in LANGUAGES:
        assert sorted(code for code in named if f"policy_problem.{code}" not in catalogue(lang)) == []
