"""Edge: what staff do about an alert becomes rows. One function per act of contracts §6.

For: doing what `alerts/lifecycle.py` allows. An act belongs to the incident: one claim, one outcome, whichever of its
open alerts was tapped. Every act leaves the incident with a next action.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from sqlalchemy import and_, or_, select, update

from alerts import acts, escalation, incident_flow, lifecycle
from alerts.act_bodies import DOSE_ACTIONS, Body, Contact, Document, End, HandOver, Note, Plain, parse_body
from alerts.acts import BAD_BODY, Actor, Refused
from alerts.alert_moves import NOBODY, again, reopen, standing
from alerts.duty import known_function
from alerts.fire_timers import ring_after_hand_over
from alerts.lifecycle import Refusal, State
from alerts.schema import alerts, timers
from alerts.transaction import Row, Transaction, holder_target

UNTOLD_OUTCOMES = ("self_resolved", "test")  # these ended without a person: nobody has anything to write down


class Doing(msgspec.Struct, frozen=True):
    """One act under way."""

    tx: Transaction
    alert: Row
    incident: Row
    actor: Actor
    body: Body
    to: str  # the handling after it

    @property
    def incident_id(self) -> str:
        return str(self.incident["incident_id"])


def perform(tx: Transaction, alert: Row, act: str, actor: Actor, body: dict[str, object]) -> None:
    """Do the act, or raise Refused with its named reason; then nothing was written."""
    parsed = parse_body(act, body)
    incident = tx.incident(alert["incident_id"])
    decision = lifecycle.decide(act, state_of(alert, incident), actor)
    if isinstance(decision, Refusal):
        raise Refused(decision.code, {"holder": incident["claimed_name"], "handling": incident["handling"]})
    if decision.repeated:
        return
    PERFORMERS[act](Doing(tx, alert, incident, actor, parsed, decision.to))


def state_of(alert: Row, incident: Row) -> State:
    """What the table looks at: the incident's side while the alert is open, its own once it has ended."""
    return State(
        handling=incident["handling"] if alert["open"] else alert["handling"],
        priority=incident["priority"] if alert["open"] else alert["priority"],
        holder=incident["claimed_by"],
        contact_ms=incident["contact_ms"],
        on_site_ms=incident["on_site_ms"],
        last_alarm_ms=incident["last_alarm_ms"],
    )


def _claim(do: Doing) -> None:
    _take(do, "claimed")


def _accept(do: Doing) -> None:
    _take(do, "accepted")


def _take(do: Doing, kind: str) -> None:
    """Somebody has it from now on. One it is taken over from is told."""
    before = do.incident if do.incident["claimed_by"] not in {None, do.actor.holder} else None
    _move(
        do,
        claimed_by=do.actor.holder,
        claimed_name=do.actor.name,
        claimed_function=do.actor.function,
        claimed_ms=do.tx.now_ms,
        handed_to=None,
    )
    do.tx.conn.execute(
        update(alerts).where(alerts.c.incident_id == do.incident_id, alerts.c.open).values(ever_claimed=True)
    )
    do.tx.stop_ringing(do.incident_id)
    if before is not None:
        do.tx.send(before, "taken", (holder_target(before),), alert_id=do.alert["alert_id"])
    _say(do, kind, {"from": before["claimed_name"]} if before is not None else {})
    incident_flow.set_lease(do.tx, do.tx.incident(do.incident_id))


def _release(do: Doing) -> None:
    """Back into the queue, and the next step rings at once; the steps after it keep their distance."""
    if do.incident["on_site_ms"] is not None:
        do.tx.journal_staff(do.incident, "staff.left", do.actor.staff, do.alert["alert_id"])
    chain: escalation.Snapshot = do.incident["chain"]
    step = min(do.incident["step"] + 1, len(chain.steps) - 1)
    rebased = msgspec.structs.replace(chain, base_ms=do.tx.now_ms - chain.steps[step].after_ms)
    _move(do, **NOBODY, on_site_ms=None, snapshot=msgspec.to_builtins(rebased))
    _say(do, "released")
    do.tx.drop_timers(do.incident_id)
    incident_flow.continue_chain(do.tx, do.tx.incident(do.incident_id), do.alert["alert_id"])


