"""Vardevakt's own MQTT convention, version 1 (contracts §1), and the same objects when they come over HTTP.

Pure. Topics: `vardevakt/1/<gateway>/<device>/{event,state,command}`, `vardevakt/1/<gateway>/status`, and
"http:<address>" as receive names what came over POST /events. No state is kept between messages.

Two things here are less obvious than they look:
- A will is written when the gateway connects, so the `time` in an offline status is no time of the loss. It is kept
  in `extra` and arrival counts.
- What cannot be read on an event or state topic may have been an alarm unless the device's role rules it out.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingest.bounds import MAX_TEXT, bounded_extra, is_int64
from ingest.codec import MAX_ITEMS, Decoded, Route
from ingest.event import FIELD_INVALID, Draft, Nothing, Rejected, Value
from ingest.json_input import read_json
from ingest.roles import may_raise_alarm
from ingest.vocabulary import MAX_TYPE, is_known, typed
from ingest.wire_time import rfc3339_ms

_ROOT = "vardevakt/1/"
_HTTP = "http:"
_SEQ = "seq:"
_INVALID = (FIELD_INVALID,)


class VardevaktCodec:
    """See the module. `state` is always None."""

    name = "vardevakt"

    def subscriptions(self) -> tuple[str, ...]:
        return ("vardevakt/1/#",)

    def gateway_of(self, address: str) -> str | None:
        return address.partition("/")[0] if address.startswith("vardevakt:") else None

    def route(self, topic: str) -> Route | None:
        """Device topics: address "vardevakt:<gateway>/<device>"; anything else in the tree: its gateway's."""
        if topic.startswith(_HTTP):
            return Route(topic[len(_HTTP) :], None, may_be_alarm=True)
        if not topic.startswith(_ROOT):
            return None
        parts = topic.split("/")
        gateway = f"vardevakt:{parts[2]}"
        if _is_device(parts):
            return Route(f"{gateway}/{parts[3]}", gateway, parts[4] != "command")
        known = len(parts) == 4 and parts[3] == "status"
        return Route(gateway, gateway, may_be_alarm=not known)

    def decode(
        self, state: object | None, topic: str, payload: bytes, received_at_ms: int, model: str | None = None,
        role: str | None = None,
    ) -> tuple[object | None, Decoded]:  # fmt: skip
        if topic.startswith(_HTTP):
            return None, _objects(payload, may_be_alarm=may_raise_alarm(role), state=False)
        parts = topic.split("/")
        if _is_device(parts):
            leaf = parts[4]
            if leaf == "event":
                return None, _objects(payload, may_be_alarm=may_raise_alarm(role), state=False)
            if leaf == "state":
                return None, (
                    _objects(payload, may_be_alarm=may_raise_alarm(role), state=True) if payload else [_REMOVED]
                )
            if leaf == "command":
                return None, [_OWN]
        elif len(parts) == 4 and parts[2] and parts[3] == "status":
            return None, [_status(payload) if payload else _REMOVED]
        return None, [Rejected("unknown_topic", topic[:MAX_TEXT], may_be_alarm=may_raise_alarm(role))]

    def command(self, topic: str, body: Mapping[str, object]) -> tuple[str, bytes] | None:
        """Devices listen beside the topic they speak on; gateways and HTTP clients have no topic to listen on."""
        parts = topic.split("/")
        if not topic.startswith(_ROOT) or not _is_device(parts) or parts[4] not in {"event", "state"}:
            return None
        return "/".join((*parts[:4], "command")), msgspec.json.encode(body)


def _is_device(parts: list[str]) -> bool:
    return len(parts) == 5 and parts[2] != "" and parts[3] != ""


def reference(key: str | None, observed_at_ms: int | None) -> dict[str, object]:
    """`ref` of an `event.recorded` command: the device's id, else seq and time (milliseconds; put into words outside).

    {} when the event had neither: then the gateway cannot be told which one it was.
    """
    if key is None:
        return {}
    number = key.removeprefix(_SEQ)
    if key.startswith(_SEQ) and number.lstrip("-").isdecimal():
        return {"seq": int(number), "time_ms": observed_at_ms}
    return {"id": key}


