"""The settings on their way into RAW on Kafka: each goes where it is needed (`setting_places.py`), and no further.

Theory of operation. The desk's relay gives rows in their order to `submit`, here instead of receive. First the topic
`settings` is read to its end: it says of each setting what its newest version is and where it stands. Then each row is
written to its raw partitions, and when Kafka has acknowledged all of a batch, what has changed to the topic; only then
does the relay mark its rows. So whoever relays next, here or in another process, knows of every marked row, and of an
unmarked one nothing, and writes it again. What a fold hears twice it drops by its version.

Two that relay at once (one was held up, and lost its lease meanwhile) write the same. Should one know more than the
other's words in the topic say, it writes that setting again, to RAW and to the topic.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import msgspec

from ingest.client_kafka import KafkaClient
from ingest.journal import JournalError
from ingest.record import SETTING, RawRecord, Setting
from ingest.setting_places import SettingPlaces, Write, decode_standing, setting_record, settings_rows
from ingest.topics import SETTINGS, Placement
from ingest.writer_kafka import KafkaWriter

WITHIN_S = 30.0
ROWS = 5_000

_SETTING = msgspec.json.Decoder(Setting)


class KafkaSettings:
    """`submit` as the relay wants it (alerts/relay.py). One caller at a time."""

    def __init__(
        self,
        client: KafkaClient,
        placement: Placement,
        submit: Callable[[Sequence[RawRecord]], Future[int]],
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """`submit`: receive's, with these placed in RAW (ingest/receive.py)."""
        self._placement, self._submit, self._now_ms = placement, submit, now_ms
        self._topic, self._reader = placement.layout.topic(SETTINGS), client.reader()
        self._writer = KafkaWriter(client, placement)
        self._places: SettingPlaces | None = None  # None: to be read from the topic
        self._read = 0

    def submit(self, records: Sequence[RawRecord]) -> Future[int]:
        """Done when it returns. JournalError, TimeoutError: give the same again."""
        places, writes = self._caught_up()
        self._places = None  # until all is written: what was, nobody knows before
        given = [setting_record(self._now_ms(), one, where) for one, where in writes]
        changed = dict.fromkeys(one.setting_id for one, _ in writes)
        for record in records:
            try:
                setting = _SETTING.decode(record.payload) if record.kind == SETTING else None
            except (msgspec.MsgspecError, UnicodeError, RecursionError):
                setting = None  # every source fold says what is wrong with it
            if setting is None:
                given.append(record)
                continue
            found = places.writes(setting, self._now_ms())
            given += [setting_record(record.received_at_ms, one, where) for one, where in found]
            changed.update(dict.fromkeys([setting.setting_id, *(one.setting_id for one, _ in found)]))
        last = self._submit(given).result(WITHIN_S)
        self._writer.write(settings_rows([places.standing(name) for name in changed]), WITHIN_S)
        self._places = places
        done: Future[int] = Future()
        done.set_result(last)
        return done

    def _caught_up(self) -> tuple[SettingPlaces, list[Write]]:
        """What is known by now, and what somebody else's words in the topic have left out."""
        places = self._places
        if places is None:
            places, self._read = SettingPlaces(self._placement), 0
        again: dict[str, None] = {}
        while rows := self._reader.read(self._topic, 0, self._read, ROWS):
            for row in rows:
                try:
                    standing = decode_standing(row.value)
                except ValueError as error:
                    raise JournalError(f"{self._topic}/{row.offset}: {error}") from error
                again.pop(standing.item.setting.setting_id, None)
                if places.learn(standing):
                    again[standing.item.setting.setting_id] = None
            self._read = rows[-1].offset + 1
        return places, [write for name in again for write in places.again(name)]
