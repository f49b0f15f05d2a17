from __future__ import annotations

import pytest

from ingest.event import CLOCK_SUSPECT, LATE
from ingest.record import Setting
from ingest.trust import TestSessions, trusted_time

NOON_MS = 1_772_370_000_000
DAY_MS = 86_400_000
MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("observed_ms", "effective_ms", "said"),
    [
        (None, NOON_MS, None),
        (NOON_MS, NOON_MS, None),
        (NOON_MS - 60_000, NOON_MS - 60_000, None),
        (NOON_MS - 60_001, NOON_MS - 60_001, LATE),
        (NOON_MS - 31 * DAY_MS, NOON_MS - 31 * DAY_MS, LATE),
        (NOON_MS - 31 * DAY_MS - 1, NOON_MS, CLOCK_SUSPECT),
        (NOON_MS + 1, NOON_MS, None),
        (NOON_MS + 60_000, NOON_MS, None),
        (NOON_MS + 60_001, NOON_MS, CLOCK_SUSPECT),
        (0, NOON_MS, CLOCK_SUSPECT),
        (3_155_760_000_000, NOON_MS, CLOCK_SUSPECT),  # 2070
        (-62_135_596_800_000, NOON_MS, CLOCK_SUSPECT),  # year 1
    ],
)
def test_which_time_counts(observed_ms, effective_ms, said):
    """A device's time counts where it can be true; else arrival does, and the event says so."""
    assert trusted_time(observed_ms, NOON_MS) == (effective_ms, said)


def session(
    sessions: TestSessions, from_ms: int, until_ms: int, at_ms: int = NOON_MS, device: str = "d1", name: str = "t1"
) -> TestSessions:
    value: dict[str, object] = {"device": device, "from_ms": from_ms, "until_ms": until_ms, "staff": "s1"}
    sessions.apply(Setting(f"test_session/{name}", 1, "test_session", value), at_ms)
    return sessions


@pytest.mark.parametrize(
    ("device", "effective_min", "received_min", "believed"),
    [
        ("d1", 2, 2, True),
        ("d1", 0, 29, True),
        ("d2", 2, 2, False),
        ("d1", -1, 2, False),  # emptied from a buffer during the session
        ("d1", 2, 30, False),  # arrives when nobody waits for it any more
        ("d1", 47, 47, False),
    ],
)
def test_when_a_test_is_believed(device, effective_min, received_min, believed):
    """Only on the device of an open session, and only what both happened and arrived within it."""
    sessions = session(TestSessions(), NOON_MS, NOON_MS + 30 * MINUTE_MS)

    is_open = sessions.open(device, NOON_MS + effective_min * MINUTE_MS, NOON_MS + received_min * MINUTE_MS)

    assert is_open is believed


def test_a_session_ends_by_itself():
    """Whatever end it names, half an hour after it was opened it is over."""
    sessions = session(TestSessions(), NOON_MS, NOON_MS + DAY_MS)

    assert sessions.open("d1", NOON_MS + 29 * MINUTE_MS, NOON_MS + 29 * MINUTE_MS)
    assert not sessions.open("d1", NOON_MS + 31 * MINUTE_MS, NOON_MS + 31 * MINUTE_MS)


def test_a_session_closed_early_is_closed():
    """A new version or a removal takes effect at once."""
    sessions = session(TestSessions(), NOON_MS, NOON_MS + 30 * MINUTE_MS)
    sessions.apply(Setting("test_session/t1", 2, "test_session"), NOON_MS + MINUTE_MS)

    assert not sessions.open("d1", NOON_MS + MINUTE_MS, NOON_MS + MINUTE_MS)


def test_sessions_that_are_over_take_no_room():
    """The next session forgets those that ended."""
    sessions = TestSessions()
    for number in range(500):
        at_ms = NOON_MS + number * 40 * MINUTE_MS
        session(sessions, at_ms, at_ms + 30 * MINUTE_MS, at_ms, f"d{number}", f"t{number}")

    assert list(sessions.state()) == ["d499"]
