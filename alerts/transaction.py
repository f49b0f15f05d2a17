"""Edge: one transaction of the desk, and the small writes that effects, acts and timers have in common.

For: timeline lines, changes, timers, messages, and loading rows as they are. What to write is decided by the pure
modules and by `apply_effects`, `staff_acts` and `fire_timers`; only how it is written may live here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, RowMapping, bindparam, delete, func, insert, literal, literal_column, select, update

from alerts.batch import Batch, alert_key
from alerts.handling.acts import SYSTEM, Actor
from alerts.handling.lifecycle import higher
from alerts.numbers import moments
from alerts.relay import enqueue_staff
from alerts.routing.escalation import FUNCTION, RESPONDER, STAFF, Snapshot, Target
from alerts.schema.alerts import alerts, causes, changes, incidents, outbox, timeline, timers
from alerts.statements import add, add_missing, add_missing_from, change, put
from rules.effects import Cause

Row = Mapping[str, Any]
"""A row of `alerts` or `incidents` by column name; `incidents` rows carry their decoded chain under "chain"."""

RINGING = ("ring", "again", "ask", "hand_over")

_NO_ALERT = {column.name: None for column in alerts.c}
_ALERT = select(alerts).where(alerts.c.alert_id == bindparam("the_id"))
_ALERTS = (
    select(alerts)
    .where(alerts.c.incident_id == bindparam("the_id"), alerts.c.open)
    .order_by(alerts.c.priority, alerts.c.opened_ms, alerts.c.alert_id)
)
_INCIDENT = select(incidents).where(incidents.c.incident_id == bindparam("the_id"))
_OPEN_INCIDENT = select(incidents).where(
    incidents.c.site_id == bindparam("the_site"), incidents.c.key == bindparam("the_key"), incidents.c.open
)


class Transaction:
    """A connection inside `begin()`, the time of what is being done, and the site."""

    def __init__(self, conn: Connection, site_id: str, now_ms: int, *, unattended: bool = False) -> None:
        self.direct = conn  # for statements that concern nothing that waits or is remembered (`batch.py`)
        self.batch = Batch(conn)
        self.site_id = site_id
        self.now_ms = now_ms
        self.unattended = unattended
        self.changed = False
        self.told_ms: int | None = None  # when the desk learns of an effect that is of `now_ms`; None: in a replay

    @property
    def conn(self) -> Connection:
        """The connection, for whatever its user does with it: all is written, nothing remembered."""
        self.batch.settle()
        return self.direct

    # -- rows -------------------------------------------------------------------------------------------------

    def alert(self, alert_id: str) -> Row | None:
        def read() -> Row | None:
            return _mapping(self.direct.execute(_ALERT, {"the_id": alert_id}).mappings().first())

        return self.batch.once(alert_key(alert_id), read)

    def add_alert(self, row: Mapping[str, object]) -> Row:
        """Write a new alert's row and give it back as it stands."""
        add(self.direct, alerts, row)
        self.batch.forget(alert_key(str(row["alert_id"])))
        return {**_NO_ALERT, **row}

    def alerts_of(self, incident_id: str) -> list[Row]:
        """Open alerts of an incident, the most urgent and oldest first."""
        return [cast("Row", row) for row in self.direct.execute(_ALERTS, {"the_id": incident_id}).mappings()]

    def incident(self, incident_id: str) -> Row:
        def read() -> Row:
            return _with_chain(self.direct.execute(_INCIDENT, {"the_id": incident_id}).mappings().one())

        return self.batch.once(("incident", incident_id), read)

    def open_incident(self, key: str) -> Row | None:
        named = {"the_site": self.site_id, "the_key": key}
        row = self.direct.execute(_OPEN_INCIDENT, named).mappings().first()
        return None if row is None else _with_chain(row)

    def set_alert(self, alert_id: str, **values: object) -> None:
        change(self.direct, alerts, alert_id, values)
        self.batch.forget(alert_key(alert_id))

    def set_incident(self, incident_id: str, **values: object) -> None:
        change(self.direct, incidents, incident_id, values)
        self.batch.forget(("incident", incident_id))

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
        moments.note(self.direct, row, kind, args or {}, self.now_ms)

    def change(self, kind: str, ref: str) -> None:
        """Something a page may show has changed."""
        self.batch.add(changes, {"kind": kind, "ref": ref, "at_ms": self.now_ms})
        self.changed = True

    def changed_incident(self, incident_id: str) -> None:
        """Every open alert of an incident has changed."""
        ids = self.conn.execute(
            select(alerts.c.alert_id)
            .where(alerts.c.incident_id == incident_id, alerts.c.open)
            .order_by(alerts.c.alert_id)
        ).scalars()
        for alert_id in ids.all():
            self.change("alert", alert_id)

    # -- causes -----------------------------------------------------------------------------------------------

    def add_causes(self, alert_id: str, found: Sequence[Cause]) -> None:
        """Events behind an alert, in the order they were named; one that stands there already is left alone."""
        if not found:
            return
        place = self.conn.execute(
            select(func.coalesce(func.max(causes.c.place) + 1, 0)).where(causes.c.alert_id == alert_id)
        ).scalar_one()
        rows = [
            {
                "alert_id": alert_id,
                "event_id": cause.event_id,
                "place": place + offset,
                "type": cause.type[:64],
                "observed_ms": cause.observed_at_ms,
                "received_ms": cause.received_at_ms,
                "effective_ms": cause.effective_at_ms or cause.received_at_ms,
                "device_id": cause.device_id,
                "quality": list(cause.quality),
                "content": msgspec.to_builtins(cause.content),
            }
            for offset, cause in enumerate(found)
        ]
        add_missing(self.conn, causes, rows)

    def copy_causes(self, from_alert: str, to_alert: str) -> None:
        """A successor is about the same events."""
        names = [column.name for column in causes.c if column.name != "alert_id"]
        found = select(literal(to_alert), *(causes.c[name] for name in names)).where(causes.c.alert_id == from_alert)
        add_missing_from(self.conn, causes, ["alert_id", *names], found)

    # -- timers -----------------------------------------------------------------------------------------------

    def set_timer(self, incident_id: str, kind: str, due_ms: int, step: int = 0, alert_id: str = "") -> None:
        values = {"incident_id": incident_id, "kind": kind, "alert_id": alert_id, "due_ms": due_ms, "step": step}
        put(self.conn, timers, values, {"due_ms": due_ms, "step": step})

    def drop_timers(self, incident_id: str, *, kinds: Iterable[str] | None = None, alert_id: str = "") -> None:
        """Forget timers of the incident itself, or (with `alert_id`) of one alert in it."""
        query = delete(timers).where(timers.c.incident_id == incident_id, timers.c.alert_id == alert_id)
        if kinds is not None:
            query = query.where(timers.c.kind.in_(list(kinds)))
        self.conn.execute(query)

    # -- messages ---------------------------------------------------------------------------------------------

    def send(
        self, incident: Row, kind: str, targets: Iterable[Target], *, alert_id: str, step: int = 0,
        args: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        """Put one message per target into the outbox. A newer ring replaces one that is still waiting. `args`: what
        its words need besides, and never a name of a resident.
        """
        if self.unattended:
            return
        chain: Snapshot = incident["chain"]
        for target in targets:
            waiting = (
                update(outbox)
                .where(
                    outbox.c.incident_id == incident["incident_id"],
                    outbox.c.target == target.id,
                    outbox.c.kind == kind,
                    literal_column("state = 'pending'"),
                )
                .values(state="cancelled", done_ms=self.now_ms)
            )
            self.conn.execute(waiting)
            self.conn.execute(
                insert(outbox).values(
                    site_id=self.site_id,
                    incident_id=incident["incident_id"],
                    alert_id=alert_id,
                    priority=incident["priority"],
                    kind=kind,
                    target_kind=target.kind,
                    target=target.id,
                    target_name=target.name,
                    key_tag=None if target.kind == RESPONDER else chain.key_tag,
                    step=step,
                    state="pending",
                    created_ms=self.now_ms,
                    due_ms=self.now_ms,
                    follow_up=self._was_told(incident),
                    args=None if args is None else dict(args),
                )
            )

    def _was_told(self, incident: Row) -> bool:
        """Whether somebody was told of this incident before, at this priority: then a new one goes first."""
        query = select(outbox.c.id).where(
            outbox.c.incident_id == incident["incident_id"],
            outbox.c.created_ms < self.now_ms,
            outbox.c.priority == incident["priority"],
            outbox.c.kind.in_(RINGING),
            outbox.c.state.not_in(("cancelled", "exhausted")),
        )
        return self.conn.execute(query.limit(1)).first() is not None

    def stop_ringing(self, incident_id: str) -> None:
        """Messages that have not gone out yet and only ask for somebody are not needed any more."""
        self.conn.execute(
            update(outbox)
            .where(
                outbox.c.incident_id == incident_id,
                outbox.c.kind.in_(RINGING),
                literal_column("state = 'pending'"),
            )
            .values(state="cancelled", done_ms=self.now_ms)
        )

    def rung(self, incident_id: str) -> list[Target]:
        """Everybody who was told about an incident, in the order they first were."""
        query = (
            select(outbox.c.target_kind, outbox.c.target, outbox.c.target_name, func.min(outbox.c.id))
            .where(outbox.c.incident_id == incident_id, outbox.c.kind.in_(RINGING), outbox.c.state != "cancelled")
            .group_by(outbox.c.target_kind, outbox.c.target, outbox.c.target_name)
            .order_by(func.min(outbox.c.id))
        )
        return [Target(kind, target, name) for kind, target, name, _ in self.conn.execute(query)]

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


def _mapping(row: RowMapping | None) -> Row | None:
    return None if row is None else cast("Row", row)


def _with_chain(row: RowMapping) -> Row:
    return {**row, "chain": msgspec.convert(row["snapshot"], Snapshot)}
