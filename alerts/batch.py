"""Edge: what a transaction of many effects reads once, and writes once at its end.

For: a batch of effects (`Desk.apply`), most of all an outage, where thousands of homes join the same alert, incident
and silences within minutes. Which rows, and why, is decided as ever. Before `begin` everything is read and written at
once.

Theory of operation. Rows that nothing of a batch reads (WAIT) are kept and written together, in their order; what
adds up is added up. What was read is remembered until it is written. `Transaction.conn` is the way back: before anybody
gets the connection, what waits is written and what is remembered forgotten, so code that knows nothing of batches is
right inside one. Hot code takes `Transaction.direct` instead, for statements that neither read a table of WAIT nor
change a row of REMEMBERED. All of it is the one transaction with the position: a crash leaves all or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import BindParameter, ColumnElement, Connection, Table, bindparam, select

from alerts.schema.alerts import alerts, changes, effects, incidents, timeline
from alerts.schema.people import homes
from alerts.schema.quiet import outage_people, outages
from alerts.schema.upkeep import observations, protection
from alerts.statements import Values, add, add_and_ring, add_missing, put_all
from rules.effects import Effect, Observe, Raise

WAIT = (effects, timeline, observations, changes, protection, outage_people)
REMEMBERED = (alerts, incidents, outages)

T = TypeVar("T")

_THESE: BindParameter[Any] = bindparam("the_ids", expanding=True)
_SAID = select(effects.c.effect_id).where(effects.c.lane == bindparam("the_lane"), effects.c.effect_id.in_(_THESE))
_ALERTS = select(alerts).where(alerts.c.alert_id.in_(_THESE))
_WARDS = select(homes.c.id, homes.c.ward).where(homes.c.site_id == bindparam("the_site"), homes.c.id.in_(_THESE))


def alert_key(alert_id: str) -> Hashable:
    """Under which an alert's row is remembered."""
    return "alert", alert_id


def ward_key(home_id: str) -> Hashable:
    """Under which a home's ward is remembered."""
    return "ward", home_id


class Batch:
    """What waits and what is remembered in one transaction."""

    def __init__(self, conn: Connection) -> None:
        self._conn, self._begun = conn, False
        self._said: set[str] = set()
        self._rows: dict[Table, list[Values]] = {table: [] for table in WAIT}
        self._puts: dict[tuple[Table, ColumnElement[bool] | None], list[tuple[Values, Values]]] = {}
        self._sums: dict[Hashable, tuple[Callable[[int], object], int]] = {}
        self._known: dict[Hashable, Any] = {}
        self._kept: dict[Hashable, Any] = {}

    def begin(self, site_id: str, lane: str, said: Sequence[Effect]) -> None:
        """Rows wait from now on; who begins settles before the commit. What each of these effects asks first is read
        for all of them: whether the lane has said it before, its alert, and the ward of its home.
        """
        ids = [one.effect_id for one in said]
        self._said = set(self._conn.execute(_SAID, {"the_lane": lane, "the_ids": ids}).scalars())
        named = {one.alert_id for one in said if not isinstance(one, Observe)}
        self._known |= {alert_key(one): None for one in named}
        for alert in self._conn.execute(_ALERTS, {"the_ids": list(named)}).mappings() if named else ():
            self._known[alert_key(alert["alert_id"])] = alert
        places = {one.home for one in said if isinstance(one, (Raise, Observe))}
        self._kept |= {ward_key(one): None for one in places}
        for home in self._conn.execute(_WARDS, {"the_site": site_id, "the_ids": list(places)}) if places else ():
            self._kept[ward_key(home.id)] = home.ward
        self._begun = True

    def first_time(self, lane: str, effect_id: str, at_ms: int) -> bool:
        """Whether this lane has not said this effect before; from now on it has."""
        row = {"lane": lane, "effect_id": effect_id, "at_ms": at_ms}
        if not self._begun:
            return add_missing(self._conn, effects, row) == 1
        if effect_id in self._said:
            return False
        self._said.add(effect_id)
        self._rows[effects].append(row)
        return True

    def add(self, table: Table, row: Values) -> None:
        """A row more in a table of WAIT."""
        if self._begun:
            self._rows[table].append(row)
        else:
            _write(self._conn, table, [row])

    def put(self, table: Table, row: Values, changed: Values, *, where: ColumnElement[bool] | None = None) -> None:
        """`statements.put` in a table of WAIT; for each table with the same names and `where`."""
        if self._begun:
            self._puts.setdefault((table, where), []).append((row, changed))
        else:
            put_all(self._conn, table, [(row, changed)], where=where)

    def sum_up(self, key: Hashable, more: int, write: Callable[[int], object]) -> None:
        """Call `write` with the sum of all that comes under one key."""
        if self._begun:
            _, before = self._sums.get(key, (write, 0))
            self._sums[key] = (write, before + more)
        else:
            write(more)

    def once(self, key: Hashable, read: Callable[[], T], *, kept: bool = False) -> T:
        """What `read` gives, read once until somebody may have changed it; `kept`: nothing a batch does changes it."""
        if not self._begun:
            return read()
        known = self._kept if kept else self._known
        if key not in known:
            known[key] = read()
        return cast("T", known[key])

    def know(self, key: Hashable, value: object) -> None:
        """What `once` would read now."""
        if self._begun:
            self._known[key] = value

    def forget(self, key: Hashable) -> None:
        self._known.pop(key, None)

    def settle(self) -> None:
        """Write all that waits, forget all that is remembered."""
        if not self._begun:
            return
        self._begun = False  # what writes a sum writes it at once
        for table, rows in self._rows.items():
            if rows:
                _write(self._conn, table, rows)
                rows.clear()
        for (table, where), pairs in self._puts.items():
            put_all(self._conn, table, pairs, where=where)
        self._puts.clear()
        while self._sums:
            _, (write, more) = self._sums.popitem()
            write(more)
        self._known.clear()
        self._begun = True


def _write(conn: Connection, table: Table, rows: list[Values]) -> None:
    if table is effects:
        add_missing(conn, table, rows)
    elif table is changes:
        add_and_ring(conn, table, rows)
    else:
        add(conn, table, rows)
