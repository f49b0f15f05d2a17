"""The journal's ports, over every implementation on its real engine."""

import threading
from concurrent.futures import Future, wait

import msgspec
import pytest

from ingest.journal import JournalError
from ingest.journal_sqlite import SqliteJournal
from ingest.record import DeadLetter, Folded, RawRecord, Setting, Verdict
from tests.support.journals import (
    JOURNALS,
    NOON_MS,
    clock_input,
    event,
    folded,
    input_of,
    message,
    setting_input,
)


@pytest.fixture(params=sorted(JOURNALS))
def make(request, tmp_path):
    """Opens the journal of this test's folder, again and again."""
    opened: list[SqliteJournal] = []

    def open_it():
        for one in opened:
            one.close()
        opened.append(JOURNALS[request.param](tmp_path))
        return opened[-1]

    yield open_it
    for one in opened:
        one.close()


@pytest.fixture
def journal(make):
    """An empty journal."""
    return make()


def test_rows_of_raw_come_back_as_they_were(make):
    """Every field of a row survives, also bytes that are no text, also over a restart, with seq 1, 2, 3 …"""
    rows = [
        message(1, b'{"type": "alarm.pressed"}', qos=1, retain=True, dup=True, link="mqtt"),
        message(2, b"\x00\xff\xfe"),
        RawRecord(NOON_MS + 9_000, "clock"),
        RawRecord(NOON_MS + 9_000, "http", "http:vardevakt:gw/ø", "æ".encode(), 2),
    ]
    assert make().raw.append(rows).result(5) == 4

    expected = [msgspec.structs.replace(row, seq=seq) for seq, row in enumerate(rows, 1)]
    assert make().raw.read(0, 10) == expected


def test_raw_is_read_in_pages(journal):
    """`read` gives rows beyond a position, in order, at most the limit, and nothing beyond the end."""
    journal.raw.append([message(number) for number in range(5)]).result(5)

    assert [row.seq for row in journal.raw.read(2, 2)] == [3, 4]
    assert [row.seq for row in journal.raw.read(4, 100)] == [5]
    assert journal.raw.read(5, 100) == []
    assert journal.raw.last_seq() == 5


def test_raw_keeps_the_order_of_calls_and_has_no_holes(journal):
    """Rows of one call stand together; of one thread's calls, in their order; futures give the last row's seq."""

    def work(name):
        futures[name] = [
            journal.raw.append([message(0, f"{name} {call} {row}".encode()) for row in range(3)]) for call in range(50)
        ]

    futures: dict[int, list[Future[int]]] = {}
    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait([one for each in futures.values() for one in each], 10)

    rows = journal.raw.read(0, 1_000)
    assert [row.seq for row in rows] == list(range(1, 601))
    for name, each in futures.items():
        mine = [row for row in rows if row.payload.startswith(f"{name} ".encode())]
        assert [row.payload for row in mine] == [
            f"{name} {call} {row}".encode() for call in range(50) for row in range(3)
        ]
        assert [future.result() for future in each] == [row.seq for row in mine[2::3]]


def test_inputs_come_back_as_they_were(make):
    """Events with everything they carry, settings and clocks survive a restart; seq is given in order."""
    full = event(
        1, "measured", observed_at_ms=NOON_MS - 5, gateway="gw", role="bed", room="bedroom", state=True,
        quality=("late", "retained"), key="7-1",
        content={"metric": "weight", "value": 71.5, "n": 3, "ok": True, "x": None},
        extra={"deep": {"list": [1, "two", None]}, "æ": "ø"},
    )  # fmt: skip
    plan = setting_input("plan", "p1", {"set": {"for": "35 min"}, "days": [1, 2]})
    gone = setting_input("plan", "p1", None, version=2)
    rows = [input_of(full, raw_seq=7, floor=2), plan, gone, clock_input(NOON_MS + 1)]
    rows.append(msgspec.structs.replace(input_of(event(2)), derived=True, item=4))
    make().inputs.write(7, [Folded(inputs=tuple(rows[:2])), Folded(inputs=tuple(rows[2:]))], 0)

    again = make().inputs
    assert again.read(0, 10) == [msgspec.structs.replace(row, seq=seq) for seq, row in enumerate(rows, 1)]
    assert (again.position(), again.last_seq()) == (7, 5)


