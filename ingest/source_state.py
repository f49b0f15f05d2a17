"""Everything the source fold remembers, and how it becomes a snapshot. Pure.

State by address comes into being only when a message needs it. Addresses that no device or gateway ever had are
limited to UNKNOWN_MAX, the one unheard for longest goes first and is counted: what is lost with it is its codec's cache
and its memory of duplicates, so its next message may count as new, never as nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from ingest.copies import Copies, CopiesState
from ingest.identity import Identity, MemoryState
from ingest.liveness import Liveness
from ingest.pulse import LivenessState, Transition
from ingest.record import DeadLetter, Folded, Input, RawRecord, Recorded, Verdict
from ingest.registry import Item, Registry
from ingest.trust import TestSessions
from ingest.unchanged import Unchanged, UnchangedState
from ingest.undecodable import Undecodable, Window

ENGINE = "source-2"
"""Version of this state's shape and of what the fold does: a snapshot of another one is not looked for …"""
READABLE = ("source-1", ENGINE)
"""… but a base of these is taken where the log before it was cut. Source-1 told homes of every heartbeat."""
UNKNOWN_MAX = 50_000

Here = Callable[[str], bool]
"""Whether what an address says itself stands in the log that is folded."""


class Snapshot(msgspec.Struct, array_like=True):
    """The state as bytes hold it. Order counts in lists only; dicts are written with sorted keys."""

    engine: str
    site: str
    now_ms: int
    dropped_addresses: int
    items: dict[str, Item]
    sessions: dict[str, dict[str, tuple[int, int]]]
    identity: dict[str, MemoryState]
    liveness: LivenessState
    undecodable: list[tuple[str, Window]]
    unknown: list[str]
    codec_states: dict[str, object]
    unchanged: UnchangedState = msgspec.field(default_factory=UnchangedState)  # since source-2
    copies: CopiesState = msgspec.field(default_factory=CopiesState)


_ENCODER = msgspec.msgpack.Encoder(order="sorted")
_DECODER = msgspec.msgpack.Decoder(Snapshot)


def everything(_address: str) -> bool:
    """One log holds all."""
    return True


class SourceState:
    """The parts, each with its own rules. `now_ms` is the running maximum of received_at_ms."""

    def __init__(self, site: str, unknown_max: int = UNKNOWN_MAX) -> None:
        self.site = site
        self.now_ms = 0
        self.registry = Registry()
        self.sessions = TestSessions()
        self.identity = Identity(site)
        self.liveness = Liveness(self.registry)
        self.undecodable = Undecodable()
        self.unchanged = Unchanged()
        self.copies = Copies()
        self.codec_states: dict[str, object] = {}
        self.unknown: OrderedDict[str, None] = OrderedDict()
        self.dropped_addresses = 0
        self._unknown_max = unknown_max

    def touch_unknown(self, address: str) -> None:
        """A message came from an address of nobody's: it is the newest of them now, and the oldest may have to go."""
        self.unknown[address] = None
        self.unknown.move_to_end(address)
        if len(self.unknown) > self._unknown_max:
            oldest, _ = self.unknown.popitem(last=False)
            self.codec_states.pop(oldest, None)
            self.identity.forget(oldest)
            self.liveness.forget(oldest)
            self.unchanged.forget(oldest)
            self.dropped_addresses += 1

    def to_bytes(self) -> bytes:
        return _ENCODER.encode(
            Snapshot(
                ENGINE, self.site, self.now_ms, self.dropped_addresses, self.registry.items(), self.sessions.state(),
                self.identity.state(), self.liveness.state(), self.undecodable.state(), list(self.unknown),
                self.codec_states, self.unchanged.state(), self.copies.state(),
            )
        )  # fmt: skip

    def take_over(self, state: bytes) -> None:
        """Become the state that `to_bytes` gave. ValueError: it is none, or of another engine or site."""
        try:
            kept = _DECODER.decode(state)
        except msgspec.DecodeError as error:
            raise ValueError(f"not a snapshot of the source fold: {error}") from error
        if kept.engine not in READABLE or kept.site != self.site:
            raise ValueError(f"snapshot of {kept.engine} for site {kept.site}, not of {ENGINE} for {self.site}")
        self.now_ms, self.dropped_addresses = kept.now_ms, kept.dropped_addresses
        self.registry = Registry(kept.items)
        self.sessions = TestSessions(kept.sessions)
        self.identity.restore(kept.identity)
        self.liveness = Liveness(self.registry)
        self.liveness.restore(kept.liveness, kept.now_ms)
        self.undecodable = Undecodable(kept.undecodable)
        self.unchanged = Unchanged(kept.unchanged)
        self.copies = Copies(kept.copies)
        self.unknown = OrderedDict.fromkeys(kept.unknown)
        self.codec_states = kept.codec_states


class Outcome:
    """What one raw record becomes, while it is being made."""

    __slots__ = ("dead_letters", "inputs", "raw_seq", "received_at_ms", "recorded", "transitions", "verdicts")

    def __init__(self, record: RawRecord) -> None:
        self.raw_seq = record.seq
        self.received_at_ms = record.received_at_ms
        self.inputs: list[Input] = []
        self.dead_letters: list[DeadLetter] = []
        self.verdicts: list[Verdict] = []
        self.recorded: list[Recorded] = []
        self.transitions: list[Transition] = []  # of liveness, not yet told to their homes

    def verdict(self, item: int, reason: str, event_id: str | None = None) -> None:
        self.verdicts.append(Verdict(self.raw_seq, item, reason, event_id))

    def keep_derived(self) -> None:
        """Take back everything but what the fold itself had to say."""
        self.inputs = [one for one in self.inputs if one.derived]
        self.dead_letters, self.verdicts = [], []
        self.transitions.clear()

    def folded(self) -> Folded:
        return Folded(tuple(self.inputs), tuple(self.dead_letters), tuple(self.verdicts), tuple(self.recorded))
