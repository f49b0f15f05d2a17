"""Edge: which wards a thing belongs to: a home, a person, a device, an alert, a setting. Reads only.

For: whoever bounds what an account sees (api/http/wards.py). A thing of no ward (an unassigned device, an alert from a
home that nobody knows) belongs to everybody, as it is everybody's to look after (domain §4).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from sqlalchemy import Table, select

from alerts.database import Database
from alerts.schema.alerts import alerts
from alerts.schema.people import devices, functions, gateways, homes, residents, setting_versions
from alerts.schema.quiet import outages, silences
from alerts.schema.routing import policies
from alerts.schema.shifts import phones, rota, shifts
from alerts.site.item_tables import ITEM_TABLES
from alerts.site.projection import setting_id

Wards = frozenset[str]
EVERYBODYS: Wards = frozenset()
OWNERS = ("resident", "home", "device", "gateway")  # fields by which an item says whose it is, the nearest first
OF_FUNCTION: dict[str, Table] = {"function": functions, "shift": shifts, "rota_entry": rota, "phone": phones}
OF_WARD: dict[str, Table] = {"outage": outages, "silence": silences}
OWNED = frozenset({"contact", "key", "measure", "plan", "pause", "test_session"})
IDS_AT_ONCE = 500


class Belonging:
    """One look at who lives where. Make one per request: what it has read once it does not read again."""

    def __init__(self, database: Database, site_id: str) -> None:
        self._database, self._site_id = database, site_id

    def wards_of(self, kind: str, item_id: str) -> Wards | None:
        """Wards of a thing by its kind and id; empty = everybody's, None = there is no such thing."""
        if kind == "alert":
            return self.wards_of_alerts([item_id]).get(item_id)
        if kind == "ward":
            return frozenset({item_id})
        if kind == "home":
            return self._homes.get(item_id)
        if kind == "resident":
            return self._residents.get(item_id)
        if kind == "gateway":
            return self._gateways.get(item_id)
        if kind == "device":
            return self._devices.get(item_id)
        if kind in OF_WARD:
            return self._wards_in_row(kind, item_id)
        if kind in OF_FUNCTION:
            return self._wards_of_function(kind, item_id)
        if kind == "policy":
            return self._policies.get(item_id)
        return self._wards_of_setting(kind, item_id)

    def wards_of_item(self, item: Mapping[str, Any]) -> Wards:
        """Wards of an item as people write it, by whom it names. Naming nobody it is everybody's."""
        for owner in OWNERS:
            named = item.get(owner)
            if named:
                return self.wards_of(owner, str(named)) or EVERYBODYS
        return EVERYBODYS

    def wards_of_address(self, address: str) -> Wards:
        """Wards of what speaks under an address; one that is assigned to nobody is everybody's."""
        return self._addresses.get(address, EVERYBODYS)

    def wards_of_subject(self, subject: str) -> Wards | None:
        """Wards of whom an alert is about: a resident, else a device, else an address (contracts §1)."""
        for kind in ("resident", "device"):
            found = self.wards_of(kind, subject)
            if found is not None:
                return found
        return self._addresses.get(subject)

    def wards_of_alerts(self, ids: Iterable[str]) -> dict[str, Wards]:
        """Wards of several alerts; those that are not there are left out."""
        wanted, found = list(dict.fromkeys(ids)), {}
        with self._database.reader.connect() as conn:
            for start in range(0, len(wanted), IDS_AT_ONCE):
                query = select(alerts.c.alert_id, alerts.c.ward_id, alerts.c.site_id)
                for row in conn.execute(query.where(alerts.c.alert_id.in_(wanted[start : start + IDS_AT_ONCE]))):
                    found[row.alert_id] = EVERYBODYS if row.ward_id is None else frozenset({row.ward_id})
        return found

    # -- inside ------------------------------------------------------------------------------------------------
    def _wards_of_setting(self, kind: str, item_id: str) -> Wards | None:
        """A plan, pause, test session …, also one that was removed: by the last version that said whose it is."""
        if kind not in OWNED:
            return EVERYBODYS if kind in ITEM_TABLES else None
        columns = setting_versions.c
        table = ITEM_TABLES[kind]
        with self._database.reader.connect() as conn:
            here = (table.c.site_id == self._site_id, table.c.id == item_id)
            row = conn.execute(select(table).where(*here)).mappings().first()
            if row is None:
                earlier = conn.execute(
                    select(columns.value)
                    .where(columns.site_id == self._site_id, columns.setting_id == setting_id(kind, item_id))
                    .where(columns.removed.is_(False))
                    .order_by(columns.version.desc())
                    .limit(1)
                ).scalar()
                return None if earlier is None else self.wards_of_item(earlier)
        return self.wards_of_item(dict(row))

    def _wards_in_row(self, kind: str, item_id: str) -> Wards | None:
        """Of rows that say themselves whose they are: an outage its ward, a silence its ward or what it silences."""
        table = OF_WARD[kind]
        query = select(table).where(table.c.site_id == self._site_id, table.c[f"{kind}_id"] == item_id)
        with self._database.reader.connect() as conn:
            row = conn.execute(query).mappings().first()
        if row is None:
            return None
        ward = row.get("ward_id") or row.get("ward")
        return frozenset({str(ward)}) if ward else self.wards_of_item(dict(row))

    def _wards_of_function(self, kind: str, item_id: str) -> Wards | None:
        """A function's ward; that of whatever is of a function. A phone of none is everybody's."""
        table = OF_FUNCTION[kind]
        named = table.c.id if kind == "function" else table.c.function_id
        query = (
            select(table.c.id, functions.c.ward)
            .join(functions, (functions.c.site_id == table.c.site_id) & (functions.c.id == named), isouter=True)
            .where(table.c.site_id == self._site_id, table.c.id == item_id)
        )
        if kind == "function":
            query = select(table.c.id, table.c.ward).where(table.c.site_id == self._site_id, table.c.id == item_id)
        with self._database.reader.connect() as conn:
            row = conn.execute(query).first()
        if row is None:
            return None
        return EVERYBODYS if row.ward is None else frozenset({row.ward})

    @cached_property
    def _policies(self) -> dict[str, Wards]:
        """By their ward; those of the whole site are everybody's to read."""
        return {row["policy_id"]: frozenset({row["ward"]} - {None}) for row in self._rows(policies)}

    @cached_property
    def _homes(self) -> dict[str, Wards]:
        return {row["id"]: frozenset({row["ward"]}) for row in self._rows(homes)}

    @cached_property
    def _residents(self) -> dict[str, Wards]:
        return {row["id"]: self._homes.get(row["home"], EVERYBODYS) for row in self._rows(residents)}

    @cached_property
    def _device_rows(self) -> list[Mapping[str, Any]]:
        return self._rows(devices)

    @cached_property
    def _devices(self) -> dict[str, Wards]:
        return {row["id"]: self.wards_of_item(row) for row in self._device_rows}

    @cached_property
    def _gateways(self) -> dict[str, Wards]:
        """Its own home's ward and those of the people behind it: a gateway of a shared house may serve several."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in self._device_rows:
            owner = next((name for name in ("resident", "home") if row[name]), None)
            if owner is not None and row["gateway"]:
                found[row["gateway"]] |= self.wards_of(owner, row[owner]) or EVERYBODYS
        return {
            row["id"]: frozenset(found[row["id"]]) | (self._homes.get(row["home"] or "") or EVERYBODYS)
            for row in self._rows(gateways)
        }

    @cached_property
    def _addresses(self) -> dict[str, Wards]:
        found = {row["address"]: self._gateways[row["id"]] for row in self._rows(gateways)}
        return found | {row["address"]: self._devices[row["id"]] for row in self._device_rows}

    def _rows(self, table: Any) -> list[Mapping[str, Any]]:
        with self._database.reader.connect() as conn:
            found = conn.execute(select(table).where(table.c.site_id == self._site_id)).mappings()
            return [dict(row) for row in found]
