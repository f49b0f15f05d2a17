"""Edge: what staff do about an alert becomes rows. One function per act of contracts §6.

For: doing what `alerts/handling/lifecycle.py` allows. An act belongs to the incident: one claim, one outcome, whichever
of its open alerts was tapped. Every act leaves the incident with a next action.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from sqlalchemy import select

from alerts.handling import acts, card_offers, documenting, lifecycle, searches, second_helper
from alerts.handling.act_bodies import Claim, Contact, End, HandOver, Note, happened_ms, parse_body
from alerts.handling.acts import BAD_BODY, Actor, Refused
from alerts.handling.doing import Doing, move, renew, say
from alerts.handling.lifecycle import Refusal, State
from alerts.incidents import incident_flow
from alerts.incidents.alert_moves import NOBODY, again, reopen, standing
from alerts.incidents.fire_timers import ring_after_hand_over
from alerts.quiet import outage_list, outages
from alerts.routing import escalation
from alerts.routing.profiles import MINUTE
from alerts.schema.alerts import timers
from alerts.shifts.duty import known_function
from alerts.transaction import Row, Transaction, holder_target


def perform(tx: Transaction, alert: Row, act: str, actor: Actor, body: dict[str, object]) -> None:
    """Do the act, or raise Refused with its named reason; then nothing was written."""
    parsed = parse_body(act, body)
    incident = tx.incident(alert["incident_id"])
    state = state_of(alert, incident)
    done_ms = happened_ms(act, parsed, min(alert["opened_ms"], incident["opened_ms"]), tx.now_ms)
    if isinstance(parsed, Claim) and parsed.take_over and _is_anothers(state, actor):
        act = acts.TAKE_OVER
    decision = lifecycle.decide(act, state, actor)
    if isinstance(decision, Refusal):
        if parsed.at is not None and _is_worth_keeping(act, decision):
            kind = act.replace("-", "_")
            say(Doing(tx, alert, incident, actor, parsed, state.handling, lifecycle.ANYONE, done_ms), kind)
            tx.change("alert", alert["alert_id"])
            return
        raise Refused(decision.code, {"holder": incident["claimed_name"], "handling": incident["handling"]})
    if decision.repeated:
        return
    performers = PERFORMERS_OF.get(decision.who, {}).get(act) or PERFORMERS[act]
    performers(Doing(tx, alert, incident, actor, parsed, decision.to, decision.who, done_ms))


def _is_anothers(state: State, actor: Actor) -> bool:
    """Somebody else has it, or is being asked: else a claim that would take over is an ordinary one."""
    return state.handling in lifecycle.HELD and state.holder not in {None, actor.holder}


def _is_worth_keeping(act: str, refusal: Refusal) -> bool:
    """What somebody did without network and reports afterwards is written down, also where it moves nothing now."""
    reportable = act in {acts.EN_ROUTE, acts.ON_SITE, acts.CONTACT}
    return reportable and (refusal.code in {"already_ended", "not_yours"} or refusal.code.startswith("not_from_"))


def state_of(alert: Row, incident: Row) -> State:
    """What the table looks at: the incident's side while the alert is open, its own once it has ended."""
    return State(
        handling=incident["handling"] if alert["open"] else alert["handling"],
        priority=incident["priority"] if alert["open"] else alert["priority"],
        holder=incident["claimed_by"],
        contact_ms=incident["contact_ms"],
        on_site_ms=incident["on_site_ms"],
        last_alarm_ms=incident["last_alarm_ms"],
        two=incident["chain"].two,
        second=incident["second_by"],
    )


def _claim(do: Doing) -> None:
    _take(do, "claimed")


def _take_over(do: Doing) -> None:
    """From the one who has it, who is told. If that was on the spot, nobody is any more that we know of."""
    if do.incident["on_site_ms"] is not None:
        do.tx.journal_staff(do.incident, "staff.left", do.incident["claimed_by"], do.alert["alert_id"])
        do.tx.set_incident(do.incident_id, on_site_ms=None)
    _take(do, "taken_over")


def _accept(do: Doing) -> None:
    _take(do, "accepted")


def _take(do: Doing, kind: str) -> None:
    """Somebody has it from now on. One it is taken over from is told."""
    before = do.incident if do.incident["claimed_by"] not in {None, do.actor.holder} else None
    if do.incident["second_by"] == do.actor.holder:  # nobody is their own second: one more is asked for
        do.tx.set_incident(do.incident_id, on_site_ms=do.incident["second_on_site_ms"], **second_helper.NO_SECOND)
    move(
        do,
        of_alerts={"ever_claimed": True},
        claimed_by=do.actor.holder,
        claimed_name=do.actor.name,
        claimed_function=do.actor.function,
        claimed_ms=do.tx.now_ms,
        handed_to=None,
        owner=None,
        quiet=None,
        quiet_until_ms=None,
    )
    do.tx.stop_ringing(do.incident_id)
    if before is not None:
        do.tx.send(before, "taken", (holder_target(before),), alert_id=do.alert["alert_id"])
    say(do, kind, {"from": before["claimed_name"]} if before is not None else {})
    incident = do.tx.incident(do.incident_id)
    incident_flow.set_lease(do.tx, incident)
    second_helper.ask_for_second(do.tx, incident, do.alert["alert_id"])
    card_offers.watch_search(do.tx, incident)


