"""Who lives where with which device, at which time: the only place that turns an address into a home and a person.

Pure. Built from Setting values (a site file's items without what is personal), in the order of RAW. Assignments are
effective-dated: what was observed on Monday belongs to whom the pendant was given on Monday, whenever it arrives.

- A change holds from the item's own `from` (or `from_ms`), else from when its setting arrived. A newer version
  replaces everything the older ones said about that time and later.
- The first assignment an address ever had reaches back, unless it says `from`: a site file tells what hung on the
  wall before somebody typed it in. So do a resident's and a gateway's first home.
- Home of a device: its own, else its resident's, else its gateway's.
- Versions already seen change nothing. Removed items stay as a tombstone, so that an old version stays old.
- Superseded changes are forgotten after KEEP_MS: no trusted observation is older (`ingest.trust`).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingest.record import Setting
from ingest.spans import duration_ms, from_time_ms

DAY_MS = 86_400_000
KEEP_MS = 32 * DAY_MS
DATED_KINDS = frozenset({"resident", "gateway", "device"})
REFERENCES = ("resident", "gateway", "device")  # fields of a value that name another item
_EARLIEST = -(2**62)
_LATEST = 2**62

Value = Mapping[str, object]


class Assignment(msgspec.Struct, frozen=True, gc=False):
    """What an address meant at one time. `home` None: registered, but nobody's yet."""

    home: str | None
    device: str | None = None  # None when the address is a gateway's
    gateway: str | None = None
    gateway_address: str | None = None
    resident: str | None = None
    role: str | None = None
    model: str | None = None
    room: str | None = None
    interval_ms: int = 0  # 0: the site file does not say
    critical: bool = False
    wander_risk: bool = False
    is_gateway: bool = False


