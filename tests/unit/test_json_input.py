import pytest

from ingest.codec import MAX_PAYLOAD_BYTES
from ingest.event import Rejected
from ingest.json_input import read_json
from ingest.wire_time import epoch_ms, rfc3339_ms


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{", b"bar", b"NaN", b'{"a": NaN}', b"[Infinity]", b"[-Infinity]", b"[1e999]", b'{"a": 1} x',
        b'"\xff"', b"\xc0\x80", b'"\\ud800"', b"[" * 100_000, b'{"a":' * 33 + b"1" + b"}" * 33, b"1" * 10_000,
    ],
)  # fmt: skip
def test_refused(payload):
    """What is not JSON, not UTF-8, not a number or nested too deep is Rejected as not_json, and never raises."""
    rejected = read_json(payload, may_be_alarm=True)

    assert isinstance(rejected, Rejected)
    assert rejected.reason == "not_json"
    assert rejected.may_be_alarm


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"[" * 32 + b"]" * 32, None),
        (b"[" + b"{}," * 1000 + b"{}]", None),
        (b"null", None),
    ],
)
def test_tolerated(payload, value):
    """Duplicate keys, a byte order mark, depth 32 and many shallow brackets are read."""
    found = read_json(payload, may_be_alarm=False)

    assert not isinstance(found, Rejected)
    assert value is None or found == value


def test_too_large():
    """A payload over 1 MiB is refused without being parsed."""
    rejected = read_json(b" " * (MAX_PAYLOAD_BYTES + 1), may_be_alarm=False)

    assert rejected == Rejected("too_large", f"{MAX_PAYLOAD_BYTES + 1} bytes", may_be_alarm=False)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-03-01T22:14:05.120+01:00", 1772399645120),
        ("2026-03-01T21:14:05.120Z", 1772399645120),
        ("2026-03-01t21:14:05.120z", 1772399645120),
        ("2025-03-03T07:02:11.123456789+00:00", 1740985331123),
        ("1970-01-01T00:00:00Z", 0),
        ("2070-01-01T00:00:00Z", 3155760000000),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2022-08-03T14:37:60Z", 1659537480000),
        ("2026-03-01T22:14:05", None),
        ("2026-13-01T22:14:05Z", None),
        ("yesterday", None),
        ("", None),
        ("12345", None),
    ],
)
def test_rfc3339(text, ms):
    """RFC 3339 with offset in any precision; a time without zone is no time."""
    assert rfc3339_ms(text) == ms


@pytest.mark.parametrize(
    ("value", "ms"),
    [(1665561758, 1665561758000), (1665561758.5, 1665561758500), (1665561758123, 1665561758123), (0, None), (-5, None),
     (1e30, None), (float("nan"), None), (True, None)],
)  # fmt: skip
def test_epoch(value, ms):
    """Seconds and milliseconds are told apart by magnitude, and the absurd is no time."""
    assert epoch_ms(value) == ms
