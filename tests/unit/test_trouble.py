"""When something of ours fails: a rule is set aside for one subject, an input is skipped, and all else goes on."""

from __future__ import annotations

import msgspec
import pytest

from ingest.record import EVENT, Input, Setting
from rules import home_fold
from rules.book import Match
from rules.effects import Observe
from rules.fact_events import take_event
from rules.in_force import InForce
from rules.instance_changes import after_book
from tests.support.home_story import BOOK, HomeStory, changed, retell

POISON = (Match(types=("bed.left",)),)


def broken(rule: str = "R05") -> HomeStory:
    """A book whose rule raises: its parameters cannot be computed (nobody checked them)."""
    return HomeStory(book=changed(rule, set={"no_such_parameter": "5 min"}))


def night(story: HomeStory) -> None:
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("02:10"))
    story.until(story.at("03:00"))


def test_a_rule_that_raises_is_set_aside_and_told_at_once() -> None:
    """Quarantined with the error's name, and where it guards a person: not watched."""
    story = broken()
    story.event("bed.occupied", story.at("00:00"))
    (note,) = story.noted("quarantined", "R05")
    assert (note.subject, note.reason.args["error"]) == ("r1", "KeyError")
    assert [(each.subject, each.rule) for each in story.noted("not_watched")] == [("r1", "R05")]
    assert story.fold.quarantined() == [{"rule": "R05", "subject": "r1"}]


def test_everything_else_goes_on() -> None:
    """With R05 broken, R16 and a press are told as always, and R05 says nothing a second time."""
    story = broken()
    night(story)
    story.event("alarm.pressed", story.at("03:10"), trigger="pendant")
    story.until(story.at("16:00"))
    assert [alert.rule for alert in story.raised()] == ["R01", "R17", "R16"]
    assert len(story.noted("quarantined")) == 1


def test_a_technical_rule_that_raises_concerns_no_person() -> None:
    """R37 of a device is told to operators only."""
    story = broken("R37")
    story.event("device.offline", story.at("10:00"), role="motion")
    assert [note.subject for note in story.noted("quarantined")] == ["d-motion"]
    assert [note for note in story.noted("not_watched") if note.rule == "R37"] == []


def test_a_mended_book_picks_it_up_from_how_things_stand() -> None:
    """She got up at 02:10 while the rule was broken; it is mended at 02:20 and fires at 02:30."""
    story = broken()
    story.event("bed.occupied", story.at("00:00"))
    story.event("bed.left", story.at("02:10"))
    story.book(BOOK, story.at("02:20"))
    story.until(story.at("03:00"))
    assert [alert.at_ms for alert in story.raised("R05")] == [story.at("02:30")]
    assert [note.rule for note in story.noted("watched")] == ["R05"]
    assert story.fold.quarantined() == []


def test_the_same_rule_in_a_new_book_stays_set_aside() -> None:
    """A book that changes other rules does not try the broken one again."""
    story = broken()
    night(story)
    other = changed("R16", book=changed("R05", set={"no_such_parameter": "5 min"}), priority="P3")
    story.fold._instances.book = InForce(other)
    after_book(story.fold.state.homes["h1"], story.fold._instances)
    assert story.fold.quarantined() == [{"rule": "R05", "subject": "r1"}]


def test_a_plan_that_breaks_a_rule_is_mended_by_a_plan() -> None:
    """The plan's value cannot be computed: set aside; the plan is changed: picked up, with the new limit."""
    story = HomeStory()
    story.event("bed.occupied", story.at("00:00"))
    plan = {"resident": "r1", "rule": "R05"}
    story.set("plan", "p1", {**plan, "set": {"no_such_parameter": 5}})
    story.event("bed.left", story.at("02:10"))
    assert story.fold.quarantined() == [{"rule": "R05", "subject": "r1"}]
    story.set("plan", "p1", {**plan, "set": {"for": "35 min"}}, story.at("02:20"))
    story.until(story.at("03:00"))
    assert [alert.at_ms for alert in story.raised("R05")] == [story.at("02:45")]


