"""Edge: reading the items of one site, as people write them and with how far each has come.

Nothing is changed here; that is `alerts/site/settings_store.py`'s.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Table, and_, bindparam, literal, select

from alerts.database import Database
from alerts.reads.alert_view import instant
from alerts.schema.people import setting_versions, sites
from alerts.site.item_tables import ITEM_TABLES
from alerts.site.model import MODELS, ORDERED
from alerts.site.projection import setting_id

LIST_MAX = 10_000

_ITEM = {
    kind: select(table).where(table.c.site_id == bindparam("the_site"), table.c.id == bindparam("the_id"))
    for kind, table in ITEM_TABLES.items()
}
Rows = list[dict[str, Any]]
"""Items as people write them, each with `version`, `saved_at` and `in_force`."""


def site_of(database: Database) -> str | None:
    """The site that this desk holds, when it is exactly one: what a service serves whose settings name none."""
    with database.reader.connect() as conn:
        found = conn.execute(select(sites.c.id).limit(2)).scalars().all()
    return found[0] if len(found) == 1 else None


class SettingsReads:
    """Items of one site, read only. Callable from any thread."""

    def __init__(self, database: Database, site_id: str) -> None:
        self.database, self.site_id = database, site_id

    @staticmethod
    def sites(database: Database) -> list[str]:
        """Ids of all sites in a database, for a service that was not told which it serves."""
        with database.reader.connect() as conn:
            return [str(row.id) for row in conn.execute(select(ITEM_TABLES["site"].c.id).order_by("id"))]

    def get(self, kind: str, item_id: str) -> dict[str, Any] | None:
        """The item as people write it, with `version`, `saved_at` and `in_force`; None when there is none."""
        found = self.list(kind, id=item_id)
        return found[0] if found else None

    def list(self, kind: str, *, after: str | None = None, limit: int = LIST_MAX, **filters: object) -> Rows:
        """Items by equal fields, e.g. `list("plan", resident="r1")`: functions and contacts in their order, else by id.

        `after` is the id of the last one seen; only for kinds that come by id.
        """
        with self.database.reader.connect() as conn:
            return self.list_in(conn, kind, after=after, limit=limit, **filters)

    def list_in(
        self, conn: Connection, kind: str, *, after: str | None = None, limit: int | None = None, **filters: object
    ) -> Rows:
        """`list` on a connection of the caller, whole unless limited: for import and export."""
        table, versions = ITEM_TABLES[kind], setting_versions
        query = (
            select(table, versions.c.in_force_ms)
            .join(
                versions,
                and_(
                    versions.c.site_id == table.c.site_id,
                    versions.c.setting_id == literal(f"{kind}/") + table.c.id,
                    versions.c.version == table.c.version,
                ),
                isouter=True,
            )
            .where(table.c.site_id == self.site_id, *(table.c[name] == value for name, value in filters.items()))
        )
        if limit is not None:
            query = query.limit(min(limit, LIST_MAX))
        if after is not None:
            query = query.where(table.c.id > after)
        order = (table.c[ORDERED[kind]], table.c.position, table.c.id) if kind in ORDERED else (table.c.id,)
        return [self._shown(kind, row) for row in conn.execute(query.order_by(*order)).mappings()]

    def in_force(self, setting_id: str) -> bool:
        """Whether the folds have seen the newest version, also of a removal."""
        with self.database.reader.connect() as conn:
            row = conn.execute(
                select(setting_versions.c.in_force_ms)
                .where(setting_versions.c.site_id == self.site_id, setting_versions.c.setting_id == setting_id)
                .order_by(setting_versions.c.version.desc())
                .limit(1)
            ).first()
        return row is not None and row.in_force_ms is not None

    def history(self, kind: str, item_id: str, limit: int = 50) -> Rows:
        """Versions of an item, newest first, as the folds see them: what is personal has no history."""
        columns = setting_versions.c
        query = (
            select(setting_versions)
            .where(columns.site_id == self.site_id, columns.setting_id == setting_id(kind, item_id))
            .order_by(columns.version.desc())
            .limit(min(limit, LIST_MAX))
        )
        with self.database.reader.connect() as conn:
            return [
                {
                    "version": row.version, "removed": row.removed, "value": row.value, "actor": row.actor,
                    "saved_at": instant(row.saved_ms), "in_force_at": instant(row.in_force_ms),
                }
                for row in conn.execute(query)
            ]  # fmt: skip

    def row_of(self, conn: Connection, kind: str, item_id: str) -> dict[str, Any] | None:
        """The table's row of an item."""
        row = conn.execute(_ITEM[kind], {"the_site": self.site_id, "the_id": item_id}).mappings().first()
        return None if row is None else dict(row)

    def is_item(self, table: Table, item_id: str) -> ColumnElement[bool]:
        """The condition that picks one item of this site."""
        return and_(table.c.site_id == self.site_id, table.c.id == item_id)

    def _shown(self, kind: str, row: RowMapping) -> dict[str, Any]:
        value = MODELS[kind].from_row(dict(row)).value()
        return value | {
            "version": row["version"],
            "saved_at": instant(row["saved_ms"]),
            "in_force": row["in_force_ms"] is not None,
        }
