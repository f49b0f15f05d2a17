"""What goes wrong between devices and us, put into a timeline of messages. Pure; a seed tells the same trouble again.

Each function takes messages in the order of arrival and gives a new list in the order of arrival. MQTT keeps the order
of one topic; so does `reordered`. Faults can be put over each other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from simulators.chance import Chance
from simulators.message import Message

_TIMES = ("time", "last_seen", "scheduled_at")


def duplicated(messages: Sequence[Message], seed: int, per_mille: int, within_ms: int = 20_000) -> list[Message]:
    """Some are sent once more by the gateway itself, within `within_ms`."""
    return _with_copies(messages, Chance(seed, "duplicated"), per_mille, within_ms, dup=False)


def redelivered(messages: Sequence[Message], seed: int, per_mille: int) -> list[Message]:
    """Some are delivered again by the broker after a broken connection: the same bytes, marked."""
    return _with_copies(messages, Chance(seed, "redelivered"), per_mille, 3_000, dup=True)


def reordered(messages: Sequence[Message], seed: int, within_ms: int = 20_000) -> list[Message]:
    """Each takes up to `within_ms` longer; messages of one topic do not overtake each other."""
    chance = Chance(seed, "reordered")
    last_ms: dict[str, int] = {}
    moved = []
    for message in messages:
        at_ms = max(message.at_ms + chance.below(within_ms), last_ms.get(message.topic, 0))
        last_ms[message.topic] = at_ms
        moved.append(_at(message, at_ms))
    return _sorted(moved)


def late(messages: Sequence[Message], seed: int, per_mille: int, up_to_ms: int) -> list[Message]:
    """Some arrive up to `up_to_ms` later than they should, with the time they always had."""
    chance = Chance(seed, "late")
    return _sorted([
        _at(one, one.at_ms + chance.below(up_to_ms)) if chance.happens(per_mille) else one for one in messages
    ])  # fmt: skip


def outage(
    messages: Sequence[Message], gateway: str, from_ms: int, to_ms: int, will: Sequence[Message] = ()
) -> list[Message]:
    """A gateway is cut off in [from_ms, to_ms) and then hands in what it kept, marked as buffered where its convention
    can say so. `will`: what the broker says for it meanwhile.
    """
    kept = []
    for message in messages:
        if message.gateway != gateway or not from_ms <= message.at_ms < to_ms:
            kept.append(message)
        elif not _only_live(message.topic):
            kept.append(_at(_buffered(message), to_ms))
    return _sorted([*kept, *will])


def dropped(messages: Sequence[Message], gateway: str, from_ms: int, to_ms: int) -> list[Message]:
    """A gateway is gone in [from_ms, to_ms), and what it would have said with it."""
    return [one for one in messages if one.gateway != gateway or not from_ms <= one.at_ms < to_ms]


def skewed(messages: Sequence[Message], gateway: str, by_ms: int) -> list[Message]:
    """A gateway's clock is wrong by `by_ms`: the times in its messages are, not when they arrive."""
    return [
        msgspec.structs.replace(one, payload=_rewritten(one.payload, _shift(by_ms))) if one.gateway == gateway else one
        for one in messages
    ]


def _with_copies(
    messages: Sequence[Message], chance: Chance, per_mille: int, within_ms: int, *, dup: bool
) -> list[Message]:
    copies = [
        msgspec.structs.replace(one, at_ms=one.at_ms + 1 + chance.below(within_ms), dup=dup)
        for one in messages
        if chance.happens(per_mille)
    ]
    return _sorted([*messages, *copies])


def _sorted(messages: list[Message]) -> list[Message]:
    return sorted(messages, key=lambda one: one.at_ms)


def _at(message: Message, at_ms: int) -> Message:
    return msgspec.structs.replace(message, at_ms=at_ms)


def _only_live(topic: str) -> bool:
    """Signs of life of gateways, which nobody keeps for later."""
    return topic.endswith(("/status", "/bridge/health", "/bridge/state", "/state/conn", "/event/stats"))


def _buffered(message: Message) -> Message:
    if not message.topic.startswith("vardevakt/1/"):
        return message

    def mark(said: dict[str, Any]) -> dict[str, Any]:
        return {**said, "buffered": True}

    return msgspec.structs.replace(message, payload=_rewritten(message.payload, mark))


def _shift(by_ms: int) -> Any:
    def moved(said: dict[str, Any]) -> dict[str, Any]:
        changed = dict(said)
        for name in _TIMES:
            if isinstance(said.get(name), str):
                moment = datetime.fromisoformat(said[name]) + timedelta(milliseconds=by_ms)
                changed[name] = moment.isoformat(timespec="milliseconds")
        return changed

    return moved


def _rewritten(payload: bytes, change: Any) -> bytes:
    """The same JSON with each object changed; what is no JSON object stays as it is."""
    try:
        said = json.loads(payload)
    except ValueError:
        return payload
    if isinstance(said, list):
        said = [change(one) if isinstance(one, dict) else one for one in said]
    elif isinstance(said, dict):
        said = change(said)
    else:
        return payload
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