def _release(do: Doing) -> None:
    """Back into the queue, and the next step rings at once; the steps after it keep their distance. Where somebody
    goes as the second, they have it.
    """
    if do.incident["on_site_ms"] is not None:
        do.tx.journal_staff(do.incident, "staff.left", do.actor.staff, do.alert["alert_id"])
    if second_helper.step_up(do):
        return
    chain: escalation.Snapshot = do.incident["chain"]
    step = min(do.incident["step"] + 1, len(chain.steps) - 1)
    rebased = msgspec.structs.replace(chain, base_ms=do.tx.now_ms - chain.steps[step].after_ms)
    move(do, **NOBODY, on_site_ms=None, snapshot=msgspec.to_builtins(rebased))
    say(do, "released")
    do.tx.drop_timers(do.incident_id)
    incident_flow.continue_chain(do.tx, do.tx.incident(do.incident_id), do.alert["alert_id"])


def _contact(do: Doing) -> None:
    assert isinstance(do.body, Contact), "parse_body gives each act its own shape"
    if lifecycle.CONTACTS[do.body.outcome]:
        do.tx.set_incident(do.incident_id, contact_ms=do.happened_ms)
    do.tx.set_open_alerts(do.incident_id, contact_code=do.body.outcome)
    say(do, "contact", {"outcome": do.body.outcome})
    renew(do)


def _hand_over(do: Doing) -> None:
    assert isinstance(do.body, HandOver), "parse_body gives each act its own shape"
    target = known_function(do.tx.conn, do.tx.site_id, do.body.to)
    if target is None:
        raise Refused(BAD_BODY, {"act": acts.HAND_OVER, "field": "to", "expected": "the id of a function"})
    move(do, handed_to=target.id)
    say(do, "handed_over", {"to": target.name})
    told = incident_flow.told(do.tx, do.incident, (target,))
    do.tx.send(do.tx.incident(do.incident_id), "hand_over", told, alert_id=do.alert["alert_id"])
    incident_flow.set_lease(do.tx, do.tx.incident(do.incident_id))


def _decline(do: Doing) -> None:
    """One that was rung cannot: whoever is next is told without waiting."""
    say(do, "declined")
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
    move(do)
    say(do, "en_route")
    incident_flow.set_lease(do.tx, do.tx.incident(do.incident_id))


def _on_site(do: Doing) -> None:
    move(do, on_site_ms=do.happened_ms)
    say(do, "on_site")
    do.tx.journal_staff(do.incident, "staff.arrived", do.actor.staff, do.alert["alert_id"])
    incident_flow.set_lease(do.tx, do.tx.incident(do.incident_id))


def _note(do: Doing) -> None:
    assert isinstance(do.body, Note), "parse_body gives each act its own shape"
    if do.body.search is not None:
        searches.begin_or_stop(do, begin=do.body.search == "start")
    if do.body.text or do.body.call:
        say(do, "note", {"text": do.body.text} | ({"call": do.body.call} if do.body.call else {}))
    do.tx.change("alert", do.alert["alert_id"])
    renew(do)


def _end(do: Doing) -> None:
    """All open alerts of the incident end. What is still true is asked about again later."""
    assert isinstance(do.body, End), "parse_body gives each act its own shape"
    waiting = outage_list.people_left(do.tx, do.incident_id)
    if waiting:
        raise Refused("people_left", {"count": waiting})
    minutes = do.body.ask_again_minutes or lifecycle.ASK_AGAIN_DEFAULT_MINUTES
    still_true = [row for row in do.tx.alerts_of(do.incident_id) if row["condition"] == lifecycle.ACTIVE]
    done: dict[str, object] = {"open": False, "closed_ms": do.tx.now_ms, "outcome": do.body.outcome}
    if do.body.action is not None:
        done["action_code"] = do.body.action
    ending = do.tx.alerts_of(do.incident_id)
    move(do, of_alerts=done, open=False, ended_ms=do.tx.now_ms)
    for row in still_true:
        due_ms = do.tx.now_ms + minutes * MINUTE
        do.tx.set_timer(do.incident_id, escalation.ASK_AGAIN, due_ms, alert_id=row["alert_id"])
    documenting.settle_doses(do, ending, do.body.action)
    said: dict[str, object] = {"ask_again_minutes": minutes} if still_true else {}
    say(do, "ended", said | ({"action_code": do.body.action} if do.body.action else {}))
    if do.incident["on_site_ms"] is not None:
        do.tx.journal_staff(do.incident, "staff.left", do.actor.staff, do.alert["alert_id"])
    second_helper.seconds_left(do)
    searches.over(do.tx, do.incident, do.actor.holder)
    incident_flow.end_incident(do.tx, do.tx.incident(do.incident_id))
    outages.ended(do.tx, do.incident_id)


def _reopen(do: Doing) -> None:
    row = standing(do.tx, do.alert["alert_id"]) or do.alert
    say(do, "reopened")
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
    acts.DOCUMENT: documenting.document,
    acts.REOPEN: _reopen,
    acts.TAKE_OVER: _take_over,
}
PERFORMERS_OF: dict[str, dict[str, Callable[[Doing], None]]] = {
    lifecycle.ONE_MORE: {acts.CLAIM: second_helper.claim},
    lifecycle.SECOND: {
        acts.RELEASE: second_helper.release,
        acts.EN_ROUTE: second_helper.en_route,
        acts.ON_SITE: second_helper.on_site,
    },
}
"""What the second of two does, where it is not what the holder does."""
