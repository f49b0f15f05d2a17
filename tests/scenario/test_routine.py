"""Weeks of somebody's life through the production fold: what is learned of it, what is told, and what is not."""

from __future__ import annotations

import random
from datetime import date, timedelta

import msgspec
import pytest

from alerts.site.model import Plan
from api.board.why import reason_line
from api.board.words import Words
from ingest.record import CLOCK, Input
from rules.book import Rule
from rules.book_check import problems
from rules.effects import Raise, Update
from rules.home_fold import HomeFold
from rules.kinds.routine import RoutineState
from rules.local_time import is_holiday, to_local
from tests.support.home_story import BOOK, ZONE, HomeStory, changed, effect_bytes, retell

MINUTE_MS = 60_000
ROUTINE = next(rule for rule in BOOK.rules if rule.id == "ROUTINE")
ON = changed("ROUTINE", set={**ROUTINE.set, "on": True}, measure=())
MONDAY = date(2026, 1, 5)


class Life:
    """Kari from `day` on: to bed at half past ten, once or twice up in the night, up at seven; nine when free."""

    def __init__(self, day: date = MONDAY, seed: int = 1, late_at_weekends: int = 120) -> None:
        self.story = HomeStory(day, book=ON)
        self.chance = random.Random(seed)
        self.late = late_at_weekends
        self.days = 0

    def bed(self, type_: str, minute: int, spread: int = 8) -> None:
        """An event of the bed `minute` minutes after midnight of the day, give or take; may reach into the next day."""
        minute += self.chance.randrange(-spread, spread + 1)
        self.story.event(f"bed.{type_}", self.story.at(f"{minute // 60:02d}:{minute % 60:02d}", self.days))

    def motion(self, first: int, last: int, every: int) -> None:
        for minute in range(first, last, every):
            self.story.event(
                "motion.detected", self.story.at(f"{minute // 60:02d}:{minute % 60:02d}", self.days), role="motion"
            )

    def day(self, exits: int | None = None, up: int = 0, every: int = 40) -> None:
        """From seven in the morning to the next one. `exits`: times out of bed that night; `up`: minutes later up."""
        self.motion(7 * 60 + 30, 21 * 60, every)
        self.bed("occupied", 22 * 60 + 30)
        for hour in range(exits if exits is not None else 1 + self.chance.randrange(2)):
            minute = 24 * 60 + 10 + hour * 50
            self.bed("left", minute, 5)
            self.bed("occupied", minute + 12, 3)
        morning = self.story.day + timedelta(days=self.days + 1)
        self.bed("left", 31 * 60 + up + (self.late if morning.weekday() >= 5 or is_holiday(morning) else 0))
        self.days += 1

    def weeks(self, weeks: int) -> None:
        for _ in range(7 * weeks):
            self.day()

    def noon(self) -> None:
        self.story.until(self.story.at("12:30", self.days))

    @property
    def cards(self) -> list[Raise]:
        return self.story.raised("ROUTINE")


def site_plan(value: dict[str, object]) -> Plan:
    return Plan.model_validate_json(msgspec.json.encode(value))


def state_of(story: HomeStory) -> RoutineState:
    state = story.fold.state.homes["h1"].instances["ROUTINE/r1"].state
    assert isinstance(state, RoutineState)
    return state


def said(effect: Raise | Update, lang: str = "en") -> str:
    words = Words(lang, effect.at_ms, lambda at_ms: to_local(at_ms, ZONE))
    return reason_line({"code": effect.reason.code, "args": effect.reason.args}, words)


def test_out_of_bed_five_times_who_is_usually_once_or_twice() -> None:
    """Three ordinary weeks say nothing; then one card, the next noon, in plain words, and it never clears."""
    life = Life()
    life.weeks(3)
    life.noon()
    assert life.cards == []
    life.day(exits=5)
    life.noon()
    (card,) = life.cards
    assert said(card) == "Out of bed in the night: 5 times, usually 1–2."
    assert said(card, "nb") == "Ute av sengen om natten: 5 ganger, vanligvis 1–2."
    assert (card.priority, card.code, card.condition, card.at_ms) == (
        "P4",
        "4.8",
        "momentary",
        life.story.at("12:00", life.days),
    )
    assert [clear for clear in life.story.cleared() if clear.alert_id == card.alert_id] == []


