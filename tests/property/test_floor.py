"""Promise 3: nobody can stop the floor. Whatever is tried, each alarm has one alert, and rules name the same."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.event import BUFFERED, CLOCK_SUSPECT, DEVICE_SAYS_TEST, LATE, RETAINED, TEST, UNASSIGNED, Event
from ingest.record import EVENT, Input
from ingest.vocabulary import floor_flag
from rules.book import Book, with_versions
from rules.effects import Clear, Observe, Raise, alarm_alert_id
from rules.floor import Floor
from tests.support.home_story import BOOK, HomeStory, changed, without

SITE = "solbakken"
MIN = 60_000
ALARMS: dict[str, dict[str, Any]] = {
    "alarm.pressed": {"trigger": "pendant"},
    "fall.confirmed": {},
    "smoke.alarm": {},
    "co.alarm": {"ppm": 80},
    "epilepsy.started": {},
    "nursecall.emergency": {},
    "staff.alarm": {"tag": "t1"},
    "zone.left": {"zone": "garden"},
    "condition.reported": {"code": "4.1", "severity": 40},
    "alarm.undecodable": {"reason": "not_json", "count": 1},
    "alarm.of_next_year": {},
    "fall.suspected": {},
}
BROKEN = changed("R01", set={"no_such_parameter": "1 s"})
for rule in ("R03", "R05", "R16", "R29", "R32", "R43", "R51", "R53"):
    BROKEN = changed(rule, book=BROKEN, set={"no_such_parameter": "1 s"})
BOOKS = {
    "shipped": BOOK,
    "empty": with_versions(Book(())),
    "all off": without(*(rule.id for rule in BOOK.rules)),
    "every rule raises": BROKEN,
}
obstacles = st.sets(
    st.sampled_from(
        ["pause", "away", "staff", "no measure", "nobody registered", "feed lost", "gateway gone", "moved out"]
    )
)
qualities = st.sets(
    st.sampled_from([RETAINED, TEST, DEVICE_SAYS_TEST, BUFFERED, LATE, CLOCK_SUSPECT, UNASSIGNED]), max_size=3
)


def obstruct(story: HomeStory, tried: set[str]) -> None:
    """Everything a plan, a person or an outage can do to be left alone."""
    now_ms = story.at("01:00")
    if "pause" in tried:
        story.set("pause", "p", {"resident": "r1", "from_ms": now_ms, "until_ms": now_ms + 90_000_000}, now_ms)
    if "away" in tried:
        story.event("away.started", now_ms)
    if "staff" in tried:
        story.event("staff.arrived", now_ms, tag="t1")
    if "no measure" in tried:
        story.set("measure", "m1", None, now_ms)
    if "feed lost" in tried:
        story.event("feed.lost", now_ms, role="gateway", from_ms=now_ms)
    if "gateway gone" in tried:
        story.event("device.offline", now_ms, role="gateway")
    if "moved out" in tried:
        story.set("resident", "r1", {"home": "h2"}, now_ms)


def unknown(event: Event) -> Event:
    return msgspec.structs.replace(
        event,
        home=f"address:{event.address}",
        subject=event.address,
        resident=None,
        device=None,
        gateway=None,
        role=None,
    )


def whose(effect: Raise) -> tuple[object, ...]:
    """What neither lane may say differently."""
    return (effect.home, effect.subject, effect.resident, effect.device, effect.trigger, effect.test)


@given(
    st.sampled_from(sorted(BOOKS)),
    obstacles,
    st.lists(
        st.tuples(st.sampled_from(sorted(ALARMS)), st.integers(0, 90), qualities, st.integers(0, 300)), max_size=12
    ),
)
def test_nothing_stops_an_alarm(book: str, tried: set[str], alarms: list[tuple[str, int, set[str], int]]) -> None:
    """Each alarm-class input has exactly one Raise of the floor's, P1, under the id of its event; no rule clears it,
    and what the rules say of it they say under the same id and of the same person and device: the two lanes run on
    their own, and whichever comes first makes the alert.
    """
    story, floor = HomeStory(book=BOOKS[book]), Floor(SITE)
    obstruct(story, tried)
    told = [effect for given in story.inputs for effect in floor.apply(given)]
    now_ms, due = story.at("02:00"), []
    for number, (type_, wait_min, quality, late_min) in enumerate(alarms):
        now_ms += wait_min * MIN
        event = Event(
            f"alarm-{number}", type_, SITE, f"vardevakt:gw-1/d{number}", "h1", "r1", now_ms, now_ms - late_min * MIN,
            device="d-pendant", gateway="gw-1", resident="r1", quality=tuple(sorted(quality)),
            content=dict(ALARMS[type_]),
        )  # fmt: skip
        event = unknown(event) if "nobody registered" in tried or UNASSIGNED in quality else event
        flag = floor_flag(type_, event.content, wander_risk=True)
        given_input = Input(EVENT, now_ms, event.home, event=event, floor=flag)
        told += floor.apply(given_input)
        story.give(given_input)
        due.append(event.event_id)
    told += floor.apply(story.inputs[-1].__class__("clock", now_ms + 10 * MIN))
    story.until(now_ms + 24 * 60 * MIN)

    raised = [effect for effect in told if isinstance(effect, Raise)]
    expected = Counter(alarm_alert_id(SITE, event_id) for event_id in due)
    of_floor = {effect.alert_id: whose(effect) for effect in raised}
    assert Counter(effect.alert_id for effect in raised) == expected
    assert all((effect.priority, effect.alarm, effect.source) == ("P1", True, "floor") for effect in raised)
    for effect in story.effects:
        if isinstance(effect, Clear):
            assert effect.alert_id not in expected
        if isinstance(effect, Raise) and effect.alarm:
            assert effect.alert_id in expected
            assert (effect.priority, effect.self_resolves, effect.condition) == ("P1", False, "momentary")
            assert whose(effect) == of_floor[effect.alert_id]
    if book == "every rule raises":
        failed = [e for e in story.effects if isinstance(e, Observe) and e.kind == "quarantined"]
        assert failed or not any(type_ == "alarm.pressed" for type_, *_ in alarms)


def test_the_rules_name_every_alarm_they_know() -> None:
    """With nothing in the way, each assigned alarm is named by exactly one rule, under the floor's id."""
    known = (
        "alarm.pressed",
        "fall.confirmed",
        "smoke.alarm",
        "co.alarm",
        "epilepsy.started",
        "staff.alarm",
        "condition.reported",
    )
    for type_ in known:
        story = HomeStory()
        story.event(type_, story.at("02:00"), **ALARMS[type_])
        given_input = story.inputs[-1]
        (named,) = story.raised()
        (floored,) = Floor(SITE).apply(msgspec.structs.replace(given_input, floor=1))
        assert isinstance(floored, Raise)
        assert (named.alert_id, named.trigger, named.late_ms) == (floored.alert_id, floored.trigger, floored.late_ms)
        assert named.rule == floored.rule
