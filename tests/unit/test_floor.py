"""The floor: what it raises, what it waits for, and what it shows."""

from __future__ import annotations

import msgspec
import pytest

from ingest.event import LATE_AFTER_MS, RETAINED, TEST, UNASSIGNED, Event
from ingest.record import CLOCK, EVENT, Input
from rules import floor as module
from rules.effects import Raise, alarm_alert_id
from rules.floor import SUSPECTED_WAIT_MS, Floor

T0 = 1_772_328_600_000
SECOND = 1_000


def alarm(type_: str, at_ms: int = T0, heard_ms: int | None = None, address: str = "d1", **fields: object) -> Event:
    heard_ms = at_ms if heard_ms is None else heard_ms
    given = {"device": "d1", "resident": "r1", **fields}
    # any field by name
    return Event(f"{type_}@{at_ms}", type_, "s", address, "h1", "r1", heard_ms, at_ms, **given)  # type: ignore[arg-type]


def give(floor: Floor, event: Event, flag: int = 1) -> list[Raise]:
    effects = floor.apply(Input(EVENT, event.received_at_ms, event.home, event=event, floor=flag))
    return [effect for effect in effects if isinstance(effect, Raise)]


@pytest.mark.parametrize(
    ("type_", "rule"),
    [
        ("alarm.pressed", "R01"),
        ("alarm.undecodable", "R01"),
        ("fall.confirmed", "R03"),
        ("smoke.alarm", "R29"),
        ("co.alarm", "R29"),
        ("epilepsy.started", "R32"),
        ("nursecall.assist", "R56"),
        ("staff.alarm", "R53"),
        ("zone.left", "R13"),
        ("condition.reported", "R51"),
        ("never.heard_of", "R43"),
    ],
)
def test_every_alarm_is_p1_under_the_id_that_rules_use(type_: str, rule: str) -> None:
    """Raised at once, as a first guess of what it is."""
    (raised,) = give(Floor("s"), alarm(type_))
    assert (raised.priority, raised.rule, raised.alarm, raised.source) == ("P1", rule, True, "floor")
    assert raised.alert_id == alarm_alert_id("s", raised.causes[0].event_id)
    assert raised.staff_alarm == (type_ == "staff.alarm")


def test_a_device_that_nobody_registered_is_r43() -> None:
    """The person is unknown, the alarm is not."""
    (raised,) = give(Floor("s"), alarm("alarm.pressed", quality=(UNASSIGNED,), device=None, resident=None))
    assert (raised.rule, raised.resident) == ("R43", None)


def test_what_is_no_alarm_raises_nothing() -> None:
    """Rows that the floor does not need pass by."""
    assert give(Floor("s"), alarm("motion.detected"), flag=0) == []
    assert Floor("s").apply(Input(CLOCK, T0)) == []


def test_a_suspected_fall_waits_and_is_raised() -> None:
    """Half a minute, at its own time whenever the next row comes, and not called late for it."""
    floor = Floor("s")
    assert give(floor, alarm("fall.suspected"), flag=2) == []
    assert floor.next_due_ms() == T0 + SUSPECTED_WAIT_MS
    assert floor.apply(Input(CLOCK, T0 + SUSPECTED_WAIT_MS - 1)) == []
    (raised,) = floor.apply(Input(CLOCK, T0 + 600 * SECOND))
    assert isinstance(raised, Raise)
    assert (raised.at_ms, raised.late_ms, raised.rule) == (T0 + SUSPECTED_WAIT_MS, 0, "R03")
    assert floor.next_due_ms() is None


@pytest.mark.parametrize(("cancel_at", "address", "raised"), [(5, "d1", 0), (5, "d2", 1), (-5, "d1", 1), (0, "d1", 0)])
def test_only_its_own_later_cancel_ends_it(cancel_at: int, address: str, raised: int) -> None:
    """The same device, and not about something older."""
    floor = Floor("s")
    give(floor, alarm("fall.suspected"), flag=2)
    cancel = alarm("fall.cancelled", T0 + cancel_at * SECOND, T0 + 8 * SECOND, address)
    give(floor, cancel, flag=2)
    assert len(floor.apply(Input(CLOCK, T0 + 60 * SECOND))) == raised


