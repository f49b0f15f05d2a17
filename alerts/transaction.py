"""Edge: one transaction of the desk, and the small writes that effects, acts and timers have in common.

For: timeline lines, changes, timers, messages, and loading rows as they are. What to write is decided by the pure
modules and by `apply_effects`, `staff_acts` and `fire_timers`; only how it is written may live here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    select,
    update,
)

from alerts.handling.acts import SYSTEM, Actor
from alerts.handling.lifecycle import higher
from alerts.numbers import moments
from alerts.relay import enqueue_staff
from alerts.routing.escalation import FUNCTION, RESPONDER, STAFF, Snapshot, Target
from alerts.rows import Row, Rows
from alerts.schema.alerts import causes, changes, outbox, timeline, timers
from alerts.statements import add_missing_from
from rules.effects import Cause

__all__ = ["RINGING", "Row", "Transaction", "highest", "holder_target"]

RINGING = ("ring", "again", "ask", "hand_over")

_THESE: BindParameter[Any] = bindparam("the_ids", expanding=True)
_OF_INCIDENT = outbox.c.incident_id == bindparam("the_incident")
_PENDING: ColumnElement[bool] = literal_column("state = 'pending'")
_CANCELLED = {"state": "cancelled", "done_ms": bindparam("the_ms")}
_CANCEL_RINGING = update(outbox).where(_OF_INCIDENT, outbox.c.kind.in_(RINGING), _PENDING).values(_CANCELLED)
_CANCEL_FOR = (
    update(outbox)
    .where(_OF_INCIDENT, outbox.c.target.in_(_THESE), outbox.c.kind == bindparam("the_kind"), _PENDING)
    .values(_CANCELLED)
)
_TOLD_BEFORE = (
    select(outbox.c.id)
    .where(
        _OF_INCIDENT,
        outbox.c.created_ms < bindparam("the_ms"),
        outbox.c.priority == bindparam("the_priority"),
        outbox.c.kind.in_(RINGING),
        outbox.c.state.not_in(("cancelled", "exhausted")),
    )
    .limit(1)
)
_TIMERS = delete(timers).where(
    timers.c.incident_id == bindparam("the_incident"), timers.c.alert_id == bindparam("the_alert")
)
_TIMERS_OF_KINDS = _TIMERS.where(timers.c.kind.in_(_THESE))


class Transaction(Rows):
    """A connection inside `begin()`, the time of what is being done, and the site."""

    def __init__(self, conn: Connection, site_id: str, now_ms: int, *, unattended: bool = False) -> None:
        super().__init__(conn, site_id)
        self.now_ms = now_ms
        self.unattended = unattended
        self.changed = False
        self.told_ms: int | None = None  # when the desk learns of an effect that is of `now_ms`; None: in a replay

    # -- what everybody may see -------------------------------------------------------------------------------

    def line(
        self,
        row: Row,
        kind: str,
        args: Mapping[str, object] | None = None,
        *,
        actor: Actor = SYSTEM,
        text_code: str | None = None,
        vkp: int | None = None,
    ) -> None:
        """Append to the timeline of an alert or of an incident (whichever `row` is)."""
        said = {
            "alert_id": row.get("alert_id"),
            "incident_id": row["incident_id"],
            "subject_id": row["subject_id"],
            "at_ms": self.now_ms,
            "kind": kind,
            "actor": actor.staff,
            "actor_name": actor.name or None,
            "text_code": text_code or kind,
            "args": dict(args or {}),
            "vkp": vkp,
        }
        self.batch.add(timeline, said)
        self._note_moment(row, kind, args or {})

    def _note_moment(self, row: Row, kind: str, args: Mapping[str, object]) -> None:
        """What a line says of when, kept in the incident's one row."""
        incident_id = row.get("incident_id")
        if moments.opens(row, kind) and incident_id in self._uncounted:
            self._uncounted.discard(row["incident_id"])
            self.batch.add_new(moments.TABLE, row["incident_id"], moments.opened(row, self.now_ms, self.timezone))
        waiting = None if incident_id is None else self.batch.new(moments.TABLE, incident_id)
        if waiting is None:  # written already, or not by a batch
            moments.note(self.direct, row, kind, args, self.now_ms)
        else:
            waiting.update(moments.after(waiting, kind, args, self.now_ms))

    def change(self, kind: str, ref: str) -> None:
        """Something a page may show has changed."""
        self.batch.add(changes, {"kind": kind, "ref": ref, "at_ms": self.now_ms})
        self.changed = True

    def changed_incident(self, incident_id: str) -> None:
        """Every open alert of an incident has changed."""
        for alert_id in sorted(one["alert_id"] for one in self.alerts_of(incident_id)):
            self.change("alert", alert_id)

    # -- causes -----------------------------------------------------------------------------------------------

    def add_causes(self, alert_id: str, found: Sequence[Cause]) -> None:
        """Events behind an alert, in the order they were named; one that stands there already is left alone."""
        for cause in found:
            row = {
                "alert_id": alert_id,
                "event_id": cause.event_id,
                "type": cause.type[:64],
                "observed_ms": cause.observed_at_ms,
                "received_ms": cause.received_at_ms,
                "effective_ms": cause.effective_at_ms or cause.received_at_ms,
                "device_id": cause.device_id,
                "quality": list(cause.quality),
                "content": msgspec.to_builtins(cause.content),
            }
            self.batch.add(causes, row)

    def copy_causes(self, from_alert: str, to_alert: str) -> None:
        """A successor is about the same events."""
        names = [column.name for column in causes.c if column.name != "alert_id"]
        found = select(literal(to_alert), *(causes.c[name] for name in names)).where(causes.c.alert_id == from_alert)
        add_missing_from(self.conn, causes, ["alert_id", *names], found)

    # -- timers -----------------------------------------------------------------------------------------------

    def set_timer(self, incident_id: str, kind: str, due_ms: int, step: int = 0, alert_id: str = "") -> None:
        values = {"incident_id": incident_id, "kind": kind, "alert_id": alert_id, "due_ms": due_ms, "step": step}
        self.batch.put(timers, values, {"due_ms": due_ms, "step": step})

    def drop_timers(self, incident_id: str, *, kinds: Iterable[str] | None = None, alert_id: str = "") -> None:
        """Forget timers of the incident itself, or (with `alert_id`) of one alert in it."""
        wanted = None if kinds is None else tuple(kinds)
        self.batch.drop_puts(
            timers,
            lambda row: (
                (row["incident_id"], row["alert_id"]) == (incident_id, alert_id)
                and (wanted is None or row["kind"] in wanted)
            ),
        )
        this = {"the_incident": incident_id, "the_alert": alert_id}
        if wanted is None:
            self.direct.execute(_TIMERS, this)
        else:
            self.direct.execute(_TIMERS_OF_KINDS, {**this, "the_ids": wanted})

    # -- messages ---------------------------------------------------------------------------------------------

    def send(
        self, incident: Row, kind: str, targets: Iterable[Target], *, alert_id: str, step: int = 0,
        args: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """Put one message per target into the outbox. A newer ring replaces one that is still waiting. `args`: what
        its words need besides, and never a name of a resident.
        """
        told = tuple(targets)
        if self.unattended or not told:
            return
        chain: Snapshot = incident["chain"]
        follow_up = self._replace_waiting(incident, kind, told)
        for target in told:
            message = {
                "site_id": self.site_id,
                "incident_id": incident["incident_id"],
                "alert_id": alert_id,
                "priority": incident["priority"],
                "kind": kind,
                "target_kind": target.kind,
                "target": target.id,
                "target_name": target.name,
                "key_tag": None if target.kind == RESPONDER else chain.key_tag,
                "step": step,
                "state": "pending",
                "created_ms": self.now_ms,
                "due_ms": self.now_ms,
                "follow_up": follow_up,
                "args": None if args is None else dict(args),
            }
            self.batch.add(outbox, message)

    def _replace_waiting(self, incident: Row, kind: str, told: Sequence[Target]) -> bool:
        """What still waits for these targets is not needed any more. Whether somebody was told of this incident before,
        at this priority: then a new one goes first.
        """
        incident_id = incident["incident_id"]
        if incident_id in self._untold:  # nothing waits, nobody was told
            self._untold.discard(incident_id)
            return False
        conn, of = self.reading(outbox), {"the_incident": incident_id, "the_ms": self.now_ms}
        conn.execute(_CANCEL_FOR, {**of, "the_kind": kind, "the_ids": [target.id for target in told]})
        return conn.execute(_TOLD_BEFORE, {**of, "the_priority": incident["priority"]}).first() is not None

    def stop_ringing(self, incident_id: str) -> None:
        """Messages that have not gone out yet and only ask for somebody are not needed any more."""
        self.reading(outbox).execute(_CANCEL_RINGING, {"the_incident": incident_id, "the_ms": self.now_ms})

    def rung(self, incident_id: str) -> list[Target]:
        """Everybody who was told about an incident, in the order they first were."""
        query = (
            select(outbox.c.target_kind, outbox.c.target, outbox.c.target_name, func.min(outbox.c.id))
            .where(outbox.c.incident_id == incident_id, outbox.c.kind.in_(RINGING), outbox.c.state != "cancelled")
            .group_by(outbox.c.target_kind, outbox.c.target, outbox.c.target_name)
            .order_by(func.min(outbox.c.id))
        )
        return [Target(kind, target, name) for kind, target, name, _ in self.reading(outbox).execute(query)]

    def journal_staff(self, incident: Row, type: str, actor: str | None, alert_id: str) -> None:
        """What staff do on the spot reaches the folds through RAW: same transaction, relayed afterwards."""
        payload = {"type": type, "home": incident["home_id"], "actor": actor, "alert_id": alert_id}
        enqueue_staff(self.conn, self.site_id, payload, self.now_ms)


def holder_target(incident: Row) -> Target:
    """Where the one who has it is told something: their function on shift, else themselves; where nobody has had it
    (handed over by the desk itself), the function that was asked.
    """
    function = incident["claimed_function"] or (None if incident["claimed_by"] else incident["handed_to"])
    if function:
        chain: Snapshot = incident["chain"]
        known = next((t for t in chain.functions if t.id == function), None)
        return known or Target(FUNCTION, function, function)
    return Target(STAFF, incident["claimed_by"] or "", incident["claimed_name"] or "")


def highest(rows: Sequence[Row]) -> str:
    """The highest priority among alerts (at least one)."""
    found = rows[0]["priority"]
    for row in rows[1:]:
        found = higher(found, row["priority"])
    return str(found)
