"""Pages of what is quiet, of the hand-over and of the numbers, as somebody reads and uses them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.board import board_stack
from tests.support.desk import MINUTE, out_of_bed, way_gone
from tests.support.http import HttpStack


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with board_stack(tmp_path) as made:
        yield made


def apply(stack, *effects):
    position = stack.desk.applied("home", 0)
    stack.desk.apply("home", 0, position, position + 1, effects)


def test_somebody_silences_a_rule_and_ends_it_on_the_page(stack):
    """The form says why and for how long; the line says who; alarms are refused in words; ending takes it away."""
    ola = stack.person()
    refused = ola.post("/quiet/silences", data={"what": "resident r1", "rule": "R01", "hours": 2, "reason": "støy"})
    assert (refused.status_code, "Alarmer kan ikke dempes" in refused.text) == (422, True)
    form = {"what": "resident r1", "rule": "R05", "hours": 2, "reason": "hos legen"}
    page = ola.post("/quiet/silences", data=form, follow_redirects=True).text
    assert "hos legen" in page
    assert "Ute av sengen lenge · Kari Nordmann" in page
    bed = out_of_bed("b1", stack.now_ms)
    apply(stack, bed)
    assert "Dempet til" in ola.get(f"/alerts/{bed.alert_id}").text
    silence = page.split("/quiet/silences/")[1].split("/end")[0]
    after = ola.post(f"/quiet/silences/{silence}/end", follow_redirects=True).text
    assert "Ingenting er dempet" in after


def test_the_list_of_an_outage_is_called_from_the_page(stack):
    """Names and telephone numbers, the critical first; a tick says who reached whom."""
    ola = stack.person()
    for n in range(3):
        home, person, gateway = f"x{n}", f"p{n}", f"g{n}"
        stack.store.save("home", home, {"ward": "nord", "kind": "own_home"}, None, stack.now_ms)
        someone = {"home": home, "name": f"Bruker {n}", "critical": n == 2, "phone": f"+479999999{n}"}
        stack.store.save("resident", person, someone, None, stack.now_ms)
        stack.store.save("gateway", gateway, {"home": home, "address": f"vardevakt:{gateway}"}, None, stack.now_ms)
        apply(stack, *way_gone(home, person, gateway, stack.now_ms))
    page = ola.get("/quiet").text
    assert "Nord: 3 hjem er borte" in page
    assert page.index("Bruker 2") < page.index("Bruker 0")
    assert 'href="tel:+4799999992"' in page
    outage = page.split("/quiet/outages/")[1].split("/people")[0]
    after = ola.post(f"/quiet/outages/{outage}/people/p2", data={"outcome": "spoke"}, follow_redirects=True).text
    assert "Snakket med, Ola" in after
    assert ola.post(f"/quiet/outages/{outage}/people/p2", data={"outcome": "nei"}).status_code == 422


def test_a_shift_is_taken_over_on_the_page(stack):
    """What is open stands there by name; taking over is said, and the next look begins there."""
    ola = stack.person()
    stack.press()
    page = ola.get("/handover?ward=nord").text
    assert "Kari Nordmann" in page
    assert "Jeg tar over" in page
    after = ola.post("/handover", data={"ward": "nord"}, follow_redirects=True).text
    assert "Sist tatt over av Ola" in after
    english = ola.get("/handover?ward=nord&lang=en").text
    assert "Last taken over by Ola" in english


def test_the_numbers_are_read_without_names(stack):
    """How fast, what came of it; nobody's name."""
    ola = stack.person()
    alert = stack.press()
    stack.now_ms += 2 * MINUTE
    ola.post(f"/api/v1/alerts/{alert}/claim", headers={"idempotency-key": "k1"})
    page = ola.get("/reports").text
    assert "halvparten på 2 min, ni av ti på 2 min; 100 % innen 3 min" in page
    assert "Trykket på alarmen" in page
    assert "Kari" not in page
