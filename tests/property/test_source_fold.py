from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.codecs import default_codecs
from ingest.record import MQTT, Folded, Input, RawRecord
from ingest.source_fold import SourceFold
from tests.support.source import (
    MINUTE_MS,
    NOON_MS,
    SITE,
    Source,
    clock,
    feed,
    items_of,
    press,
    rfc3339,
    said,
    setting,
    site,
    status,
    without_seqs,
)
from tests.support.tree import ROOT

DEVICES = ("pendant", "mat", "neighbour", "stranger")
TYPES = (
    "alarm.pressed", "bed.left", "fall.suspected", "zone.left", "device.offline", "heartbeat", "battery.level",
    "nonsense", "condition.reported",
)  # fmt: skip
FIELDS = st.sampled_from(("type", "id", "time", "seq", "action", "smoke", "test", "online")) | st.text(max_size=3)
SITE_ROWS = site()
PACK = msgspec.msgpack.Encoder().encode
GAPS_MS = st.sampled_from((0, 1, 900, 61_000, 4 * MINUTE_MS, 16 * MINUTE_MS, 26 * 60 * MINUTE_MS))


@st.composite
def bodies(draw):
    """One object of the convention, good or bad, with and without a key of its own."""
    body = {"type": draw(st.sampled_from(TYPES))}
    if draw(st.booleans()):
        body["id"] = draw(st.sampled_from(("1", "2")))
    if draw(st.booleans()):
        body["time"] = rfc3339(NOON_MS + draw(st.sampled_from((-(10**13), -3_600_000, 0, 30_000, 10**12))))
    if draw(st.integers(0, 5)) == 0:
        body |= draw(st.sampled_from(({"test": True}, {"interval_seconds": 60}, {"severity": 40}, {"percent": "low"})))
    return body


@st.composite
def records(draw, *, clocks: bool = True):
    """A journal: the site, then messages, settings, feed facts and clocks in the order of time."""
    found = list(SITE_ROWS)
    at_ms = NOON_MS
    for _ in range(draw(st.integers(1, 25))):
        at_ms += draw(GAPS_MS)
        kind = draw(st.integers(0, 11))
        if kind <= 6:
            body = draw(st.one_of(bodies(), st.lists(bodies(), max_size=3), st.binary(max_size=6)))
            device, leaf = draw(st.sampled_from(DEVICES)), draw(st.sampled_from(("event", "state", "event")))
            retain, dup = draw(st.sampled_from(((False, False), (False, False), (True, False), (False, True))))
            found.append(said(at_ms, device, body, leaf=leaf, retain=retain, dup=dup))
        elif kind <= 8:
            online, retain = draw(st.booleans()), draw(st.integers(0, 3)) == 0
            found.append(status(at_ms, online=online, retain=retain))
        elif kind == 9:
            resident, version = draw(st.sampled_from(("r1", "r2"))), len(found)
            value = {"address": "vardevakt:gw-1/mat", "resident": resident, "gateway": "gw1", "interval": "1 min"}
            found.append(setting("device", "d2", draw(st.sampled_from((value, value, None))), at_ms, version))
        elif kind == 10:
            found.append(feed(at_ms, draw(st.sampled_from(("feed.lost", "feed.gap", "feed.settled")))))
        elif clocks:
            found.append(clock(at_ms))
    return found


def outputs(folds: list[Folded]) -> list[bytes]:
    return [PACK(one) for one in folds]


@given(records(), st.data())
def test_cut_anywhere_and_restored_says_the_same(journal, data):
    """A fold that was saved and restored at any row goes on exactly like one that never stopped."""
    cut = data.draw(st.integers(0, len(journal)))
    whole = Source()
    expected = [whole(record) for record in journal]
    first, second = Source(), Source()
    before = [first(record) for record in journal[:cut]]
    second.fold.restore(first.fold.snapshot())
    second.seq = first.seq
    after = [second(record) for record in journal[cut:]]

    assert outputs(before + after) == outputs(expected)
    assert second.fold.snapshot() == whole.fold.snapshot()


@given(records(clocks=False), st.data())
def test_extra_clock_records_change_nothing(journal, data):
    """However often somebody looks at the clock, the same events come at the same times in the same order."""
    plain = Source()
    expected = [one for record in journal for one in plain(record).inputs]
    ticked = Source()
    found: list[Input] = []
    for record, following in zip(journal, [*journal[1:], None], strict=True):
        found += ticked(record).inputs
        if following is not None:
            span_ms = following.received_at_ms - record.received_at_ms
            for part in sorted(data.draw(st.lists(st.integers(0, span_ms), max_size=3))):
                found += ticked(clock(record.received_at_ms + part)).inputs
    end_ms = journal[-1].received_at_ms + 60 * MINUTE_MS
    expected += plain(clock(end_ms)).inputs
    found += ticked(clock(end_ms)).inputs

    assert list(without_seqs(one for one in found if one.kind != "clock")) == list(
        without_seqs(one for one in expected if one.kind != "clock")
    )


