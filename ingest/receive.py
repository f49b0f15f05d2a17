"""Receive: stamp, store, sync, then acknowledge. The first step of every message, and of all else the folds see.

It decodes nothing, so nothing in a payload can stop it; only a failing disk can. Callable from any thread; the
order of acceptance is the order of RAW and of its times.

Theory of operation: accepted rows wait in one queue; at most one batch is with the journal. When it is synced, its
`on_synced` are called in order (in the journal's writer thread: they must be quick), and what has gathered
meanwhile goes as the next batch. A batch that failed goes back to the front and is tried again; nothing is
acknowledged meanwhile, and a full queue blocks `submit`, which stops the reading from the broker.
Acknowledgements keep the order of arrival (MQTT 5 asks for it), those of dropped messages too.

Two exceptions, both loud. Low disk: what cannot be an alarm is acknowledged, dropped and counted as a gap
(`intake.shed`). No commit for 3 s: each waiting alarm is told to the local emergency channel, once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import structlog
from msgspec.structs import replace

from ingest.clock import Clock
from ingest.codec import MAX_ITEMS
from ingest.journal import JournalError, RawIntake
from ingest.receive_entry import (
    KEPT_WHOLE_BYTES,
    Entry,
    OnSynced,
    ReceiveHealth,
    ReceiveLimits,
    cut_payload,
    key_of,
    link_of,
    restored,
)
from ingest.receive_queue import ReceiveQueue
from ingest.record import FEED, MQTT, RawRecord
from ingest.shedding import ClassOf, EmergencyWatch, ShedGap, class_of

log = structlog.get_logger()

SHED = 0  # what on_synced gets instead of a seq for a message dropped for want of disk
TICK_S = 0.25
CLOCK_CHECK_S = 1.0


class Receiver:
    """See the module's docstring. `start` runs the watchdog thread; tests call `tick` themselves.

    `on_rows` is called after each batch is on disk (in the writer's thread: it must only wake somebody).
    """

    def __init__(
        self,
        raw: RawIntake,
        clock: Clock,
        *,
        class_of: ClassOf,
        on_emergency: Callable[[RawRecord], None],
        limits: ReceiveLimits | None = None,
        on_rows: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._raw, self._clock, self._classify, self._on_rows = raw, clock, class_of, on_rows
        self._limits, self._monotonic = limits or ReceiveLimits(), monotonic
        self._emergency = EmergencyWatch(class_of, on_emergency, self._limits.emergency_after_s)
        self._gap = ShedGap(class_of)
        self._lock = threading.Lock()
        self._room = threading.Condition(self._lock)
        self._queue = ReceiveQueue(self._limits)
        self._retry_at_s = float("-inf")
        self._last_ms = raw.last_received_at_ms()
        self._counts = dict.fromkeys(
            ("received", "synced", "bytes", "shed", "dup", "truncated", "failed_batches", "callback_errors"), 0
        )
        self._noted: dict[str, int] = {}
        self._clock_checked_s = float("-inf")
        self._redelivery = restored(raw)
        self._stop = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------- any thread
    def submit(
        self,
        kind: str,
        topic: str,
        payload: bytes,
        qos: int = 0,
        retain: bool = False,
        link: str = "",
        on_synced: OnSynced | None = None,
    ) -> None:
        """Take in one message. `on_synced(seq)` is called once it is on disk, `on_synced(SHED)` if it was dropped
        for want of disk. Blocks while the queue is full; JournalError after `block_s`: do not acknowledge it. What is
        known of the feed does not wait: without its word that the feed is back, homes would stay blind.

        `link` names the connection's configuration, the same over reconnects.
        """
        one = RawRecord(0, kind, topic, payload, qos, retain, link=link)
        self._accept([one], on_synced, wait=kind != FEED, sheddable=True)

    def submit_many(self, records: Sequence[RawRecord], *, keep_times: bool = False) -> Future[int]:
        """Take in records together: up to MAX_ITEMS of them get seqs without others between. The future gives the
        last one's seq when all are on disk; JournalError through it, also when the disk is low and nothing of it can
        be an alarm. With `keep_times` (replay) their own times and dup marks stand; time still never goes back.
        """
        done: Future[int] = Future()
        done.set_running_or_notify_cancel()
        if not records:
            done.set_result(self._raw.last_seq())
            return done
        step = MAX_ITEMS
        try:
            if self._raw.low_disk() and all(class_of(self._classify, one) == "other" for one in records):
                raise JournalError("receive: the disk is nearly full; only what may be an alarm is recorded")
            for start in range(0, len(records), step):
                chunk = records[start : start + step]
                last = start + step >= len(records)
                self._accept(chunk, done.set_result if last else None, keep_times=keep_times)
        except JournalError as error:
            done.set_exception(error)
        return done

    def acknowledged(self, link: str, *seqs: int) -> None:
        """The edge has sent the acknowledgements of these rows over the connection they came by."""
        with self._lock:
            now_s = self._monotonic()
            for seq in seqs:
                self._redelivery.acknowledged(link, seq, now_s)

    def link_broken(self, link: str) -> None:
        """The connection is gone: what was not acknowledged may come again, and will be marked `dup`."""
        with self._lock:
            self._redelivery.broken(link, self._monotonic())

    def health(self) -> ReceiveHealth:
        with self._lock:
            oldest = min((entry.since_s for entry in self._queue.unsynced()), default=None)
            return ReceiveHealth(
                **self._counts, emergencies=self._emergency.told, forgotten=self._redelivery.forgotten,
                queued_rows=self._queue.rows, queued_bytes=self._queue.bytes,
                oldest_unsynced_s=0.0 if oldest is None else self._monotonic() - oldest,
            )  # fmt: skip

    def start(self) -> None:
        """Run `tick` in a thread of its own."""
        self._thread = threading.Thread(target=self._watch, name="receive-watchdog", daemon=True)
        self._thread.start()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was accepted is on disk and told."""
        with self._lock:
            return self._room.wait_for(lambda: self._queue.rows == 0 and self._queue.sent is None, timeout_s)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Accept nothing more, wait for what was accepted. False: some of it is not on disk and not acknowledged."""
        with self._lock:
            self._closing = True
            self._room.notify_all()
        flushed = self.flush(timeout_s)
        self._note_watermarks()
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        return flushed

    def tick(self) -> None:
        """What must happen although nothing arrives: emergencies, another try, the gap's report, the clock's check."""
        now_s = self._monotonic()
        with self._lock:
            late = self._emergency.late(self._queue.unsynced(), now_s)
            gap = self._gap.due(now_s, shedding=self._raw.low_disk())
        self._emergency.tell(late, now_s)
        if gap is not None:
            self._accept([gap], None, wait=False)
        if now_s - self._clock_checked_s >= CLOCK_CHECK_S:
            self._clock_checked_s = now_s
            if (stepped := self._clock.check()) is not None:
                log.warning("clock_stepped", from_ms=stepped.from_ms, to_ms=stepped.to_ms, action=stepped.action)
                self._accept([RawRecord(0, FEED, payload=stepped.payload())], None, wait=False)
        self._note_watermarks()
        self._pump()

    # ------------------------------------------------------------- taking in
    def _accept(
        self, messages: Sequence[RawRecord], on_synced: OnSynced | None, *, wait: bool = True, keep_times: bool = False,
        sheddable: bool = False,
    ) -> None:  # fmt: skip
        """Queue the messages together; `on_synced` is that of the last. Our own facts do not wait for room."""
        kept = [one if len(one.payload) <= KEPT_WHOLE_BYTES else self._cut(one) for one in messages]
        size = sum([len(one.payload) + len(one.topic) for one in kept])
        if wait and not self._queue.has_room(len(kept), size):
            self._pump()  # never wait for room that only we could make
        with self._lock:
            now_s = self._monotonic()
            told = False
            if wait and not self._queue.has_room(len(kept), size):
                blocked = [Entry(replace(one, received_at_ms=self._last_ms), None, now_s) for one in kept]
                told = self._queue.wait_for_room(self._room, blocked, size, lambda: self._closing)
            if self._closing and wait:
                raise JournalError("receive is closed")
            for one in kept:
                entry = Entry(self._stamped(one, keep_time=keep_times), None, now_s)
                entry.sheddable, entry.told = sheddable, told
                if one.kind == MQTT and one.qos > 0 and not keep_times:
                    self._track(entry, now_s)
                self._queue.add(entry)
                self._counts["dup"] += entry.record.dup
            entry.on_synced = on_synced
            self._counts["received"] += len(kept)
            self._counts["bytes"] += size
        self._pump()

    def _stamped(self, message: RawRecord, *, keep_time: bool) -> RawRecord:
        """The lock is held, so the order of rows and of times agree."""
        at_ms = message.received_at_ms if keep_time else self._clock.now_ms()
        self._last_ms = at_ms = max(self._last_ms, at_ms)
        one = message
        return RawRecord(at_ms, one.kind, one.topic, one.payload, one.qos, one.retain, one.dup and keep_time, one.link)

    def _track(self, entry: Entry, now_s: float) -> None:
        record = entry.record
        entry.ordinal, dup = self._redelivery.admit(link_of(record), key_of(record), now_s)
        if dup:
            entry.record = replace(record, dup=True)

    def _cut(self, message: RawRecord) -> RawRecord:
        log.warning("payload_truncated", bytes=len(message.payload))
        with self._lock:
            self._counts["truncated"] += 1
        return cut_payload(message)

    # to the journal and back
    def _pump(self) -> None:
        """Send the next batch, when none is with the journal."""
        while self._queue.sent is None and self._queue.waiting:
            with self._lock:
                if self._queue.sent is not None or self._monotonic() < self._retry_at_s:
                    return
                batch = self._queue.sent = self._queue.take_batch()
                if self._raw.low_disk():
                    self._gap.shed(batch)
                records = [entry.record for entry in batch if not entry.shed]
            if records:
                self._raw.append(records).add_done_callback(self._finished)
                return
            self._settle(batch, 0)

    def _finished(self, future: Future[int]) -> None:
        """Called when the journal has synced the batch, or could not. In its writer thread."""
        batch = self._queue.sent or []
        if future.exception() is None:
            kept = sum(1 for entry in batch if not entry.shed)
            self._settle(batch, future.result() - kept)
            self._pump()
            return
        with self._lock:
            self._queue.put_back()
            self._retry_at_s = self._monotonic() + self._limits.retry_s  # `tick` tries again
            self._counts["failed_batches"] += 1

    def _settle(self, batch: list[Entry], before: int) -> None:
        """The batch is on disk beyond seq `before`: tell everybody, in order; then the next one may go."""
        seqs = []
        with self._lock:
            for entry in batch:
                before += not entry.shed
                seqs.append(SHED if entry.shed else before)
                if entry.ordinal and entry.shed:
                    self._redelivery.dropped(link_of(entry.record), entry.ordinal)
                elif entry.ordinal:
                    self._redelivery.synced(link_of(entry.record), entry.ordinal, before)
                self._counts["shed" if entry.shed else "synced"] += 1
        for entry, seq in zip(batch, seqs, strict=True):
            if not entry.tell(seq):
                self._counts["callback_errors"] += 1
        self._on_rows()
        with self._lock:
            self._queue.settled()
            self._room.notify_all()

    def _note_watermarks(self) -> None:
        with self._lock:
            marks = self._redelivery.watermarks(self._monotonic())
        for link, seq in marks.items():
            if self._noted.get(link) != seq:
                self._noted[link] = seq
                self._raw.note_acked(link, seq)

    def _watch(self) -> None:
        while not self._stop.wait(TICK_S):
            self.tick()
