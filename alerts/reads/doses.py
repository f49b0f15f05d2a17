"""Which doses of a person nobody can say were fetched, or lie locked in: the page then warns against a second one.

For: one question over `observations` (`dose_unsure` … `dose_sure`, rules/README.md "Doses"). It does not depend on an
alert: one that was closed, held or never raised leaves the dose as unknown as before.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from alerts.database import Database
from alerts.schema.upkeep import observations

WARNS_MS = 48 * 3_600_000  # a dose older than that is no reason to wait with the next
ROWS_MAX = 400
KINDS = ("dose_unsure", "dose_sure")


def unsure_doses(db: Database, resident_id: str, now_ms: int) -> list[dict[str, Any]]:
    """{"since_ms", "reason": code, "args"} of each dose of the last 48 h that is still unsure, oldest first."""
    query = (
        select(observations.c.kind, observations.c.at_ms, observations.c.reason)
        .where(
            observations.c.subject_id == resident_id,
            observations.c.at_ms > now_ms - WARNS_MS,
            observations.c.kind.in_(KINDS),
        )
        .order_by(observations.c.id.desc())
        .limit(ROWS_MAX)
    )
    with db.reader.connect() as conn:
        rows = list(conn.execute(query).mappings())
    last: dict[str, dict[str, Any]] = {}
    for row in rows:  # newest first: the last word about each dose counts
        args = row["reason"].get("args", {})
        told = {"kind": row["kind"], "since_ms": row["at_ms"], "reason": row["reason"]["code"], "args": args}
        last.setdefault(str(args.get("dose")), told)
    unsure = [told for told in last.values() if told.pop("kind") == "dose_unsure"]
    return sorted(unsure, key=lambda told: (told["since_ms"], str(told["args"].get("dose"))))
