"""RAW on Kafka as receive needs it (port RawIntake).

Theory of operation. `append` hands a batch to the idempotent producer (acks=all) and resolves once every record of it
is acknowledged, so PUBACK and HTTP 202 follow Kafka's word. While Kafka is away it tries on: the future stays open,
receive's queue fills and blocks, nothing is acknowledged, and after 3 s its emergency channel tells of alarms. Batches
are written one after the other; what of a batch failed is written again before the next.

Kafka gives offsets a partition, so towards receive a row's seq is ours: counted from 1 in this run. A header says run
and seq, and a note a second (`intake_notes.py`) up to which row the broker has heard of it. After a crash `read` gives
what the last run had taken in beyond that, so that receive knows it again when it comes a second time.

Each acknowledgement carries Kafka's time. Before a batch that is never more than SURE_S old; while it is further from
ours than `skew.LIMIT_MS`, every append fails with `clock_skew`, and what has been stamped meanwhile goes with the
process: end it, mend the clock, start again.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import msgspec
import structlog
from msgspec.structs import replace

from ingest import intake_notes as notes
from ingest.client_kafka import Ack, KafkaClient, Message
from ingest.doubt_kafka import left_open
from ingest.intake_notes import Note, Others
from ingest.journal import JournalError
from ingest.reader_kafka import Reader
from ingest.record import MQTT, RawRecord
from ingest.skew import Skew
from ingest.topics import INTAKES, RAW, Placement, encode_raw

log = structlog.get_logger()

PAUSE_S = 0.5
SURE_S = 1.5
LATE_S = 3.0  # an append that takes so long is told in health
NOTES_READ = 10_000


class KafkaHealth(msgspec.Struct, frozen=True):
    """`finding`: empty, or the name of why nothing is taken in (clock_skew, kafka_away)."""

    finding: str
    error: str | None
    skew_ms: int
    oldest_s: float  # of the append that is not acknowledged
    rows: int
    retried: int


class _Skewed(JournalError):
    """Our clock is off: trying again changes nothing."""


class KafkaRawLog:
    """See the module's text. `intake`: a stable name of this process, the MQTT client id of an intake."""

    def __init__(
        self,
        client: KafkaClient,
        placement: Placement,
        intake: str,
        *,
        now_ms: Callable[[], int] | None = None,
        feed: Callable[[Note], Note] = lambda note: note,
    ) -> None:
        """`now_ms`: the clock that receive stamps with. `feed` puts into a note what we say of the feed. Set both
        before `start`; they may be replaced while it runs.
        """
        self.now_ms, self.feed = now_ms or _wall_ms, feed
        self._client, self._placement, self._layout = client, placement, placement.layout
        self.intake, self.run = intake, uuid.uuid4().hex[:8]
        self._topic, self._notes_topic = self._layout.topic(RAW), self._layout.topic(INTAKES)
        self._restored: list[RawRecord] = []
        self._others: dict[str, Note] = {}
        self._last_ms, self._own = 0, Note(intake, self.run, 0)
        self._seq = self._synced = self._notes_read = 0
        self._acked: dict[str, int] = {}
        self._skew, self._sure_s = Skew(), float("-inf")
        self._since_s: float | None = None
        self._error: str | None = None
        self._counts = {"rows": 0, "retried": 0}
        self._order = threading.Lock()  # the order of the calls is that of the batches
        self._turn = asyncio.Lock()
        self._closing = threading.Event()
        self._open: set[Future[int]] = set()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Look at the clock, learn what the last run left in doubt, then note once a second. JournalError: not served:
        no Kafka, or `clock_skew`.
        """
        reader = self._client.reader()
        self._others = self._read_notes(reader)
        last = self._others.get(self.intake)
        self._client.call(self._note(last))  # once more: a run that may not serve leaves nothing but what it found
        if self._skew.finding:
            raise JournalError(self._skew.sentence())
        if last is not None:
            self._last_ms = min(last.received_at_ms, self.now_ms() - self._skew.ms)
            self._own = last
            self._restored = left_open(reader, self._layout, last)
            self._client.call(self._note())
        self._seq = self._synced = len(self._restored)
        self._thread = threading.Thread(target=self._keep_noting, args=(reader,), name="intake-notes", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------- port RawIntake; any thread
    def append(self, records: Sequence[RawRecord]) -> Future[int]:
        """See the port. The seqs are this run's own."""
        future: Future[int] = Future()
        future.set_running_or_notify_cancel()
        batch = tuple(records)
        with self._order:
            if self._closing.is_set():
                future.set_exception(JournalError("kafka: the intake is closed"))
                return future
            first = self._seq + 1
            self._seq += len(batch)
            self._open.add(future)
            self._client.submit(self._append(batch, first, future))
        return future

    def read(self, after_seq: int, limit: int) -> list[RawRecord]:
        """What the last run left in doubt, as rows 1, 2, 3 …; what this run writes is read in its partitions."""
        return self._restored[after_seq : after_seq + limit]

    def last_seq(self) -> int:
        return self._synced

    def last_received_at_ms(self) -> int:
        """When the last run of this intake took in its newest row, 0 when unknown; never in Kafka's future."""
        return self._last_ms

    def last_note(self) -> Note:
        """What the last run of this intake wrote last."""
        return self._own

    def low_disk(self) -> bool:
        """The disk is Kafka's: where it is full, nothing is acknowledged."""
        return False

    def note_acked(self, link: str, seq: int) -> None:
        """Told with the next note, at most a second later."""
        self._acked = {**self._acked, link: seq}

    def acked(self) -> dict[str, int]:
        """None: every restored row is in doubt."""
        return {}

    # ------------------------------------------------------------- for the wiring
    def others_say(self, gateways: str = "") -> Others:
        """What the notes of the other intakes come to, where we hear this list."""
        return notes.others_say(self._others, self.intake, gateways, self.now_ms())

    def others(self) -> dict[str, Note]:
        """The newest note of every intake but this one."""
        return {name: note for name, note in self._others.items() if name != self.intake}

    def health(self) -> KafkaHealth:
        since_s = self._since_s
        oldest_s = 0.0 if since_s is None else time.monotonic() - since_s
        finding = self._skew.finding or ("kafka_away" if oldest_s > LATE_S or self._error is not None else "")
        return KafkaHealth(finding, self._error, self._skew.ms, oldest_s, **self._counts)

    def close(self) -> None:
        """Write a last note, fail what is open, let go. The client stays open: it is whoever made it that closes it."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._thread is not None:  # it has served
            self._thread.join()
            with contextlib.suppress(JournalError):
                self._client.call(self._note(), 2.0)
        for future in list(self._open):
            _settle(future, JournalError("kafka: closed before it was acknowledged"))

    # ------------------------------------------------------------- in the client's thread
    async def _append(self, batch: Sequence[RawRecord], first: int, future: Future[int]) -> None:
        """One batch after the other, each until all of it is acknowledged."""
        async with self._turn:
            self._since_s = time.monotonic()
            try:
                waiting = self._messages(batch, first)
                while waiting and not self._closing.is_set():
                    waiting = await self._try(waiting)
                if not waiting:
                    self._synced = max(self._synced, first + len(batch) - 1)
                    self._last_ms = max(self._last_ms, batch[-1].received_at_ms if batch else 0)
                    self._counts["rows"] += len(batch)
                    self._error = None
                _settle(future, JournalError("kafka: closed before it was acknowledged") if waiting else self._synced)
            except JournalError as error:
                self._error = str(error)
                _settle(future, error)
            except Exception as error:  # noqa: BLE001 - the named quarantine: receive must hear, whatever it was
                self._error = f"{type(error).__name__}: {error}"
                _settle(future, self._client.trouble(error))
            finally:
                self._open.discard(future)
                self._since_s = None

    async def _try(self, waiting: list[Message]) -> list[Message]:
        """Write them; what must be written again. JournalError: not with this clock."""
        sent_ms = self.now_ms()
        try:
            if time.monotonic() - self._sure_s > SURE_S:
                await self._note()
            if self._skew.finding:
                raise _Skewed(self._skew.sentence())
            sent_ms = self.now_ms()
            results = await self._client.produce(waiting)
        except _Skewed:
            raise
        except Exception as error:  # noqa: BLE001 - away, in one of many ways; the next try says the same or works
            results = [error] * len(waiting)
        self._look(sent_ms, results[0])
        failed = [one for one, result in zip(waiting, results, strict=True) if not isinstance(result, Ack)]
        if failed:
            cause = next(result for result in results if not isinstance(result, Ack))
            await self._failed(len(failed), self._client.trouble(cause))
        return failed

    async def _failed(self, count: int, cause: JournalError) -> None:
        if self._error is None:
            log.warning("raw_not_written", intake=self.intake, reason=str(cause))
        self._error = str(cause)
        self._counts["retried"] += count
        await asyncio.sleep(PAUSE_S)

    def _messages(self, batch: Sequence[RawRecord], first: int) -> list[Message]:
        found = []
        for seq, record in enumerate(batch, first):
            value = encode_raw(self._layout.site, record)
            headers = (notes.header(self.intake, self.run, seq),) if record.kind == MQTT and record.qos else ()
            key = (self._placement.key(record) or "").encode("utf-8", "replace")
            found += [Message(self._topic, one, key, value, None, headers) for one in self._placement(record)]
        return found

    async def _note(self, known: Note | None = None) -> None:
        """Write our note, or one that is there already, and compare clocks by it."""
        sent_ms = self.now_ms()
        note = known or self.feed(
            replace(self._own, run=self.run, at_ms=sent_ms, received_at_ms=self._last_ms, acked=self._acked, feed="")
        )
        message = Message(self._notes_topic, 0, self.intake.encode(), notes.encode(note))
        result = (await self._client.produce([message]))[0]
        if not isinstance(result, Ack):
            raise self._client.trouble(result) from result
        self._look(sent_ms, result)

    def _look(self, sent_ms: int, result: Ack | BaseException) -> None:
        if not isinstance(result, Ack):
            return
        had = self._skew.finding
        self._sure_s = time.monotonic()
        if not self._skew.seen(sent_ms, self.now_ms(), result.at_ms) and not had:
            log.error("clock_skew", intake=self.intake, skew_ms=self._skew.ms)

    # ------------------------------------------------------------- the thread of the notes
    def _keep_noting(self, reader: Reader) -> None:
        while not self._closing.wait(notes.EVERY_MS / 1000):
            try:
                self._client.call(self._note(), LATE_S)
                self._others = {**self._others, **self._read_notes(reader)}
                if self._since_s is None and not self._skew.finding:
                    self._error = None
            except JournalError as error:
                self._error = str(error)

    def _read_notes(self, reader: Reader) -> dict[str, Note]:
        """The newest of each intake, of those not read yet."""
        start = self._notes_read or max(0, reader.ends(self._notes_topic, [0])[0] - NOTES_READ)
        rows = reader.read(self._notes_topic, 0, start, NOTES_READ)
        if rows:
            self._notes_read = rows[-1].offset + 1
        found = (notes.decode(row.value) for row in rows)
        return {note.intake: note for note in found if note is not None}


def _settle(future: Future[int], result: int | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
