"""Edge: keys of machines, which send or read for themselves and act for named staff (contracts §6)."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import insert, select, update

from alerts.access import audit
from alerts.access.account import Account, check_account
from alerts.access.passwords import new_token, token_hash
from alerts.database import Database
from alerts.schema.people import machine_keys


class MachineKeys:
    """Machine keys of one site. Callable from any thread."""

    def __init__(self, database: Database, site_id: str) -> None:
        self._database, self._site_id = database, site_id

    def create_machine_key(self, label: str, roles: Collection[str], now_ms: int, created_by: str | None = None) -> str:
        """A token for `Authorization: Bearer`, shown this once. Raises AccountRefused."""
        check_account(label, roles)
        token = new_token()
        with self._database.writer.begin() as conn:
            conn.execute(
                insert(machine_keys).values(
                    site_id=self._site_id, id=token_hash(token)[:12], token_hash=token_hash(token), label=label,
                    roles=sorted(roles), created_ms=now_ms, created_by=created_by,
                )
            )  # fmt: skip
            given = {"label": label, "roles": sorted(roles)}
            audit.record(conn, self._site_id, created_by, "key.added", token_hash(token)[:12], now_ms, given)
        return token

    def machine_key(self, token: str, now_ms: int) -> Account | None:
        """The machine that holds this key; its `user_id` is "key:<id>". None when revoked or never ours."""
        keys = machine_keys.c
        query = select(machine_keys).where(
            keys.site_id == self._site_id, keys.token_hash == token_hash(token), keys.revoked_ms.is_(None)
        )
        with self._database.reader.connect() as conn:
            row = conn.execute(query).first()
        return None if row is None else Account(f"key:{row.id}", None, row.label, frozenset(row.roles), "en")

    def machine_keys(self) -> list[tuple[str, str, frozenset[str]]]:
        """(id, label, roles) of the keys that work, oldest first."""
        keys = machine_keys.c
        query = select(machine_keys).where(keys.site_id == self._site_id, keys.revoked_ms.is_(None))
        with self._database.reader.connect() as conn:
            rows = conn.execute(query.order_by(keys.created_ms, keys.id)).all()
        return [(row.id, row.label, frozenset(row.roles)) for row in rows]

    def revoke_machine_key(self, key_id: str, now_ms: int, by: str | None = None) -> bool:
        """End a key at once; whether it worked until now."""
        keys = machine_keys.c
        this = (keys.site_id == self._site_id, keys.id == key_id, keys.revoked_ms.is_(None))
        with self._database.writer.begin() as conn:
            found = conn.execute(update(machine_keys).where(*this).values(revoked_ms=now_ms)).rowcount > 0
            if found:
                audit.record(conn, self._site_id, by, "key.revoked", key_id, now_ms)
        return found