def test_values_that_no_store_can_hold_do_not_stop_the_log(journal):
    """A number beyond 64 bits and half a surrogate pair are kept as text; the rest of the event is untouched."""
    one = event(
        1, content={"n": 2**70, "text": "a\ud800b", "fine": 5}, extra={"deep": [{"n": -(2**80)}]}, room="\udfff"
    )
    letter = DeadLetter(1, 0, NOON_MS, "x:\ud800", "not_json", "detail \ud800")
    journal.inputs.write(1, [Folded(inputs=(input_of(one),), dead_letters=(letter,))], 0)

    found = journal.inputs.read(0, 1)[0].event
    assert found.content == {"n": str(2**70), "text": "a?b", "fine": 5}
    assert found.extra == {"deep": [{"n": str(-(2**80))}]}
    assert found.event_id == one.event_id
    assert journal.inputs.dead_letters(None, 1)[0].detail == "detail ?"


def test_a_fenced_write_changes_nothing(journal):
    """Who stands elsewhere than the disk says is told so, and nothing of that write is there."""
    journal.inputs.write(10, folded([input_of(event(1))]), 0)

    stale = Folded(inputs=(input_of(event(2)),), verdicts=(Verdict(11, 0, "duplicate"),))
    with pytest.raises(JournalError, match="fenced"):
        journal.inputs.write(11, [stale], 9)

    assert journal.inputs.position() == 10
    assert journal.inputs.last_seq() == 1
    assert journal.inputs.verdicts(11) == []
    journal.inputs.write(12, folded([input_of(event(3))]), 10)
    assert [one.seq for one in journal.inputs.read(0, 10)] == [1, 2]


def test_dead_letters_and_verdicts(journal):
    """Dead letters come newest first, the items of one message never split over two pages; verdicts by message."""
    letters = [DeadLetter(seq, item, NOON_MS, "a:b", "no_type", "", may_be_alarm=seq == 3) for seq, item in
               ((1, 0), (2, 0), (2, 1), (2, 2), (3, 5))]  # fmt: skip
    verdicts = (Verdict(9, 0, "duplicate", "id-1"), Verdict(9, 2, "unchanged"))
    journal.inputs.write(9, [Folded(dead_letters=tuple(letters), verdicts=verdicts)], 0)

    first = journal.inputs.dead_letters(None, 2)
    assert first == [letters[4], letters[3], letters[2], letters[1]]
    assert journal.inputs.dead_letters(first[-1].raw_seq, 10) == [letters[0]]
    assert journal.inputs.verdicts(9) == list(verdicts)


def test_the_floor_lane_skips_the_backlog(journal):
    """`floor_only` gives alarm rows, clocks and settings in order, whatever stands between."""
    backlog = [input_of(event(number)) for number in range(3_000)]
    wanted = [
        input_of(event(1, "alarm.pressed"), floor=1),
        clock_input(NOON_MS + 5),
        setting_input("device", "d1", {}),
        input_of(event(2, "fall.suspected"), floor=2),
    ]
    rows = [*backlog[:1_000], wanted[0], *backlog[1_000:2_000], wanted[1], wanted[2], *backlog[2_000:], wanted[3]]
    journal.inputs.write(1, folded(rows), 0)

    found = journal.inputs.read(0, 3, floor_only=True)
    assert [one.seq for one in found] == [1_001, 2_002, 2_003]
    assert [one.seq for one in journal.inputs.read(found[-1].seq, 3, floor_only=True)] == [3_004]


