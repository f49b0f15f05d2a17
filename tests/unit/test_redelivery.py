"""Which messages are marked as sent again, and which are not."""

import pytest

from ingest.redelivery import DOUBT_S, MARK_S, MAX_ROWS, Redelivery


@pytest.fixture
def seen():
    """Three rows on disk, the first acknowledged long ago."""
    one = Redelivery()
    for key, seq in ((11, 1), (22, 2), (33, 3)):
        ordinal, dup = one.admit("mqtt", key, 0.0)
        assert not dup
        one.synced("mqtt", ordinal, seq)
    one.acknowledged("mqtt", 1, 0.0)
    return one


def dup(one, key, now_s=100.0, link="mqtt"):
    """Whether a message with this key is a copy."""
    return one.admit(link, key, now_s)[1]


def test_nothing_is_marked_while_the_link_holds(seen):
    """Two equal messages over one connection are two messages."""
    assert not dup(seen, 22)


def test_unacknowledged_rows_are_matched_once(seen):
    """After the link broke the first copy is marked, the next equal message is new again."""
    seen.broken("mqtt", 100.0)

    assert [dup(seen, key) for key in (22, 33, 22, 11)] == [True, True, False, False]


def test_two_equal_rows_have_two_marks(seen):
    """As many copies as there were rows."""
    seen.admit("mqtt", 22, 99.0)
    seen.broken("mqtt", 100.0)

    assert [dup(seen, 22) for _ in range(3)] == [True, True, False]


def test_a_row_not_yet_synced_is_marked_too(seen):
    """A slow disk and a broken link: the copy comes before the first one is on disk."""
    ordinal, _ = seen.admit("mqtt", 44, 99.0)
    seen.broken("mqtt", 100.0)

    assert dup(seen, 44)
    seen.synced("mqtt", ordinal, 4)
    assert not dup(seen, 44)


def test_a_fresh_acknowledgement_may_have_been_lost(seen):
    """Sent within the last seconds before the break: the broker may not have it."""
    seen.acknowledged("mqtt", 2, 100.0 - DOUBT_S + 1)
    seen.acknowledged("mqtt", 3, 100.0)
    seen.broken("mqtt", 100.0 + 2)

    assert not dup(seen, 22)
    assert dup(seen, 33)


def test_another_links_rows_are_not_its_own(seen):
    """Copies come over the link that the first ones came by."""
    seen.broken("mqtt", 100.0)

    assert not dup(seen, 22, link="other")
    assert dup(seen, 22)


def test_marks_end_a_minute_after_the_new_connection_spoke(seen):
    """An outage may be long; but soon after it everything that will come again has come."""
    seen.broken("mqtt", 100.0)

    assert dup(seen, 22, 5_000.0)
    assert not dup(seen, 33, 5_000.0 + MARK_S + 1)


def test_an_acknowledgement_from_an_older_connection_changes_nothing(seen):
    """A stale ack after the break does not make the copy look new."""
    seen.broken("mqtt", 100.0)
    seen.acknowledged("mqtt", 2, 101.0)
    seen.acknowledged("nobody", 2, 101.0)

    assert dup(seen, 22)


def test_the_watermark_stays_below_all_that_may_come_again(seen):
    """It follows acknowledgements in order, once they are beyond doubt, and waits for marks."""
    assert seen.watermarks(1.0) == {"mqtt": 0}, "row 1 is in doubt for some seconds"
    assert seen.watermarks(10.0) == {"mqtt": 1}
    seen.acknowledged("mqtt", 3, 10.0)
    assert seen.watermarks(20.0) == {"mqtt": 1}, "row 2 is not acknowledged"
    seen.broken("mqtt", 20.0)
    assert seen.watermarks(30.0) == {"mqtt": 1}
    assert dup(seen, 22, 30.0)
    assert seen.watermarks(30.0) == {"mqtt": 3}


def test_rows_beyond_a_stored_watermark_are_marked_after_a_restart():
    """What the process before this one had not acknowledged comes again."""
    one = Redelivery()
    one.restore("mqtt", 7, 77)

    assert one.watermarks(0.0) == {"mqtt": 6}
    assert dup(one, 77)


def test_shed_messages_leave_nothing_behind(seen):
    """What was acknowledged without a row is not expected again."""
    ordinal, _ = seen.admit("mqtt", 44, 99.0)
    seen.dropped("mqtt", ordinal)
    seen.broken("mqtt", 100.0)

    assert not dup(seen, 44)


def test_it_is_bounded():
    """A link that never acknowledges costs no more than its bound; what is forgotten is counted."""
    one = Redelivery()
    for key in range(MAX_ROWS + 3):
        one.admit("mqtt", key, 0.0)
    one.broken("mqtt", 1.0)

    assert one.forgotten == 3
    assert not dup(one, 2, 1.0)
    assert dup(one, 3, 1.0)
