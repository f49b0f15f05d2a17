"""Edge: a way out that does not work is an alert of its own, for technicians.

For: keeping `channel_states` with each result, raising a P4 when a channel goes down or a message reached nobody, and
clearing it when the channel works again. What a result means is judged in `alerts/messages/channel_health.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, select

from alerts.channels.channel import Channel, Result
from alerts.incidents.apply_effects import apply_effect
from alerts.messages.channel_health import DOWN, ChannelState, after
from alerts.routing.escalation import Target
from alerts.schema.alerts import alerts
from alerts.schema.channels import channel_states
from alerts.statements import put
from alerts.transaction import Transaction
from rules.effects import LIVE, Clear, Raise, Reason, effect_id, rule_alert_id

LANE = "desk"
CHANNEL_DOWN = "CHANNEL"  # rules of the desk itself: no book has them
UNDELIVERED = "UNDELIVERED"
TECHNICAL = Target("technical", "technical", "technical")
OWN = ("technical", "reply")  # what cannot be delivered to these raises nothing more
NOWHERE = "service"  # home of alerts that belong to no home

_STATE = select(*(channel_states.c[name] for name in ChannelState.__struct_fields__)).where(
    channel_states.c.site_id == bindparam("the_site"), channel_states.c.channel == bindparam("the_channel")
)


def state_of(conn: Connection, site_id: str, channel: str) -> ChannelState:
    """How a channel does; one never used works."""
    row = conn.execute(_STATE, {"the_site": site_id, "the_channel": channel}).mappings().first()
    return ChannelState() if row is None else ChannelState(**row)


def down_channels(conn: Connection, site_id: str) -> frozenset[str]:
    """Those that do not work now: tried last."""
    query = select(channel_states.c.channel).where(channel_states.c.site_id == site_id, channel_states.c.state == DOWN)
    return frozenset(conn.execute(query).scalars())


def note_result(tx: Transaction, channel: Channel, result: Result, took_ms: int, *, tell: bool) -> None:
    """Keep how the channel does; when it goes down or comes back, say so. `tell`: technicians have an address."""
    before = state_of(tx.conn, tx.site_id, channel.name)
    now = after(before, result, took_ms, tx.now_ms)
    if channel.reaches_people and now.state == DOWN and before.state != DOWN:
        now = msgspec.structs.replace(now, alert_id=_raise_down(tx, channel.name, result.detail, tell=tell))
    if now.state != DOWN and before.alert_id is not None:
        _clear(tx, before.alert_id)
        now = msgspec.structs.replace(now, alert_id=None)
    if now.state != before.state:
        tx.change("health", f"channel/{channel.name}")
    values = msgspec.structs.asdict(now)
    key = {"site_id": tx.site_id, "channel": channel.name}
    put(tx.conn, channel_states, key | values, values)


def raise_undelivered(tx: Transaction, message: Mapping[str, Any], *, tell: bool) -> None:
    """A message reached nobody: technicians are told, once while that alert is open."""
    if message["target_kind"] in OWN:
        return
    subject, name = f"{message['target_kind']}:{message['target']}", message["target_name"]
    standing = select(alerts.c.alert_id).where(
        alerts.c.subject_id == subject, alerts.c.rule == UNDELIVERED, alerts.c.open
    )
    if tx.conn.execute(standing.limit(1)).scalar() is None:
        said = {"say": "undelivered", "target": name} if tell else None
        _raise(tx, UNDELIVERED, subject, str(message["id"]), Reason("undelivered", {"target": name}), said)


def _raise_down(tx: Transaction, channel: str, detail: str, *, tell: bool) -> str:
    reason = Reason("channel_down", {"channel": channel, "detail": detail})
    said = {"say": "channel_down", "channel": channel} if tell else None
    return _raise(tx, CHANNEL_DOWN, f"channel:{channel}", str(tx.now_ms), reason, said, self_resolves=True)


def _raise(
    tx: Transaction, rule: str, subject: str, episode: str, reason: Reason,
    said: Mapping[str, object] | None,
    *, self_resolves: bool = False,
) -> str:  # fmt: skip
    alert_id = rule_alert_id(LIVE, tx.site_id, rule, subject, episode)
    effect = Raise(
        effect_id=effect_id(alert_id, "raise", episode),
        alert_id=alert_id,
        at_ms=tx.now_ms,
        site=tx.site_id,
        home=NOWHERE,
        subject=subject,
        rule=rule,
        rule_version=LANE,
        code="",
        priority="P4",
        episode=episode,
        condition="active",
        reason=reason,
        self_resolves=self_resolves,
        source=LANE,
    )
    apply_effect(tx, LANE, effect, None)
    row = tx.alert(alert_id)
    if row is not None and said is not None:
        incident = tx.incident(row["incident_id"])
        tx.send(incident, "ring", (TECHNICAL,), alert_id=alert_id, args=said)
    return alert_id


def _clear(tx: Transaction, alert_id: str) -> None:
    cause = str(tx.now_ms)
    clear = Clear(effect_id(alert_id, "clear", cause), alert_id, tx.now_ms, Reason("channel_works"))
    apply_effect(tx, LANE, clear, None)
