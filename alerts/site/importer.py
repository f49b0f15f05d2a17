"""Edge: a site file into the desk. All of it in one transaction, or nothing; running it twice changes nothing.

What is at the desk and not in the file stays, unless `prune` is asked for: a file that covers one ward must not empty
the others. A dry run does the same work and rolls it back, so that what it promises is what would happen.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection, select, update

from alerts.site.item_tables import ITEM_TABLES
from alerts.site.items import SECTIONS, UNNAMED, NaturalKey, SiteFile, natural_key
from alerts.site.model import MODELS, ORDERED, Device, Gateway, Item
from alerts.site.settings_store import SettingsStore

ADD, CHANGE, REMOVE = "add", "change", "remove"
ACTOR = "site-import"


class Change(msgspec.Struct, frozen=True):
    """One thing that an import did, or would do. Field names only: what is personal is not printed."""

    action: str
    kind: str
    id: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = f": {', '.join(self.fields)}" if self.action == CHANGE else ""
        return f"{self.action} {self.kind} {self.id}{told}"


def apply(
    store: SettingsStore, site: SiteFile, dry_run: bool = False, *, prune: bool = False, actor: str = ACTOR,
    now_ms: int | None = None,
) -> list[Change]:  # fmt: skip
    """Make the desk hold what the file says; what was done, or with `dry_run` what would be.

    Raises SettingRefused, with nothing done, where file and desk contradict each other. `prune` removes what the file
    does not name.
    """
    at_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    with store.database.writer.connect() as conn, conn.begin() as transaction:
        changes = _Import(store, conn, actor, at_ms).run(site, prune=prune)
        if dry_run:
            transaction.rollback()
    if changes and not dry_run:
        store.notify()
    return changes


class _Import:
    """One import inside one transaction."""

    def __init__(self, store: SettingsStore, conn: Connection, actor: str, now_ms: int) -> None:
        self._store, self._conn, self._actor, self._now_ms = store, conn, actor, now_ms

    def run(self, site: SiteFile, *, prune: bool) -> list[Change]:
        named = {kind: self._named(kind, items, site) for kind, items in site.items.items()}
        self._free_addresses(named)
        changes = []
        for kind in MODELS:
            places = self._places(kind, named.get(kind, ()))
            for item, position in zip(named.get(kind, ()), places, strict=True):
                changes += self._save(kind, item, position)
        if prune:
            changes += self._prune(named)
        return changes

    def _save(self, kind: str, item: Item, position: int | None) -> list[Change]:
        saved = self._store.save_in(self._conn, kind, item.id, item.value(), self._actor, self._now_ms, position)
        if not saved.changed:
            return []
        return [Change(ADD if saved.new else CHANGE, kind, item.id, saved.changed)]

    def _named(self, kind: str, items: Sequence[Item], site: SiteFile) -> list[Item]:
        """The items, those without an id in the file under the id they have at the desk, else under a free one."""
        if kind not in UNNAMED:
            return list(items)
        known: dict[NaturalKey, str] = {}
        for value in self._store.list_in(self._conn, kind):
            known.setdefault(natural_key(kind, value), value["id"])
        own = {item.id for item in items if (kind, item.id) not in site.numbered}
        taken = own | set(known.values())
        result = []
        for item in items:
            value = item.value()
            item_id = item.id
            if (kind, item.id) in site.numbered:
                found = known.get(natural_key(kind, value))
                owner = str(value[UNNAMED[kind][0]])
                item_id = found or self._store.free_id(self._conn, kind, owner, taken)
                taken.add(item_id)
            result.append(item.model_copy(update={"id": item_id}))
        return result

    def _places(self, kind: str, items: Sequence[Item]) -> list[int | None]:
        """Places among siblings: None (as they stand, new ones last) unless the file has another order."""
        if kind not in ORDERED:
            return [None] * len(items)
        parent = ORDERED[kind]
        order: dict[str, list[str]] = {}
        for value in self._store.list_in(self._conn, kind):
            order.setdefault(value[parent], []).append(value["id"])
        wanted: dict[str, list[str]] = {}
        for item in items:
            wanted.setdefault(getattr(item, parent), []).append(item.id)
        moved = set()
        for owner, ids in wanted.items():
            stands = [known for known in order.get(owner, []) if known in ids]
            if ids[: len(stands)] != stands:
                moved.add(owner)
        return [wanted[owner].index(item.id) if (owner := getattr(item, parent)) in moved else None for item in items]

    def _free_addresses(self, named: dict[str, list[Item]]) -> None:
        """Two devices that swap addresses must not meet on the way: what moves lets go of its address first."""
        for kind in ("gateway", "device"):
            table = ITEM_TABLES[kind]
            here = table.c.site_id == self._store.site_id
            standing = {row.id: row.address for row in self._conn.execute(select(table).where(here))}
            for item in named.get(kind, ()):
                assert isinstance(item, Gateway | Device), "these have an address"
                if standing.get(item.id, item.address) != item.address:
                    freed = update(table).where(here, table.c.id == item.id)
                    self._conn.execute(freed.values(address=f"moving:{kind}/{item.id}"))

    def _prune(self, named: dict[str, list[Item]]) -> list[Change]:
        changes = []
        for kind in reversed(MODELS):
            if kind not in SECTIONS.values():
                continue  # pauses, books and test sessions never stand in a site file
            kept = {item.id for item in named.get(kind, ())}
            for value in self._store.list_in(self._conn, kind):
                if value["id"] not in kept:
                    self._store.remove_in(self._conn, kind, value["id"], self._actor, self._now_ms)
                    changes.append(Change(REMOVE, kind, value["id"]))
        return changes
