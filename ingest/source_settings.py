"""The source fold's way for records of our own: settings, acts of staff, and what receive knows about the feed. Pure.

Which home a setting goes to. A home's: that home. A resident's, and what names a resident (measure, plan, pause): the
resident's home. A device's, a test session's: the device's home. A gateway's: its own home and those of devices behind
it. Everything else (site, ward, book, and what names nobody known): home "", which is everybody. When somebody or
something moves, the old homes hear of it too, and so does everything that hangs on it: a resident's devices, measures,
plans and pauses are sent to both homes again, so that no fold ever needs to look beyond its home.
"""

from __future__ import annotations

import msgspec

from ingest.bounds import is_int64
from ingest.event import Event, Value, name_uuid
from ingest.liveness_events import Lives
from ingest.record import EVENT, SETTING, DeadLetter, Input, RawRecord, Setting
from ingest.registry import Placed
from ingest.source_state import Outcome, SourceState

_SETTING = msgspec.json.Decoder(Placed)
_OBJECT = msgspec.json.Decoder(dict[str, object])
_OF_RESIDENT = frozenset({"measure", "plan", "pause"})
_DOSE_TYPES = frozenset({"dose.taken", "dose.skipped"})  # by the hand or word of staff, about a resident's dose
_SEARCH_TYPES = frozenset({"tracking.started", "tracking.ended"})  # somebody searches for a resident, by hand
_STAFF_TYPES = frozenset({"staff.arrived", "staff.left"}) | _DOSE_TYPES | _SEARCH_TYPES
FEED_TYPES = frozenset({"feed.lost", "feed.gap", "feed.settled", "clock.stepped", "intake.shed"})
SERVICE_ADDRESS = "service:feed"


