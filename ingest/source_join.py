"""The states of several source folds as one: what a raw partition of a new generation begins with. Pure.

What is kept by address goes where that address is heard from now on. What every raw partition has heard (settings,
test sessions, the feed) is in each of the old states, and goes into each new one. The old folds have all come to the
end of their logs, so none of them knows of a later setting than another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from ingest.copies import CopiesState
from ingest.identity import MemoryState
from ingest.pulse import LivenessState
from ingest.source_state import ENGINE, Snapshot
from ingest.unchanged import UnchangedState

_decode = msgspec.msgpack.Decoder(Snapshot).decode
_encode = msgspec.msgpack.Encoder(order="sorted").encode
_V = TypeVar("_V")


def joined(states: Sequence[bytes], here: Callable[[str], bool]) -> bytes:
    """A snapshot of what those folds know of the addresses that are heard `here`. ValueError: not of this engine."""
    old = [_decode(state) for state in states]
    if wrong := {one.engine for one in old} - {ENGINE}:
        raise ValueError(f"snapshots of {', '.join(sorted(wrong))}, not of {ENGINE}: let this version fold them first")
    newest = max(old, key=lambda one: one.now_ms)
    items = dict(newest.items)
    for one in old:
        for name, item in one.items.items():
            if name not in items or item.setting.version > items[name].setting.version:
                items[name] = item
    lives = [one.liveness for one in old]
    identity: dict[str, MemoryState] = _of(here, [one.identity for one in old])
    waiting = sorted((each for one in old for each in one.copies.waiting), key=lambda each: each[1])
    links = list(dict.fromkeys(link for one in old for link in one.copies.links))
    return _encode(
        Snapshot(
            ENGINE, newest.site, newest.now_ms, max(one.dropped_addresses for one in old), items, newest.sessions,
            identity,
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


def _of(here: Callable[[str], bool], parts: Iterable[Mapping[str, _V]]) -> dict[str, _V]:
    return {address: value for part in parts for address, value in part.items() if here(address)}