def test_inputs_of_a_home_are_found_by_time(make):
    """`find` gives one home's inputs of [from, to) in order, of what is indexed and of what is not yet."""
    journal = make()
    position = 0
    for start in range(0, 24_000, 2_000):
        rows = [input_of(event(number, home=f"h{number % 7}")) for number in range(start, start + 2_000)]
        journal.inputs.write(start + 2_000, folded(rows), position)
        position = start + 2_000

    def numbers(from_number, to_number, limit):
        found = journal.inputs.find("h3", NOON_MS + from_number * 1_000, NOON_MS + to_number * 1_000, limit)
        return [(one.received_at_ms - NOON_MS) // 1_000 for one in found]

    for home in range(7):
        found = journal.inputs.find(f"h{home}", 0, NOON_MS * 2, 100_000)
        assert [one.seq for one in found] == list(range(home + 1, 24_001, 7)), home
    everything = list(range(3, 24_000, 7))
    assert numbers(0, 24_000, 10_000) == everything
    assert numbers(0, 24_000, 100) == everything[:100]
    assert numbers(10, 24, 100) == [10, 17]
    assert numbers(23_990, 30_000, 100) == [23_992, 23_999]
    journal = make()
    assert numbers(0, 24_000, 10_000) == everything


def test_snapshots(make):
    """The newest whole snapshot of the same engine, not after a position; the newest two per name are kept."""
    store = make().snapshots
    large = bytes(range(256)) * 10_000
    for position, engine, state in ((10, "e1", b"ten"), (20, "e1", large), (30, "e2", b"")):
        store.save("home", position, engine, state)
    store.save("source", 5, "e1", b"other")

    store = make().snapshots
    assert store.load("home", "e1", 100) == (20, large)
    assert store.load("home", "e2", 30) == (30, b"")
    assert store.load("home", "e2", 29) is None
    assert store.load("home", "e1", 19) is None, "only the newest two are kept"
    assert store.load("source", "e1", 5) == (5, b"other")


def test_a_snapshot_cut_short_does_not_count(make, monkeypatch):
    """What a crash left half written is not loaded; the one before it is, and the next save clears it away."""
    store = make().snapshots
    store.save("home", 10, "e1", b"ten")
    monkeypatch.setattr("ingest.journal_snapshots.CHUNK_BYTES", 4)
    write = store._write_chunk
    written: list[object] = []

    def crash(*args):
        if written:
            raise KeyboardInterrupt
        written.append(args)
        write(*args)

    monkeypatch.setattr(store, "_write_chunk", crash)
    with pytest.raises(KeyboardInterrupt):
        store.save("home", 20, "e1", b"more than one piece")

    store = make().snapshots
    assert store.load("home", "e1", 100) == (10, b"ten")
    store.save("home", 20, "e1", b"again in pieces")
    assert store.load("home", "e1", 100) == (20, b"again in pieces")


def test_saving_the_same_position_again_replaces_it(journal):
    """A fold that was rebuilt writes its snapshot over the older one."""
    journal.snapshots.save("home", 10, "e1", b"a" * 3_000_000)
    journal.snapshots.save("home", 10, "e1", b"b")

    assert journal.snapshots.load("home", "e1", 10) == (10, b"b")


def test_waiting_for_rows(journal):
    """`wait` returns at once when there is more, when a commit brings it, and with False when the time is up."""
    assert not journal.raw.wait(0, 0.01)
    done = []
    waiter = threading.Thread(target=lambda: done.append(journal.raw.wait(0, 10)))
    waiter.start()
    journal.raw.append([message(1)]).result(5)
    waiter.join(5)

    assert done == [True]
    assert journal.raw.wait(0, 0)
    assert not journal.inputs.wait(0, 0)


def test_acknowledgement_watermarks_are_kept(make):
    """What `note_acked` was told is there after a clean restart."""
    journal = make()
    journal.raw.append([message(1)]).result(5)
    journal.raw.note_acked("mqtt", 1)

    assert make().raw.acked() == {"mqtt": 1}


def test_a_closed_journal_says_so(make):
    """An append after `close` fails through its future, in words."""
    journal = make()
    journal.close()

    with pytest.raises(JournalError, match="closed"):
        journal.raw.append([message(1)]).result(5)


def test_settings_keep_their_versions(journal):
    """A setting comes back with id, version, kind, actor and value."""
    one = Setting("plan/p1", 3, "plan", {"set": {}}, actor="s1")
    row = msgspec.structs.replace(setting_input("plan", "p1", {}), setting=one)
    journal.inputs.write(1, folded([row]), 0)

    assert journal.inputs.read(0, 1)[0].setting == one