def read_object(record: RawRecord) -> dict[str, object] | None:
    """The JSON object of a staff or feed record; None when it is none."""
    try:
        return _OBJECT.decode(record.payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def refuse(record: RawRecord, out: Outcome, reason: str, detail: str) -> None:
    """A record of our own that cannot be read is our bug: kept, shown, and no alarm."""
    out.dead_letters.append(DeadLetter(out.raw_seq, 0, out.received_at_ms, "", reason, detail[:200]))


def fold_setting(state: SourceState, record: RawRecord, out: Outcome) -> None:
    """One version of one setting: into the registry, and to every home that it concerns."""
    try:
        placed = _SETTING.decode(record.payload)
        setting = placed.setting()
        msgspec.msgpack.encode(placed)  # what no snapshot and no log could hold must not get in
    except (msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError) as error:
        refuse(record, out, "wrong_type", str(error))
        return
    if not state.registry.is_new(setting):
        out.verdict(0, "duplicate")
        return
    now_ms, registry, setting_id = state.now_ms, state.registry, setting.setting_id
    moving = _hanging_on(state, setting_id)
    before = {each: setting_homes(state, each) for each in (setting_id, *moving)}
    lives = Lives(state, [setting_id, *moving])
    addresses = registry.addresses(setting_id)
    registry.apply(setting, now_ms, placed.changes)
    if setting.kind == "test_session":
        state.sessions.apply(setting, min(now_ms, placed.since_ms or now_ms))
    elif setting.kind == "book" and setting.value is not None:
        state.unchanged.book_changed(setting.value.get("book"))
    addresses = sorted({*addresses, *registry.addresses(setting_id)})
    for address in addresses:
        state.unknown.pop(address, None)
    for each in (setting_id, *moving):
        for address in registry.addresses(each):
            state.unchanged.forget_words(address)
    state.liveness.registry_changed(addresses, now_ms)
    lives.tell_left(out)
    _send(state, record, out, setting, before[setting_id])
    for each in moving:
        now = setting_homes(state, each)
        hanging = registry.setting(each)
        if hanging is not None and now != before[each]:
            for home in sorted({*now, *before[each]}):
                _input(record, out, hanging, home, derived=True)
    lives.tell_joined(out)


def setting_homes(state: SourceState, setting_id: str) -> list[str]:
    """Homes that a known setting goes to by the newest word of everyone; empty: everybody, or nobody known."""
    setting = state.registry.setting(setting_id)
    if setting is None or setting.value is None:
        return []
    kind, value = setting.kind, setting.value
    own_id = setting_id.partition("/")[2]
    home: object = None
    if kind == "home":
        home = own_id
    elif kind == "resident":
        home = value.get("home")
    elif kind in _OF_RESIDENT:
        home = state.registry.newest_home({"resident": value.get("resident")})
    elif kind == "test_session":
        device = state.registry.setting(f"device/{value.get('device')}")
        home = None if device is None or device.value is None else state.registry.newest_home(device.value)
    elif kind == "device":
        home = state.registry.newest_home(value)
    elif kind == "gateway":
        homes = [
            value.get("home"),
            *(_home_behind(state, own_id, each) for each in state.registry.referring(setting_id)),
        ]
        return list(dict.fromkeys(one for one in homes if isinstance(one, str) and one))
    return [home] if isinstance(home, str) and home else []


def fold_staff(state: SourceState, record: RawRecord, out: Outcome) -> None:
    """What the desk knows of staff: in a home, or of a dose they gave; an event there. The same `id` again changes
    nothing.
    """
    said = read_object(record)
    if said is None:
        refuse(record, out, "not_json", "")
        return
    kind, home, actor = said.get("type"), said.get("home"), said.get("actor")
    if kind not in _STAFF_TYPES or not isinstance(kind, str):
        refuse(record, out, "unknown_word", f"type {kind}")
        return
    if not isinstance(home, str) or not home or not isinstance(actor, str):
        refuse(record, out, "wrong_type", "home or actor")
        return
    at_ms, resident = said.get("at_ms"), said.get("resident")
    if kind in _DOSE_TYPES and not (isinstance(resident, str) and resident and isinstance(said.get("dose_id"), str)):
        refuse(record, out, "wrong_type", "resident or dose_id")
        return
    if kind in _SEARCH_TYPES and not (isinstance(resident, str) and resident):
        refuse(record, out, "wrong_type", "resident")
        return
    observed_ms = at_ms if isinstance(at_ms, int) and not isinstance(at_ms, bool) and is_int64(at_ms) else None
    received_ms = record.received_at_ms
    alert = said.get("alert_id")
    event_id = name_uuid(state.site, kind, home, actor, str(alert), str(said.get("id") or received_ms))
    event = Event(
        event_id, kind, state.site, f"desk:{home}", home, resident if isinstance(resident, str) else f"desk:{home}",
        received_ms, min(received_ms, received_ms if observed_ms is None else observed_ms), observed_ms,
        resident=resident if isinstance(resident, str) else None, content=_scalars(said, "type", "home", "at_ms", "id"),
    )  # fmt: skip
    out.inputs.append(Input(EVENT, received_ms, home, event, raw_seq=out.raw_seq))


def fold_feed(
    state: SourceState, record: RawRecord, out: Outcome, said: dict[str, object] | None, *, lost_at_ms: int
) -> None:
    """What receive knows about the feed or the clock: an event for everybody, and one for each known home.

    `lost_at_ms`: as of when homes take in a `feed.lost`; nothing before it stands in INPUTS later.
    """
    kind = None if said is None else said.get("type")
    if said is None or not isinstance(kind, str) or kind not in FEED_TYPES:
        refuse(record, out, "unknown_word", f"type {kind}")
        return
    if kind == "feed.lost":
        state.liveness.feed_lost(state.now_ms)
    elif kind in {"feed.gap", "feed.settled"}:
        state.liveness.feed_back(state.now_ms)
    at_ms = lost_at_ms if kind == "feed.lost" else record.received_at_ms
    content = _scalars(said, "type")
    incident = name_uuid(state.site, kind, record.received_at_ms, *(str(content[name]) for name in sorted(content)))
    for home in ("", *state.registry.homes()):
        event = Event(
            name_uuid(incident, home), kind, state.site, SERVICE_ADDRESS, home, home or SERVICE_ADDRESS,
            record.received_at_ms, record.received_at_ms, content=content,
        )  # fmt: skip
        out.inputs.append(
            Input(EVENT, at_ms, home, event, raw_seq=out.raw_seq, derived=bool(home)),
        )


def _hanging_on(state: SourceState, setting_id: str) -> list[str]:
    """Settings whose home depends on this one's: devices before what names devices."""
    found: dict[str, None] = {}
    waiting = state.registry.referring(setting_id)
    while waiting:
        each = waiting.pop(0)
        if each not in found and each != setting_id:
            found[each] = None
            waiting.extend(state.registry.referring(each))
    return list(found)


def _home_behind(state: SourceState, gateway: str, setting_id: str) -> str | None:
    setting = state.registry.setting(setting_id)
    if setting is None or setting.kind != "device" or setting.value is None or setting.value.get("gateway") != gateway:
        return None
    return state.registry.newest_home(setting.value)


def _send(state: SourceState, record: RawRecord, out: Outcome, setting: Setting, old_homes: list[str]) -> None:
    homes = list(dict.fromkeys([*setting_homes(state, setting.setting_id), *old_homes]))
    _input(record, out, setting, homes[0] if homes else "", derived=False)
    for home in homes[1:]:
        _input(record, out, setting, home, derived=True)


def _input(record: RawRecord, out: Outcome, setting: Setting, home: str, *, derived: bool) -> None:
    out.inputs.append(
        Input(SETTING, record.received_at_ms, home, setting=setting, raw_seq=out.raw_seq, derived=derived),
    )


def _scalars(said: dict[str, object], *without: str) -> dict[str, Value]:
    """Fields of a record of our own that an event's content can hold."""
    return {
        name: value
        for name, value in said.items()
        if name not in without
        and (value is None or isinstance(value, str | bool | float) or (isinstance(value, int) and is_int64(value)))
    }
