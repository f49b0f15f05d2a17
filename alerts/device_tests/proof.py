"""Edge: proof that a press in a test session went all the way to a phone and back, step by step with its time.

For: writing the steps on the test's own timeline, which is never cut, and reading sessions with their presses. A
session stays in `setting_versions` when it is over; a press belongs to the session that was open for its device when it
happened and when it arrived, as the source fold judges (ingest/trust.py).

| step | time |
|---|---|
| pressed | as the device says, where its clock is believed |
| recorded | stamped by receive, on disk with it |
| alert | the desk has it |
| sent | a channel that reaches people took it |
| delivered | the gateway's receipt, where it gives any |
| answered | from the phone: link, SMS, an answered call, or on the board by somebody else than who tests |
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, select, text

from alerts.database import Database
from alerts.handling.acts import SYSTEM, Actor
from alerts.reads.alert_view import instant
from alerts.reads.people import staff_names
from alerts.schema.alerts import alerts, causes, timeline
from alerts.schema.checks import OF_TEST_SESSIONS
from alerts.schema.people import setting_versions
from alerts.transaction import Row, Transaction

MESSAGE = "test"  # kind of the message that a press in a session sends
SENT, DELIVERED, ANSWERED = "test_sent", "test_delivered", "test_answered"
STEPS = {SENT: "sent_at", DELIVERED: "delivered_at", ANSWERED: "answered_at"}
DAY_MS = 86_400_000
SHOWN_MS = 30 * DAY_MS
SESSIONS_MAX = 200
PRESSES_MAX = 500


class NoSuchTest(Exception):
    """There is no such test, or it may not be answered by this person (`own`)."""

    def __init__(self, *, own: bool = False) -> None:
        super().__init__("own test" if own else "no such test")
        self.own = own


def note(tx: Transaction, message: Row, step: str, *, actor: Actor = SYSTEM, **how: object) -> None:
    """A message of a test has come so far. Of other messages nothing is noted."""
    alert = tx.alert(message["alert_id"]) if message["kind"] == MESSAGE else None
    if alert is None:
        return
    tx.line(alert, step, {"target": message["target_name"], **how}, actor=actor)
    tx.change("alert", alert["alert_id"])


def answer(tx: Transaction, session_id: str, actor: Actor) -> str:
    """Somebody who was told says so on the board; the alert of the newest press. Raises NoSuchTest: not pressed yet,
    or it is the one who tests, who would prove nothing.
    """
    found = [one for one in _sessions(tx.conn, tx.site_id, tx.now_ms - SHOWN_MS) if one["id"] == session_id]
    if not found or not (presses := _presses(tx.conn, found)[session_id]):
        raise NoSuchTest
    if actor.staff == found[0]["staff"]:
        raise NoSuchTest(own=True)
    alert = tx.alert(presses[0]["alert_id"])
    assert alert is not None, "read a moment ago"
    tx.line(alert, ANSWERED, {"target": actor.name, "via": "board"}, actor=actor)
    tx.change("alert", alert["alert_id"])
    return str(alert["alert_id"])


def sessions(db: Database, site_id: str, now_ms: int, *, open_only: bool = False) -> list[dict[str, Any]]:
    """Sessions of the last 30 days, newest first: who, what, until when, `proved`, and each press with its steps."""
    with db.reader.connect() as conn:
        found = _sessions(conn, site_id, now_ms - SHOWN_MS)
        if open_only:
            found = [one for one in found if now_ms < one["until_ms"]]
        presses = _presses(conn, found)
    names = staff_names(db, [one["staff"] for one in found]) if found else {}
    return [_item(one, presses[one["id"]], names, now_ms) for one in found]


def last_tester(conn: Connection, site_id: str, device_id: str, since_ms: int) -> str | None:
    """Who opened the newest session of a device since then."""
    return next((one["staff"] for one in _sessions(conn, site_id, since_ms) if one["device"] == device_id), None)


def _item(
    one: Mapping[str, Any], presses: list[dict[str, Any]], names: Mapping[str, str], now_ms: int
) -> dict[str, Any]:
    return {
        "id": one["id"],
        "device": one["device"],
        "staff": one["staff"],
        "name": names.get(one["staff"], one["staff"]),
        "from": instant(one["from_ms"]),
        "until": instant(one["until_ms"]),
        "state": "open" if now_ms < one["until_ms"] else "over",
        "proved": any(press["answered_at"] for press in presses),
        "presses": presses,
    }


def _sessions(conn: Connection, site_id: str, since_ms: int) -> list[dict[str, Any]]:
    """Newest first, also those that are over; `until_ms` is when it really ended."""
    rows = setting_versions.c
    query = (
        select(rows.setting_id, rows.removed, rows.value, rows.saved_ms)
        .where(rows.site_id == site_id, text(OF_TEST_SESSIONS), rows.saved_ms > since_ms)
        .order_by(rows.saved_ms.desc(), rows.version.desc())
        .limit(2 * SESSIONS_MAX)
    )
    ended: dict[str, int] = {}
    found: list[dict[str, Any]] = []
    for row in conn.execute(query):
        if row.removed:
            ended[row.setting_id] = row.saved_ms
            continue
        value = row.value or {}
        until_ms = min(value["until_ms"], ended.get(row.setting_id, value["until_ms"]))
        kept = {name: value[name] for name in ("device", "staff", "from_ms")}
        found.append({"id": str(row.setting_id).partition("/")[2], **kept, "until_ms": until_ms})
    return found[:SESSIONS_MAX]


def _presses(conn: Connection, found: Iterable[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Session -> its presses, newest first, each with the first time of every step."""
    known = list(found)
    by_session: dict[str, list[dict[str, Any]]] = defaultdict(list)
    if not known:
        return by_session
    query = (
        select(alerts.c.alert_id, alerts.c.device_id, alerts.c.opened_ms, causes.c.effective_ms, causes.c.received_ms)
        .join(causes, causes.c.alert_id == alerts.c.alert_id)
        .where(alerts.c.test, alerts.c.device_id.in_(sorted({one["device"] for one in known})))
        .where(alerts.c.opened_ms >= min(one["from_ms"] for one in known))
        .order_by(alerts.c.opened_ms.desc(), alerts.c.alert_id)
        .limit(PRESSES_MAX)
    )
    rows = conn.execute(query).all()
    steps = _steps(conn, [row.alert_id for row in rows])
    for row in rows:
        mine = (
            one["id"]
            for one in known
            if one["device"] == row.device_id
            and one["from_ms"] <= row.effective_ms
            and row.received_ms < one["until_ms"]
        )
        if (session := next(mine, None)) is not None:
            by_session[session].append(
                {
                    "alert_id": row.alert_id,
                    "pressed_at": instant(row.effective_ms),
                    "recorded_at": instant(row.received_ms),
                    "alert_at": instant(row.opened_ms),
                    **steps[row.alert_id],
                }
            )
    return by_session


def _steps(conn: Connection, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Alert -> when it was sent, delivered and answered, and how."""
    found = {one: dict.fromkeys((*STEPS.values(), "answered_by", "answered_via")) for one in ids}
    query = select(timeline).where(timeline.c.alert_id.in_(ids), timeline.c.kind.in_(list(STEPS)))
    for line in conn.execute(query.order_by(timeline.c.id)).mappings():
        steps: dict[str, Any] = found[line["alert_id"]]
        if steps[STEPS[line["kind"]]] is None:
            steps[STEPS[line["kind"]]] = instant(line["at_ms"])
            if line["kind"] == ANSWERED:
                steps["answered_by"], steps["answered_via"] = line["args"].get("target"), line["args"].get("via")
    return found