def _contact(do: Doing) -> None:
    assert isinstance(do.body, Contact), "parse_body gives each act its own shape"
    if lifecycle.CONTACTS[do.body.outcome]:
        do.tx.set_incident(do.incident_id, contact_ms=do.tx.now_ms)
    do.tx.conn.execute(
        update(alerts).where(alerts.c.incident_id == do.incident_id, alerts.c.open).values(contact_code=do.body.outcome)
    )
    _say(do, "contact", {"outcome": do.body.outcome})
    _renew(do)


def _hand_over(do: Doing) -> None:
    assert isinstance(do.body, HandOver), "parse_body gives each act its own shape"
    target = known_function(do.tx.conn, do.tx.site_id, do.body.to)
    if target is None:
        raise Refused(BAD_BODY, {"act": acts.HAND_OVER, "field": "to", "expected": "the id of a function"})
    _move(do, handed_to=target.id)
    _say(do, "handed_over", {"to": target.name})
    do.tx.send(do.tx.incident(do.incident_id), "hand_over", (target,), alert_id=do.alert["alert_id"])
    incident_flow.set_lease(do.tx, do.tx.incident(do.incident_id))


def _decline(do: Doing) -> None:
    """One that was rung cannot: whoever is next is told without waiting."""
    _say(do, "declined")
    if do.incident["handling"] == lifecycle.NEW:
        incident_flow.continue_chain(do.tx, do.incident, do.alert["alert_id"])
        return
    step = do.tx.conn.execute(
        select(timers.c.step).where(
            timers.c.incident_id == do.incident_id, timers.c.kind == escalation.HAND_OVER, timers.c.alert_id == ""
        )
    ).scalar()
    ring_after_hand_over(do.tx, do.incident, do.alert["alert_id"], step or 0, 0)


def _en_route(do: Doing) -> None:
    _move(do)
    _say(do, "en_route")
    incident_flow.set_lease(do.tx, do.tx.incident(do.incident_id))


def _on_site(do: Doing) -> None:
    _move(do, on_site_ms=do.tx.now_ms)
    _say(do, "on_site")
    do.tx.journal_staff(do.incident, "staff.arrived", do.actor.staff, do.alert["alert_id"])
    incident_flow.set_lease(do.tx, do.tx.incident(do.incident_id))


def _note(do: Doing) -> None:
    assert isinstance(do.body, Note), "parse_body gives each act its own shape"
    args: dict[str, object] = {"text": do.body.text}
    if do.body.call:
        args["call"] = do.body.call
    vkp = lifecycle.OTHERS_VKP if do.body.call else None
    do.tx.line(do.alert, "note", args, actor=do.actor, vkp=vkp)
    do.tx.change("alert", do.alert["alert_id"])
    _renew(do)


def _end(do: Doing) -> None:
    """All open alerts of the incident end. What is still true is asked about again later."""
    assert isinstance(do.body, End), "parse_body gives each act its own shape"
    minutes = do.body.ask_again_minutes or lifecycle.ASK_AGAIN_DEFAULT_MINUTES
    still_true = [row for row in do.tx.alerts_of(do.incident_id) if row["condition"] == lifecycle.ACTIVE]
    _move(do, open=False, ended_ms=do.tx.now_ms)
    for row in still_true:
        due_ms = do.tx.now_ms + minutes * escalation.MINUTE
        do.tx.set_timer(do.incident_id, escalation.ASK_AGAIN, due_ms, alert_id=row["alert_id"])
    ending = do.tx.alerts_of(do.incident_id)
    done: dict[str, object] = {"open": False, "closed_ms": do.tx.now_ms, "outcome": do.body.outcome}
    if do.body.action is not None:
        done["action_code"] = do.body.action
    do.tx.conn.execute(update(alerts).where(alerts.c.incident_id == do.incident_id, alerts.c.open).values(done))
    _settle_doses(do, ending, do.body.action)
    said: dict[str, object] = {"ask_again_minutes": minutes} if still_true else {}
    _say(do, "ended", said | ({"action_code": do.body.action} if do.body.action else {}))
    if do.incident["on_site_ms"] is not None:
        do.tx.journal_staff(do.incident, "staff.left", do.actor.staff, do.alert["alert_id"])
    incident_flow.end_incident(do.tx, do.tx.incident(do.incident_id))


