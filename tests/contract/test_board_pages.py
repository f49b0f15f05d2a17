"""Pages over the real desk: who may see what, acts by plain forms, words, and what is written down about it."""

import re
from collections.abc import Iterator

import pytest

from alerts.access import access_log
from api.board.page import SOUND_COOKIE
from tests.support.board import FakeDemo, board_stack
from tests.support.desk import out_of_bed
from tests.support.http import PASSWORD, HttpStack

PAGES = [
    "/",
    "/residents",
    "/residents/r1",
    "/unwatched",
    "/devices",
    "/rules",
    "/tests",
    "/try",
    "/dead-letters",
    "/?wall=1",
]


@pytest.fixture
def demo() -> FakeDemo:
    return FakeDemo()


@pytest.fixture
def stack(tmp_path, demo) -> Iterator[HttpStack]:
    with board_stack(tmp_path, demo=demo) as made:
        yield made


@pytest.mark.parametrize("lang", ["nb", "en"])
def test_every_page_stands_in_both_languages(stack, lang):
    """Each page answers in its language, and no code stands where a word should."""
    stack.press()
    client = stack.person(roles=("carer", "operator"))
    for path in PAGES:
        answer = client.get(path, params={"lang": lang})
        assert answer.status_code == 200, path
        assert f'<html lang="{lang}"' in answer.text, path
        assert not re.search(r">\s*(?:queue|menu|state|act|why)\.[a-z_]+\s*<", answer.text), path


def test_a_stranger_is_sent_to_the_login_and_back(stack):
    """Without a session each page leads to the log-in, which remembers where one wanted to go."""
    client = stack.client(follow_redirects=False)
    away = client.get("/residents/r1")

    assert (away.status_code, away.headers["location"]) == (303, "/login?next=%2Fresidents%2Fr1")
    assert 'value="/residents/r1"' in client.get(away.headers["location"]).text
    assert client.get("/parts/queue", headers={"hx-request": "true"}).status_code == 401


def test_logging_in_by_the_form(stack):
    """The form leads on with a session; a wrong password comes back with a sentence, in the chosen language."""
    stack.person("ola")
    client = stack.client()
    client.cookies.set("lang", "en")
    wrong = client.post("/login", data={"user": "ola", "password": "nei", "next": "/rules"})
    right = client.post("/login", data={"user": "ola", "password": PASSWORD, "next": "/rules"})

    assert "Wrong user or password" in wrong.text or "Check user and password" in wrong.text
    assert right.url.path == "/rules"


def test_the_queue_shows_who_what_where_and_what_comes_next(stack):
    """A press stands there with name, ward, words, its one act, and whom is rung next."""
    stack.press()
    html = stack.person().get("/").text

    for text in ("Kari N.", "Nord", "Trykket på alarmen", "Jeg tar den", "Ringer Natt 1 · neste: Natt 2", "Hvorfor?"):
        assert text in html
    assert "Nordmann" not in html, "the queue and the wall show short names"
    assert re.search(r"<title>\(1\) ", html)


def test_an_operator_sees_no_names(stack):
    """Who does not care for people sees the queue with pseudonyms, and nobody's page."""
    stack.press()
    client = stack.person("drift", staff=None, roles=("operator",))

    assert "Kari" not in client.get("/").text
    assert client.get("/residents/r1").status_code == 403
    assert "Jeg tar den</button>" not in client.get(f"/alerts/{stack.press('e9')}").text


def test_an_empty_queue_says_so_and_that_homes_are_heard(stack):
    """Nobody needs anybody, and how many homes are heard; blind, it never says that."""
    client = stack.person()

    assert "Ingen trenger deg nå." in client.get("/").text
    assert "2 av 2 hjem høres." in client.get("/").text
    stack.feed.state, stack.feed.gap_since_ms = "blind", stack.now_ms - 60_000
    blind = client.get("/").text
    assert "Ingen trenger deg nå." not in blind
    assert "Tjenesten hører ingenting fra hjemmene." in blind
    assert "0 av 2 hjem høres." in blind


def test_why_names_limit_origin_and_what_was_held_back(stack):
    """The explanation has the numbers, whose limit it was, and the page shows the rule's version."""
    effect = out_of_bed("e1", stack.now_ms)
    stack.apply(effect)
    html = stack.person().get(f"/alerts/{effect.alert_id}").text

    for text in ("Hvorfor?", "Regel", "R05", effect.rule_version, "Hva som ble holdt tilbake"):
        assert text in html


