"""Edge: messages go out. Each try is on disk before the call, so a crash leaves `unknown`, never silence.

Theory of operation. A message waits in `outbox` (written with the decision to send it). One try at a time: the
attempt's row and `sending` are committed, the channel is called, the result is committed. Every way the message may
take (`channels/reach.py`) gets its own tries; a message is done when each has a final result. Before each try the most
urgent message is looked for anew, so a P1 waits for at most the calls that are under way, and a channel that is known
to be down is tried last.

The attempt's row is the **lease** and its id the token: whoever writes a result writes it over NULL. After LEASE_MS
without one the try is `unknown` and the message is anybody's; a worker that wakes later finds its result taken and
writes nothing. So any number of workers may run, here or on other machines.

| a try ends | then |
|---|---|
| ok | this channel is done |
| failed | again after 5 s, then 20 s; after the third it has given up |
| refused (a bad number) | this channel is done: it will not be better in 5 s |
| unknown (no answer, or we died in it) | a P1 goes again, marked "may repeat", within the same limit; others wait for a receipt |
| every way that reaches people has given up | timeline, technical alert, and the next step of the escalation at once |

A channel's limit per minute holds back what comes again; never the first P1 that somebody is told of an incident.
"""  # noqa: E501 - a table

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, Select, bindparam, insert, select, text, update

from alerts.channels.channel import FAILED, OK, UNKNOWN, Address, Channel, Message, Result
from alerts.channels.reach import CHANNEL_TEST, EXHAUSTED, Reach, outcome, ways
from alerts.database import Database
from alerts.device_tests.proof import SENT as TEST_SENT
from alerts.device_tests.proof import note as note_test
from alerts.handling.lifecycle import HANDED_OVER, HELD, NEW
from alerts.messages.addresses import address_of
from alerts.messages.channel_incidents import TECHNICAL, down_channels, note_result, raise_undelivered
from alerts.messages.outbox_rows import (
    REFUSED,
    begin_attempt,
    finish_attempt,
    free_from_ms,
    message_of,
    say,
    settle_lost,
    tried,
    was_told,
)
from alerts.routing import escalation
from alerts.schema.alerts import UNFINISHED, WAITING, attempts, outbox, timers
from alerts.statements import change
from alerts.transaction import Transaction

log = structlog.get_logger()

TRIES = 3
RETRY_AFTER_MS = (5_000, 20_000)  # after the first, after the second
LEASE_MS = 60_000  # longer than any channel may take
MOST_PER_RUN = 200

Row = Mapping[str, Any]

_NEXT = (
    select(outbox)
    .where(text(WAITING), outbox.c.state == "pending", outbox.c.due_ms <= bindparam("the_ms"))
    .order_by(outbox.c.priority, outbox.c.follow_up, outbox.c.due_ms, outbox.c.id)
    .limit(1)
)
_NEXT_P1 = _NEXT.where(outbox.c.priority == "P1")
_LOST = select(attempts.c.id).where(text(UNFINISHED), attempts.c.started_ms < bindparam("the_ms")).limit(1)


class Try(msgspec.Struct, frozen=True):
    """One try that is on disk and under way."""

    row: Row
    attempt_id: int
    channel: Channel
    message: Message
    started_ms: int