@pytest.mark.parametrize(
    ("answer_s", "heard_s", "word", "quality", "raised"),
    [
        (10, 15, "fall.cancelled", (), 0),
        (10, 15, "fall.confirmed", (), 1),
        (-1, 15, "fall.cancelled", (), 1),
        (61, 15, "fall.cancelled", (), 1),
        (10, 15, "fall.cancelled", (TEST,), 1),
        (10, 15, "fall.cancelled", (RETAINED,), 1),
    ],
)
@pytest.mark.parametrize("first", ["suspicion", "answer"])
def test_whichever_is_heard_first_says_the_same(
    first: str, answer_s: int, heard_s: int, word: str, quality: tuple[str, ...], raised: int
) -> None:
    """A cancel or confirmation and its suspicion, heard in either order: as many alerts, and only its own ends it."""
    floor, heard_ms = Floor("s"), T0 + heard_s * SECOND
    suspicion = alarm("fall.suspected", T0, heard_ms)
    answer = alarm(word, T0 + answer_s * SECOND, heard_ms, quality=quality)
    flags = [(suspicion, 2), (answer, 1 if word == "fall.confirmed" else 2)]
    told = [give(floor, event, flag) for event, flag in (flags if first == "suspicion" else reversed(flags))]
    again = Floor("s")
    again.restore(floor.snapshot())
    told.append([one for one in again.apply(Input(CLOCK, heard_ms + 60 * SECOND)) if isinstance(one, Raise)])
    assert sum(len(each) for each in told) == raised


def test_a_confirmed_fall_replaces_the_suspicion() -> None:
    """One alert, at the confirmation."""
    floor = Floor("s")
    give(floor, alarm("fall.suspected"), flag=2)
    assert len(give(floor, alarm("fall.confirmed", T0 + 20 * SECOND))) == 1
    assert floor.apply(Input(CLOCK, T0 + 60 * SECOND)) == []


def test_too_many_suspicions_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a suspected fall is raised at once: on doubt somebody comes."""
    monkeypatch.setattr(module, "PENDING_MAX", 3)
    floor = Floor("s")
    raised = [give(floor, alarm("fall.suspected", T0 + index, address=f"d{index}"), flag=2) for index in range(5)]
    assert [len(each) for each in raised] == [0, 0, 0, 1, 1]


@pytest.mark.parametrize(("delay_ms", "shown"), [(LATE_AFTER_MS, 0), (LATE_AFTER_MS + 1, LATE_AFTER_MS + 1)])
def test_an_old_alarm_shows_its_delay(delay_ms: int, shown: int) -> None:
    """Over a minute late it says how late."""
    (raised,) = give(Floor("s"), alarm("alarm.pressed", T0, T0 + delay_ms))
    assert raised.late_ms == shown


def test_a_test_of_ours_is_raised_as_one() -> None:
    """Promise 3 holds for it too; the desk knows what it is."""
    (raised,) = give(Floor("s"), alarm("alarm.pressed", quality=(TEST,)))
    assert raised.test


def test_what_waits_survives_a_restart() -> None:
    """Snapshot, restore: the same timer, the same alert, the same bytes."""
    floor, other = Floor("s"), Floor("s")
    for index in (3, 1, 2):
        give(floor, alarm("fall.suspected", T0 + index, address=f"d{index}"), flag=2)
    other.restore(floor.snapshot())
    assert other.snapshot() == floor.snapshot()
    assert other.next_due_ms() == floor.next_due_ms() == T0 + 1 + SUSPECTED_WAIT_MS
    later = Input(CLOCK, T0 + 60 * SECOND)
    assert msgspec.json.encode(other.apply(later)) == msgspec.json.encode(floor.apply(later))
