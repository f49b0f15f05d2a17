"""How settings change what is known of a home. Pure; ValueError for what cannot be meant, then nothing was changed.

A setting counts once per version. The newest version may come again: when somebody moves, everything that hangs on them
is told to both homes, and the old one finds that it is not its own any more.
"""

from __future__ import annotations

from datetime import date
from typing import TypeVar

from ingest.record import Setting
from ingest.spans import duration_ms
from rules.facts import Device, Facts, Measure, Pause, Plan, Presence, Resident

T = TypeVar("T")
Value = dict[str, object]

PAUSES_KEPT_MS = 40 * 86_400_000  # an old pause matters only as the end of a hold


def take_setting(facts: Facts, setting: Setting, now_ms: int) -> bool:
    """Apply one setting; False when a later version was seen before."""
    if setting.version < facts.versions.get(setting.setting_id, 0):
        return False
    key = setting.setting_id.partition("/")[2]
    value = setting.value
    if setting.kind == "home":
        if value is not None:
            facts.ward, facts.kind = _text(value.get("ward")), str(value.get("kind") or facts.kind)
    elif setting.kind == "resident":
        _take_resident(facts, key, value)
    elif setting.kind == "device":
        _take_device(facts, key, value)
    elif setting.kind == "gateway":
        if value is None or value.get("home") != facts.home:
            facts.gateways.pop(key, None)
            if not any(device.gateway == key for device in facts.devices.values()):
                facts.offline_since_ms.pop(key, None)
        else:
            facts.gateways[key] = True
    elif setting.kind == "measure":
        _put(facts.measures, key, None if value is None else _measure(facts, key, value))
    elif setting.kind == "plan":
        _put(facts.plans, key, None if value is None else _plan(facts, key, value))
    elif setting.kind == "pause":
        _take_pause(facts, key, value, now_ms)
    facts.versions[setting.setting_id] = setting.version
    return True


def _take_resident(facts: Facts, key: str, value: Value | None) -> None:
    if key not in facts.residents or value is None:
        facts.presence = Presence()  # who lives there has changed: what was guessed of one alone is void
    if value is not None and value.get("home") in (None, facts.home):
        person = Resident(key, _words(value.get("risks")), bool(value.get("critical", False)))
        people = {**facts.residents, key: person}
        facts.residents = dict(sorted(people.items()))  # in order, for all who go through them
        return
    facts.residents.pop(key, None)
    for table in (facts.away_since_ms, facts.away_reasons, facts.away_end_ms, facts.way_end_ms):
        table.pop(key, None)
    facts.written_ms.pop(f"away/{key}", None)
    for items in (facts.measures, facts.plans, facts.pauses):
        for item_id in [item_id for item_id, item in items.items() if item.resident == key]:
            del items[item_id]


def _take_device(facts: Facts, key: str, value: Value | None) -> None:
    device = None if value is None else _device(key, value, facts)
    if device is not None:
        facts.devices[key] = device
        return
    facts.devices.pop(key, None)
    for table in (facts.offline_since_ms, facts.heard, facts.unable_since_ms, facts.dispensers):
        table.pop(key, None)
    for name in [name for name, dose in facts.doses.items() if dose.dispenser == key]:
        del facts.doses[name]
    for name in [name for name in facts.written_ms if name.endswith(f"/{key}") and not name.startswith("away/")]:
        del facts.written_ms[name]
    known = [(address, trace) for family in facts.families.values() for address, trace in family.traces.items()]
    others = {address for address, trace in known if trace.last.device != key}
    for address in {address: None for address, _ in known if address not in others}:
        for family in facts.families.values():
            family.traces.pop(address, None)


def _take_pause(facts: Facts, key: str, value: Value | None, now_ms: int) -> None:
    """A pause that is ended before its time stays as one that ends now, so that its end counts as one."""
    old, new = facts.pauses.get(key), None if value is None else _pause(facts, key, value)
    if old is not None and old.from_ms <= now_ms < old.until_ms and (new is None or new.until_ms <= now_ms):
        new = Pause(old.id, old.resident, old.from_ms, now_ms, old.rules)
    _put(facts.pauses, key, new)
    for item_id, pause in list(facts.pauses.items()):
        if pause.until_ms < now_ms - PAUSES_KEPT_MS:
            del facts.pauses[item_id]
            facts.versions.pop(f"pause/{item_id}", None)


def _put(table: dict[str, T], key: str, item: T | None) -> None:
    if item is None:
        table.pop(key, None)
    else:
        table[key] = item


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _words(value: object) -> tuple[str, ...]:
    return tuple(str(item) for item in value) if isinstance(value, list | tuple) else ()


def _day(value: object) -> str | None:
    """A date as site files write it; ValueError when it is none."""
    text = _text(value)
    if text is not None:
        date.fromisoformat(text)
    return text


def _device(key: str, value: Value, facts: Facts) -> Device | None:
    """None when it does not belong here. Home of a device: its own, else its resident's, else its gateway's."""
    home, resident, gateway = _text(value.get("home")), _text(value.get("resident")), _text(value.get("gateway"))
    if home is not None:
        here = home == facts.home
    elif resident is not None:
        here = resident in facts.residents
    else:
        here = gateway in facts.gateways
    if not here:
        return None
    return Device(
        key, _text(value.get("role")), _text(value.get("model")), _text(value.get("room")), resident, gateway,
        duration_ms(value.get("interval")) or 0,
    )  # fmt: skip


def _measure(facts: Facts, key: str, value: Value) -> Measure | None:
    resident = str(value.get("resident"))
    if resident not in facts.residents:
        return None
    service = str(value.get("service"))
    return Measure(key, resident, service, _day(value.get("from")), _day(value.get("until")))


def _plan(facts: Facts, key: str, value: Value) -> Plan | None:
    resident, settings = str(value.get("resident")), value.get("set")
    if resident not in facts.residents:
        return None
    checked = {
        str(name): item
        for name, item in (settings.items() if isinstance(settings, dict) else ())
        if isinstance(item, str | int | float | bool)
    }
    return Plan(key, resident, str(value.get("rule")), checked, _day(value.get("from")), _day(value.get("until")))


def _pause(facts: Facts, key: str, value: Value) -> Pause | None:
    from_ms, until_ms, resident = value.get("from_ms"), value.get("until_ms"), str(value.get("resident"))
    if not isinstance(from_ms, int) or not isinstance(until_ms, int):
        raise ValueError("a pause has from_ms and until_ms")
    return Pause(key, resident, from_ms, until_ms, _words(value.get("rules"))) if resident in facts.residents else None
