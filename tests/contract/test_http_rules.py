"""The rule book over HTTP: for the site, for one person with whose word each value is, and what is on trial."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerts.shadow_sql import SqlShadow
from alerts.site.settings_store import mark_in_force
from api.board.router import board_router
from api.http.app import create_app
from api.running.rule_book import ServedBook, settle_book
from api.running.shadow import FILE
from rules.book import Layer, with_versions
from rules.book_file import shipped_book
from rules.effects import Clear, Raise, Reason
from rules.shadow_store import ShadowStore
from tests.support.desk import SITE
from tests.support.http import HttpStack, http_stack, slug

MEASURE = {"resident": "r1", "service": "digital_supervision", "from": "2026-01-01", "until": "2026-06-30"}
PLAN = {"resident": "r1", "rule": "R05", "from": "2026-01-01"}


def book() -> Any:
    """Per ward and site something else than shipped, one rule off, one on trial."""
    layers = (Layer("site", None, {"R05": {"for": "25 min"}}), Layer("ward nord", "nord", {"R05": {"for": "30 min"}}))
    return with_versions(
        msgspec.structs.replace(shipped_book(), layers=layers, off=("R37",), shadow={"R07": {"by": "02:00"}})
    )


def settle(stack: HttpStack, kind: str, item_id: str, value: dict[str, Any], *, seen: bool = True) -> None:
    """Saved, and seen by the folds where nothing else is said."""
    version = stack.store.save(kind, item_id, value, None, stack.now_ms)
    if seen:
        with stack.database.writer.begin() as conn:
            mark_in_force(conn, SITE, f"{kind}/{item_id}", version)


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[HttpStack]:
    """The whole book of a site, R05 of Kari decided and planned, and trials that have told of both homes."""
    with http_stack(tmp_path) as made:
        settle_book(made.store, book(), made.now_ms)
        settle(made, "measure", "m1", MEASURE)
        settle(made, "plan", "p1", PLAN | {"set": {"for": "35 min"}})
        services = replace(made.services(), rule_book=ServedBook(made.store))
        made.app = create_app(services, [board_router(services)])
        trials = ShadowStore(tmp_path / FILE)
        trials.write("v1", [told(number, *who) for number, who in enumerate((("h1", "r1"), ("h2", "r2")) * 2)])
        trials.write("v1", [Clear("x0", "a0", made.now_ms + 9_000, Reason("deadline.over"))])
        trials.close()
        yield made


def told(number: int, home: str, subject: str) -> Raise:
    at_ms = 1_772_312_400_000 + number * 60_000
    return Raise(
        f"e{number}", f"a{number}", at_ms, SITE, home, subject, "R07", "v", "4.19", "P3", str(number), "active",
        Reason("deadline.passed", {"due_ms": at_ms}),
    )  # fmt: skip


def test_on_many_machines_the_desk_has_what_trials_told(stack: HttpStack) -> None:
    """The same page out of the desk's database, where a process has no data folder."""
    SqlShadow(stack.database, 0).write("v1", [told(number, "h1", "r1") for number in range(3)])
    stack.app = create_app(replace(stack.services(), rule_book=ServedBook(stack.store), data=None), [])
    client = stack.machine("operator")
    first = client.get("/api/v1/rules/R07/shadow", params={"limit": 2}).json()
    rest = client.get("/api/v1/rules/R07/shadow", params={"cursor": first["next"]}).json()

    dues = [one["reason"]["args"]["due_ms"] for one in (*first["items"], *rest["items"])]
    assert dues == [told(number, "h1", "r1").at_ms for number in (2, 1, 0)]
    assert first["items"][0]["reason"]["code"] == "deadline.passed"
    assert rest["next"] is None


def by_id(answer: Any) -> dict[str, Any]:
    return {rule["id"]: rule for rule in answer.json()["items"]}


