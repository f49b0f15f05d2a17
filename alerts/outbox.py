"""Edge: messages go out. Each try is on disk before the call, so a crash leaves `unknown`, never silence.

Theory of operation. A message waits in `outbox` (written with the decision to send it). One try at a time: the
attempt's row and `sending` are committed, the channel is called, the result is committed. Every channel gets its own
tries; a message is done when each has a final result. Before each try the most urgent message is looked for anew, so
a P1 waits for at most the one call that is under way (and for none with a second worker on `only_p1`).

| a try ends | then |
|---|---|
| ok | this channel is done |
| failed | again after 5 s, then 20 s; after the third it has given up |
| unknown (no answer, or we died in it) | a P1 goes again, marked "may repeat", within the same limit; others do not |
| every channel that reaches people has given up | timeline, health, and the next step of the escalation at once |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import Connection, insert, select, text, update

from alerts import escalation
from alerts.channels.channel import FAILED, OK, UNKNOWN, Channel, Message, Result
from alerts.database import Database
from alerts.lifecycle import HANDED_OVER, HELD, NEW
from alerts.schema import UNFINISHED, attempts, outbox, timers
from alerts.transaction import Transaction

log = structlog.get_logger()

TRIES = 3
RETRY_AFTER_MS = (5_000, 20_000)  # after the first, after the second
MOST_PER_RUN = 200

Row = Mapping[str, Any]


class Outbox:
    """Sends what waits. One `Outbox` per site; `run_once` may be called from two threads if one asks for P1 only."""

    def __init__(self, database: Database, channels: Mapping[str, Channel]) -> None:
        """`channels` in order of preference; all of them are tried for every message."""
        self._database = database
        self._channels = dict(channels)

    def recover(self, now_ms: int) -> int:
        """At start, before the first `run_once`: what was under way when we stopped is `unknown`. How many tries."""
        return settle_unfinished(self._database, now_ms, started_before_ms=now_ms + 1)

    def run_once(self, now_ms: int, *, only_p1: bool = False) -> int:
        """Make the tries that are due now, at most MOST_PER_RUN; how many were made."""
        for made in range(MOST_PER_RUN):
            found = self._begin(now_ms, only_p1=only_p1)
            if found is None:
                return made
            row, attempt_id, channel, message = found
            result = _call(channel, message)
            with self._database.writer.begin() as conn:
                _finish(conn, attempt_id, result, now_ms)
                self._settle(conn, row, now_ms)
        return MOST_PER_RUN

    def next_due_ms(self) -> int | None:
        """When the next try is due; None when nothing waits."""
        query = select(outbox.c.due_ms).where(text("state IN ('pending', 'sending')"), outbox.c.state == "pending")
        with self._database.reader.connect() as conn:
            return conn.execute(query.order_by(outbox.c.due_ms).limit(1)).scalar()

    def _begin(self, now_ms: int, *, only_p1: bool) -> tuple[Row, int, Channel, Message] | None:
        """Commit the next try before it is made."""
        query = (
            select(outbox)
            .where(text("state IN ('pending', 'sending')"), outbox.c.state == "pending", outbox.c.due_ms <= now_ms)
            .order_by(outbox.c.priority, outbox.c.due_ms, outbox.c.id)
            .limit(1)
        )
        if only_p1:
            query = query.where(outbox.c.priority == "P1")
        with self._database.writer.begin() as conn:
            while (row := conn.execute(query).mappings().first()) is not None:
                tried = _tried(conn, row["id"])
                name = self._next_channel(tried, row["priority"])
                if name is None:  # its last try was interrupted, or its channel was taken out of the settings
                    self._settle(conn, {**row}, now_ms)
                    continue
                so_far = tried.get(name, [])
                message = _message({**row}, may_repeat=UNKNOWN in so_far)
                attempt_id = _insert_attempt(conn, message, name, len(so_far) + 1, now_ms)
                return {**row}, attempt_id, self._channels[name], message
        return None

    def _next_channel(self, tried: Mapping[str, list[str]], priority: str) -> str | None:
        """The channel with the fewest tries among those that are not done; the first one at equal tries."""
        left = [name for name in self._channels if not _is_done(tried.get(name, []), priority)]
        return min(left, key=lambda name: len(tried.get(name, [])), default=None)

    def _settle(self, conn: Connection, row: Row, now_ms: int) -> None:
        """After a try: what the message is now, and when it is tried again."""
        tried = _tried(conn, row["id"])
        name = self._next_channel(tried, row["priority"])
        if name is not None:
            results = tried.get(name, [])
            wait_ms = RETRY_AFTER_MS[len(results) - 1] if results else 0
            conn.execute(
                update(outbox).where(outbox.c.id == row["id"]).values(state="pending", due_ms=now_ms + wait_ms)
            )
            return
        state = self._outcome(tried)
        conn.execute(update(outbox).where(outbox.c.id == row["id"]).values(state=state, done_ms=now_ms))
        tx = Transaction(conn, row["site_id"], now_ms)
        if state == "exhausted":
            _give_up(tx, row)
        tx.change("alert", row["alert_id"])

    def _outcome(self, tried: Mapping[str, list[str]]) -> str:
        """Sent | unknown | exhausted, judged by the channels that reach people (by all, where none does)."""
        reaching = [name for name, channel in self._channels.items() if channel.reaches_people] or list(self._channels)
        results = [result for name in reaching for result in tried.get(name, [])]
        if OK in results:
            return "sent"
        return "unknown" if UNKNOWN in results else "exhausted"


def settle_unfinished(database: Database, now_ms: int, *, started_before_ms: int) -> int:
    """Tries without a result that began before a time become `unknown`; their messages wait again, to be judged by
    the next try or, where none is left, to be closed. How many tries.
    """
    with database.writer.begin() as conn:
        lost = conn.execute(
            select(attempts.c.id, attempts.c.message_id).where(
                text(UNFINISHED), attempts.c.started_ms < started_before_ms
            )
        ).all()
        for attempt_id, message_id in lost:
            _finish(conn, attempt_id, Result(UNKNOWN, "interrupted"), now_ms)
            row = conn.execute(select(outbox).where(outbox.c.id == message_id)).mappings().first()
            if row is None or row["state"] != "sending":
                continue
            again = {"state": "pending", "due_ms": now_ms}
            over = {"state": "unknown", "done_ms": now_ms}
            values = again if row["priority"] == "P1" else over
            conn.execute(update(outbox).where(outbox.c.id == message_id).values(values))
            tx = Transaction(conn, row["site_id"], now_ms)
            _say(tx, row["incident_id"], row["alert_id"], "delivery_unknown", row["target_name"])
            tx.change("alert", row["alert_id"])
    if lost:
        log.warning("attempts_without_result", count=len(lost))
    return len(lost)


def _call(channel: Channel, message: Message) -> Result:
    try:
        return channel.send(message)
    except Exception as error:  # noqa: BLE001 - the quarantine of channels: one that breaks must not stop the others
        log.error("channel_raised", channel=channel.name, error=type(error).__name__)
        return Result(FAILED, type(error).__name__)


def _finish(conn: Connection, attempt_id: int, result: Result, now_ms: int) -> None:
    conn.execute(
        update(attempts)
        .where(attempts.c.id == attempt_id)
        .values(result=result.outcome, detail=result.detail[:200], ended_ms=now_ms)
    )


def _insert_attempt(conn: Connection, message: Message, channel: str, number: int, now_ms: int) -> int:
    values = {"message_id": message.message_id, "channel": channel, "number": number, "started_ms": now_ms}
    query = insert(attempts).values(values | {"may_repeat": message.may_repeat}).returning(attempts.c.id)
    conn.execute(update(outbox).where(outbox.c.id == message.message_id).values(state="sending"))
    return int(conn.execute(query).scalar_one())


def _tried(conn: Connection, message_id: int) -> dict[str, list[str]]:
    """Results so far by channel, in order."""
    query = (
        select(attempts.c.channel, attempts.c.result).where(attempts.c.message_id == message_id).order_by(attempts.c.id)
    )
    found: dict[str, list[str]] = {}
    for channel, result in conn.execute(query):
        found.setdefault(channel, []).append(result or UNKNOWN)
    return found


def _is_done(results: list[str], priority: str) -> bool:
    if not results:
        return False
    if OK in results or len(results) >= TRIES:
        return True
    return results[-1] == UNKNOWN and priority != "P1"


def _give_up(tx: Transaction, row: Row) -> None:
    """Nobody could be told this way: it is said on the timeline, and whoever is next is told at once."""
    incident = tx.incident(row["incident_id"])
    _say(tx, row["incident_id"], row["alert_id"], "not_delivered", row["target_name"])
    tx.change("health", "message_exhausted")
    log.error("message_exhausted", alert_id=row["alert_id"], priority=row["priority"], target=row["target"])
    if not incident["open"]:
        return
    steps = len(incident["chain"].steps)
    waiting = {NEW: (escalation.ESCALATE, steps), HANDED_OVER: (escalation.HAND_OVER, steps)}
    waiting |= dict.fromkeys(HELD, (escalation.RING_NEXT, steps))
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


def _say(tx: Transaction, incident_id: str, alert_id: str, kind: str, target: str) -> None:
    incident = tx.incident(incident_id)
    tx.line({**incident, "alert_id": alert_id}, kind, {"target": target})


def _message(row: Row, *, may_repeat: bool) -> Message:
    return Message(
        message_id=row["id"],
        site=row["site_id"],
        alert_id=row["alert_id"],
        priority=row["priority"],
        kind=row["kind"],
        target_kind=row["target_kind"],
        target=row["target"],
        key_tag=row["key_tag"],
        may_repeat=may_repeat,
        created_ms=row["created_ms"],
    )
