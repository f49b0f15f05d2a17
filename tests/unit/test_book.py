"""Rule books as values: which limit is in force for whom, and when a version changes."""

from __future__ import annotations

import msgspec
import pytest

from ingest.event import Event
from rules.book import Book, Layer, Match, with_versions
from rules.book_check import all_parameters, check_book, parameters_of_kind, values_of
from rules.conditions import event_meets
from rules.facts import Facts, Plan
from rules.in_force import InForce
from rules.kinds import KINDS
from rules.kinds.dwell_state import DwellValues
from rules.local_time import instant_ms
from tests.support.home_story import BOOK, NIGHT, ZONE, HomeStory, changed, without

R05 = next(rule for rule in BOOK.rules if rule.id == "R05")
DAY = 86_400_000
SITE = Layer("site", None, {"R05": {"for": "25 min", "prior": "5 min"}})
WARD = Layer("ward nord", "nord", {"R05": {"for": "30 min"}})
LAYERED = with_versions(msgspec.structs.replace(BOOK, layers=(SITE, WARD)))


def limits(ward: str | None, plans: dict[str, Plan], at_ms: int) -> DwellValues:
    values = InForce(LAYERED).values(Facts("h1", ward=ward, plans=plans), R05, "r1", at_ms)
    assert isinstance(values, DwellValues)
    return values


@pytest.mark.parametrize(
    ("ward", "plan", "value", "origin"),
    [
        (None, None, "25 min", "site"),
        ("sor", None, "25 min", "site"),
        ("nord", None, "30 min", "ward nord"),
        ("nord", "45 min", "45 min", "plan r1"),
        ("sor", "45 min", "45 min", "plan r1"),
    ],
)
def test_the_nearest_layer_wins_and_says_so(ward: str | None, plan: str | None, value: str, origin: str) -> None:
    """Shipped, then site, then ward, then the person; each value remembers where it came from."""
    plans = {} if plan is None else {"p": Plan("p", "r1", "R05", {"for": plan})}
    shown = limits(ward, plans, 0).shown
    assert (shown["for"].value, shown["for"].origin) == (value, origin)
    assert (shown["prior"].value, shown["prior"].origin) == ("5 min", "site")
    assert (shown["window"].value, shown["window"].origin) == ("22:00-06:00", "book")


def test_a_plan_counts_on_its_days_only() -> None:
    """From the first minute of its first day to the last of its last, in the home's time."""
    plan = Plan("p", "r1", "R05", {"for": "45 min"}, "2026-03-01", "2026-03-01")
    midnight = instant_ms(NIGHT, 0, ZONE)
    inside = {midnight - 1: False, midnight: True, midnight + DAY - 1: True, midnight + DAY: False}
    for at_ms, in_force in inside.items():
        assert (limits("nord", {"p": plan}, at_ms).for_ms == 45 * 60_000) is in_force


def test_what_is_remembered_ends_with_a_plan() -> None:
    """Asked again after a plan's last day, the same index gives the ward's value: nothing stale."""
    index, plan = InForce(LAYERED), Plan("p", "r1", "R05", {"for": "45 min"}, None, "2026-03-01")
    facts = Facts("h1", ward="nord", plans={"p": plan})
    midnight = instant_ms(NIGHT, 0, ZONE)
    found = [index.values(facts, R05, "r1", midnight + days * DAY).shown["for"].origin for days in (0, 1, 0, 1)]
    assert found == ["plan r1", "ward nord"] * 2


def test_another_persons_plan_is_not_mine() -> None:
    """A plan of r2, or for another rule, changes nothing for r1."""
    plans = {"a": Plan("a", "r2", "R05", {"for": "45 min"}), "b": Plan("b", "r1", "R16", {"for": "45 min"})}
    assert limits("nord", plans, 0).shown["for"].origin == "ward nord"


def test_a_version_is_its_content() -> None:
    """The same content has the same version; a layer, parameter or condition changes that rule's, and no other's."""
    again = with_versions(msgspec.structs.replace(BOOK, version="", rules=BOOK.rules))
    assert again == BOOK
    for other in (LAYERED, changed("R05", priority="P3"), changed("R05", extend=())):
        different = [a.id for a, b in zip(BOOK.rules, other.rules, strict=True) if a.version != b.version]
        assert different == ["R05"]
        assert other.version != BOOK.version
    off = without("R16")
    assert (off.version != BOOK.version, off.rules == BOOK.rules) == (True, True)


