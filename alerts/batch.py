"""Edge: what one transaction reads once, and writes once at its end.

For: a batch of effects (`Desk.apply`), an act, timers that are due. On a server each statement is a way there and back
while all others wait for their turn; in an outage or a storm thousands of homes say the same within minutes. Which
rows, and why, is decided as ever. Before `begin` everything is read and written at once.

Theory of operation. Rows that are only added (WAIT) are kept and written together, in their order; rows that are new
and may yet change (NEW) are changed here and written as they are in the end; what adds up is added up. What was read is
remembered until it is written. `Transaction.conn` is the way back: before anybody gets the connection, what waits is
written and what is remembered forgotten, so code that knows nothing of batches is right inside one. Hot code takes
`Transaction.reading` to read tables of WAIT or NEW, which writes what waits for these alone, and `Transaction.direct`
for statements that touch none of them nor change a row of REMEMBERED. All of it is the one transaction with the
position: a crash leaves all or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar, cast

from sqlalchemy import BindParameter, ColumnElement, Connection, Table, bindparam, select

from alerts.schema.alerts import alerts, causes, changes, effects, incidents, outbox, timeline, timers
from alerts.schema.checks import moments
from alerts.schema.quiet import outage_people, outages
from alerts.schema.upkeep import observations, protection
from alerts.statements import Values, add, add_and_ring, add_missing, add_missing_returning, add_next, put_all
from rules.effects import Effect, Observe

NEW = (incidents, alerts, moments)
WAIT = (timeline, observations, changes, protection, outage_people, causes, timers, outbox)
REMEMBERED = (alerts, incidents, outages)

T = TypeVar("T")

_THESE: BindParameter[Any] = bindparam("the_ids", expanding=True)
_ALERTS = select(alerts).where(alerts.c.alert_id.in_(_THESE))
_EMPTY = {table: {column.name: None for column in table.c} for table in NEW}


def alert_key(alert_id: str) -> Hashable:
    """Under which an alert's row is remembered."""
    return "alert", alert_id


