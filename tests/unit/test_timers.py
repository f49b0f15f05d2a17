"""The timers of a fold: the order in which they fire, whatever was moved on the way, and nothing kept too long."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from rules.timers import Timers

steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.one_of(st.none(), st.integers(0, 50))), max_size=80
)
True_ = dict[tuple[str, str], int]


def first_of(true: True_) -> Callable[[str], tuple[int, str] | None]:
    """The first timer of a home, by what is true now."""
    return lambda home: min(((due_ms, key) for (name, key), due_ms in true.items() if name == home), default=None)


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
        fired.append(found)
        del true[found[1], found[2]]
        timers.put_back(found[1])
    assert fired == sorted(fired)
    assert true == {}


def test_what_fires_may_set_a_timer_before_the_others_of_its_home() -> None:
    """The home comes up for the new one first, then for the one that was there before."""
    true = {("h", "a"): 5, ("h", "b"): 9}
    timers = Timers(first_of(true))
    timers.look("h", 5)
    fired = []
    while (found := timers.take(50)) is not None:
        fired.append(found)
        true.pop((found[1], found[2]))
        if found[0] == 5:
            true["h", "a"] = 7
            timers.look("h", 7)
        timers.put_back("h")
    assert fired == [(5, "h", "a"), (7, "h", "a"), (9, "h", "b")]


def test_the_first_is_not_shown_before_its_time() -> None:
    """Up to 10 nothing is due; at 11 it is."""
    timers = Timers(lambda _: (11, "k"))
    timers.look("h", 11)
    assert timers.first(10) is None
    assert timers.first(11) == (11, "h", "k")


def test_a_timer_that_moves_with_every_event_costs_no_memory() -> None:
    """A hundred thousand signs of life leave one entry; as many timers brought forward leave few."""
    due = {"k": 0}
    timers = Timers(lambda _: (due["k"], "k"))
    for due["k"] in range(100_000):
        timers.look("h", due["k"])
    assert timers.size == 1
    for due["k"] in range(100_000, 0, -1):
        timers.look("h", due["k"])
    assert timers.size < 100
    assert timers.first() == (1, "h", "k")
