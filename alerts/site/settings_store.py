"""Edge: the one way in which items change. Table row, version and relay row are one transaction (design §4).

A setting that changes outcomes is saved and journalled together, or not at all; it is "in force" only after the fold
has said that it saw that version (`mark_in_force`). Saving what already stands changes nothing and makes no version.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, func, select, update

from alerts.database import Database
from alerts.relay import enqueue_setting
from alerts.schema.alerts import changes
from alerts.schema.people import setting_versions, staff
from alerts.site.item_checks import ENDING, dependents, loose_ends
from alerts.site.item_tables import ITEM_TABLES
from alerts.site.items import id_stem, next_id
from alerts.site.model import MODELS, ORDERED, Item, check
from alerts.site.problems import Problem
from alerts.site.projection import relayed, setting, setting_id
from alerts.site.settings_reads import SettingsReads
from alerts.statements import add, add_and_ring

_NEWEST = select(func.max(setting_versions.c.version)).where(
    setting_versions.c.site_id == bindparam("the_site"), setting_versions.c.setting_id == bindparam("the_setting")
)
_STAFF = select(staff.c.id).where(staff.c.site_id == bindparam("the_site"), staff.c.id == bindparam("the_id"))


class SettingRefused(Exception):
    """What was to be saved is wrong, or would leave something dangling. `problems` say what and where."""

    def __init__(self, kind: str, item_id: str, problems: list[Problem]) -> None:
        self.kind, self.item_id, self.problems = kind, item_id, problems
        first = problems[0]
        super().__init__(f"{kind} {item_id}: {first.field}: {first.message}" if first.field else first.message)


class Saved(msgspec.Struct, frozen=True):
    """What a save did: the version that stands now, and the fields that are new or different."""

    version: int
    changed: tuple[str, ...]  # () = it stood already
    new: bool = False  # there was none


class SettingsStore(SettingsReads):
    """Items of one site. Callable from any thread; `changed` is called after each commit that changed something."""

    def __init__(self, database: Database, site_id: str, changed: Callable[[], None] = lambda: None) -> None:
        super().__init__(database, site_id)
        self._changed = changed

    def notify(self) -> None:
        """Tell whoever waits that something was committed."""
        self._changed()

    # -- writing -----------------------------------------------------------------------------------------------
    def save(
        self, kind: str, item_id: str, value: Mapping[str, Any], actor: str | None, now_ms: int,
        expected_version: int | None = None,
    ) -> int:  # fmt: skip
        """Save an item as people write it (contracts §3) and give its version. Raises SettingRefused.

        With `expected_version` somebody else's newer version is not overwritten (problem code `changed_meanwhile`).
        """
        with self.database.writer.begin() as conn:
            self._expect(conn, kind, item_id, expected_version)
            saved = self.save_in(conn, kind, item_id, value, actor, now_ms)
        if saved.changed:
            self.notify()
        return saved.version

    def add(self, kind: str, owner: str, value: Mapping[str, Any], actor: str | None, now_ms: int) -> tuple[str, int]:
        """Save a new plan, pause, measure … of a person or home under its next free id; (id, version)."""
        with self.database.writer.begin() as conn:
            item_id = self.free_id(conn, kind, owner)
            saved = self.save_in(conn, kind, item_id, value, actor, now_ms)
        self.notify()
        return item_id, saved.version

    def remove(self, kind: str, item_id: str, actor: str | None, now_ms: int) -> int | None:
        """Remove an item and give the version that says so; None when there is none. Raises SettingRefused."""
        with self.database.writer.begin() as conn:
            version = self.remove_in(conn, kind, item_id, actor, now_ms)
        if version is not None:
            self.notify()
        return version

    def save_in(
        self, conn: Connection, kind: str, item_id: str, value: Mapping[str, Any], actor: str | None, now_ms: int,
        position: int | None = None,
    ) -> Saved:  # fmt: skip
        """`save` inside a transaction of the caller, who calls `changed` after the commit."""
        item = self._checked(conn, kind, item_id, value)
        row = item.row()
        before = self.row_of(conn, kind, item_id)
        if kind in ORDERED:
            row["position"] = self._position(conn, kind, row, before, position)
        different = tuple(sorted(name for name in row if before is None or before[name] != row[name]))
        if before is not None and not different:
            return Saved(before["version"], ())
        version = self._new_version(conn, kind, item_id, item, actor, now_ms)
        row |= {"site_id": self.site_id, "version": version, "saved_ms": now_ms}
        table = ITEM_TABLES[kind]
        if before is None:
            add(conn, table, row)
        else:
            conn.execute(update(table).where(self.is_item(table, item_id)).values(row))
        return Saved(version, different, before is None)

    def remove_in(self, conn: Connection, kind: str, item_id: str, actor: str | None, now_ms: int) -> int | None:
        """`remove` inside a transaction of the caller. Pauses and test sessions that are over go with their owner."""
        if self.row_of(conn, kind, item_id) is None:
            return None
        users = dependents(conn, self.site_id, kind, item_id)
        for other, other_id, until_ms in users:
            if other in ENDING and until_ms is not None and until_ms <= now_ms:
                self.remove_in(conn, other, other_id, actor, now_ms)
                continue
            message = f"{other} {other_id} still refers to it; change or remove that first"
            raise SettingRefused(kind, item_id, [Problem("still_used", "", message)])
        version = self._new_version(conn, kind, item_id, None, actor, now_ms)
        table = ITEM_TABLES[kind]
        conn.execute(delete(table).where(self.is_item(table, item_id)))
        return version

    def free_id(self, conn: Connection, kind: str, owner: str, reserved: Collection[str] = ()) -> str:
        """The next id for an item of this owner that no item has or had, nor is `reserved`."""
        prefix = setting_id(kind, id_stem(kind, owner))
        used = conn.execute(
            select(setting_versions.c.setting_id)
            .where(
                setting_versions.c.site_id == self.site_id,
                setting_versions.c.setting_id.startswith(prefix, autoescape=True),
            )
            .distinct()
        ).scalars()
        return next_id(kind, owner, {name.partition("/")[2] for name in used}.union(reserved))

    # -- inside ------------------------------------------------------------------------------------------------
    def _checked(self, conn: Connection, kind: str, item_id: str, value: Mapping[str, Any]) -> Item:
        if kind not in MODELS:
            raise SettingRefused(kind, item_id, [Problem("unknown_kind", "kind", f"there is no kind {kind[:60]}")])
        item = check(kind, {**value, "id": item_id})
        if isinstance(item, list):
            raise SettingRefused(kind, item_id, item)
        problems = loose_ends(conn, self.site_id, kind, item)
        if kind == "site" and item_id != self.site_id:
            problems.append(Problem("other_site", "id", f"this desk serves the site {self.site_id}"))
        if problems:
            raise SettingRefused(kind, item_id, problems)
        return item

    def _expect(self, conn: Connection, kind: str, item_id: str, expected_version: int | None) -> None:
        if expected_version is None or kind not in MODELS:
            return
        before = self.row_of(conn, kind, item_id)
        if before is None or before["version"] != expected_version:
            message = "somebody else has changed it meanwhile; look at the newest version first"
            raise SettingRefused(kind, item_id, [Problem("changed_meanwhile", "version", message)])

    def _position(
        self,
        conn: Connection,
        kind: str,
        row: Mapping[str, Any],
        before: Mapping[str, Any] | None,
        position: int | None,
    ) -> int:
        """The place among its siblings: as told, else where it stood, else last."""
        parent = ORDERED[kind]
        if position is not None:
            return position
        if before is not None and before[parent] == row[parent]:
            return int(before["position"])
        table = ITEM_TABLES[kind]
        siblings = and_(table.c.site_id == self.site_id, table.c[parent] == row[parent])
        last = conn.execute(select(func.max(table.c.position)).where(siblings)).scalar()
        return 0 if last is None else int(last) + 1

    def _new_version(
        self, conn: Connection, kind: str, item_id: str, item: Item | None, actor: str | None, now_ms: int
    ) -> int:
        """Version row, relay row and the change that wakes open pages."""
        name = setting_id(kind, item_id)
        version = (conn.execute(_NEWEST, {"the_site": self.site_id, "the_setting": name}).scalar() or 0) + 1
        record = setting(kind, item_id, version, item, self._pseudonym(conn, actor))
        row = {
            "site_id": self.site_id, "setting_id": name, "version": version, "kind": kind, "removed": item is None,
            "value": record.value, "actor": actor, "saved_ms": now_ms,
            "in_force_ms": None if relayed(kind) else now_ms,
        }  # fmt: skip
        add(conn, setting_versions, row)
        if relayed(kind):
            enqueue_setting(conn, self.site_id, record, now_ms)
        add_and_ring(conn, changes, {"kind": "setting", "ref": name, "at_ms": now_ms})
        return version

    def _pseudonym(self, conn: Connection, actor: str | None) -> str | None:
        """Who saved it, for the folds: a staff id. A log-in may be somebody's e-mail address and stays at the desk."""
        return None if actor is None else conn.execute(_STAFF, {"the_site": self.site_id, "the_id": actor}).scalar()


def mark_in_force(conn: Connection, site_id: str, setting_id: str, version: int, at_ms: int | None = None) -> None:
    """The fold has seen this version, and with it every older one. For `Desk.apply`; repeating it changes nothing."""
    conn.execute(
        update(setting_versions)
        .where(
            setting_versions.c.site_id == site_id,
            setting_versions.c.setting_id == setting_id,
            setting_versions.c.version <= version,
            setting_versions.c.in_force_ms.is_(None),
        )
        .values(in_force_ms=setting_versions.c.saved_ms if at_ms is None else at_ms)
    )
