"""Rows of journal.db: the tables, and how a record becomes a row and a row a record. Pure; no connection here.

Envelope (ids, home, class, times) and content stand in columns of their own, with the id of the key the content
is locked with (`content_key`, NULL = plain). So one person's content can later be encrypted, or made unreadable,
without touching what the folds count on: order, times, ids. In RAW the topic is envelope and the payload content.
Each row says its site and the schema version it was written in; a reader decodes every version up to SCHEMA.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ingest.event import Event, Value
from ingest.record import SCHEMA, DeadLetter, Input, RawRecord, Setting, Verdict

APPLICATION_ID = 0x56415244  # "VARD": tells our files from any other SQLite file
Cell = str | int | bytes | None
Row = tuple[Cell, ...]

FLOOR_LANE = "floor > 0 OR kind IN ('clock', 'setting')"  # what the floor reads; same words in index and query

TABLES = (
    """CREATE TABLE raw (
        seq INTEGER PRIMARY KEY, site TEXT NOT NULL, schema INTEGER NOT NULL, received_at_ms INTEGER NOT NULL,
        kind TEXT NOT NULL, topic TEXT NOT NULL, flags INTEGER NOT NULL, link TEXT NOT NULL,
        payload BLOB NOT NULL, content_key TEXT) STRICT""",
    """CREATE TABLE inputs (
        seq INTEGER PRIMARY KEY, site TEXT NOT NULL, schema INTEGER NOT NULL, received_at_ms INTEGER NOT NULL,
        kind TEXT NOT NULL, home TEXT NOT NULL, floor INTEGER NOT NULL, raw_seq INTEGER NOT NULL,
        item INTEGER NOT NULL, derived INTEGER NOT NULL, envelope BLOB, content BLOB, content_key TEXT) STRICT""",
    """CREATE TABLE input_homes (
        home TEXT NOT NULL, received_at_ms INTEGER NOT NULL, seq INTEGER NOT NULL,
        PRIMARY KEY (home, received_at_ms, seq)) STRICT, WITHOUT ROWID""",
    f"CREATE INDEX inputs_floor ON inputs (seq) WHERE {FLOOR_LANE}",
    """CREATE TABLE dead_letters (
        raw_seq INTEGER NOT NULL, item INTEGER NOT NULL, site TEXT NOT NULL, schema INTEGER NOT NULL,
        received_at_ms INTEGER NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
        may_be_alarm INTEGER NOT NULL, PRIMARY KEY (raw_seq, item)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE verdicts (
        raw_seq INTEGER NOT NULL, item INTEGER NOT NULL, site TEXT NOT NULL, schema INTEGER NOT NULL,
        reason TEXT NOT NULL, event_id TEXT, PRIMARY KEY (raw_seq, item)) STRICT, WITHOUT ROWID""",
    "CREATE TABLE positions (name TEXT PRIMARY KEY, position INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE acked (link TEXT PRIMARY KEY, seq INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TABLE snapshots (
        name TEXT NOT NULL, position INTEGER NOT NULL, site TEXT NOT NULL, schema INTEGER NOT NULL,
        engine TEXT NOT NULL, chunks INTEGER NOT NULL, whole INTEGER NOT NULL,
        PRIMARY KEY (name, position)) STRICT, WITHOUT ROWID""",
    """CREATE TABLE snapshot_chunks (
        name TEXT NOT NULL, position INTEGER NOT NULL, chunk INTEGER NOT NULL, state BLOB NOT NULL,
        PRIMARY KEY (name, position, chunk)) STRICT""",
)

INSERT_RAW = "INSERT INTO raw VALUES (?,?,?,?,?,?,?,?,?,NULL)"
SELECT_RAW = "SELECT seq, received_at_ms, kind, topic, flags, link, payload FROM raw"
INSERT_INPUT = "INSERT INTO inputs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,NULL)"
SELECT_INPUT = (
    "SELECT seq, site, schema, received_at_ms, kind, home, floor, raw_seq, item, derived, envelope, content FROM inputs"
)
# An index on (home, time) kept row by row dirties one page a home in every commit: with 1 000 homes it halved the
# speed (16-20 against 9-10 microseconds a row) and wrote nine times the bytes. So it is a table, filled in sorted
# bulk by the writer, and `find` scans the rest, which is at most INDEX_ROWS and a little.
INDEX_ROWS = 10_000
INDEXED = "(SELECT position FROM positions WHERE name = 'input_homes')"
INDEX_HOMES = f"""INSERT INTO input_homes SELECT home, received_at_ms, seq FROM inputs
    WHERE seq > {INDEXED} AND seq <= ? ORDER BY home, received_at_ms, seq"""  # noqa: S608 (constants)
FIND_INDEXED = f"""{SELECT_INPUT} WHERE seq IN (SELECT seq FROM input_homes WHERE home = ? AND received_at_ms >= ?
    AND received_at_ms < ? ORDER BY received_at_ms, seq LIMIT ?) ORDER BY seq"""  # noqa: S608 (constants)
FIND_REST = f"{SELECT_INPUT} WHERE seq > {INDEXED} AND home = ? AND received_at_ms >= ? AND received_at_ms < ?"

INSERT_DEAD_LETTER = "INSERT INTO dead_letters VALUES (?,?,?,?,?,?,?,?,?)"
SELECT_DEAD_LETTER = "SELECT raw_seq, item, received_at_ms, address, reason, detail, may_be_alarm FROM dead_letters"
INSERT_VERDICT = "INSERT INTO verdicts VALUES (?,?,?,?,?,?)"
SELECT_VERDICT = "SELECT raw_seq, item, reason, event_id FROM verdicts"


