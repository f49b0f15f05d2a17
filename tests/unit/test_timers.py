"""The timers of a fold: the order in which they fire, whatever was moved on the way, and nothing kept too long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.timers import Timers

steps = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.one_of(st.none(), st.integers(0, 50))), max_size=80
)


@given(steps)
def test_they_fire_in_order_of_their_true_times(moves: list[tuple[str, str, int | None]]) -> None:
    """Set, moved later, moved earlier, taken away: what fires is the last word of each, in one order."""
    true: dict[tuple[str, str], int] = {}
    timers = Timers(lambda home, key: true.get((home, key)))
    for home, key, due_ms in moves:
        true.pop((home, key), None)
        if due_ms is not None:
            true[home, key] = due_ms
        timers.look(home, key, due_ms)
    fired = []
    while timers.first() is not None:
        due_ms, home, key = timers.pop()
        fired.append((due_ms, home, key))
        del true[home, key]
    assert fired == sorted(fired)
    assert true == {}


def test_the_first_is_not_shown_before_its_time() -> None:
    """Up to 10 nothing is due; at 11 it is."""
    timers = Timers(lambda *_: 11)
    timers.look("h", "k", 11)
    assert timers.first(10) is None
    assert timers.first(11) == (11, "h", "k")


def test_a_timer_that_moves_with_every_event_costs_no_memory() -> None:
    """A hundred thousand signs of life leave one entry; as many timers brought forward leave few."""
    due = {"k": 0}
    timers = Timers(lambda _, key: due.get(key))
    for due["k"] in range(100_000):
        timers.look("h", "k", due["k"])
    assert timers.size == 1
    for due["k"] in range(100_000, 0, -1):
        timers.look("h", "k", due["k"])
    assert timers.size < 100
    assert timers.first() == (1, "h", "k")
