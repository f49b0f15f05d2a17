"""Edge: rows of alerts and incidents as they stand in one transaction, read once and changed in one place.

For: what `Transaction` (alerts/transaction.py) says everything else with. What is known of a row is carried along when
it is changed, so that nobody need read it again; what waits and what is remembered: `alerts/batch.py`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, cast

import msgspec
from sqlalchemy import Connection, RowMapping, Table, bindparam, select, update

from alerts.batch import Batch, alert_key
from alerts.routing.escalation import Snapshot
from alerts.schema.alerts import alerts, incidents
from alerts.schema.people import sites
from alerts.statements import change

Row = Mapping[str, Any]
"""A row of `alerts` or `incidents` by column name; `incidents` rows carry their decoded chain under "chain"."""

DEFAULT_TIMEZONE = "Europe/Oslo"
TIMEZONE = ("timezone",)

_NO_ALERT = {column.name: None for column in alerts.c}
_NO_INCIDENT = {column.name: None for column in incidents.c}
_ALERT = select(alerts).where(alerts.c.alert_id == bindparam("the_id"))
_OF_INCIDENT = (alerts.c.incident_id == bindparam("the_id"), alerts.c.open)
_ALERTS = select(alerts).where(*_OF_INCIDENT).order_by(alerts.c.priority, alerts.c.opened_ms, alerts.c.alert_id)
_CHANGE_OPEN = update(alerts).where(*_OF_INCIDENT)
_INCIDENT = select(incidents).where(incidents.c.incident_id == bindparam("the_id"))
_OPEN_INCIDENT = select(incidents).where(
    incidents.c.site_id == bindparam("the_site"), incidents.c.key == bindparam("the_key"), incidents.c.open
)
_TIMEZONE = select(sites.c.timezone).where(sites.c.id == bindparam("the_site"))


class Rows:
    """A connection inside `begin()`, the site, and the rows of alerts and incidents."""

    def __init__(self, conn: Connection, site_id: str) -> None:
        self.direct = conn  # for statements that concern nothing that waits or is remembered (`batch.py`)
        self.batch = Batch(conn)
        self.site_id = site_id
        self._untold: set[str] = set()  # incidents opened here about which nothing was sent yet
        self._uncounted: set[str] = set()  # … and that have no moment yet

    @property
    def conn(self) -> Connection:
        """The connection, for whatever its user does with it: all is written, nothing remembered."""
        self.batch.settle()
        return self.direct

    def reading(self, *tables: Table) -> Connection:
        """The connection, to read these tables: what waits for them is written."""
        self.batch.write(*tables)
        return self.direct

    # -- alerts -----------------------------------------------------------------------------------------------

    def alert(self, alert_id: str) -> Row | None:
        def read() -> Row | None:
            return cast("Row | None", self.reading(alerts).execute(_ALERT, {"the_id": alert_id}).mappings().first())

        return self.batch.once(alert_key(alert_id), read)

    def add_alert(self, row: Row) -> Row:
        """Write a new alert's row and give it back as it stands."""
        whole = {**_NO_ALERT, **row}
        self.batch.add_new(alerts, whole["alert_id"], whole)
        self.batch.forget_alerts()
        self.batch.know(alert_key(whole["alert_id"]), whole)
        return whole

    def add_first_alert(self, row: Row) -> Row:
        """The same where its incident has no other."""
        alert = self.add_alert(row)
        self.batch.know(_list_key(alert["incident_id"]), [alert], alerts_in=True)
        return alert

    def alerts_of(self, incident_id: str) -> list[Row]:
        """Open alerts of an incident, the most urgent and oldest first."""

        def read() -> list[Row]:
            found = self.reading(alerts).execute(_ALERTS, {"the_id": incident_id}).mappings()
            rows = [cast("Row", row) for row in found]
            for row in rows:
                self.batch.know(alert_key(row["alert_id"]), row)
            return rows

        return list(self.batch.once(_list_key(incident_id), read, alerts_in=True))

    def set_alert(self, alert_id: str, **values: object) -> None:
        waiting = self.batch.new(alerts, alert_id)
        if waiting is not None:
            waiting.update(values)
        else:
            change(self.direct, alerts, alert_id, values)
        known = self.batch.known(alert_key(alert_id))
        self.batch.forget_alerts()
        self.batch.forget(alert_key(alert_id))
        if known is not None:
            self.batch.know(alert_key(alert_id), {**known, **values})

    def set_open_alerts(self, incident_id: str, **values: object) -> None:
        """The same of every open alert of an incident."""
        self.reading(alerts).execute(_CHANGE_OPEN, {"the_id": incident_id, **values})
        known = self.batch.known(_list_key(incident_id))
        self.batch.forget_alerts(rows=True)
        if known is not None:
            changed = [{**row, **values} for row in known]
            for row in changed:
                self.batch.know(alert_key(row["alert_id"]), row)
            self.batch.know(_list_key(incident_id), [row for row in changed if row["open"]], alerts_in=True)

    # -- incidents --------------------------------------------------------------------------------------------

    def incident(self, incident_id: str) -> Row:
        def read() -> Row:
            return _with_chain(self.reading(incidents).execute(_INCIDENT, {"the_id": incident_id}).mappings().one())

        return self.batch.once(_incident_key(incident_id), read)

    def open_incident(self, key: str) -> Row | None:
        named = {"the_site": self.site_id, "the_key": key}
        row = self.reading(incidents).execute(_OPEN_INCIDENT, named).mappings().first()
        if row is None:
            return None
        incident = _with_chain(row)
        self.batch.know(_incident_key(incident["incident_id"]), incident)
        return incident

    def add_incident(self, row: Row) -> Row:
        """Write a new incident's row and give it back as it stands."""
        incident_id = str(row["incident_id"])
        whole = _with_chain({**_NO_INCIDENT, **row})
        self.batch.add_new(incidents, incident_id, row)
        self.batch.know(_incident_key(incident_id), whole)
        self._untold.add(incident_id)
        self._uncounted.add(incident_id)
        return whole

    def set_incident(self, incident_id: str, **values: object) -> None:
        waiting = self.batch.new(incidents, incident_id)
        if waiting is not None:
            waiting.update(values)
        else:
            change(self.direct, incidents, incident_id, values)
        known = self.batch.known(_incident_key(incident_id))
        self.batch.forget(_incident_key(incident_id))
        if known is not None:
            changed = {**known, **values}
            self.batch.know(_incident_key(incident_id), _with_chain(changed) if "snapshot" in values else changed)

    # -- the site ---------------------------------------------------------------------------------------------

    @property
    def timezone(self) -> str:
        """The site's."""

        def read() -> str:
            return self.direct.execute(_TIMEZONE, {"the_site": self.site_id}).scalar() or DEFAULT_TIMEZONE

        return self.batch.once(TIMEZONE, read, kept=True)


def _list_key(incident_id: str) -> Hashable:
    return "alerts of", incident_id


def _incident_key(incident_id: str) -> Hashable:
    return "incident", incident_id


def _with_chain(row: Row | RowMapping) -> Row:
    return {**row, "chain": msgspec.convert(row["snapshot"], Snapshot)}