def test_an_alert_that_was_open_is_left_to_a_person() -> None:
    """R05 breaks after its alert; when it works again the old alert is cleared and stays, for nobody saw it end."""
    story = HomeStory()
    night(story)
    (alert,) = story.raised("R05")
    story.set("plan", "p1", {"resident": "r1", "rule": "R05", "set": {"no_such_parameter": 5}})
    story.event("bed.occupied", story.at("03:10"))
    assert story.cleared() == []
    story.set("plan", "p1", None, story.at("03:20"))
    assert [(clear.alert_id, clear.stays) for clear in story.cleared()] == [(alert.alert_id, True)]


@pytest.mark.parametrize(
    "setting",
    [
        Setting("measure/m9", 1, "measure", {"resident": "r1", "service": "x", "from": "soon"}),
        Setting("site/solbakken", 1, "site", {"timezone": "Europe/Olso"}),
        Setting("book/current", 1, "book", {"book": {"rules": [{"id": "R99"}]}}),
        Setting("book/current", 1, "book", {"book": {"rules": [], "off": 5}}),
        Setting("book/current", 1, "book", None),
    ],
)
def test_a_setting_that_cannot_be_taken_is_skipped_and_never_in_force(setting: Setting) -> None:
    """It is counted and told, the old one stays, and the next version is taken."""
    story = HomeStory()
    home = "" if setting.kind in ("site", "book") else "h1"
    effects = story.give(Input("setting", story.at("01:00"), home, setting=setting, seq=7))
    kinds = [effect.kind for effect in effects if isinstance(effect, Observe)]
    if setting.value is None:  # a book cannot be taken away; that is understood
        assert kinds == ["in_force"]
        return
    assert kinds == ["skipped"]
    assert story.fold.skipped == 1
    night(story)
    assert len(story.raised("R05")) == 1
    assert story.fold.state.timezone == "Europe/Oslo"


def test_an_event_that_nobody_can_fold_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the engine itself costs that input: the next is folded, and the skipped one is told by name."""
    story = HomeStory()

    def failing(facts: object, event: object, now_ms: int) -> bool:
        if getattr(event, "type", "") == "door.opened":
            raise ZeroDivisionError
        return take_event(facts, event, now_ms)  # type: ignore[arg-type]  # wrong on purpose

    monkeypatch.setattr(home_fold, "take_event", failing)
    story.event("bed.occupied", story.at("00:00"))
    story.event("door.opened", story.at("01:00"))
    story.event("bed.left", story.at("02:10"))
    story.until(story.at("03:00"))
    (note,) = story.noted("skipped")
    assert note.reason.args == {"error": "ZeroDivisionError", "type": "door.opened", "seq": 0}
    assert len(story.raised("R05")) == 1


def test_an_input_without_content_is_skipped() -> None:
    """A row that says "event" and holds none is told, not fatal."""
    story = HomeStory()
    effects = story.give(Input(EVENT, story.at("01:00"), "h1"))
    assert [effect.kind for effect in effects if isinstance(effect, Observe)] == ["skipped"]


def test_a_fact_of_the_whole_service_makes_no_home() -> None:
    """ "Feed lost" without a home is for the service; homes hear of it on their own."""
    story = HomeStory()
    story.event("feed.lost", story.at("01:00"), role="gateway")
    given = story.inputs[-1]
    assert given.event is not None
    before = sorted(story.fold.state.homes)
    event = msgspec.structs.replace(given.event, home="", event_id="x")
    assert story.fold.apply(msgspec.structs.replace(given, home="", event=event)) == []
    assert sorted(story.fold.state.homes) == before


def test_trouble_replays_too() -> None:
    """Quarantine and skipping are part of the fold: a second telling gives the same bytes."""
    story = broken()
    night(story)
    book = changed("R05", set={"no_such_parameter": "5 min"})
    assert retell(story.inputs, book) == retell(story.inputs, book) != b""