def _document(do: Doing) -> None:
    """Cause, action and contact, for the whole incident; self-resolved alerts only when it is one that was tapped."""
    assert isinstance(do.body, Document), "parse_body gives each act its own shape"
    codes: dict[str, object] = {
        "cause_code": do.body.cause,
        "action_code": do.body.action,
        "contact_code": do.body.contact,
    }
    told = select(alerts.c.alert_id).where(
        alerts.c.incident_id == do.incident_id,
        alerts.c.open.is_(False),
        or_(
            alerts.c.alert_id == do.alert["alert_id"],
            and_(alerts.c.handling == lifecycle.ENDED, alerts.c.outcome.not_in(UNTOLD_OUTCOMES)),
        ),
    )
    ids = list(do.tx.conn.execute(told.order_by(alerts.c.alert_id)).scalars())
    _settle_doses(do, [row for one in ids if (row := do.tx.alert(one)) is not None], do.body.action)
    done = {"handling": lifecycle.DOCUMENTED, **codes}
    do.tx.conn.execute(update(alerts).where(alerts.c.alert_id.in_(ids)).values(done))
    if not do.incident["open"]:
        do.tx.set_incident(do.incident_id, handling=lifecycle.DOCUMENTED)
        do.tx.drop_timers(do.incident_id)
    _say(do, "documented", codes)
    for alert_id in ids:
        do.tx.change("alert", alert_id)


def _settle_doses(do: Doing, rows: Sequence[Row], action: str | None) -> None:
    """What staff did by hand about a dose reaches the rules as an event of that dose, so that they call it settled
    and nobody is asked again (domain §4 R22). Said once: the same code a second time says nothing new.
    """
    kind = DOSE_ACTIONS.get(action or "")
    if kind is None:
        return
    for row in rows:
        if row["action_code"] != action and row["resident_id"] is not None:
            for dose in do.tx.doses_of(row["alert_id"]):
                do.tx.journal_dose(row, kind, dose, do.actor.holder)


def _reopen(do: Doing) -> None:
    row = standing(do.tx, do.alert["alert_id"]) or do.alert
    _say(do, "reopened")
    if row["open"]:
        return  # a successor stands open for it already
    reopen(do.tx, again(do.tx, row), "open_again")


PERFORMERS: dict[str, Callable[[Doing], None]] = {
    acts.CLAIM: _claim,
    acts.RELEASE: _release,
    acts.CONTACT: _contact,
    acts.HAND_OVER: _hand_over,
    acts.ACCEPT: _accept,
    acts.DECLINE: _decline,
    acts.EN_ROUTE: _en_route,
    acts.ON_SITE: _on_site,
    acts.NOTE: _note,
    acts.END: _end,
    acts.DOCUMENT: _document,
    acts.REOPEN: _reopen,
}


def _move(do: Doing, **values: object) -> None:
    """New handling for the incident and all its open alerts, and whatever else changes with it."""
    do.tx.changed_incident(do.incident_id)
    if do.to != do.incident["handling"]:
        values["handling_ms"] = do.tx.now_ms
    do.tx.set_incident(do.incident_id, handling=do.to, **values)
    do.tx.conn.execute(
        update(alerts).where(alerts.c.incident_id == do.incident_id, alerts.c.open).values(handling=do.to)
    )


def _say(do: Doing, kind: str, args: dict[str, object] | None = None) -> None:
    """The act's line in the timeline, with the few words that came along."""
    note = do.body.note if isinstance(do.body, Plain) else None
    vkp = {"claimed": 1, "contact": 8, "handed_over": 4, "accepted": 5, "ended": 3, "documented": 7}.get(kind)
    do.tx.line(do.alert, kind, (args or {}) | ({"note": note} if note else {}), actor=do.actor, vkp=vkp)


def _renew(do: Doing) -> None:
    """A next step was taken: the holder's lease begins anew."""
    if do.incident["handling"] in lifecycle.HELD:
        incident_flow.set_lease(do.tx, do.tx.incident(do.incident_id))
    do.tx.changed_incident(do.incident_id)
