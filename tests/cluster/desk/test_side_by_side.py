"""Several desks on one PostgreSQL: nothing twice, nothing lost, whoever stops holds nobody up."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from alerts.database import Database, DatabaseRefused, Listener, Server, open_database
from alerts.desk import Desk
from alerts.handling.acts import Refused
from alerts.messages.outbox import Outbox
from alerts.reads import queries
from alerts.relay import Relay, enqueue_staff
from alerts.retention import prune
from alerts.schema.alerts import attempts, outbox, timeline
from alerts.schema.upkeep import findings
from alerts.transaction import Transaction
from ingest.record import RawRecord
from rules.effects import Fenced
from tests.support.desk import IDA, NIGHT_MS, OLA, SITE, Duty, FakePhones, pressed
from tests.support.desk_place import again
from tests.support.servers import ROOT
from tests.support.waiting import wait_until

STUCK_S = 5.0


@pytest.fixture
def duty(tmp_path: Path) -> Duty:
    duty = Duty(tmp_path)
    duty.sends = False
    return duty


def at_once(*work: Callable[[], object]) -> list[object]:
    """All of it in threads that begin together; what each gave, or raised."""
    barrier = threading.Barrier(len(work))

    def one(do: Callable[[], object]) -> object:
        barrier.wait(10)
        try:
            return do()
        except (Fenced, Refused) as error:
            return error

    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result(60) for future in [pool.submit(one, do) for do in work]]


@contextlib.contextmanager
def child(what: str, database: Database, *more: str) -> Iterator[subprocess.Popen[str]]:
    place = database.place
    assert isinstance(place, Server)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.desk_child", what, place.url, *more], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_of_two_who_apply_the_same_rows_one_is_fenced(duty: Duty) -> None:
    """Two workers that both believe they own a partition: one alert each press, and one of them is told each time."""
    other = Desk(again(duty.database), SITE)
    for number in range(8):
        effect = pressed(f"p{number}", NIGHT_MS, trigger=f"t{number}")
        ends = at_once(*(partial(d.apply, "live", 3, number, number + 1, [effect]) for d in (duty.desk, other)))
        assert [type(end) for end in ends].count(Fenced) == 1
    assert len(duty.alerts()) == 8
    assert duty.desk.applied("live", 3) == 8


def test_the_first_of_a_partition_is_one_too(duty: Duty) -> None:
    """Where no position stands yet there is no row to compare with, and still only one wins."""
    desks = [duty.desk, *(Desk(again(duty.database), SITE) for _ in range(3))]
    for partition in range(6):
        ends = at_once(*(partial(d.apply, "live", partition, 0, 5, []) for d in desks))
        assert [type(end) for end in ends].count(Fenced) == 3


def test_of_two_who_claim_at_once_one_has_it(duty: Duty) -> None:
    """At two web processes: one claim, one refusal that names who has it."""
    other = Desk(again(duty.database), SITE)
    for number in range(6):
        effect = pressed(f"p{number}", NIGHT_MS, trigger=f"t{number}", resident=f"x{number}", subject=f"x{number}")
        duty.apply(effect)
        ends = at_once(
            partial(duty.desk.act, effect.alert_id, "claim", OLA, NIGHT_MS, f"a{number}", {}),
            partial(other.act, effect.alert_id, "claim", IDA, NIGHT_MS, f"b{number}", {}),
        )
        assert [type(end) for end in ends].count(Refused) == 1, ends


def test_timers_fire_once_and_messages_go_once(duty: Duty) -> None:
    """Three processes tick and send at once, second after second: the same messages as from one alone, none twice."""
    for number in range(4):
        duty.apply(pressed(f"p{number}", NIGHT_MS, trigger=f"t{number}"))
    databases = [duty.database, *(again(duty.database) for _ in range(2))]
    phones = [FakePhones() for _ in databases]
    desks = [Desk(database, SITE) for database in databases]
    senders = [
        Outbox(database, {"phones": phone}, holder=f"p{n}")
        for n, (database, phone) in enumerate(zip(databases, phones, strict=True))
    ]
    for now_ms in range(NIGHT_MS, NIGHT_MS + 400_000, 40_000):
        at_once(*(partial(d.tick, now_ms) for d in desks), *(partial(s.run_once, now_ms) for s in senders))
    while any(sender.run_once(now_ms) for sender in senders):
        pass

    got = Counter(message.message_id for phone in phones for message in phone.received)
    with duty.database.reader.connect() as conn:
        messages = set(conn.execute(select(outbox.c.id).where(outbox.c.state == "sent")).scalars())
        lines = conn.execute(select(timeline.c.incident_id, timeline.c.kind, timeline.c.at_ms, timeline.c.args)).all()
    assert set(got) == messages
    assert set(got.values()) == {1}, "each message once"
    rung = [(line.incident_id, line.at_ms) for line in lines if line.kind == "rang"]
    assert len(rung) == len(set(rung)), "each step once"


def test_ids_of_changes_are_given_in_the_order_of_commits(duty: Duty) -> None:
    """A reader that always asks for what came after its last id has all in the end: nobody commits behind it."""
    writers = [Desk(again(duty.database), SITE) for _ in range(4)]
    reader, over, seen = again(duty.database), threading.Event(), [0]

    def read() -> None:
        while True:
            last_round = over.is_set()
            rows = queries.changes(reader, seen[-1], 50)
            seen.extend(row["id"] for row in rows)
            if last_round and not rows:
                return

    def change(tx: Transaction) -> None:
        tx.change("health", "a page may show it")
        tx.conn.exec_driver_sql("SELECT pg_sleep(random() / 50)")  # some commit long after they got their number

    def write(desk: Desk) -> None:
        for _ in range(10):
            desk.transact(NIGHT_MS, change)

    watching = threading.Thread(target=read)
    watching.start()
    at_once(*(partial(write, desk) for desk in writers))
    over.set()
    watching.join(30)
    assert seen[1:] == [row["id"] for row in queries.changes(reader, 0, 10_000)]
    assert len(seen) == 1 + 4 * 10


def test_a_batch_without_effects_waits_for_nobody(duty: Duty) -> None:
    """While another desk is at work, a worker moves its position: most batches are nothing but that."""
    other = again(duty.database)
    with other.writer.begin():
        duty.desk.apply("live", 9, 0, 100, [])
    assert duty.desk.applied("live", 9) == 100


def test_a_process_that_stops_in_its_turn_loses_it(duty: Duty) -> None:
    """Paused amid a transaction it holds up the others for seconds, not for as long as it sleeps; it wrote nothing."""
    with child("hold", duty.database) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "my turn\n"
        holder.send_signal(signal.SIGSTOP)
        began_s = time.monotonic()
        duty.apply(duty.press("p1"))
        took_s = time.monotonic() - began_s
    assert STUCK_S / 2 < took_s < 4 * STUCK_S
    assert len(duty.alerts()) == 1


def test_two_processes_ring_once_and_one_killed_changes_nothing(duty: Duty) -> None:
    """Two real processes send what waits; one is killed amid it. What it had begun goes again as `unknown` after its
    lease, everything else once.
    """
    for number in range(10):
        duty.apply(pressed(f"p{number}", NIGHT_MS, trigger=f"t{number}"))
    with child("fire", duty.database, "a") as first, child("fire", duty.database, "b"):
        assert first.stdout is not None
        first.stdout.readline()
        first.kill()

        def all_tried() -> bool:
            with duty.database.reader.connect() as conn:
                return not conn.execute(select(outbox.c.id).where(outbox.c.state.in_(("pending", "sending")))).first()

        wait_until(all_tried, "everything is sent", 40)
    with duty.database.reader.connect() as conn:
        tries = conn.execute(select(attempts.c.message_id, attempts.c.result, attempts.c.holder)).all()
    ok = Counter(row.message_id for row in tries if row.result == "ok")
    assert set(ok.values()) == {1}
    unsure = [row for row in tries if row.result != "ok"]
    assert all(row.result == "unknown" and row.holder == "a" for row in unsure)


def test_a_start_settles_only_its_own_tries(duty: Duty) -> None:
    """What another process is just sending stays its own; what this one sent before it stopped is `unknown`."""
    duty.apply(duty.press("p1"))
    before = Outbox(duty.database, {"phones": FakePhones()}, holder="a")
    assert before._begin(duty.now_ms, only_p1=False) is not None
    assert Outbox(again(duty.database), {"phones": FakePhones()}, holder="b").recover(duty.now_ms + 1) == 0
    assert Outbox(duty.database, {"phones": FakePhones()}, holder="a").recover(duty.now_ms + 1) == 1


def test_one_process_relays_at_a_time(duty: Duty) -> None:
    """What goes to the folds is sent by the holder of the lease; when it falls silent, the next one goes on."""
    now = [NIGHT_MS]
    sent: list[tuple[str, int]] = []

    def relay(name: str, database: Database) -> Relay:
        def submit(rows: Sequence[RawRecord]) -> Future[int]:
            sent.append((name, len(rows)))
            done: Future[int] = Future()
            done.set_result(1)
            return done

        return Relay(database, submit, lambda: now[0], name)

    def act() -> None:
        with duty.database.writer.begin() as conn:
            enqueue_staff(conn, SITE, {"type": "staff.arrived"}, now[0])

    first, second = relay("a", duty.database), relay("b", again(duty.database))
    act()
    assert (first.run_once(), second.run_once()) == (1, 0)
    act()
    assert (second.run_once(), first.run_once()) == (0, 1)
    act()
    now[0] += 10_001
    assert (second.run_once(), first.run_once()) == (1, 0)
    assert sent == [("a", 1), ("a", 1), ("b", 1)]


def test_two_who_cut_old_rows_are_not_in_each_others_way(duty: Duty) -> None:
    """Both cut the same hour's work at once: all that is old goes, once, and neither waits for the other's rows."""
    with duty.database.writer.begin() as conn:
        old = [{"at_ms": 0, "kind": "x", "ref": str(number), "repaired": False} for number in range(400)]
        conn.execute(insert(findings), old)
    other = again(duty.database)
    cut = at_once(partial(prune, duty.database, NIGHT_MS), partial(prune, other, NIGHT_MS))
    while left := prune(duty.database, NIGHT_MS):
        cut.append(left)
    assert sum(int(str(one)) for one in cut) == 400


def test_a_commit_rings_the_bell_of_the_others(duty: Duty) -> None:
    """Another process hears of each commit that a page may show, at once and not for one that was undone."""
    place = duty.database.place
    assert isinstance(place, Server)
    rings, bell = [0], threading.Semaphore(0)

    def heard() -> None:
        rings[0] += 1
        bell.release()

    def break_down(tx: Transaction) -> None:
        tx.change("health", "x")
        _ = 1 / 0

    listener = Listener(place, heard)
    listener.start()
    try:
        assert bell.acquire(timeout=10), "it looks when it begins to listen"
        duty.apply(duty.press("p1"))
        assert bell.acquire(timeout=2)
        with contextlib.suppress(ZeroDivisionError):
            duty.desk.transact(NIGHT_MS, break_down)
        assert not bell.acquire(timeout=0.3)
    finally:
        listener.stop()
    assert rings[0] == 2


def test_a_database_out_of_reach_says_so() -> None:
    """A wrong address is refused with what the server or the network said."""
    with pytest.raises(DatabaseRefused, match=r"127\.0\.0\.1"):
        open_database(Server("postgresql+psycopg://nobody@127.0.0.1:1/none"))
