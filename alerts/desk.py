"""Edge: the desk. Effects, staff's acts and the clock change alerts, each in one transaction.

For: the class that the wiring gives to runners, API and timers. It opens the transaction, keeps idempotency and
positions, and wakes whoever shows changes; what is done stands in `apply_effects`, `staff_acts` and `fire_timers`.

Theory of operation. Transactions come one after another, in this process and in all others on the same database
(`database_sqlite.py`, `database_postgres.py`), so what a transaction reads cannot change under it: of two who claim at
once, the second finds the first's claim. An answer is given after the commit is synced. Effects and the position up to
which they were applied are one transaction, moved by compare-and-set: a runner that lost its place writes nothing and
is told (`Fenced`). A batch in which an effect raises is done again one by one (`effect_alone`), so that one broken
effect stops neither its lane nor an alarm behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import structlog
from sqlalchemy import bindparam, select

from alerts import desk_timers
from alerts.database import AWAY, Database
from alerts.device_tests import sessions as test_sessions
from alerts.handling.acts import KEY_REUSED, SYSTEM, UNKNOWN_ALERT, Actor, Refused
from alerts.handling.staff_acts import perform
from alerts.incidents.apply_effects import InForce, apply_effect
from alerts.incidents.effect_alone import apply_alone
from alerts.incidents.fire_timers import fire_alone, fire_together, next_due_ms
from alerts.positions import move_position, position_of, positions_of
from alerts.reads.reading import alert_of
from alerts.retention import PRUNE_EVERY_MS, prune
from alerts.routing import outside_word
from alerts.schema.upkeep import idempotency
from alerts.shifts.duty import expect_homes
from alerts.site.settings_store import SettingsStore, mark_in_force
from alerts.statements import add
from alerts.transaction import Transaction
from rules.effects import Effect, Fenced, Raise
from rules.state_moves import FLOOR

log = structlog.get_logger()
T = TypeVar("T")
ApplyOne = Callable[[Transaction, str, Effect, InForce | None], None]

MOST_BATCHES = 200  # per tick; what is left is due again at once
KEY_LIMIT = 200

_EARLIER = select(idempotency).where(idempotency.c.key == bindparam("the_key"))


def _nobody_listens() -> None:
    return None


class Desk:
    """Alerts of one site. Every method may be called from any thread."""

    def __init__(
        self,
        database: Database,
        site_id: str,
        changed: Callable[[], None] = _nobody_listens,
        *,
        unattended: bool = False,
        in_force: InForce | None = mark_in_force,
        clock: Callable[[], int] | None = None,
    ) -> None:
        """`changed` is called after each commit that a page may show. `unattended`: a replay, where nobody acts and
        nothing is sent. `in_force` is told which version of a setting the fold has seen, inside the transaction. With
        a `clock` an alert that comes late, after a standstill, says so.
        """
        self.database = database
        self.site_id = site_id
        self._changed = changed
        self._unattended = unattended
        self._in_force, self._clock = in_force, clock
        self._settings = SettingsStore(database, site_id, changed)
        self._pruned_ms = 0

    # -- effects ----------------------------------------------------------------------------------------------

    def applied(self, lane: str, partition: int) -> int:
        """Position up to which this lane's effects are on disk; 0 before the first."""
        with self.database.reader.connect() as conn:
            return position_of(conn, lane, partition) or 0

    def positions(self, lane: str) -> dict[int, int]:
        """`applied` of every partition of a lane that has one."""
        with self.database.reader.connect() as conn:
            return positions_of(conn, lane)

    def apply(
        self,
        lane: str,
        partition: int,
        expected: int,
        position: int,
        effects: Sequence[Effect],
        *,
        now_ms: int | None = None,
    ) -> None:
        """Do effects and move the position from `expected` to `position`, both or neither.

        `now_ms` is when the desk learns it (default: each effect's own time). Raises Fenced when somebody else has
        moved the position.
        """
        assert position >= expected, "a position never goes back"
        step = (lane, partition, expected, position)
        if not effects:  # most batches: nothing but the position, which is this lane's own
            with self.database.aside.begin() as conn:
                move_position(conn, *step)
            return
        try:
            changed = self._apply(step, effects, now_ms, apply_effect)
        except (Fenced, *AWAY):
            raise  # not ours any more, or the disk: nothing was written, and trying them one by one would not help
        except Exception as error:  # noqa: BLE001 - the quarantine of effects: one that breaks must not stop its lane
            log.error("effects_one_by_one", lane=lane, position=position, error=type(error).__name__)
            changed = self._apply(step, effects, now_ms, apply_alone)
        if changed:
            self._changed()

    def _apply(
        self, step: tuple[str, int, int, int], effects: Sequence[Effect], now_ms: int | None, one: ApplyOne
    ) -> bool:
        """One transaction; whether a page may show something new."""
        engine = self.database.ahead if step[0] == FLOOR else self.database.writer
        with engine.begin() as conn:
            tx = Transaction(conn, self.site_id, now_ms or 0, unattended=self._unattended)
            tx.told_ms = None if self._clock is None else self._clock()
            move_position(conn, *step)
            if one is apply_effect:  # else each effect is a savepoint of its own
                tx.batch.begin()
                tx.batch.expect(step[0], effects)
                expect_homes(tx, effects)
            for effect in effects:
                tx.now_ms = effect.at_ms if now_ms is None else now_ms
                one(tx, step[0], effect, self._in_force)
            tx.batch.settle()
            return tx.changed

    def raise_missing(self, effect: Raise, now_ms: int) -> None:
        """An alarm without an alert, found by the reconciler: raised as the floor would have."""
        with self.database.ahead.begin() as conn:
            tx = Transaction(conn, self.site_id, now_ms, unattended=self._unattended)
            apply_alone(tx, "reconciler", effect, self._in_force)
        self._changed()

    # -- acts -------------------------------------------------------------------------------------------------

    def act(
        self, alert_id: str, act: str, actor: Actor, now_ms: int, idempotency_key: str, body: dict[str, object]
    ) -> dict[str, Any]:
        """Do an act of contracts §6; the alert after it (`queries.alert`). Raises Refused; then nothing was done.

        The same key with the same content answers the same again and does nothing; with other content it is refused.
        """
        if not 0 < len(idempotency_key) <= KEY_LIMIT:
            expected = f"1 to {KEY_LIMIT} characters"
            raise Refused("bad_body", {"act": act, "field": "Idempotency-Key", "expected": expected})
        request = _request_hash(alert_id, act, actor, body)
        with self.database.ahead.begin() as conn:
            tx = Transaction(conn, self.site_id, now_ms, unattended=self._unattended)
            tx.batch.begin()
            before = _earlier_answer(tx, idempotency_key, request)
            if before is not None:
                return before
            answer = self._act(tx, alert_id, act, actor, body)
            encoded = msgspec.json.encode(answer)
            row = {"key": idempotency_key, "request": request, "answer": encoded.decode(), "at_ms": now_ms}
            add(tx.conn, idempotency, row)
        self._changed()
        log.info("alert_act", act=act, alert_id=alert_id, staff=actor.staff, handling=answer["handling"])
        return dict(msgspec.json.decode(encoded))

    def _act(self, tx: Transaction, alert_id: str, act: str, actor: Actor, body: dict[str, object]) -> dict[str, Any]:
        row = tx.alert(alert_id)
        if row is None or row["site_id"] != self.site_id:
            raise Refused(UNKNOWN_ALERT)
        try:
            perform(tx, row, act, actor, body)
        except Refused as refused:
            refused.state = alert_of(tx.conn, alert_id) or {}
            log.info("alert_act_refused", act=act, alert_id=alert_id, staff=actor.staff, code=refused.code)
            raise
        answer = alert_of(tx.conn, alert_id)
        assert answer is not None, "an alert that was acted on is there"
        return answer

    def transact(self, now_ms: int, work: Callable[[Transaction], T]) -> T:
        """One transaction for what the desk's other parts do (silences, outages): all of it or nothing, and pages and
        timers are woken. What `work` raises is raised here.
        """
        with self.database.writer.begin() as conn:
            tx = Transaction(conn, self.site_id, now_ms, unattended=self._unattended)
            answer = work(tx)
        if tx.changed:
            self._changed()
        return answer

    def responder_says(
        self, alert_id: str, contact_id: str, answer: str, now_ms: int, actor: Actor = SYSTEM
    ) -> dict[str, Any]:
        """See `outside_word.responder_says`; the alert after it."""
        return self._outside(
            alert_id, now_ms, lambda tx: outside_word.responder_says(tx, alert_id, contact_id, answer, actor)
        )

    def centre_says(self, alert_id: str, word: str, now_ms: int, actor: Actor) -> dict[str, Any]:
        """See `outside_word.centre_says`; the alert after it."""
        return self._outside(alert_id, now_ms, lambda tx: outside_word.centre_says(tx, alert_id, word, actor))

    def _outside(self, alert_id: str, now_ms: int, say: Callable[[Transaction], None]) -> dict[str, Any]:
        with self.database.ahead.begin() as conn:
            tx = Transaction(conn, self.site_id, now_ms, unattended=self._unattended)
            try:
                say(tx)
            except Refused as refused:
                refused.state = alert_of(conn, alert_id) or {}
                raise
            answer = alert_of(conn, alert_id)
        self._changed()
        assert answer is not None, "an alert that was spoken of is there"
        return answer

    # -- test sessions ----------------------------------------------------------------------------------------

    def open_test_session(self, device_id: str, staff: str, now_ms: int, minutes: int = 30) -> dict[str, Any]:
        """See `test_sessions.open_test_session`."""
        return test_sessions.open_test_session(self._settings, device_id, staff, now_ms, minutes)

    def close_test_session(self, session_id: str, actor: str, now_ms: int) -> bool:
        """See `test_sessions.close_test_session`."""
        return test_sessions.close_test_session(self._settings, session_id, actor, now_ms)

    # -- time -------------------------------------------------------------------------------------------------

    def tick(self, now_ms: int) -> int | None:
        """Fire everything that is due; when the next is (None: nothing waits). Also cuts what is old."""
        changed = False
        for _ in range(MOST_BATCHES):
            try:
                other_ms = self._look(now_ms, desk_timers.next_due_ms)
                if _is_due(other_ms, now_ms):
                    other_ms = self.transact(now_ms, desk_timers.fire_due)
            finally:  # whatever breaks there, alerts go on
                timer_ms = self._look(now_ms, next_due_ms)
                if _is_due(timer_ms, now_ms):
                    self._fire_timers(now_ms)
            if not _is_due(timer_ms, now_ms):
                break
            changed = True
        if now_ms - self._pruned_ms >= PRUNE_EVERY_MS:
            self._pruned_ms = now_ms
            prune(self.database, now_ms)
            test_sessions.forget_ended_sessions(self._settings, now_ms)
        if changed:
            self._changed()
        return min((due_ms for due_ms in (other_ms, timer_ms) if due_ms is not None), default=None)

    def _look(self, now_ms: int, next_ms: Callable[[Transaction], int | None]) -> int | None:
        """Asked without a turn: nearly always nothing is due."""
        with self.database.reader.connect() as conn:
            return next_ms(Transaction(conn, self.site_id, now_ms))

    def _fire_timers(self, now_ms: int) -> None:
        try:
            self.transact(now_ms, fire_together)
        except AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - the quarantine of timers: one that breaks must not stop the others
            log.warning("timers_one_by_one", error=type(error).__name__)
            self.transact(now_ms, fire_alone)


def _is_due(due_ms: int | None, now_ms: int) -> bool:
    return due_ms is not None and due_ms <= now_ms


def _request_hash(alert_id: str, act: str, actor: Actor, body: dict[str, object]) -> str:
    content = msgspec.json.encode([alert_id, act, actor.holder, body], order="deterministic")
    return hashlib.sha256(content).hexdigest()


def _earlier_answer(tx: Transaction, key: str, request: str) -> dict[str, Any] | None:
    row = tx.direct.execute(_EARLIER, {"the_key": key}).first()
    if row is None:
        return None
    if row.request != request:
        raise Refused(KEY_REUSED)
    return dict(msgspec.json.decode(row.answer))