def test_all_that_differs_is_on_one_card() -> None:
    """A restless day and night is one card, the most unusual first; three other things are added, each once."""
    life = Life()
    life.weeks(3)
    life.day(exits=6, up=200, every=5)
    life.noon()
    updates = [one for one in life.story.effects if isinstance(one, Update) and one.reason.code[:7] == "routine"]
    features = [str(life.cards[0].reason.args["feature"]), *(str(one.reason.args["feature"]) for one in updates)]
    assert len(life.cards) == 1
    assert len(set(features)) == 4
    assert {"active_morning", "active_afternoon"} < set(features)
    assert {one.alert_id for one in updates} == {life.cards[0].alert_id}
    assert len({one.effect_id for one in updates}) == 3


def test_weekends_and_holidays_are_weekends_and_holidays() -> None:
    """Nine o'clock is usual on a Saturday and on Ascension Day, and two hours late on any other Thursday."""
    life = Life(date(2026, 4, 13))  # Ascension Day is Thursday 14 May
    life.weeks(4)
    life.weeks(1)
    assert is_holiday(date(2026, 5, 14))
    assert life.cards == []
    for weekday in range(3):
        life.day(up=120 if weekday == 2 else 0)
    life.noon()
    assert [said(card) for card in life.cards] == ["Up 08:53, later than usual (06:57–07:02)."]


def test_at_most_one_card_a_day_however_strange_the_days() -> None:
    """A month of chaos after two quiet weeks: never two cards on a date, never P1 or P2, one id each."""
    life = Life()
    life.weeks(2)
    for _ in range(30):
        life.day(exits=life.chance.randrange(9), up=life.chance.randrange(-60, 240))
    life.noon()
    dates = [to_local(card.at_ms, ZONE).date() for card in life.cards]
    assert len(dates) == len(set(dates)) > 3
    assert {card.priority for card in life.cards} == {"P4"}
    assert len({card.alert_id for card in life.cards}) == len(dates)


def test_getting_up_a_little_later_every_week_is_a_drift() -> None:
    """No single day is an hour off, yet a fortnight of 45 minutes is told, once."""
    life = Life(late_at_weekends=0)
    life.weeks(3)
    for _ in range(10):
        life.day(up=45)
    life.noon()
    assert [card.reason.code for card in life.cards] == ["routine.drifts_up"]
    assert said(life.cards[0]).startswith("Up: more or later for some days now, last 07:")


@pytest.mark.parametrize("why", ["hospital", "pause", "gateway", "broken bed"])
def test_what_nobody_could_see_is_neither_told_nor_learned(why: str) -> None:
    """In hospital, paused, over a broken way, or with a bed sensor that is silent, five exits are no exits."""
    life = Life()
    life.weeks(3)
    story, that_day = life.story, life.story.day.toordinal() + life.days
    evening_ms = story.at("20:00", life.days)
    if why == "hospital":
        story.event("away.started", evening_ms, role="presence", reason="hospital")
    elif why == "pause":
        value = {"resident": "r1", "from_ms": evening_ms, "until_ms": evening_ms + 600 * MINUTE_MS}
        story.set("pause", "p1", value, evening_ms)
    elif why == "gateway":
        story.event("device.offline", evening_ms, role="gateway")
    life.day(exits=6)
    if why == "hospital":
        story.event("away.ended", story.at("11:00", life.days), role="presence")
    elif why == "gateway":
        story.event("device.online", story.at("11:00", life.days), role="gateway")
    elif why == "broken bed":
        story.event("device.offline", story.at("11:00", life.days), role="bed")
    life.noon()
    assert life.cards == []
    state = state_of(story)
    assert dict(zip(state.days, state.learned["bed_exits"], strict=True)).get(that_day, -1) == -1


def test_a_holiday_somewhere_else_is_not_what_is_usual() -> None:
    """A week with the daughter, which only the front door tells, is left out; the week after it is as before."""
    life = Life()
    life.story.set("device", "d-front_door", {"resident": "r1", "role": "front_door", "gateway": "gw-1"})
    life.weeks(2)
    life.story.event("motion.detected", life.story.at("08:00", life.days))
    life.story.event("door.closed", life.story.at("08:01", life.days), role="front_door")
    life.days += 7
    life.story.event("door.opened", life.story.at("18:00", life.days), role="front_door")
    life.story.event("motion.detected", life.story.at("18:05", life.days), role="motion")
    life.day()
    life.weeks(1)
    life.noon()
    first = life.story.day.toordinal()
    assert [day - first for day in state_of(life.story).days if 14 < day - first < 20] == []
    assert [card.reason.args["feature"] for card in life.cards] == []


