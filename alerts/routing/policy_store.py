"""Edge: a site's own policies. Saved with who and when, every version kept, nothing saved that could end in silence.

For: reading and writing `policies`. What may be saved is decided in `alerts/routing/policies.py`; the folds never hear
of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from alerts.access import audit
from alerts.database import Database
from alerts.reads.alert_view import instant
from alerts.routing.policies import POLICIES_MAX, Policy, parse
from alerts.routing.policy_reads import known_at
from alerts.schema.alerts import changes
from alerts.schema.routing import policies, policy_versions
from alerts.site.problems import Problem
from alerts.site.settings_store import SettingRefused
from alerts.statements import add_and_ring

VERSIONS_MAX = 200


class Policies:
    """The policies of one site. Callable from any thread; `changed` is called after each commit that changed one."""

    def __init__(self, database: Database, site_id: str, changed: Callable[[], None] = lambda: None) -> None:
        self._database, self._site_id, self._changed = database, site_id, changed

    def all(self) -> list[dict[str, Any]]:
        """All of them by id, as people write them, each with `version`, `saved_at` and `saved_by`."""
        query = select(policies).where(policies.c.site_id == self._site_id).order_by(policies.c.policy_id)
        with self._database.reader.connect() as conn:
            return [_shown(row) for row in conn.execute(query.limit(POLICIES_MAX)).mappings()]

    def get(self, policy_id: str) -> dict[str, Any] | None:
        """One of them, None when there is none."""
        with self._database.reader.connect() as conn:
            row = conn.execute(select(policies).where(*self._one(policy_id))).mappings().first()
        return None if row is None else _shown(row)

    def versions(self, policy_id: str) -> list[dict[str, Any]]:
        """Every save and removal, newest first."""
        columns = policy_versions.c
        query = (
            select(policy_versions)
            .where(columns.site_id == self._site_id, columns.policy_id == policy_id)
            .order_by(columns.version.desc())
            .limit(VERSIONS_MAX)
        )
        with self._database.reader.connect() as conn:
            return [
                {
                    "version": row["version"], "removed": row["value"] is None, "value": row["value"],
                    "saved_at": instant(row["saved_ms"]), "saved_by": row["saved_by"],
                }
                for row in conn.execute(query).mappings()
            ]  # fmt: skip

    def save(
        self, policy_id: str, value: Mapping[str, Any], who: str, now_ms: int, expected_version: int | None = None
    ) -> int:
        """Save a policy and give its version; what stands already makes none. Raises SettingRefused with everything
        that is wrong with it: its field, the reason, and the word that was perhaps meant.
        """
        with self._database.writer.begin() as conn:
            found = parse(policy_id, value, known_at(conn, self._site_id))
            if not isinstance(found, Policy):
                raise SettingRefused("policy", policy_id, found)
            before = conn.execute(select(policies).where(*self._one(policy_id))).mappings().first()
            self._expect(policy_id, before, expected_version)
            written = found.value()
            if before is not None and before["value"] == written:
                return int(before["version"])
            self._room_for(conn, policy_id, new=before is None)
            version = self._version(conn, policy_id, written, who, now_ms)
            row = {"ward": found.ward, "value": written, "version": version, "saved_ms": now_ms, "saved_by": who[:64]}
            conn.execute(
                insert(policies).values(row | {"site_id": self._site_id, "policy_id": policy_id})
                if before is None
                else update(policies).where(*self._one(policy_id)).values(row)
            )
        self._changed()
        return version

    def remove(self, policy_id: str, who: str, now_ms: int) -> int | None:
        """Remove a policy: the next best, or the ward's profile, holds from the next alert on. None = not there."""
        with self._database.writer.begin() as conn:
            if conn.execute(delete(policies).where(*self._one(policy_id))).rowcount == 0:
                return None
            version = self._version(conn, policy_id, None, who, now_ms)
        self._changed()
        return version

    def _one(self, policy_id: str) -> tuple[Any, Any]:
        return policies.c.site_id == self._site_id, policies.c.policy_id == policy_id

    def _expect(self, policy_id: str, before: RowMapping | None, expected: int | None) -> None:
        if expected is not None and (before is None or before["version"] != expected):
            message = "somebody else has changed it meanwhile; look at the newest version first"
            raise SettingRefused("policy", policy_id, [Problem("changed_meanwhile", "version", message)])

    def _room_for(self, conn: Connection, policy_id: str, *, new: bool) -> None:
        count = conn.execute(select(func.count()).select_from(policies)).scalar_one()
        if new and count >= POLICIES_MAX:
            raise SettingRefused("policy", policy_id, [Problem("too_many", "", f"there are {POLICIES_MAX} already")])

    def _version(self, conn: Connection, policy_id: str, value: dict[str, Any] | None, who: str, now_ms: int) -> int:
        columns = policy_versions.c
        known = select(func.max(columns.version)).where(
            columns.site_id == self._site_id, columns.policy_id == policy_id
        )
        version = int(conn.execute(known).scalar() or 0) + 1
        row = {"site_id": self._site_id, "policy_id": policy_id, "version": version, "value": value}
        conn.execute(insert(policy_versions).values(row | {"saved_ms": now_ms, "saved_by": who[:64]}))
        what = "policy.removed" if value is None else "policy.saved"
        audit.record(conn, self._site_id, who, what, policy_id, now_ms, {"version": version})
        add_and_ring(conn, changes, {"kind": "setting", "ref": f"policy/{policy_id}", "at_ms": now_ms})
        return version


def _shown(row: RowMapping) -> dict[str, Any]:
    saved = {"version": row["version"], "saved_at": instant(row["saved_ms"]), "saved_by": row["saved_by"]}
    return {**row["value"], **saved}