class Outbox:
    """Sends what waits. `run_once` may be called from any number of threads."""

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Channel],
        reach: Reach | None = None,
        clock: Callable[[], int] | None = None,
        holder: str = "",
    ) -> None:
        """`channels` in order of preference; a message takes all the ways it may. Without a `clock` no time passes
        within a run. `holder` names this process among others that send, also after its restart.
        """
        self._database, self._holder = database, holder
        self._channels = dict(channels)
        self._reach = reach or Reach()
        self._clock = clock
        self._technicians = TECHNICAL.kind in self._reach.fixed

    def recover(self, now_ms: int) -> int:
        """At start, before the first `run_once`: what was under way when we stopped is `unknown`. How many tries."""
        return settle_unfinished(self._database, now_ms, started_before_ms=now_ms + 1, holder=self._holder)

    def run_once(self, now_ms: int, *, only_p1: bool = False) -> int:
        """Make the tries that are due now, at most MOST_PER_RUN; how many were made."""
        for made in range(MOST_PER_RUN):
            found = self._begin(self._at(now_ms), only_p1=only_p1)
            if found is None:
                return made
            self._finish(found, _call(found.channel, found.message), self._at(now_ms))
        return MOST_PER_RUN

    def next_due_ms(self) -> int | None:
        """When the next try is due; None when nothing waits."""
        query = select(outbox.c.due_ms).where(text(WAITING), outbox.c.state == "pending")
        with self._database.reader.connect() as conn:
            return conn.execute(query.order_by(outbox.c.due_ms).limit(1)).scalar()

    def _at(self, now_ms: int) -> int:
        return now_ms if self._clock is None else max(now_ms, self._clock())

    # -- one try ----------------------------------------------------------------------------------------------

    def _begin(self, now_ms: int, *, only_p1: bool) -> Try | None:
        """Commit the next try before it is made."""
        query, named = _NEXT_P1 if only_p1 else _NEXT, {"the_ms": now_ms}
        if not self._anything(query, now_ms):
            return None
        with (self._database.ahead if only_p1 else self._database.writer).begin() as conn:
            settle_lost(conn, now_ms, now_ms - LEASE_MS)
            while (found := conn.execute(query, named).mappings().first()) is not None:
                begun = self._take(conn, {**found}, now_ms)
                if begun is not None:
                    return begun
        return None

    def _anything(self, query: Select[Any], now_ms: int) -> bool:
        """Whether there is work at all: four workers that took the writer after each commit to see would slow it."""
        with self._database.reader.connect() as conn:
            waits = conn.execute(query, {"the_ms": now_ms}).first() is not None
            return waits or conn.execute(_LOST, {"the_ms": now_ms - LEASE_MS}).first() is not None

    def _take(self, conn: Connection, row: Row, now_ms: int) -> Try | None:
        """Begin this message's next try; None when it is closed or put off instead."""
        address = self._address(conn, row)
        so_far = tried(conn, row["id"])
        left = self._left(row, address, so_far)
        if not left:  # nowhere to go; its last try was interrupted; or its channel was taken out of the settings
            self._settle(conn, row, address, now_ms)
            return None
        free, from_ms = self._within_limits(conn, row, left, now_ms)
        if not free:
            change(conn, outbox, row["id"], {"due_ms": from_ms})
            return None
        down = down_channels(conn, row["site_id"]) if len(free) > 1 else frozenset()
        name = min(free, key=lambda one: (len(so_far.get(one, [])), one in down))
        before = so_far.get(name, [])
        may_repeat = UNKNOWN in before
        attempt_id = begin_attempt(conn, row, name, len(before) + 1, now_ms, may_repeat=may_repeat, holder=self._holder)
        if attempt_id is None:
            return None
        message = message_of(conn, row, name, attempt_id, address, self._reach, may_repeat=may_repeat)
        return Try(row, attempt_id, self._channels[name], message, now_ms)

    def _finish(self, made: Try, result: Result, now_ms: int) -> None:
        p1 = made.row["priority"] == "P1"
        with (self._database.ahead if p1 else self._database.writer).begin() as conn:
            if not finish_attempt(conn, made.attempt_id, result, now_ms):
                log.warning("result_too_late", attempt=made.attempt_id, result=result.outcome)
                return
            tx = Transaction(conn, made.row["site_id"], now_ms)
            took_ms = now_ms - made.started_ms
            note_result(tx, made.channel, result, took_ms, tell=self._technicians)
            if result.outcome == OK and made.channel.reaches_people:
                note_test(tx, made.row, TEST_SENT, via=made.channel.name)
            self._settle(conn, made.row, made.message.address, now_ms)

    # -- what is left of a message ----------------------------------------------------------------------------

    def _address(self, conn: Connection, row: Row) -> Address:
        return address_of(conn, row["site_id"], row["target_kind"], row["target"], self._reach.fixed)

    def _ways(self, row: Row, address: Address) -> list[str]:
        return ways(
            self._channels, kind=row["kind"], priority=row["priority"], target_kind=row["target_kind"],
            address=address, only=row["only_channel"],
        )  # fmt: skip

    def _left(self, row: Row, address: Address, so_far: Mapping[str, list[str]]) -> list[str]:
        """The ways that are not done yet."""
        return [name for name in self._ways(row, address) if not _is_done(so_far.get(name, []), row)]

    def _within_limits(self, conn: Connection, row: Row, names: list[str], now_ms: int) -> tuple[list[str], int]:
        """Those of the ways that may be used now, and from when one may if none."""
        limits = self._reach.per_minute
        if not any(name in limits for name in names) or (row["priority"] == "P1" and not was_told(conn, row)):
            return names, now_ms
        free_ms = {name: free_from_ms(conn, name, limits[name], now_ms) if name in limits else now_ms for name in names}
        return [name for name in names if free_ms[name] <= now_ms], min(free_ms.values())

    def _settle(self, conn: Connection, row: Row, address: Address, now_ms: int) -> None:
        """After a try: what the message is now, and when it is tried again."""
        so_far = tried(conn, row["id"])
        left = self._left(row, address, so_far)
        if left:
            fewest = min(len(so_far.get(name, [])) for name in left)
            wait_ms = RETRY_AFTER_MS[fewest - 1] if fewest else 0
            change(conn, outbox, row["id"], {"state": "pending", "due_ms": now_ms + wait_ms})
            return
        state = outcome(row["priority"], self._ways(row, address), self._channels, so_far)
        close_message(Transaction(conn, row["site_id"], now_ms), row, state, tell=self._technicians)