class EventEnvelope(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What of an event stays readable whatever happens to its content. New fields go last, with a default."""

    event_id: str
    type: str
    address: str
    home: str
    subject: str
    received_at_ms: int
    effective_at_ms: int
    observed_at_ms: int | None
    device: str | None
    gateway: str | None
    resident: str | None
    role: str | None
    room: str | None
    quality: tuple[str, ...]
    state: bool


class EventContent(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What of an event is about a person's life."""

    content: dict[str, Value]
    extra: dict[str, object]
    key: str | None


class SettingEnvelope(msgspec.Struct, frozen=True, gc=False, array_like=True):
    setting_id: str
    version: int
    kind: str
    actor: str | None


_pack = msgspec.msgpack.Encoder().encode
_event_envelope = msgspec.msgpack.Decoder(EventEnvelope).decode
_event_content = msgspec.msgpack.Decoder(EventContent).decode
_setting_envelope = msgspec.msgpack.Decoder(SettingEnvelope).decode
_setting_value: Callable[[bytes], dict[str, object] | None] = msgspec.msgpack.Decoder(dict[str, object] | None).decode


def raw_row(seq: int, site: str, record: RawRecord) -> Row:
    flags = record.qos | record.retain << 2 | record.dup << 3
    return (
        seq, site, SCHEMA, record.received_at_ms, record.kind, text(record.topic), flags, record.link, record.payload,
    )  # fmt: skip


def raw_record(row: tuple[int, int, str, str, int, str, bytes]) -> RawRecord:
    """The record of one row of SELECT_RAW."""
    seq, received_at_ms, kind, topic, flags, link, payload = row
    return RawRecord(
        received_at_ms, kind, topic, payload, flags & 3, bool(flags & 4), bool(flags & 8), link, seq,
    )  # fmt: skip


def input_row(site: str, one: Input) -> Row:
    """All columns but the first (seq), which the writer gives."""
    envelope, content = _event_bytes(one.event) if one.event else _setting_bytes(one.setting)
    return (
        one.event.site if one.event else site, SCHEMA, one.received_at_ms, one.kind, one.home, one.floor,
        one.raw_seq, one.item, int(one.derived), envelope, content,
    )  # fmt: skip


def input_of(row: tuple[int, str, int, int, str, str, int, int, int, int, bytes | None, bytes | None]) -> Input:
    """The input of one row of SELECT_INPUT, of any schema version up to ours."""
    seq, site, _schema, received_at_ms, kind, home, floor, raw_seq, item, derived, envelope, content = row
    event, setting = None, None
    if envelope is not None and content is not None:
        if kind == "setting":
            setting = _setting_of(envelope, content)
        else:
            event = _event_of(site, envelope, content)
    return Input(kind, received_at_ms, home, event, setting, floor, raw_seq, item, bool(derived), seq)


def dead_letter_row(site: str, one: DeadLetter) -> Row:
    return (
        one.raw_seq, one.item, site, SCHEMA, one.received_at_ms, text(one.address), one.reason, text(one.detail),
        int(one.may_be_alarm),
    )  # fmt: skip


def dead_letter(row: tuple[int, int, int, str, str, str, int]) -> DeadLetter:
    return DeadLetter(*row[:6], may_be_alarm=bool(row[6]))


def verdict_row(site: str, one: Verdict) -> Row:
    return (one.raw_seq, one.item, site, SCHEMA, one.reason, one.event_id)


def verdict(row: tuple[int, int, str, str | None]) -> Verdict:
    return Verdict(*row)


def text(value: str) -> str:
    """The text without lone surrogates, which neither SQLite nor msgpack can hold."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def packed(value: object) -> bytes:
    """The value as msgpack. What msgpack cannot hold becomes what it can, so that no payload can stop the log."""
    try:
        return _pack(value)
    except (UnicodeEncodeError, OverflowError):
        return _pack(_holdable(msgspec.to_builtins(value)))


def _holdable(value: object) -> object:
    """Integers beyond 64 bits as their digits, lone surrogates as "?"; depth is bounded by the codecs."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return str(value)
    if isinstance(value, dict):
        return {_holdable(key): _holdable(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_holdable(one) for one in value]
    return value


def _event_bytes(event: Event) -> tuple[bytes, bytes]:
    envelope = EventEnvelope(
        event.event_id, event.type, event.address, event.home, event.subject, event.received_at_ms,
        event.effective_at_ms, event.observed_at_ms, event.device, event.gateway, event.resident, event.role,
        event.room, event.quality, event.state,
    )  # fmt: skip
    return packed(envelope), packed(EventContent(event.content, event.extra, event.key))


def _event_of(site: str, envelope: bytes, content: bytes) -> Event:
    head, body = _event_envelope(envelope), _event_content(content)
    return Event(
        head.event_id, head.type, site, head.address, head.home, head.subject, head.received_at_ms,
        head.effective_at_ms, head.observed_at_ms, head.device, head.gateway, head.resident, head.role, head.room,
        head.quality, head.state, body.key, body.content, body.extra,
    )  # fmt: skip


def _setting_bytes(setting: Setting | None) -> tuple[bytes | None, bytes | None]:
    if setting is None:
        return None, None
    head = SettingEnvelope(setting.setting_id, setting.version, setting.kind, setting.actor)
    return packed(head), packed(setting.value)


def _setting_of(envelope: bytes, content: bytes) -> Setting:
    head = _setting_envelope(envelope)
    return Setting(head.setting_id, head.version, head.kind, _setting_value(content), head.actor)