@given(records(), st.data())
def test_keyed_duplicates_change_nothing(journal, data):
    """A message whose items all have keys may come any number of times: each copy is a verdict and everything else,
    now and later, is as without it, but that its gateway is heard.
    """
    plain, doubled = Source(), Source()
    for record in journal:
        expected, found = plain(record), doubled(record)
        assert list(without_seqs(found.inputs)) == list(without_seqs(expected.inputs))
        drafts = [one.event for one in found.inputs if not one.derived and one.event is not None]
        keyed = record.kind == MQTT and drafts and all(event.key is not None for event in drafts)
        if keyed and not found.dead_letters and not found.verdicts and data.draw(st.booleans()):
            again = doubled(record)
            assert (again.inputs, again.dead_letters) == ((), ())
            assert {verdict.reason for verdict in again.verdicts} == {"duplicate"}


JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner, max_size=4),
).map(lambda value: json.dumps(value).encode())
TOPICS = st.sampled_from((
    "vardevakt/1/gw-1/pendant/event", "vardevakt/1/gw-1/mat/state", "vardevakt/1/gw-1/status", "zigbee2mqtt/bedroom",
    "zigbee2mqtt/bridge/logging", "application/a/device/b/event/up", "$SYS/x", "x/y",
))  # fmt: skip


@given(st.lists(st.tuples(TOPICS, st.binary(max_size=40) | JSONS, st.booleans(), st.booleans()), max_size=12))
def test_any_bytes_end_in_one_place(messages):
    """Byte soup never raises, and every item of it is exactly one of input, dead letter and verdict."""
    source = Source(site())
    for number, (topic, payload, retain, dup) in enumerate(messages):
        folded = source(RawRecord(NOON_MS + number, MQTT, topic, payload, 1, retain, dup))
        ends = items_of(folded)

        assert ends, "a message ends nowhere"
        assert [item for item, _ in ends] == list(range(len(ends)))
        PACK(folded)
    source.fold.restore(source.fold.snapshot())


def journal_of_everything() -> list[RawRecord]:
    """A long mixed journal without chance in it."""
    found = site()
    for number in range(400):
        at_ms = NOON_MS + number * 37_000
        device = DEVICES[number % 4]
        body = {"type": ("bed.left", "bed.occupied", "alarm.pressed", "x.y")[number // 4 % 4], "tags": {"b": 1, "a": 2}}
        if number % 3:
            body["id"] = str(number % 50)
        found.append(said(at_ms, device, body if number % 11 else b"{%d" % number))
        if number % 40 == 0:
            found.append(RawRecord(at_ms, MQTT, f"zigbee2mqtt/s{number}", b'{"occupancy": true, "battery": 90}', 1))
            found.append(clock(at_ms + 20 * MINUTE_MS))
    return sorted(found, key=lambda one: one.received_at_ms)


def digest() -> str:
    """Fingerprint of everything the fold says about that journal, and of its snapshot."""
    source = Source()
    said_bytes = b"".join(outputs([source(record) for record in journal_of_everything()]))
    return hashlib.sha256(said_bytes + source.fold.snapshot()).hexdigest()


def test_the_same_bytes_under_any_hash_seed():
    """Outputs and snapshot do not depend on the order in which Python's sets and hashes happen to stand."""
    script = "import runpy, sys; print(runpy.run_path(sys.argv[1])['digest']())"
    found: set[str] = set()
    for seed in ("0", "4242"):  # and the seed of this process
        run = subprocess.run(
            [sys.executable, "-c", script, __file__], cwd=ROOT, check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        found.add(run.stdout.strip())

    assert found == {digest()}


def test_the_replay_of_a_recording_gives_the_same_ids():
    """The same messages at the same times, in a journal of their own, are the same events."""
    journal = [record for record in journal_of_everything() if record.kind == MQTT]
    runs = []
    for clocks in (0, 3):
        source = Source([*site(), *(clock(NOON_MS) for _ in range(clocks))])
        runs.append([one.event.event_id for record in journal for one in source(record).inputs if one.event])

    assert runs[0] == runs[1]
    assert len(runs[0]) > 100


def test_a_snapshot_of_another_engine_or_site_is_refused():
    """A fold never wakes up with somebody else's memory."""
    state = Source([*site(), press(NOON_MS)]).fold.snapshot()
    for damaged, where in ((state, "elsewhere"), (state[:-3], SITE), (state.replace(b"source-2", b"source-0"), SITE)):
        with pytest.raises(ValueError, match="snapshot"):
            SourceFold(where, default_codecs()).restore(damaged)