def test_a_book_survives_the_journal() -> None:
    """As a setting it goes through JSON and comes back with the same version."""
    wire = msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(LAYERED)))
    assert with_versions(msgspec.convert(wire, Book)) == LAYERED


@pytest.mark.parametrize(
    "bad",
    [
        changed("R05", kind="threshold"),
        changed("R05", per="planet"),
        changed("R05", priority="P9"),
        changed("R05", set={"for": "soon"}),
        changed("R05", set={"cancel_window": "5 s"}),
        msgspec.structs.replace(BOOK, rules=(*BOOK.rules, R05)),
        msgspec.structs.replace(BOOK, layers=(Layer("site", None, {"R05": {"no": 1}}),)),
    ],
)
def test_a_book_that_this_engine_cannot_run_is_refused(bad: Book) -> None:
    """Before it is in force, not when the first person falls."""
    assert check_book(BOOK) is BOOK
    with pytest.raises(ValueError, match=r"R05|twice"):
        check_book(bad)


def test_parameters_are_shown_as_people_write_them() -> None:
    """Durations, windows, flags and lists, whatever way they were written."""
    rule = msgspec.structs.replace(R05, kind="dose")
    values = values_of(rule, [("book", {"grace": "120s", "fetched_when_dispensed": " A ,B"})])
    assert {name: item.value for name, item in values.shown.items()} == {
        "grace": "2 min",
        "fetched_when_dispensed": "A, B",
    }
    assert values.fetched_when_dispensed == ("A", "B")  # type: ignore[attr-defined]  # the kind's own values


def test_a_parameter_is_written_the_same_in_every_kind() -> None:
    """One word, one meaning: a plan's form needs no kind to know how a duration is written."""
    for kind in KINDS:
        for name, (_, written) in parameters_of_kind(kind).items():
            assert all_parameters()[name] == written, f"{kind}: {name}"


@pytest.mark.parametrize(
    ("match", "content", "expected"),
    [
        (Match(), {}, True),
        (Match(where={"trigger": ("cord",)}), {"trigger": "cord"}, True),
        (Match(where={"trigger": ("cord",)}), {}, False),
        (Match(where={"flag": (True,)}), {"flag": True}, True),
        (Match(at_least={"severity": 30}), {"severity": 30}, True),
        (Match(at_least={"severity": 30}), {"severity": 29}, False),
        (Match(at_least={"severity": 30}), {"severity": "high"}, False),
        (Match(roles=("bed",)), {}, False),
        (Match(assigned=True), {}, True),
        (Match(assigned=False), {}, False),
        (Match(at_most={"percent": 20}), {"percent": 20}, True),
        (Match(at_most={"percent": 20}), {"percent": 20.5}, False),
        (Match(rooms=("hall",)), {}, False),
        (Match(goes_to_person=False), {}, True),
    ],
)
def test_all_conditions_must_hold(match: Match, content: dict[str, object], expected: bool) -> None:
    """Field, number, role, room, assignment: each can say no."""
    event = Event("e", "x", "s", "a", "h1", "r1", 0, 0, content=content)  # type: ignore[arg-type]  # wrong on purpose
    assert event_meets(match, event) is expected


def test_the_order_of_the_book_decides_nothing_but_order() -> None:
    """The same rules in another order raise the same alerts."""
    told = []
    for rules in (BOOK.rules, tuple(reversed(BOOK.rules))):
        story = HomeStory(book=with_versions(msgspec.structs.replace(BOOK, rules=rules)))
        story.event("bed.occupied", story.at("00:00"))
        story.event("bed.left", story.at("02:10"))
        story.event("alarm.pressed", story.at("02:20"), trigger="pendant")
        story.until(story.at("16:00"))
        told.append(sorted((alert.rule, alert.alert_id) for alert in story.raised()))
    assert told[0] == told[1]
    assert {"R01", "R05", "R16"} <= {rule for rule, _ in told[0]}
