"""A body of POST /events becomes rows, whatever it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.intake import pieces
from ingest.record import HTTP

GOOD = b'{"address": "vardevakt:gw-1/p-7", "type": "alarm.pressed"}'


def test_one_object_is_one_row_with_its_own_bytes():
    """A single event keeps the bytes it was sent with, under its address."""
    (piece,) = pieces(GOOD)
    record = piece.record()

    assert piece.fault is None
    assert (record.kind, record.topic, record.payload) == (HTTP, "http:vardevakt:gw-1/p-7", GOOD)


def test_each_item_of_an_array_keeps_its_bytes():
    """An array becomes a row per item, in order, spaces and all."""
    found = pieces(b" [ " + GOOD + b' , {"type" :  "x"}, 7 ]')

    assert [piece.payload for piece in found] == [GOOD, b'{"type" :  "x"}', b"7"]
    assert [piece.fault for piece in found] == [None, "address", ""]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", ""),
        (b"not json", ""),
        (b"[]", ""),
        (b"[" + GOOD, ""),
        (b'"text"', ""),
        (b"null", ""),
        (b'{"address": "vardevakt:x", "type": "a", "value": NaN}', ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
        (b'{"a":' * 100 + b"1" + b"}" * 100, ""),
        (b'{"type": "alarm.pressed"}', "address"),
        (b'{"type": "alarm.pressed", "address": "no-convention"}', "address"),
        (b'{"type": "alarm.pressed", "address": ":x"}', "address"),
        (b'{"type": "alarm.pressed", "address": 7}', "address"),
        (b'{"type": "alarm.pressed", "address": "v:a\\u0000b"}', "address"),
        (b'{"type": "alarm.pressed", "address": "v:' + b"x" * 400 + b'"}', "address"),
        (b'{"address": "vardevakt:x"}', "type"),
        (b'{"address": "vardevakt:x", "type": ""}', "type"),
        (b'{"address": "vardevakt:x", "type": ["alarm.pressed"]}', "type"),
    ],
)
def test_what_cannot_be_taken_in_is_still_a_row(body, fault):
    """Bad input names the field at fault and keeps its bytes for the dead letter."""
    (piece,) = pieces(body)

    assert piece.fault == fault
    assert piece.record().payload == body


def test_too_many_items_stay_one_row():
    """Beyond the limit of items the whole body is kept as one refused row."""
    found = pieces(b"[" + b",".join([GOOD] * 2001) + b"]")

    assert [piece.fault for piece in found] == [""]


@given(st.binary(max_size=300))
def test_no_bytes_raise(body):
    """Any bytes become at least one row."""
    assert pieces(body)
