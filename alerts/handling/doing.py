"""Edge: one act under way, and the writes that all acts have in common.

For: what `alerts/handling/staff_acts.py` and `alerts/handling/second_helper.py` share. Which act does what stands
there.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from alerts.handling import lifecycle
from alerts.handling.act_bodies import Body, Plain
from alerts.handling.acts import Actor
from alerts.incidents import incident_flow
from alerts.transaction import Row, Transaction

AFTERWARDS_FROM_MS = 60_000  # younger than this is just a slow phone


class Doing(msgspec.Struct, frozen=True):
    """One act under way."""

    tx: Transaction
    alert: Row
    incident: Row
    actor: Actor
    body: Body
    to: str  # the handling after it
    who: str  # for whom the table allowed it
    happened_ms: int  # now, or earlier where it is reported afterwards

    @property
    def incident_id(self) -> str:
        return str(self.incident["incident_id"])


def move(do: Doing, *, of_alerts: Mapping[str, object] | None = None, **values: object) -> None:
    """New handling for the incident and all its open alerts, and whatever else changes with it (`of_alerts`: there)."""
    do.tx.changed_incident(do.incident_id)
    if do.to != do.incident["handling"]:
        values["handling_ms"] = do.tx.now_ms
    do.tx.set_incident(do.incident_id, handling=do.to, **values)
    do.tx.set_open_alerts(do.incident_id, handling=do.to, **(of_alerts or {}))


def say(do: Doing, kind: str, args: Mapping[str, object] | None = None) -> None:
    """The act's line in the timeline, with the few words that came along and, reported afterwards, when it was."""
    said: dict[str, object] = dict(args or {})
    note = do.body.note if isinstance(do.body, Plain) else None
    if note:
        said["note"] = note
    if do.tx.now_ms - do.happened_ms >= AFTERWARDS_FROM_MS:
        said["happened_ms"] = do.happened_ms
    vkp = lifecycle.VKP["called"] if said.get("call") else lifecycle.VKP.get(kind)
    do.tx.line(do.alert, kind, said, actor=do.actor, vkp=vkp)


def renew(do: Doing) -> None:
    """A next step was taken: the holder's lease begins anew."""
    if do.incident["handling"] in lifecycle.HELD:
        incident_flow.set_lease(do.tx, do.tx.incident(do.incident_id))
    do.tx.changed_incident(do.incident_id)