def test_both_clock_change_nights_are_nights_like_others() -> None:
    """Up at seven by the clock on the wall is seven, whether the night had 23 or 25 hours before it."""
    for begin in (date(2026, 3, 9), date(2026, 10, 5)):
        life = Life(begin, late_at_weekends=0)
        life.weeks(5)
        life.noon()
        assert life.cards == []
        assert {value // 60 for value in state_of(life.story).learned["up"] if value >= 0} <= {6, 7}


def test_a_person_takes_less_than_two_kilobytes() -> None:
    """After ten weeks with every kind of sensor: four weeks of values, three open days, and nothing else."""
    life = Life()
    life.story.set("device", "d-front_door", {"resident": "r1", "role": "front_door", "gateway": "gw-1"})
    for _ in range(70):
        day = life.days
        for clock, role in (("07:10", "bathroom_motion"), ("08:00", "kitchen_motion"), ("12:30", "kitchen_motion"),
                            ("23:30", "bathroom_motion")):  # fmt: skip
            if clock < "20":
                life.story.event("motion.detected", life.story.at(clock, day), role=role)
        life.story.event("dose.due", life.story.at("12:40", day), dose_id=f"d{day}")
        life.story.event("dose.taken", life.story.at("13:30", day), dose_id=f"d{day}")
        life.story.event("door.closed", life.story.at("14:00", day), role="front_door")
        life.day(exits=life.chance.randrange(6), up=life.chance.randrange(-60, 180))
    state = state_of(life.story)
    assert len(state.days) == 28
    assert len(state.learned) >= 9
    assert len(msgspec.msgpack.encode(state)) < 2_000


def test_the_same_weeks_give_the_same_bytes() -> None:
    """Told again, cut anywhere and restored, or with a clock that speaks every hour: not a byte differs."""
    life = Life()
    life.weeks(3)
    life.day(exits=6, up=200)
    life.day(exits=0)
    life.noon()
    inputs, expected = life.story.inputs, effect_bytes(life.story.effects)
    assert retell(inputs, ON) == expected
    ticking = [
        each
        for given in inputs
        for each in (Input(CLOCK, given.received_at_ms - given.received_at_ms % 3_600_000), given)
        if given.received_at_ms > life.story.at("00:00") or each is given
    ]
    assert retell(ticking, ON) == expected
    cuts = range(0, len(inputs), max(1, len(inputs) // 12))
    for cut in cuts:
        first, second = HomeFold(ON, "solbakken"), HomeFold(ON, "solbakken")
        effects = [effect for given in inputs[:cut] for effect in first.apply(given)]
        second.restore(first.snapshot())
        effects += [effect for given in inputs[cut:] for effect in second.apply(given)]
        assert effect_bytes(effects) == expected
        assert second.snapshot() == life.story.fold.snapshot()


def test_a_standstill_of_three_days_is_caught_up_day_by_day() -> None:
    """A card that was due while nothing ran is told for its own day, once; days without any word say nothing false."""
    life = Life()
    life.weeks(3)
    life.day(exits=6)
    life.story.until(life.story.at("13:00", life.days + 3))
    assert [card.episode for card in life.cards][:1] == [str(life.story.day + timedelta(days=life.days - 1))]
    assert state_of(life.story).closing == (life.story.day + timedelta(days=life.days + 3)).toordinal()


def test_a_plan_may_switch_it_on() -> None:
    """A plan can name a rule without a number, or with a letter behind it; what is none it cannot."""
    plan: dict[str, object] = {"id": "p1", "resident": "r1", "from": "2026-01-05", "set": {"on": True}}
    for rule in ("ROUTINE", "R44b", "R07"):
        assert site_plan(plan | {"rule": rule}).rule == rule
    for rule in ("R99", "routine", "R44bb"):
        with pytest.raises(ValueError, match="is no rule"):
            site_plan(plan | {"rule": rule})


@pytest.mark.parametrize("priority", ["P1", "P2"])
def test_a_card_is_never_urgent(priority: str) -> None:
    """No book can make a routine ring."""
    rule: Rule = msgspec.structs.replace(ROUTINE, priority=priority)
    assert [message for _, message in problems(rule)] == [f"{priority} is too urgent for kind routine; P3 at most"]
