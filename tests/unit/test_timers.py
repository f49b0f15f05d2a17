"""The timers of a fold: the order in which they fire, whatever was moved on the way, and nothing kept too long."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from rules.facts import Facts, Presence
from rules.home_state import HOME_KEY, Home, Instance, due_ms_of, first_timer
from rules.kinds.threshold import ThresholdState
from rules.timers import First, Timers

steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.one_of(st.none(), st.integers(0, 50))), max_size=80
)
True_ = dict[tuple[str, str], int]


def first_of(true: True_) -> Callable[[str], First | None]:
    """The first timer of a home, by what is true now."""

    def found(home: str) -> First | None:
        own = sorted((due_ms, key) for (name, key), due_ms in true.items() if name == home)
        return (*own[0], own[1][0] if own[1:] else None) if own else None

    return found


@given(steps)
def test_they_fire_in_order_of_their_true_times(moves: list[tuple[str, str, int | None]]) -> None:
    """Set, moved later, moved earlier, taken away: what fires is the last word of each, in one order."""
    true: True_ = {}
    timers = Timers(first_of(true))
    for home, key, due_ms in moves:
        true.pop((home, key), None)
        if due_ms is not None:
            true[home, key] = due_ms
        timers.look(home, due_ms)
    fired = []
    while (found := timers.take(50)) is not None:
        (due_ms, home, key), then_ms = found
        fired.append(found[0])
        del true[home, key]
        timers.look(home, then_ms)
    assert fired == sorted(fired)
    assert true == {}


def test_timers_of_a_restart_fire_in_order() -> None:
    """All timers at once give the same order as one by one, and one that has moved is not fired early."""
    due = {("h1", "b"): 5, ("h1", "a"): 5, ("h0", "z"): 9}
    timers = Timers(first_of(due))
    timers.fill([(5, "h1"), (9, "h0")])
    due["h1", "a"] = 7
    assert not timers.may_fire(4)
    fired = []
    while (found := timers.take(10)) is not None:
        (due_ms, home, key), then_ms = found
        fired.append((due_ms, home, key))
        del due[home, key]
        timers.look(home, then_ms)
    assert fired == [(5, "h1", "b"), (7, "h1", "a"), (9, "h0", "z")]


def test_what_fires_may_set_a_timer_before_the_others_of_its_home() -> None:
    """The home comes up for the new one first, then for the one that was there before."""
    true = {("h", "a"): 5, ("h", "b"): 9}
    timers = Timers(first_of(true))
    timers.look("h", 5)
    fired = []
    while (found := timers.take(50)) is not None:
        entry, then_ms = found
        fired.append(entry)
        true.pop((entry[1], entry[2]))
        if entry[0] == 5:
            true["h", "a"] = 7
            timers.look("h", 7)
        timers.look("h", then_ms)
    assert fired == [(5, "h", "a"), (7, "h", "a"), (9, "h", "b")]


def test_the_first_is_not_shown_before_its_time() -> None:
    """Up to 10 nothing is due; at 11 it is."""
    timers = Timers(lambda _: (11, "k", None))
    timers.look("h", 11)
    assert timers.first(10) is None
    assert timers.first(11) == (11, "h", "k")


def test_a_timer_that_moves_with_every_event_costs_no_memory() -> None:
    """A hundred thousand signs of life leave one entry; as many timers brought forward leave few."""
    due = {"k": 0}
    timers = Timers(lambda _: (due["k"], "k", None))
    for due["k"] in range(100_000):
        timers.look("h", due["k"])
    assert timers.size == 1
    for due["k"] in range(100_000, 0, -1):
        timers.look("h", due["k"])
    assert timers.size < 100
    assert timers.first() == (1, "h", "k")


dues = st.one_of(st.none(), st.integers(0, 5))
instances = st.builds(
    lambda due_ms, hold_ms, watch_ms, grows_ms: Instance(
        None if due_ms is None else ThresholdState(due_ms=due_ms),
        growing=None if grows_ms is None else {"e": grows_ms}, hold_check_ms=hold_ms, watch_check_ms=watch_ms,
    ),
    dues, dues, dues, dues,
)  # fmt: skip


@given(dues, st.dictionaries(st.sampled_from("abcd"), instances))
def test_the_first_timer_of_a_home_and_the_next(look_ms: int | None, known: dict[str, Instance]) -> None:
    """Of all that a home waits for the first is given, the home's own before its rules', and when the second is due."""
    facts = Facts("h", presence=Presence(due_ms=look_ms))
    own = [] if look_ms is None else [(look_ms, HOME_KEY)]
    all_ = sorted([*own, *((at, key) for key, one in known.items() if (at := due_ms_of(one)) is not None)])
    wanted = (*all_[0], all_[1][0] if all_[1:] else None) if all_ else None
    assert first_timer(Home(0, None, False, facts, known)) == wanted