def test_the_book_says_what_is_in_force_where(stack: HttpStack) -> None:
    """Site, ward and trial each have their values; what a ward says is not taken for everybody's."""
    rules = by_id(stack.machine("operator").get("/api/v1/rules"))
    bed = rules["R05"]

    assert bed["name"] == {"nb": "Ute av sengen for lenge", "en": "Out of bed too long"}
    assert (bed["family"], bed["kind"], bed["roles"]) == ("bed", "dwell", ["bed"])
    assert bed["parameters"]["for"] == {"value": "25 min", "from": "site"}
    assert bed["wards"] == {"nord": {"for": {"value": "30 min", "from": "ward nord"}}}
    assert (rules["R37"]["on"], rules["R06"]["on"], rules["R01"]["on"]) == (False, False, True)
    assert (rules["R07"]["trial"], bed["trial"]) == ({"by": "02:00"}, None)


def test_for_one_person_with_whose_word_each_value_is(stack: HttpStack) -> None:
    """Plan over ward over site over book; and whether a measure lets the rule watch, until when."""
    client = stack.machine("carer")
    kari = client.get("/api/v1/rules/R05", params={"resident": "r1"}).json()
    per = by_id(client.get("/api/v1/rules", params={"resident": "r2"}))

    assert kari["parameters"]["for"] == {"value": "35 min", "from": "plan r1"}
    assert kari["parameters"]["window"] == {"value": "22:00-06:00", "from": "book"}
    assert (kari["standing"], kari["until"]) == ("on", "2026-06-30T22:00:00Z")
    assert per["R05"]["parameters"]["for"] == {"value": "25 min", "from": "site"}
    assert [per[rule]["standing"] for rule in ("R01", "R05", "R06", "R37")] == ["on", "no_measure", "off", "off"]


def test_what_the_folds_have_not_seen_is_not_in_force(stack: HttpStack) -> None:
    """A plan changed a moment ago counts with the version that rules; a pause shows when it has come to them."""
    settle(stack, "plan", "p1", PLAN | {"set": {"for": "50 min"}}, seen=False)
    pause = {"resident": "r1", "from_ms": stack.now_ms - 1, "until_ms": stack.now_ms + 3_600_000, "reason": "visitors"}
    client = stack.machine("carer")
    settle(stack, "pause", "q1", pause, seen=False)
    before = client.get("/api/v1/rules/R05", params={"resident": "r1"}).json()
    with stack.database.writer.begin() as conn:
        mark_in_force(conn, SITE, "pause/q1", 1)
    after = client.get("/api/v1/rules/R05", params={"resident": "r1"}).json()

    assert (before["parameters"]["for"]["value"], before["standing"]) == ("35 min", "on")
    assert after["standing"] == "paused"


def test_a_persons_rules_are_a_read_of_them(stack: HttpStack) -> None:
    """Only for those who care for people, of the person's ward, and written down; the book itself names nobody."""
    client = stack.person()
    client.get("/api/v1/rules", params={"resident": "r1"})
    rows = client.get("/api/v1/residents/r1/access-log").json()["items"]
    operator = stack.person("drift", staff=None, roles=("operator",))

    assert [row["what"] for row in rows].count("rules") == 1
    assert operator.get("/api/v1/rules").status_code == 200
    assert slug(operator.get("/api/v1/rules", params={"resident": "r1"})) == "wrong-role"
    assert slug(stack.person("siri", "s2", wards=("sor",)).get("/api/v1/rules?resident=r1")) == "wrong-role"
    assert slug(client.get("/api/v1/rules", params={"resident": "r99"})) == "unknown-resident"
    assert slug(client.get("/api/v1/rules/R99", params={"resident": "r1"})) == "not-found"
    assert slug(stack.client().get("/api/v1/rules")) == "not-signed-in"


def test_what_a_trial_would_have_told_comes_in_pages(stack: HttpStack) -> None:
    """Newest first to the last one, with when it was over; a cursor of nobody's is refused, and an unknown rule."""
    client, seen, cursor = stack.machine("carer"), [], None
    while True:
        asked = {"limit": 3} | ({} if cursor is None else {"cursor": cursor})
        page = client.get("/api/v1/rules/R07/shadow", params=asked).json()
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break

    assert [(one["subject_id"], one["ended"]) for one in seen] == [
        ("r2", ""),
        ("r1", ""),
        ("r2", ""),
        ("r1", "cleared"),
    ]
    assert (seen[0]["opened_at"], seen[0]["reason"]["code"]) == ("2026-02-28T21:03:00Z", "deadline.passed")
    assert client.get("/api/v1/rules/R05/shadow").json() == {"items": [], "next": None}
    assert slug(client.get("/api/v1/rules/R07/shadow", params={"cursor": "eA"})) == "bad-cursor"
    assert slug(client.get("/api/v1/rules/R99/shadow")) == "not-found"


