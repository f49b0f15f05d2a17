"""Which messages a broker may send again: the `dup` mark of RAW. Pure; time is an argument (seconds, monotonic).

Brokers differ in the DUP flag (rumqttd sets none), and a keyless event has nothing else to be known by. So receive
remembers, per link, the (topic, bytes) of every QoS 1 row whose acknowledgement the broker may not have seen, and
when the link has broken, marks the first message with the same topic and bytes for each of them.

| row is   | from → to                                                                                            |
|----------|------------------------------------------------------------------------------------------------------|
| unacked  | `admit`                                                                                              |
| doubtful | `acknowledged`: sent, but the packet may be lost with the connection for DOUBT_S                     |
| marked   | `broken`, from both, and `restore` after a restart: from the rows beyond the stored watermark        |
| gone     | matched once (`admit` says dup); MARK_S after the first message over the new connection; beyond the bound |

The watermark of a link is the seq up to which nothing is unacked, doubtful or marked.
"""

from __future__ import annotations

from collections import OrderedDict, deque

DOUBT_S = 5.0
MARK_S = 60.0
MAX_ROWS = 131_072  # per link and kind: twice what a broker may have in flight to us


class _Row:
    __slots__ = ("key", "ordinal", "seq")

    def __init__(self, ordinal: int, key: int, seq: int = 0) -> None:
        self.ordinal, self.key, self.seq = ordinal, key, seq


class _Link:
    def __init__(self) -> None:
        self.unacked: OrderedDict[int, _Row] = OrderedDict()  # by ordinal
        self.doubtful: deque[tuple[float, _Row]] = deque()
        self.marked: OrderedDict[int, _Row] = OrderedDict()
        self.by_key: dict[int, list[int]] = {}  # key of marked rows -> their ordinals
        self.by_seq: dict[int, int] = {}  # seq of unacked rows -> ordinal
        self.marks_end_s: float | None = None
        self.synced_seq = 0


class Redelivery:
    """Not locked: the receiver calls it under its own lock."""

    def __init__(self) -> None:
        self._links: dict[str, _Link] = {}
        self._ordinal = 0
        self.forgotten = 0  # rows dropped by the bound: their copies will look new

    def admit(self, link: str, key: int, now_s: float) -> tuple[int, bool]:
        """A QoS 1 message came in: its ordinal, and whether it repeats one that may not have been acknowledged."""
        state = self._links.get(link)
        if state is None:  # setdefault would make, and throw away, six containers a message
            state = self._links[link] = _Link()
        dup = bool(state.marked) and self._match(state, key, now_s)
        self._ordinal += 1
        state.unacked[self._ordinal] = _Row(self._ordinal, key)
        if len(state.unacked) > MAX_ROWS:
            _ordinal, row = state.unacked.popitem(last=False)
            state.by_seq.pop(row.seq, None)
            self.forgotten += 1
        return self._ordinal, dup

    def synced(self, link: str, ordinal: int, seq: int) -> None:
        """The row is on disk under `seq`."""
        state = self._links[link]
        state.synced_seq = max(state.synced_seq, seq)
        row = state.unacked.get(ordinal)
        if row is not None:
            state.by_seq[seq] = ordinal
        else:
            row = state.marked.get(ordinal)
        if row is not None:
            row.seq = seq

    def dropped(self, link: str, ordinal: int) -> None:
        """The message was shed: acknowledged without a row, so nothing of it is expected again."""
        state = self._links[link]
        state.unacked.pop(ordinal, None)

    def acknowledged(self, link: str, seq: int, now_s: float) -> None:
        """We have sent the acknowledgement of row `seq`. Unknown ones (another connection's) change nothing."""
        state = self._links.get(link)
        ordinal = state.by_seq.pop(seq, None) if state else None
        if state is None or ordinal is None:
            return
        state.doubtful.append((now_s, state.unacked.pop(ordinal)))
        if len(state.doubtful) > MAX_ROWS:
            state.doubtful.popleft()
            self.forgotten += 1

    def broken(self, link: str, now_s: float) -> None:
        """The connection is gone: all that is unacked or in doubt may come again."""
        state = self._links.get(link)
        if state is None:
            return
        self._settle(state, now_s)
        for row in [*(row for _at, row in state.doubtful), *state.unacked.values()]:
            self._mark(state, row)
        state.unacked.clear()
        state.by_seq.clear()
        state.doubtful.clear()
        state.marks_end_s = None

    def restore(self, link: str, seq: int, key: int) -> None:
        """After a restart: row `seq` lies beyond the link's stored watermark."""
        state = self._links.setdefault(link, _Link())
        self._ordinal += 1
        state.synced_seq = max(state.synced_seq, seq)
        self._mark(state, _Row(self._ordinal, key, seq))

    def watermarks(self, now_s: float) -> dict[str, int]:
        """Per link, the seq up to which no row will be sent again."""
        found = {}
        for name, state in self._links.items():
            self._settle(state, now_s)
            if state.marks_end_s is not None and now_s > state.marks_end_s:
                self._forget_marks(state)
            firsts = [next(iter(rows.values())) for rows in (state.unacked, state.marked) if rows]
            if state.doubtful:
                firsts.append(state.doubtful[0][1])
            found[name] = min([state.synced_seq, *(row.seq - 1 for row in firsts if row.seq)])
        return found

    def _match(self, state: _Link, key: int, now_s: float) -> bool:
        if state.marks_end_s is None:
            state.marks_end_s = now_s + MARK_S
        elif now_s > state.marks_end_s:
            self._forget_marks(state)
            return False
        ordinals = state.by_key.get(key)
        if not ordinals:
            return False
        state.marked.pop(ordinals.pop(0))
        if not ordinals:
            del state.by_key[key]
        return True

    def _mark(self, state: _Link, row: _Row) -> None:
        if len(state.marked) >= MAX_ROWS:
            self.forgotten += 1
            return
        state.marked[row.ordinal] = row
        state.by_key.setdefault(row.key, []).append(row.ordinal)

    @staticmethod
    def _forget_marks(state: _Link) -> None:
        state.marked.clear()
        state.by_key.clear()
        state.marks_end_s = None

    @staticmethod
    def _settle(state: _Link, now_s: float) -> None:
        while state.doubtful and state.doubtful[0][0] < now_s - DOUBT_S:
            state.doubtful.popleft()
