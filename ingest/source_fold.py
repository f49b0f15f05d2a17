"""The source fold: raw records in, inputs of homes, dead letters and named verdicts out. Pure.

One state per address, and the only place that knows which address belongs to whom (design §2). Time is the running
maximum of `received_at_ms`; before a record is applied, every timer that is due by then fires, each at its own time.
So the outputs depend on the records alone, never on when a loop ran: the same records give the same bytes.

What a feed record says about the past counts for timers: silence between its `from_ms` and its arrival was ours, not
the gateways', so timers of that time do not fire. Homes hear of a lost feed as of when it began, for the same reason:
a patience that ran out while we were deaf is held back, not fired before they know.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.codec import Codec
from ingest.event import Rejected
from ingest.liveness_events import tell_homes
from ingest.record import CLOCK, FEED, HTTP, MQTT, SETTING, STAFF, Folded, Input, RawRecord
from ingest.source_messages import MessageFold
from ingest.source_settings import fold_feed, fold_setting, fold_staff, read_object, refuse
from ingest.source_state import UNKNOWN_MAX, Here, Outcome, SourceState, everything

SEVERAL = "several"  # reason of an `alarm.undecodable` that sums up what was held back
_MESSAGES = frozenset({MQTT, HTTP})
_BLIND_TYPES = frozenset({"feed.lost", "feed.gap"})


class SourceFold:
    """Fold of one site. Not thread-safe: one runner drives it."""

    def __init__(
        self, site: str, codecs: Sequence[Codec], unknown_max: int = UNKNOWN_MAX, here: Here = everything
    ) -> None:
        """`here`: whether what an address says itself is in this log (many machines: `topics.Placement.here`)."""
        self._state = SourceState(site, unknown_max)
        self._messages = MessageFold(self._state, codecs, here)

    def apply(self, record: RawRecord) -> Folded:
        """Take in one record of RAW; records come in the order of `seq`. Raises on nothing: what we cannot fold is a
        dead letter, and an alarm where it may have been one.
        """
        out = Outcome(record)
        try:
            self._apply(record, out)
        except Exception as error:  # noqa: BLE001 - the named quarantine: one bad row must not stop all that follow
            out.keep_derived()
            fault = f"{type(error).__name__}: {error}"
            if record.kind in _MESSAGES:
                self._messages.reject(record, "", Rejected("codec_error", fault, may_be_alarm=True), 0, out)
            else:
                refuse(record, out, "codec_error", fault)
        self._state.now_ms = max(self._state.now_ms, record.received_at_ms)
        return out.folded()

    def _apply(self, record: RawRecord, out: Outcome) -> None:
        kind = record.kind
        if kind in _MESSAGES:
            self._advance(record, out)
            self._messages.fold(self._state.copies.marked(record), out)
        elif kind == FEED:
            said = read_object(record)
            blind_from_ms, before_ms = _blind_from_ms(said), self._state.now_ms
            self._advance(record, out, blind_from_ms=blind_from_ms)
            since_ms = record.received_at_ms if blind_from_ms is None else blind_from_ms
            lost_at_ms = max([since_ms, before_ms, *(one.received_at_ms for one in out.inputs)])
            fold_feed(self._state, record, out, said, lost_at_ms=min(lost_at_ms, record.received_at_ms))
        else:
            self._advance(record, out)
            if kind == CLOCK:
                out.inputs.append(Input(CLOCK, record.received_at_ms, raw_seq=record.seq))
            elif kind == SETTING:
                fold_setting(self._state, record, out)
                self._advance(record, out)  # it may have set a timer to a time that is over
            elif kind == STAFF:
                fold_staff(self._state, record, out)
            else:
                refuse(record, out, "unknown_word", f"kind {kind}")

    def next_due(self) -> int | None:
        """Not later than the time (ms) of the next timer; None = nothing is waited for."""
        dues = [
            due_ms
            for due_ms in (self._state.liveness.next_due_ms(), self._state.undecodable.next_due_ms())
            if due_ms is not None
        ]
        return min(dues, default=None)

    def snapshot(self) -> bytes:
        """The whole state; equal states give equal bytes."""
        return self._state.to_bytes()

    def restore(self, state: bytes) -> None:
        """Become the fold that gave this snapshot. ValueError when it is of another engine or site, or damaged."""
        self._state.take_over(state)

    def liveness(self) -> dict[str, tuple[int, bool, int]]:
        """Address -> (last heard ms, online, interval ms or 0), of everything that was heard."""
        return self._state.liveness.overview(self._state.now_ms)

    @property
    def dropped_addresses(self) -> int:
        """How many unknown addresses were forgotten since the first record, for want of room."""
        return self._state.dropped_addresses

    def _advance(self, record: RawRecord, out: Outcome, blind_from_ms: int | None = None) -> None:
        """Move time to the record's, firing what is due on the way."""
        state = self._state
        until_ms = record.received_at_ms
        silence_ms = until_ms if blind_from_ms is None else min(until_ms, blind_from_ms)
        due_ms = state.liveness.next_due_ms()
        if due_ms is not None and due_ms <= silence_ms:
            state.liveness.fire(silence_ms, state.now_ms, out.transitions.append)
            tell_homes(state, out)
        due_ms = state.undecodable.next_due_ms()
        if due_ms is not None and due_ms <= until_ms:
            state.undecodable.fire(
                until_ms,
                lambda address, at_ms, count: self._messages.undecodable(address, at_ms, count, SEVERAL, b"", out),
            )
        state.now_ms = max(state.now_ms, until_ms)


def _blind_from_ms(said: dict[str, object] | None) -> int | None:
    """Since when, by this feed record, we heard nothing."""
    since_ms = None if said is None or said.get("type") not in _BLIND_TYPES else said.get("from_ms")
    return since_ms if isinstance(since_ms, int) and not isinstance(since_ms, bool) else None
