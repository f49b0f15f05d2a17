"""Edge: up to where each lane's effects are on disk. Moved by compare-and-set, in the transaction with the effects."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select, update

from alerts.schema.alerts import applied
from alerts.statements import add_missing
from rules.effects import Fenced

_LANE = applied.c.lane == bindparam("the_lane")
_HERE = (_LANE, applied.c.partition == bindparam("the_partition"))
_MOVE = update(applied).where(*_HERE, applied.c.position == bindparam("the_position"))
_POSITION = select(applied.c.position).where(*_HERE)
_POSITIONS = select(applied.c.partition, applied.c.position).where(_LANE)


def position_of(conn: Connection, lane: str, partition: int) -> int | None:
    """Where it stands; None before the first."""
    return conn.execute(_POSITION, {"the_lane": lane, "the_partition": partition}).scalar()


def positions_of(conn: Connection, lane: str) -> dict[int, int]:
    """Of every partition of a lane that has one."""
    return {each.partition: each.position for each in conn.execute(_POSITIONS, {"the_lane": lane})}


def move_position(conn: Connection, lane: str, partition: int, expected: int, position: int) -> None:
    """From `expected` to `position`. Raises Fenced when somebody else has moved it."""
    here = {"the_lane": lane, "the_partition": partition, "the_position": expected}
    if conn.execute(_MOVE, {**here, "position": position}).rowcount == 1:
        return
    row = {"lane": lane, "partition": partition, "position": position}
    if expected == 0 and add_missing(conn, applied, row) == 1:
        return
    found = position_of(conn, lane, partition)
    raise Fenced(f"{lane}/{partition} stands at {found}, not at {expected}: another process writes this desk")
