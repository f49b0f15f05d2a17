"""Recordings: what is written is read back, and a broken line is named."""

import base64
import gzip

import pytest

from ingest.record import RawRecord
from ingest.recording import MAX_LINE_BYTES, RecordingError, RecordingReader, RecordingWriter, line_of, record_lines
from tests.support.journals import NOON_MS, message, sqlite_journal

AT = "2026-03-01T21:14:05.300Z"
AT_MS = 1_772_399_645_300


def read(path, content, **options):
    """The records of a file with this content."""
    path.write_bytes(content)
    return list(RecordingReader(path, **options))


def test_the_examples_of_the_contract(tmp_path):
    """Text, base64 and a line that only moves the clock; offsets are understood."""
    found = read(
        tmp_path / "r.jsonl",
        b'{"at": "2026-03-01T21:14:05.300Z", "topic": "a/b", "payload": "{\\"x\\": \\"\xc3\xb8\\"}", "qos": 1, '
        b'"retain": false}\n'
        b'{"at": "2026-03-01T22:14:06+01:00", "topic": "c", "payload": {"base64": "CAE="}, "qos": 0, "retain": true, '
        b'"dup": true}\n\n'
        b'{"at": "2026-03-01T23:00:00.000Z"}',
    )

    assert found == [
        RawRecord(AT_MS, "mqtt", "a/b", '{"x": "ø"}'.encode(), 1),
        RawRecord(AT_MS + 700, "mqtt", "c", b"\x08\x01", 0, retain=True, dup=True),
        RawRecord(AT_MS + 6_354_700, "clock"),
    ]


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.gz"])
def test_a_round_trip(tmp_path, name):
    """Bytes that are no text, http rows, dup marks, clock lines and facts of the feed survive; gzip by the name."""
    records = [
        RawRecord(AT_MS, "mqtt", "a", b"\xff\x00\xfe", 1, dup=True),
        RawRecord(AT_MS, "http", "http:vardevakt:gw/d", b"\x00{}\n\x7f"),
        RawRecord(AT_MS + 1, "clock"),
        RawRecord(AT_MS + 1, "feed", payload=b'{"type":"feed.lost"}'),
        RawRecord(AT_MS + 2, "mqtt", "b", "\u2028 æ".encode(), 2, retain=True),
    ]
    with RecordingWriter(tmp_path / name) as writer:
        writer.write(records)

    assert writer.lines == 5
    assert list(RecordingReader(tmp_path / name)) == records
    with (gzip.open if name.endswith("gz") else open)(tmp_path / name, "rb") as file:
        assert file.read().count(b"\n") == 5


BROKEN = [
    (b"not json", "not a JSON object"),
    (b"[1]", "not a JSON object"),
    (b'{"topic": "a", "payload": ""}', "`at` must be"),
    (b'{"at": "2026-03-01T21:14:05", "topic": "a", "payload": ""}', "`at` must be"),
    (b'{"at": 5, "topic": "a", "payload": ""}', "`at` must be"),
    (f'{{"at": "{AT}", "topic": "", "payload": ""}}'.encode(), "`topic`"),
    (f'{{"at": "{AT}", "topic": "a"}}'.encode(), "`payload`"),
    (f'{{"at": "{AT}", "topic": "a", "payload": {{"x": 1}}}}'.encode(), "`payload`"),
    (f'{{"at": "{AT}", "topic": "a", "payload": {{"base64": "?"}}}}'.encode(), "base64"),
    (f'{{"at": "{AT}", "topic": "a", "payload": "", "qos": 3}}'.encode(), "`qos`"),
    (f'{{"at": "{AT}", "topic": "a", "payload": "", "qos": true}}'.encode(), "`qos`"),
    (f'{{"at": "{AT}", "topic": "a", "payload": "", "retain": "no"}}'.encode(), "`retain`"),
    (f'{{"at": "{AT}", "topic": "a", "payload": "", "retained": true}}'.encode(), "unknown field `retained`"),
    (f'{{"at": "{AT}", "topic": "a", "payload": "", "kind": "clock"}}'.encode(), "`kind`"),
    (b'{"at": "2026-03-01T21:14:04.000Z"}', "order of arrival"),
    (b'{"at": "\xff"}', "not a JSON object"),
    (b'{"at": "' + b"[" * MAX_LINE_BYTES + b'"}', "not a JSON object"),
]


@pytest.mark.parametrize(("line", "match"), BROKEN, ids=[reason for _, reason in BROKEN])
def test_a_broken_line_is_named_or_skipped(tmp_path, line, match):
    """Strict: the file is refused with its name, the line's number and what is wrong. Lenient: skipped and counted."""
    good = line_of(RawRecord(AT_MS, "mqtt", "a", b"1"))
    path = tmp_path / "r.jsonl"
    with pytest.raises(RecordingError, match=match) as raised:
        read(path, good + line + b"\n" + good)
    assert raised.value.line == 2
    assert str(raised.value).startswith(f"{path}, line 2: ")

    reader = RecordingReader(path, lenient=True)
    assert [one.payload for one in reader] == [b"1", b"1"]
    assert reader.skipped == 1
    assert reader.first_skipped is not None
    assert reader.first_skipped.line == 2


def test_a_gzip_cut_short_is_named(tmp_path):
    """What can be read comes, then the error says where it ended; also leniently, for the rest is lost."""
    whole = gzip.compress(
        b"".join(line_of(RawRecord(AT_MS, "mqtt", "a", bytes([65 + n % 26]) * 50)) for n in range(9_000))
    )
    path = tmp_path / "r.jsonl.gz"

    with pytest.raises(RecordingError, match="cannot read on"):
        read(path, whole[: len(whole) // 2], lenient=True)
    with pytest.raises(RecordingError, match="line 1: cannot read on"):
        read(path, b"no gzip at all")


def test_a_journal_becomes_a_recording(tmp_path):
    """RAW between two times, in order; settings only move the clock."""
    with sqlite_journal(tmp_path) as journal:
        records = [message(number, base64.b64encode(bytes([number % 256])) * 3) for number in range(2_500)]
        records[7] = RawRecord(NOON_MS + 7_000, "setting", payload=b'{"secret": 1}')
        journal.raw.append(records).result(10)
        lines = list(record_lines(journal.raw, NOON_MS + 5_000, NOON_MS + 2_400_000))
        nothing = list(record_lines(journal.raw, NOON_MS + 9_999_000, NOON_MS + 99_999_000))

    assert len(lines) == 2_395
    assert nothing == []
    assert b"secret" not in b"".join(lines)
    path = tmp_path / "r.jsonl"
    found = read(path, b"".join(lines))
    assert found[0] == records[5]
    assert found[2] == RawRecord(NOON_MS + 7_000, "clock")
    assert found[-1] == records[2_399]
