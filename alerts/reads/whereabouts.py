"""Whether somebody is away, as the rules told it last: said by a person or gateway, or guessed from doors and silence.

For: one question over `observations` (`away` … `home`, rules/situations.py). Reads only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from alerts.database import Database
from alerts.schema.upkeep import observations

AWAY, HOME = "away", "home"


def away_now(db: Database, resident_id: str, home_id: str) -> dict[str, Any] | None:
    """{"code", "args"} of why they are taken to be away; None while they are at home, or have moved since."""
    query = (
        select(observations.c.kind, observations.c.reason)
        .where(
            observations.c.subject_id == resident_id,
            observations.c.home_id == home_id,
            observations.c.kind.in_((AWAY, HOME)),
        )
        .order_by(observations.c.at_ms.desc(), observations.c.id.desc())
        .limit(1)
    )
    with db.reader.connect() as conn:
        row = conn.execute(query).mappings().first()
    if row is None or row["kind"] == HOME:
        return None
    return {"code": row["reason"]["code"], "args": row["reason"].get("args", {})}
