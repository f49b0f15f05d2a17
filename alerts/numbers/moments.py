"""Edge: when what happened in an incident, kept beside the timeline so that reports need not read it all.

For: one row per incident, written in the transaction that appends the timeline's line and from that line alone;
`rebuild` makes the same rows from the timeline, so nothing is counted that the timeline does not say.

| line of the timeline | moment |
|---|---|
| raised, not_a_test | opened (a test is nothing to count) |
| rang | told, the first time |
| claimed, accepted | claimed, the first time |
| on_site | arrived, the first time |
| ended, self_resolved | ended, the last time; `reopened`, `came_back` and `open_again` take it away |
| documented | documented, the first time |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, delete, func, select, update

from alerts.schema.alerts import alerts, timeline
from alerts.schema.checks import moments
from alerts.schema.people import sites
from alerts.statements import add_missing
from rules import local_time

Row = Mapping[str, Any]

DEFAULT_TIMEZONE = "Europe/Oslo"
FIRST = {
    "rang": "told_s", "claimed": "claimed_s", "accepted": "claimed_s", "on_site": "arrived_s",
    "documented": "documented_s",
}  # fmt: skip
OPENS = ("raised", "not_a_test")
ENDS = {"ended": "handled", "self_resolved": "self_resolved"}
OPENS_AGAIN = ("reopened", "came_back", "open_again")
KINDS = frozenset({*FIRST, *OPENS, *ENDS, *OPENS_AGAIN, "priority_raised"})


TABLE = moments


def note(conn: Connection, row: Row, kind: str, args: Row, at_ms: int) -> None:
    """A line was appended for an alert or incident (`row`): keep what it says of when."""
    incident_id = row.get("incident_id")
    if kind not in KINDS or incident_id is None:
        return
    if opens(row, kind):
        zone = conn.execute(select(sites.c.timezone).where(sites.c.id == row["site_id"])).scalar() or DEFAULT_TIMEZONE
        add_missing(conn, moments, opened(row, at_ms, zone))
    this = update(moments).where(moments.c.incident_id == incident_id)
    if kind in FIRST:
        column = moments.c[FIRST[kind]]
        conn.execute(this.values({column: func.coalesce(column, _seconds(at_ms))}))
    if kind in ENDS:
        conn.execute(this.values(ended_s=_seconds(at_ms), ending=ENDS[kind]))
    elif kind in OPENS_AGAIN:
        conn.execute(this.values(ended_s=None, ending=None))
    elif kind == "priority_raised":
        conn.execute(this.values(priority=args["to"]))


def opens(row: Row, kind: str) -> bool:
    """Whether with this line there is an incident to count."""
    return kind in OPENS and bool(row.get("alert_id"))


def opened(row: Row, at_ms: int, zone: str) -> dict[str, Any]:
    """The row of an incident that this alert opens."""
    local = local_time.to_local(at_ms, zone)
    return {
        "incident_id": row["incident_id"],
        "site_id": row["site_id"],
        "ward_id": row["ward_id"],
        "priority": row["priority"],
        "rule": row["rule"],
        "subject_id": row["subject_id"],
        "opened_ms": at_ms,
        "local_day": local.toordinal(),
        "local_hour": local.hour,
    }


def after(moment: Row, kind: str, args: Row, at_ms: int) -> dict[str, Any]:
    """What `note` would change in a row that is not written yet."""
    seconds = int((at_ms - moment["opened_ms"]) / 1_000)  # towards nothing, as SQL divides
    if kind in FIRST:
        return {FIRST[kind]: seconds} if moment[FIRST[kind]] is None else {}
    if kind in ENDS:
        return {"ended_s": seconds, "ending": ENDS[kind]}
    if kind in OPENS_AGAIN:
        return {"ended_s": None, "ending": None}
    return {"priority": args["to"]} if kind == "priority_raised" else {}


def rebuild(conn: Connection, site_id: str) -> int:
    """Every row anew from the timeline; how many. For a migration, and to prove that nothing else is counted. Names the
    columns it reads, so that a revision that came before others can call it.
    """
    conn.execute(delete(moments).where(moments.c.site_id == site_id))
    names = ("site_id", "ward_id", "subject_id", "rule", "priority", "raised_from")
    of_alert = select(*(alerts.c[name] for name in names))
    lines = select(*(timeline.c[name] for name in ("incident_id", "alert_id", "kind", "args", "at_ms")))
    wanted = (timeline.c.kind.in_(sorted(KINDS)), timeline.c.incident_id.is_not(None))
    for line in conn.execute(lines.where(*wanted).order_by(timeline.c.id)).mappings().all():
        row: dict[str, Any] = {"incident_id": line["incident_id"], "alert_id": line["alert_id"]}
        if line["kind"] in OPENS and line["alert_id"]:
            found = conn.execute(of_alert.where(alerts.c.alert_id == line["alert_id"])).mappings().first()
            if found is None or found["site_id"] != site_id:
                continue
            row |= {**found, "priority": found["raised_from"] or found["priority"]}
        note(conn, row, line["kind"], line["args"], line["at_ms"])
    return int(conn.execute(select(func.count()).where(moments.c.site_id == site_id)).scalar_one())


def _seconds(at_ms: int) -> ColumnElement[int]:
    """Since it opened, whole seconds."""
    return cast("ColumnElement[int]", (at_ms - moments.c.opened_ms) // 1_000)