class Change(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A value and when it begins to hold. `stated`: the item said so itself, so nothing reaches back before it."""

    from_ms: int
    stated: bool
    value: dict[str, object] | None


class Item(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Everything remembered about one setting_id. `changes` in order of time; empty for kinds without dates."""

    setting: Setting  # its newest version
    changes: tuple[Change, ...] = ()


class Placed(Setting, frozen=True, gc=False, omit_defaults=True):
    """A setting for whom it is new though others have known it: what is remembered of it, and since when the newest."""

    changes: tuple[Change, ...] = ()
    since_ms: int = 0

    def setting(self) -> Setting:
        return Setting(self.setting_id, self.version, self.kind, self.value, self.actor)


class Registry:
    """See the module. Answers are values; nothing in here is handed out to be changed."""

    def __init__(self, items: Mapping[str, Item] | None = None) -> None:
        self._items: dict[str, Item] = {}
        self._holders: dict[str, tuple[str, ...]] = {}  # address -> setting ids that have or had it
        self._referring: dict[str, dict[str, None]] = {}  # "resident/r1" -> setting ids whose value names it
        self._windows: dict[str, tuple[int, int, Assignment | None]] = {}  # address -> [from, until) and the answer
        for setting_id in sorted(items or {}):
            self._keep((items or {})[setting_id])

    def items(self) -> dict[str, Item]:
        """State for a snapshot; `Registry(items)` is this registry again."""
        return self._items

    def is_new(self, setting: Setting) -> bool:
        known = self._items.get(setting.setting_id)
        return known is None or setting.version > known.setting.version

    def apply(self, setting: Setting, at_ms: int, known: tuple[Change, ...] = ()) -> bool:
        """Take in one version; False when it, or a newer one, is known already. `known`: what others remember of it."""
        if not self.is_new(setting):
            return False
        before = self._items.get(setting.setting_id)
        changes: tuple[Change, ...] = ()
        if setting.kind in DATED_KINDS:
            changes = known or _changed(() if before is None else before.changes, setting.value, at_ms)
        if before is not None:
            for reference in references(before):
                self._referring[reference].pop(setting.setting_id, None)
        self._keep(Item(setting, changes))
        return True

    def resolve(self, address: str, at_ms: int) -> Assignment | None:
        """Whose address it was at that time; None when no device or gateway had it."""
        window = self._windows.get(address)
        if window is not None and window[0] <= at_ms < window[1]:
            return window[2]
        return self._window(address, at_ms)[2]

    def valid_until_ms(self, address: str, at_ms: int) -> int | None:
        """When the answer of `resolve` may change by itself (a change dated ahead); None = not by itself."""
        until_ms = self._window(address, at_ms)[1]
        return None if until_ms == _LATEST else until_ms

    def knows(self, address: str) -> bool:
        """Whether any device or gateway ever had this address."""
        return address in self._holders

    def setting(self, setting_id: str) -> Setting | None:
        item = self._items.get(setting_id)
        return None if item is None else item.setting

    def homes(self) -> list[str]:
        """Ids of all homes, sorted."""
        return sorted(
            setting_id.partition("/")[2]
            for setting_id, item in self._items.items()
            if item.setting.kind == "home" and item.setting.value is not None
        )

    def addresses(self, setting_id: str) -> list[str]:
        """Every remembered address of a device or gateway, sorted."""
        item = self._items.get(setting_id)
        found = {_text(change.value, "address") for change in item.changes} if item is not None else set()
        return sorted(address for address in found if address is not None)

    def referring(self, setting_id: str) -> list[str]:
        """Ids of settings that name this one, sorted: devices and plans of a resident, devices of a gateway."""
        return sorted(self._referring.get(setting_id, ()))

    def newest_home(self, value: Value) -> str | None:
        """Home of a device's or gateway's value by the newest word of everyone, dated ahead or not."""
        home = _text(value, "home")
        for kind in ("resident", "gateway"):
            if home is None and (name := _text(value, kind)) is not None:
                setting = self.setting(f"{kind}/{name}")
                home = None if setting is None or setting.value is None else _text(setting.value, "home")
        return home

    def gateway_homes(self, gateway: str, at_ms: int) -> list[str]:
        """Homes that hang on a gateway at that time: its own and those of devices behind it. Sorted."""
        found: set[str] = set()
        for setting_id in (f"gateway/{gateway}", *self._referring.get(f"gateway/{gateway}", ())):
            for address in self.addresses(setting_id):
                assignment = self.resolve(address, at_ms)
                if assignment is not None and assignment.gateway == gateway and assignment.home is not None:
                    found.add(assignment.home)
        return sorted(found)

    def _keep(self, item: Item) -> None:
        setting_id = item.setting.setting_id
        self._items[setting_id] = item
        self._windows.clear()
        for reference in references(item):
            self._referring.setdefault(reference, {})[setting_id] = None
        for address in self.addresses(setting_id):
            holders = self._holders.get(address, ())
            if setting_id not in holders and item.setting.kind != "resident":
                self._holders[address] = tuple(sorted((*holders, setting_id)))

    def _window(self, address: str, at_ms: int) -> tuple[int, int, Assignment | None]:
        holders = self._holders.get(address)
        if holders is None:
            return _EARLIEST, _LATEST, None
        from_ms, until_ms = _EARLIEST, _LATEST
        best: tuple[int, str, dict[str, object]] | None = None
        for setting_id in holders:
            value, since_ms, end_ms = _in_force(self._items[setting_id].changes, at_ms)
            from_ms, until_ms = max(from_ms, since_ms), min(until_ms, end_ms)
            if value is not None and value.get("address") == address and (best is None or since_ms > best[0]):
                best = (since_ms, setting_id, value)
        window: tuple[int, int, Assignment | None]
        if best is not None:
            window = self._assigned(best[1], best[2], at_ms, from_ms, until_ms)
        else:
            first_ms = self._reaching_back(holders, address, at_ms)
            if first_ms is None:
                window = (from_ms, until_ms, None)
            else:
                window = (from_ms, min(until_ms, first_ms), self._window(address, first_ms)[2])
        self._windows[address] = window
        return window

    def _reaching_back(self, holders: tuple[str, ...], address: str, at_ms: int) -> int | None:
        """Begin of the first assignment the address ever had, if that one also counts for `at_ms`."""
        firsts = [
            change
            for setting_id in holders
            for change in self._items[setting_id].changes
            if change.value is not None and change.value.get("address") == address
        ]
        first = min(firsts, key=lambda change: change.from_ms, default=None)
        return first.from_ms if first is not None and not first.stated and at_ms < first.from_ms else None

    def _assigned(
        self, setting_id: str, value: dict[str, object], at_ms: int, from_ms: int, until_ms: int
    ) -> tuple[int, int, Assignment]:
        kind, _, own_id = setting_id.partition("/")
        interval_ms = duration_ms(value.get("interval")) or 0
        if kind == "gateway":
            home = _text(value, "home")
            return from_ms, until_ms, Assignment(home, gateway=own_id, interval_ms=interval_ms, is_gateway=True)
        resident, gateway = _text(value, "resident"), _text(value, "gateway")
        person, person_from, person_until = self._named("resident", resident, at_ms)
        hub, hub_from, hub_until = self._named("gateway", gateway, at_ms)
        risks = person.get("risks")
        assignment = Assignment(
            home=_text(value, "home") or _text(person, "home") or _text(hub, "home"),
            device=own_id,
            gateway=gateway,
            gateway_address=_text(hub, "address"),
            resident=resident,
            role=_text(value, "role"),
            model=_text(value, "model"),
            room=_text(value, "room"),
            interval_ms=interval_ms,
            critical=person.get("critical") is True,
            wander_risk=isinstance(risks, list | tuple) and "wander" in risks,
        )
        return max(from_ms, person_from, hub_from), min(until_ms, person_until, hub_until), assignment

    def _named(self, kind: str, name: str | None, at_ms: int) -> tuple[Value, int, int]:
        """Value of the resident or gateway at that time; its first one reaches back."""
        item = None if name is None else self._items.get(f"{kind}/{name}")
        if item is None or not item.changes:
            return {}, _EARLIEST, _LATEST
        value, from_ms, until_ms = _in_force(item.changes, at_ms)
        if from_ms == _EARLIEST:
            value = item.changes[0].value
        return value or {}, from_ms, until_ms


def _changed(changes: tuple[Change, ...], value: dict[str, object] | None, at_ms: int) -> tuple[Change, ...]:
    """`changes` with one more: what it says about its time and later replaces what was said before."""
    stated_ms = None if value is None else from_time_ms(value)
    from_ms = at_ms if stated_ms is None else stated_ms
    kept = [change for change in changes if change.from_ms < from_ms]
    kept.append(Change(from_ms, stated_ms is not None, value))
    while len(kept) > 1 and kept[1].from_ms <= at_ms - KEEP_MS:
        del kept[0]
    return tuple(kept)


def _in_force(changes: tuple[Change, ...], at_ms: int) -> tuple[dict[str, object] | None, int, int]:
    """Value at that time with the begin and end of its time; (None, …) before the first."""
    until_ms = _LATEST
    for change in reversed(changes):
        if change.from_ms <= at_ms:
            return change.value, change.from_ms, until_ms
        until_ms = change.from_ms
    return None, _EARLIEST, until_ms


def references(item: Item) -> list[str]:
    """Ids of what its values name, or lately named."""
    values = [change.value for change in item.changes] or [item.setting.value]
    found = {f"{kind}/{name}" for value in values for kind in REFERENCES if (name := _text(value, kind)) is not None}
    return sorted(found)


def _text(value: Value | None, name: str) -> str | None:
    found = None if value is None else value.get(name)
    return found if isinstance(found, str) and found else None
