from __future__ import annotations

from ingest.undecodable import AT_ONCE, WINDOW_MS, Undecodable

NOON_MS = 1_772_370_000_000


def fired(cries: Undecodable, until_ms: int) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []
    cries.fire(until_ms, lambda address, at_ms, count: found.append((address, at_ms, count)))
    return found


def test_the_first_cry_and_other_bytes_go_through_at_once():
    """A real press between rubbish has other bytes and reaches a person at once."""
    cries = Undecodable()

    assert [cries.admit("a", payload, NOON_MS) for payload in (b"x", b"x", b"press", b"x")] == [
        True,
        False,
        True,
        False,
    ]
    assert cries.admit("b", b"x", NOON_MS)


def test_a_resend_is_told_again_after_a_minute():
    """The same bytes are one cry a minute, so one that was closed unheard comes back."""
    cries = Undecodable()
    told = []
    for second in range(0, 180, 10):
        fired(cries, NOON_MS + second * 1_000)
        told.append(cries.admit("a", b"x", NOON_MS + second * 1_000))

    assert sum(told) == 3


def test_a_storm_of_other_bytes_is_held_and_summed_up():
    """Beyond a handful, what comes is counted and told when the minute ends: nothing is lost, nothing storms."""
    cries = Undecodable()
    told = [cries.admit("a", str(number).encode(), NOON_MS + number) for number in range(100)]

    assert sum(told) == AT_ONCE
    assert fired(cries, NOON_MS + WINDOW_MS - 1) == []
    assert fired(cries, NOON_MS + WINDOW_MS) == [("a", NOON_MS + WINDOW_MS, 100 - AT_ONCE)]
    assert fired(cries, NOON_MS + 10 * WINDOW_MS) == []
    assert cries.next_due_ms() is None


def test_a_restored_window_goes_on():
    """What is held survives a restart."""
    cries = Undecodable()
    for number in range(10):
        cries.admit("a", str(number).encode(), NOON_MS)
    again = Undecodable(cries.state())

    assert fired(again, NOON_MS + WINDOW_MS) == [("a", NOON_MS + WINDOW_MS, 10 - AT_ONCE)]