class Batch:
    """What waits and what is remembered in one transaction."""

    def __init__(self, conn: Connection) -> None:
        self._conn, self._begun = conn, False
        self._expected: dict[tuple[str, str], bool] = {}  # whether it comes for the first time
        self._new: dict[Table, dict[str, dict[str, Any]]] = {table: {} for table in NEW}
        self._rows: dict[Table, list[Values]] = {table: [] for table in WAIT}
        self._puts: dict[tuple[Table, ColumnElement[bool] | None], list[tuple[Values, Values]]] = {}
        self._sums: dict[Hashable, tuple[Callable[[int], object], int]] = {}
        self._known: dict[Hashable, Any] = {}
        self._lists: set[Hashable] = set()
        self._kept: dict[Hashable, Any] = {}

    def begin(self) -> None:
        """Rows wait from now on; who begins settles before the commit."""
        self._begun = True

    def expect(self, lane: str, said: Sequence[Effect]) -> None:
        """These effects come now. What each asks first is asked for all: has the lane said it before, and its alert."""
        rows = [{"lane": lane, "effect_id": one.effect_id, "at_ms": one.at_ms} for one in said]
        first = set(add_missing_returning(self._conn, effects, rows, effects.c.effect_id))
        self._expected = {(lane, one.effect_id): one.effect_id in first for one in said}
        named = {one.alert_id for one in said if not isinstance(one, Observe) and one.effect_id in first}
        self._known |= {alert_key(one): None for one in named}
        for alert in self._conn.execute(_ALERTS, {"the_ids": sorted(named)}).mappings() if named else ():
            self._known[alert_key(alert["alert_id"])] = alert

    def first_time(self, lane: str, effect_id: str, at_ms: int) -> bool:
        """Whether this lane has not said this effect before; from now on it has."""
        first = self._expected.get((lane, effect_id))
        if first is None:
            return add_missing(self._conn, effects, {"lane": lane, "effect_id": effect_id, "at_ms": at_ms}) == 1
        self._expected[(lane, effect_id)] = False
        return first

    # -- what waits -------------------------------------------------------------------------------------------

    def add_new(self, table: Table, key: str, row: Values) -> None:
        """A row more in a table of NEW, by its primary key."""
        whole = {**_EMPTY[table], **row}
        if self._begun:
            self._new[table][key] = whole
        else:
            _write(self._conn, table, [whole])

    def new(self, table: Table, key: str) -> dict[str, Any] | None:
        """A row that is not written yet: whoever changes it changes what will be."""
        return self._new[table].get(key)

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

    def drop_puts(self, table: Table, of: Callable[[Values], bool]) -> None:
        """Rows that wait to be put and shall not be any more."""
        for (waiting, _), pairs in self._puts.items():
            if waiting is table:
                pairs[:] = [pair for pair in pairs if not of(pair[0])]

    def sum_up(self, key: Hashable, more: int, write: Callable[[int], object]) -> None:
        """Call `write` with the sum of all that comes under one key."""
        if self._begun:
            _, before = self._sums.get(key, (write, 0))
            self._sums[key] = (write, before + more)
        else:
            write(more)

    # -- what is remembered -----------------------------------------------------------------------------------

    def once(self, key: Hashable, read: Callable[[], T], *, kept: bool = False, alerts_in: bool = False) -> T:
        """What `read` gives, read once until somebody may have changed it; `kept`: nothing a batch does changes it;
        `alerts_in`: a change of any alert does.
        """
        if not self._begun:
            return read()
        known = self._kept if kept else self._known
        if key not in known:
            self.keep(key, read()) if kept else self.know(key, read(), alerts_in=alerts_in)
        return cast("T", known[key])

    def know(self, key: Hashable, value: object, *, alerts_in: bool = False) -> None:
        """What `once` would read now."""
        if self._begun:
            self._known[key] = value
            if alerts_in:
                self._lists.add(key)

    def keep(self, key: Hashable, value: object) -> None:
        """The same of what is `kept`."""
        if self._begun:
            self._kept[key] = value

    def known(self, key: Hashable) -> Any:
        """What is remembered there; None where nothing is."""
        return self._known.get(key)

    def forget(self, key: Hashable) -> None:
        self._known.pop(key, None)

    def forget_alerts(self, *, rows: bool = False) -> None:
        """An alert has changed (with `rows`: nobody knows which)."""
        for key in self._lists:
            self._known.pop(key, None)
        self._lists.clear()
        if rows:
            of_alerts = [key for key in self._known if isinstance(key, tuple) and key[0] == "alert"]
            for key in of_alerts:
                del self._known[key]

    # -- the end ----------------------------------------------------------------------------------------------

    def write(self, *tables: Table) -> None:
        """Write what waits in these tables."""
        for table in tables:
            if new := self._new.get(table):
                _write(self._conn, table, list(new.values()))
                new.clear()
            if rows := self._rows.get(table):
                _write(self._conn, table, rows)
                rows.clear()
        if self._puts:
            for table, where in [key for key in self._puts if key[0] in tables]:
                if pairs := self._puts.pop((table, where)):
                    put_all(self._conn, table, pairs, where=where)

    def settle(self) -> None:
        """Write all that waits, forget all that is remembered."""
        if not self._begun:
            return
        self._begun = False  # what writes a sum writes it at once
        self.write(*NEW, *WAIT)
        while self._sums:
            _, (write, more) = self._sums.popitem()
            write(more)
        self._known.clear()
        self._lists.clear()
        self._begun = True


def _write(conn: Connection, table: Table, rows: Sequence[Values]) -> None:
    if table is moments:
        add_missing(conn, table, rows)
    elif table is causes:
        add_next(conn, table, "alert_id", "place", rows)
    elif table is changes:
        add_and_ring(conn, table, rows)
    else:
        add(conn, table, rows)