def test_trials_are_kept_apart_by_ward_and_logged_by_person(stack: HttpStack) -> None:
    """Who is bound to a ward sees its homes' alone; asking about one person is a read of them."""
    siri = stack.person("siri", "s2", wards=("sor",))
    found = siri.get("/api/v1/rules/R07/shadow").json()["items"]
    client = stack.person()
    one = client.get("/api/v1/rules/R07/shadow", params={"subject": "r1"}).json()["items"]
    rows = client.get("/api/v1/residents/r1/access-log").json()["items"]

    assert {item["subject_id"] for item in found} == {"r2"}
    assert {item["home_id"] for item in found} == {"h2"}
    assert slug(siri.get("/api/v1/rules/R07/shadow", params={"subject": "r1"})) == "wrong-role"
    assert {item["subject_id"] for item in one} == {"r1"}
    assert [row["what"] for row in rows].count("shadow") == 1


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        (
            "nb",
            ("Ute av sengen for lenge", "Out of bed too long", "lenger enn: 25 min (kommunen)", "egne grenser i Nord"),
        ),
        (
            "en",
            (
                "Out of bed too long",
                "Ute av sengen for lenge",
                "25 min (the municipality)",
                "limits of its own in Nord",
            ),
        ),
    ],
)
def test_the_page_lists_the_book_by_family(stack: HttpStack, lang: str, words: tuple[str, ...]) -> None:
    """Both names, what is off and on trial (at its head too), the values that are not the book's; for operators too."""
    page = stack.person("drift", staff=None, roles=("operator",)).get("/rules", params={"lang": lang})

    assert page.status_code == 200
    assert [text for text in words if text not in page.text] == []
    assert page.text.index('id="alarms"') < page.text.index('id="R01"') < page.text.index('id="bed"')
    assert page.text.count('<li id="R') == len(shipped_book().rules)
    head = page.text[: page.text.index('id="alarms"')]
    assert ("På prøve" if lang == "nb" else "On trial") in head
    assert re.findall(r'href="/rules/(\w+)#trial"', head) == ["R07"]


def test_a_persons_page_leads_to_the_rules_as_they_are_for_them(stack: HttpStack) -> None:
    """From the person to their book, to one rule with whose word each value is, to why it did or did not fire."""
    client = stack.person(language="en")
    book_page = client.get("/rules?resident=r1&lang=en").text
    rule_page = client.get("/rules/R05?resident=r1&lang=en").text

    assert 'href="/rules?resident=r1"' in client.get("/residents/r1").text
    assert 'href="/rules/R05?resident=r1"' in book_page
    assert "Kari Nordmann" in book_page
    assert "35 min" in rule_page
    assert "the plan" in rule_page
    assert "/why?subject=r1&amp;rule=R05" in rule_page
    assert stack.person("drift", staff=None, roles=("operator",)).get("/rules?resident=r1").status_code == 403
    assert client.get("/rules/R99").status_code == 404


def test_the_page_of_a_rule_on_trial_says_whom_it_would_have_told_of(stack: HttpStack) -> None:
    """Names for those who care for people, logged; pseudonyms for others; of other wards nothing."""
    nurse = stack.person().get("/rules/R07?lang=en").text
    siri = stack.person("siri", "s2", wards=("sor",)).get("/rules/R07?lang=en").text
    operator = stack.person("drift", staff=None, roles=("operator",)).get("/rules/R07?lang=en").text
    rows = stack.person().get("/api/v1/residents/r1/access-log").json()["items"]

    assert ("Kari Nordmann" in nurse, "Kari Nordmann" in siri, "Kari Nordmann" in operator) == (True, False, False)
    assert ("Per Hansen" in siri, "<strong>r1</strong>" in operator) == (True, True)
    assert "02:00" in nurse
    assert [(row["who"], row["what"]) for row in rows if row["what"] == "shadow"] == [("ola", "shadow")]
