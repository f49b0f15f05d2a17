"""The states of several source folds as one: what a raw partition of a new generation begins with. Pure.

What is kept by address goes where that address is heard from now on. What every raw partition has heard (the feed) is
in each of the old states, and goes into each new one. A setting stands in some of the old states at least, and goes
where it stands from now on (`setting_places.py`). The old folds have all come to the end of their logs, so none of
them knows an older version than another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from ingest.copies import CopiesState
from ingest.identity import MemoryState
from ingest.pulse import LivenessState
from ingest.registry import Item
from ingest.source_state import ENGINE, Snapshot
from ingest.trust import Sessions
from ingest.unchanged import UnchangedState

_decode = msgspec.msgpack.Decoder(Snapshot).decode
_encode = msgspec.msgpack.Encoder(order="sorted").encode
_V = TypeVar("_V")


def items_of(states: Sequence[bytes]) -> dict[str, Item]:
    """The newest of every setting that one of those folds knows. ValueError: not of this engine."""
    found: dict[str, Item] = {}
    for state in states:
        for name, item in _of_this_engine(state).items.items():
            if name not in found or item.setting.version > found[name].setting.version:
                found[name] = item
    return found


def joined(states: Sequence[bytes], here: Callable[[str], bool], items: Mapping[str, Item] | None = None) -> bytes:
    """A snapshot of what those folds know of the addresses that are heard `here`. `items`: the settings that stand
    there; None: all. ValueError: not of this engine.
    """
    old = [_of_this_engine(state) for state in states]
    newest = max(old, key=lambda one: one.now_ms)
    sessions: Sessions = {}
    for one in old:
        for device, spans in one.sessions.items():
            sessions.setdefault(device, {}).update(spans)
    lives = [one.liveness for one in old]
    identity: dict[str, MemoryState] = _of(here, [one.identity for one in old])
    waiting = sorted((each for one in old for each in one.copies.waiting), key=lambda each: each[1])
    links = list(dict.fromkeys(link for one in old for link in one.copies.links))
    return _encode(
        Snapshot(
            ENGINE, newest.site, newest.now_ms, max(one.dropped_addresses for one in old),
            dict(items_of(states) if items is None else items), sessions, identity,
            LivenessState(
                _of(here, [life.pulses for life in lives]), max(life.lost_ms for life in lives),
                max(life.back_ms for life in lives),
            ),
            sorted((each for one in old for each in one.undecodable if here(each[0])), key=lambda one: one[1].from_ms),
            [address for one in old for address in one.unknown if here(address)],
            _of(here, [one.codec_states for one in old]),
            UnchangedState(_of(here, [one.unchanged.said for one in old]), newest.unchanged.needed),
            CopiesState(links, waiting),  # by topic and bytes: each new one keeps all for a while
        )
    )  # fmt: skip


def _of_this_engine(state: bytes) -> Snapshot:
    found = _decode(state)
    if found.engine != ENGINE:
        raise ValueError(f"a snapshot of {found.engine}, not of {ENGINE}: let this version fold it first")
    return found


def _of(here: Callable[[str], bool], parts: Iterable[Mapping[str, _V]]) -> dict[str, _V]:
    return {address: value for part in parts for address, value in part.items() if here(address)}