def test_an_alert_that_stays_open_is_one_read_in_the_log(stack):
    """The page loads itself anew at each change; the person's log shows one look, with who and why."""
    alert_id = stack.press()
    client = stack.person()
    for _ in range(4):
        assert client.get(f"/parts/alerts/{alert_id}").status_code == 200
    rows = access_log.list(stack.database, "r1")["items"]

    assert [(row["who"], row["what"], row["why"]) for row in rows if row["what"] == "alert"] == [
        ("ola", "alert", "care")
    ]


def test_a_carer_of_another_ward_sees_neither_alert_nor_person(stack):
    """Wards are kept apart on the pages as in the API."""
    alert_id = stack.press()
    client = stack.person("emil", "s2", wards=("sor",))

    assert "Kari" not in client.get("/").text
    assert client.get(f"/alerts/{alert_id}").status_code == 403
    assert client.get("/residents/r1").status_code == 403
    assert "Kari" not in client.get("/residents").text


def test_unknown_pages_are_pages_and_unknown_api_paths_are_problems(stack):
    """A wrong address is told in words on a page; the API keeps its own errors, 405 included."""
    client = stack.person()
    page = client.get("/finnes-ikke")

    assert (page.status_code, "text/html" in page.headers["content-type"]) == (404, True)
    assert "Til køen" in page.text
    assert client.get("/api/v1/finnes-ikke").headers["content-type"] == "application/problem+json"
    assert client.delete("/api/v1/alerts").status_code == 405
    assert client.get("/alerts/ukjent").status_code == 404


def test_sound_is_muted_for_the_shift_with_a_sign(stack):
    """Muting lasts to the shift change (07:30), shows on each page, and can be taken back."""
    client = stack.person()
    muted = client.post("/sound", data={"sound": "off", "next": "/rules"})
    assert muted.url.path == "/rules"
    assert muted.text.count("Lyd av til 07:30") >= 1
    assert 'data-muted="yes"' in muted.text
    for _ in range(3):
        stack.now_ms += 2 * 3_600_000
        client.get("/")  # an open board keeps its session
    assert 'data-muted="no"' in client.get("/").text, "a new shift hears again"
    client.post("/sound", data={"sound": "on", "next": "/"})
    assert SOUND_COOKIE not in client.cookies


def test_silent_gateways_are_told_on_the_strip(stack):
    """A gateway not heard for three of its intervals is away; one never heard is not installed yet."""
    stack.store.save("gateway", "gw-1", {"home": "h1", "address": "vardevakt:gw-1", "interval": "5 min"}, None, 1)
    client = stack.person()
    assert "gateway borte" not in client.get("/").text
    stack.heard["vardevakt:gw-1"] = stack.now_ms - 16 * 60_000
    html = client.get("/").text

    assert "1 gateway borte" in html
    assert "1 av 2 hjem høres." in html


def test_unassigned_addresses_are_shown_to_operators_only(stack):
    """What is heard and belongs to nobody stands on the devices' page of those who can assign it."""
    stack.heard["zigbee2mqtt:ukjent"] = stack.now_ms
    operator = stack.person("drift", staff=None, roles=("operator",)).get("/devices").text
    carer = stack.person().get("/devices").text

    assert ("zigbee2mqtt:ukjent" in operator, "zigbee2mqtt:ukjent" in carer) == (True, False)


def test_outside_the_demo_there_is_nothing_to_try(tmp_path):
    """A real service has no such page, no such menu, and shows no password."""
    with board_stack(tmp_path) as stack:
        client = stack.person()

        assert client.get("/try").status_code == 404
        assert "/try" not in client.get("/").text
        assert "Demo:" not in stack.client().get("/login").text


def test_static_files_are_kept_by_their_content(stack):
    """A file with the mark of its content may be kept for ever; without it it is asked for again."""
    client = stack.person()
    (path,) = set(re.findall(r'href="(/static/board\.css\?v=[0-9a-f]+)"', client.get("/").text))

    assert "immutable" in client.get(path).headers["cache-control"]
    assert client.get("/static/board.css").headers["cache-control"] == "no-cache"
    assert client.get("/static/finnes-ikke.css").status_code == 404
    assert client.get("/static/..%2fapp.py").status_code == 404


def test_a_measure_that_lapses_is_told_in_advance(stack):
    """Thirty days before its last day it stands on the list and on the person's page; one without an end never."""
    for key, until in (("m-soon", "2026-03-20"), ("m-late", "2026-09-01"), ("m-open", None)):
        value = {"id": key, "resident": "r1", "service": "digital_supervision", "from": "2026-01-01", "until": until}
        stack.store.save("measure", key, {name: one for name, one in value.items() if one}, None, stack.now_ms)
    client = stack.person()
    listed = client.get("/unwatched", params={"lang": "nb"}).text

    assert listed.count("20. mars") == 1
    assert "september" not in listed
    assert "Går snart ut" in client.get("/residents/r1", params={"lang": "nb"}).text
