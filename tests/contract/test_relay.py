"""The relay: what the desk decided reaches RAW in order and at least once."""

from concurrent.futures import Future

import msgspec
import pytest

from alerts.relay import BATCH, Relay, enqueue_staff
from ingest.journal import JournalError
from ingest.record import SETTING, STAFF
from tests.support.people import NOW_MS, SITE, filled_store

SETTINGS = 13  # of the example site that folds hear of


class Raw:
    """Where the relay delivers: records it got; `fail` is raised through the future instead."""

    def __init__(self):
        self.records, self.fail = [], None

    def submit(self, records):
        done: Future[int] = Future()
        if self.fail is not None:
            done.set_exception(self.fail)
        else:
            self.records += records
            done.set_result(len(self.records))
        return done


@pytest.fixture
def store(tmp_path):
    """A desk whose site, SETTINGS rows, is on its way."""
    return filled_store(tmp_path)


def names(records):
    """Which settings were delivered."""
    return [msgspec.json.decode(record.payload)["setting_id"] for record in records]


def test_rows_arrive_in_order_and_once(store):
    """Everything saved is delivered in the order of its commits; a second call has nothing to do."""
    raw = Raw()
    relay = Relay(store.database, raw.submit)
    store.save("ward", "vest", {"name": "Vest"}, "s1", NOW_MS)

    assert relay.waiting() == SETTINGS + 1
    assert relay.run_once() == SETTINGS + 1
    assert (relay.run_once(), relay.waiting()) == (0, 0)
    assert names(raw.records)[0] == "site/solvang"
    assert names(raw.records)[-1] == "ward/vest"
    assert {record.kind for record in raw.records} == {SETTING}
    assert raw.records[0].topic == "site/solvang"


def test_acts_of_staff_travel_in_the_same_line(store):
    """What staff did on the spot is delivered after what was saved before it."""
    with store.database.writer.begin() as conn:
        enqueue_staff(conn, SITE, {"type": "staff.arrived", "home": "h1", "actor": "s1"}, NOW_MS)
    raw = Raw()

    Relay(store.database, raw.submit).run_once()

    assert [record.kind for record in raw.records][-2:] == [SETTING, STAFF]
    assert msgspec.json.decode(raw.records[-1].payload)["type"] == "staff.arrived"


def test_what_did_not_reach_the_disk_goes_again(store):
    """A journal that refuses leaves every row waiting, and the next call delivers them all, still in order."""
    raw = Raw()
    relay = Relay(store.database, raw.submit)
    raw.fail = JournalError("disk full")

    with pytest.raises(JournalError):
        relay.run_once()
    assert relay.waiting() == SETTINGS
    raw.fail = None
    relay.run_once()

    assert names(raw.records)[0] == "site/solvang"
    assert relay.waiting() == 0


def test_batches_are_bounded(store):
    """A long line goes out in bounded batches, oldest first."""
    with store.database.writer.begin() as conn:
        for number in range(BATCH):
            enqueue_staff(conn, SITE, {"type": "staff.left", "home": "h1", "actor": str(number)}, NOW_MS)
    raw = Raw()
    relay = Relay(store.database, raw.submit)

    assert [relay.run_once(), relay.run_once(), relay.run_once()] == [BATCH, SETTINGS, 0]


def test_relayed_rows_can_be_cut(store):
    """Old rows that RAW has are deleted; what waits is never cut."""
    relay = Relay(store.database, Raw().submit, clock=lambda: 100)
    relay.run_once()
    store.save("ward", "vest", {"name": "Vest"}, "s1", 1)

    assert relay.cut(100) == 0
    assert relay.cut(101) == SETTINGS
    assert relay.waiting() == 1
