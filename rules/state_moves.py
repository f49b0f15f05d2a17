"""The state of a fold home by home, and put together again: what moves when the logs get other partitions. Pure.

`parts` of a state: home -> bytes, and under COMMON what belongs to no home (the book, the site's settings). What a
partition of the new generation begins with is put together from the parts of its homes and the common one, which every
old partition has; the source folds have all come to the end of their logs, so none knows more than another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from rules.effects import LIVE
from rules.floor import FloorState
from rules.homes import Saved

COMMON = ""
FLOOR = "floor"
Parts = dict[str, bytes]

_encode = msgspec.msgpack.Encoder(order="sorted").encode
_saved = msgspec.msgpack.Decoder(Saved).decode
_floor = msgspec.msgpack.Decoder(FloorState).decode


def home_parts(state: bytes) -> Parts:
    """A snapshot of the home fold, part by part."""
    saved = _saved(state)
    parts = {home: bytes(known) for home, known in saved.homes.items()}
    return {**parts, COMMON: _encode(msgspec.structs.replace(saved, homes={}))}


def home_state(parts: Mapping[str, bytes]) -> bytes:
    """The snapshot of a home fold that has these homes."""
    homes = {home: msgspec.Raw(part) for home, part in parts.items() if home != COMMON}
    return _encode(msgspec.structs.replace(_saved(parts[COMMON]), homes=homes))


def floor_parts(state: bytes) -> Parts:
    """A snapshot of the floor, part by part: suspected falls that wait, and what was heard of them."""
    whole = _floor(state)
    found: dict[str, FloorState] = {COMMON: FloorState()}
    for key, waiting in whole.pending.items():
        found.setdefault(waiting[1].home, FloorState(pending={}, answers=[])).pending[key] = waiting
    for answer in whole.answers:
        found.setdefault(answer.home, FloorState(pending={}, answers=[])).answers.append(answer)
    return {home: _encode(part) for home, part in found.items()}


def floor_state(parts: Mapping[str, bytes]) -> bytes:
    """The snapshot of a floor that has these homes."""
    known = [_floor(parts[home]) for home in sorted(parts)]
    pending = {key: waiting for part in known for key, waiting in part.pending.items()}
    answers = sorted((answer for part in known for answer in part.answers), key=lambda one: one.received_at_ms)
    return _encode(FloorState(pending, answers))


PARTS_OF: dict[str, Callable[[bytes], Parts]] = {LIVE: home_parts, FLOOR: floor_parts}
STATE_OF: dict[str, Callable[[Mapping[str, bytes]], bytes]] = {LIVE: home_state, FLOOR: floor_state}