_OWN = Nothing("own_message")
_REMOVED = Nothing("removed")
_EMPTY = Nothing("empty_array")


def _objects(payload: bytes, *, may_be_alarm: bool, state: bool) -> Decoded:
    value = read_json(payload, may_be_alarm=may_be_alarm)
    if isinstance(value, dict):
        return [_object(value, may_be_alarm=may_be_alarm, state=state)]
    if isinstance(value, list):
        items: Decoded = [_object(item, may_be_alarm=may_be_alarm, state=state) for item in value[:MAX_ITEMS]]
        if len(value) > MAX_ITEMS:
            items.append(Rejected("too_many_items", f"{len(value)} items", may_be_alarm))
        return items or [_EMPTY]
    if isinstance(value, Rejected):
        return [value]
    return [Rejected("not_an_object", "", may_be_alarm)]


def _object(item: object, *, may_be_alarm: bool, state: bool) -> Draft | Rejected:
    if not isinstance(item, dict):
        return Rejected("not_an_object", "", may_be_alarm)
    kind = item.pop("type", None)
    if not isinstance(kind, str) or not kind:
        return Rejected("no_type", "", may_be_alarm)
    kind = kind[:MAX_TYPE]
    key, observed, test, buffered, odd = _envelope(item)
    content, extra, invalid, missing = typed(kind, item)
    if missing or (invalid and "severity" in extra and not is_known(kind)):
        # `severity` decides whether a person is called: what cannot be read may be the highest
        serious = kind == "condition.reported" or not is_known(kind)
        return Rejected("wrong_type", f"{kind}: {', '.join(missing or ['severity'])}", may_be_alarm and serious)
    if odd:
        extra.update(bounded_extra(odd))
        invalid = True
    return Draft(kind, content, key, observed, buffered, test, state, extra, _INVALID if invalid else ())


def _envelope(
    item: dict[str, object],
) -> tuple[str | None, int | None, bool, bool, dict[str, object] | None]:
    """Take the envelope's fields out of `item`: key, observed time, test, buffered, and what could not be read.

    Written out field by field: it is the hot path, and most fields are absent.
    """
    key: str | None = None
    observed: int | None = None
    odd: dict[str, object] = {}
    take = item.pop
    raw = take("id", None)
    if raw is not None:
        key = raw[:MAX_TEXT] if isinstance(raw, str) and raw else _whole_text(raw)
        if key is None:
            odd["id"] = raw
    raw = take("time", None)
    if raw is not None:
        observed = rfc3339_ms(raw) if isinstance(raw, str) else None
        if observed is None:
            odd["time"] = raw
    raw = take("seq", None)
    if raw is not None:
        seq = _whole_text(raw)
        if seq is None:
            odd["seq"] = raw
        elif key is None and observed is not None:
            key = _SEQ + seq
    test, buffered = take("test", False), take("buffered", False)
    if test is not True and test is not False and test is not None:
        odd["test"] = test  # what does not clearly say test is real
    if buffered is not True and buffered is not False and buffered is not None:
        odd["buffered"] = buffered
    take("address", None)  # of an object over HTTP; it stands in the topic
    return key, observed, test is True, buffered is True, odd or None


def _whole_text(value: object) -> str | None:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and is_int64(value) else None


def _status(payload: bytes) -> Draft | Rejected:
    value = read_json(payload, may_be_alarm=False)
    if isinstance(value, Rejected):
        return value
    if not isinstance(value, dict):
        return Rejected("not_an_object")
    online = value.pop("online", None)
    if not isinstance(online, bool):
        return Rejected("wrong_type", "status: online")
    kind = "device.online" if online else "device.offline"
    time = value.pop("time", None)
    observed = rfc3339_ms(time) if isinstance(time, str) else None
    value.pop("type", None)
    content: dict[str, Value]
    content, extra, invalid, _ = typed(kind, value)
    if time is not None and (observed is None or not online):
        extra.update(bounded_extra({"time": time}))
        invalid = invalid or observed is None
    return Draft(
        kind, content, None, observed if online else None, state=True, extra=extra, quality=_INVALID if invalid else (),
    )  # fmt: skip