def close_message(tx: Transaction, row: Row, state: str, *, tell: bool) -> None:
    """A message is done: sent, unknown or exhausted. `tell`: technicians have an address."""
    change(tx.conn, outbox, row["id"], {"state": state, "done_ms": tx.now_ms})
    if state == EXHAUSTED:
        _give_up(tx, row, tell=tell)
    if row["alert_id"]:
        tx.change("alert", row["alert_id"])


def test_channel(database: Database, site_id: str, channel: str, now_ms: int) -> int:
    """Put a test message for the technicians' address into the outbox, over this channel alone; its number."""
    values = {
        "site_id": site_id, "incident_id": "", "alert_id": "", "priority": "P4", "kind": CHANNEL_TEST,
        "target_kind": TECHNICAL.kind, "target": TECHNICAL.id, "target_name": TECHNICAL.name, "step": 0,
        "state": "pending", "created_ms": now_ms, "due_ms": now_ms, "only_channel": channel,
        "args": {"channel": channel},
    }  # fmt: skip
    with database.writer.begin() as conn:
        return int(conn.execute(insert(outbox).values(values).returning(outbox.c.id)).scalar_one())


def settle_unfinished(database: Database, now_ms: int, *, started_before_ms: int, holder: str | None = None) -> int:
    """Tries without a result that began before a time become `unknown`; their messages wait again, to be judged by
    the next try or, where none is left, to be closed. How many tries. With a `holder` only those of that process.
    """
    with database.writer.begin() as conn:
        return settle_lost(conn, now_ms, started_before_ms, holder)


def _call(channel: Channel, message: Message) -> Result:
    try:
        return channel.send(message)
    except Exception as error:  # noqa: BLE001 - the quarantine of channels: one that breaks must not stop the others
        log.error("channel_raised", channel=channel.name, error=type(error).__name__)
        return Result(FAILED, type(error).__name__)


def _is_done(results: list[str], row: Row) -> bool:
    if not results:
        return False
    if OK in results or REFUSED in results or len(results) >= TRIES or row["kind"] == CHANNEL_TEST:
        return True
    return results[-1] == UNKNOWN and row["priority"] != "P1"


def _give_up(tx: Transaction, row: Row, *, tell: bool) -> None:
    """Nobody could be told this way: it is said on the timeline, and whoever is next is told at once."""
    tx.change("health", "message_exhausted")
    log.error("message_exhausted", alert_id=row["alert_id"], priority=row["priority"], target=row["target"])
    if not row["incident_id"]:
        return
    say(tx, row["incident_id"], row["alert_id"], "not_delivered", row["target_name"])
    raise_undelivered(tx, row, tell=tell)
    incident = tx.incident(row["incident_id"])
    if not incident["open"]:
        return
    steps = len(incident["chain"].steps)
    waiting = {NEW: (escalation.ESCALATE, steps), HANDED_OVER: (escalation.HAND_OVER, steps)}
    waiting |= dict.fromkeys(HELD, (escalation.RING_NEXT, steps))
    if incident["owner"] is not None:  # the centre outside was not told: it is ours at once
        waiting[NEW] = (escalation.WATCH, steps)
    kind, limit = waiting[incident["handling"]]
    # once the last step repeats, the repeat's own interval is what keeps a dead channel from being hammered
    tx.conn.execute(
        update(timers)
        .where(
            timers.c.incident_id == row["incident_id"],
            timers.c.alert_id == "",
            timers.c.kind == kind,
            timers.c.step < limit,
            timers.c.due_ms > tx.now_ms,
        )
        .values(due_ms=tx.now_ms)
    )
