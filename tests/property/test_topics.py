"""Any records, spread over any number of partitions and written however badly, say to each home what one log says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import partial

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.codecs import default_codecs
from ingest.liveness import STRAGGLERS_MS
from ingest.record import CLOCK, FEED, HTTP, MQTT, SETTING, STAFF, Folded, Input, RawRecord, Setting
from ingest.source_fold import SourceFold
from ingest.source_join import joined
from ingest.topics import (
    DEAD,
    INPUTS,
    VERDICTS,
    Layout,
    Origins,
    Placement,
    decode_dead_letter,
    decode_input,
    decode_raw,
    decode_verdict,
    encode_raw,
    outgoing,
    place,
    split_place,
)

CODECS = default_codecs(("zigbee2mqtt", "house"))
START_MS = 1_780_000_000_000
TOPICS = (
    "vardevakt/1/g1/d1/event", "vardevakt/1/g1/d2/event", "vardevakt/1/g2/d3/event", "vardevakt/1/g2/status",
    "vardevakt/1/stranger/d/event", "zigbee2mqtt/mat", "zigbee2mqtt/bridge/state", "house/door/availability",
    "application/1/device/24e124122b250001/event/up", "nobody/knows", "$SYS/x",
)  # fmt: skip
BODIES = (
    b'{"type":"alarm.pressed","trigger":"pendant","id":"%d"}', b'{"type":"motion.detected","room":"hall"}',
    b'{"type":"heartbeat","interval_seconds":300}', b'{"online":false}', b"\xff%d", b'{"contact":false}', b"{}",
)  # fmt: skip


def setting(kind: str, name: str, version: int, value: Mapping[str, object]) -> bytes:
    return msgspec.json.encode(Setting(f"{kind}/{name}", version, kind, dict(value)))


def first_settings() -> list[bytes]:
    """Three homes; two gateways with three devices, a mat and a door at a bridge."""
    found = [setting("home", home, 1, {}) for home in ("h1", "h2", "h3")]
    found += [setting("resident", f"r{n}", 1, {"home": f"h{n}"}) for n in (1, 2, 3)]
    found += [setting("gateway", f"g{n}", 1, {"home": f"h{n}", "address": f"vardevakt:g{n}"}) for n in (1, 2)]
    devices = (("d1", "g1/d1", "r1", "g1"), ("d2", "g1/d2", "r3", "g1"), ("d3", "g2/d3", "r2", "g2"))
    for name, address, resident, gateway in devices:
        value = {"address": f"vardevakt:{address}", "resident": resident, "gateway": gateway}
        found.append(setting("device", name, 1, value))
    found.append(setting("device", "mat", 1, {"address": "zigbee2mqtt:mat", "resident": "r3", "role": "bed"}))
    return found


MESSAGES = st.tuples(st.just(MQTT), st.sampled_from(TOPICS), st.sampled_from(BODIES), st.integers(0, 2))
OWN = st.one_of(
    st.tuples(
        st.just(HTTP), st.sampled_from(["http:vardevakt:g1/d1", "http:x:y"]), st.sampled_from(BODIES), st.just(1)
    ),
    st.tuples(st.just(SETTING), st.just(""), st.sampled_from(["h1", "h2", "h3"]), st.integers(2, 9)),
    st.tuples(st.just(FEED), st.just(""), st.sampled_from(["feed.lost", "feed.gap", "feed.settled"]), st.just(0)),
    st.tuples(st.just(STAFF), st.just(""), st.sampled_from(["h1", "h2"]), st.just(0)),
    st.tuples(st.just(CLOCK), st.just(""), st.just(""), st.just(0)),
)
STEP = st.tuples(st.one_of(MESSAGES, MESSAGES, OWN), st.integers(0, 400_000))
STEPS = st.lists(STEP, max_size=40)
AGAIN = st.tuples(st.just(MQTT), st.sampled_from(TOPICS[:3]), st.sampled_from(BODIES[:5]), st.just(0))
ANY = st.tuples(st.one_of(AGAIN, AGAIN, MESSAGES, OWN), st.sampled_from((0, 1_000, 60_000, 400_000)))
LONGER = st.lists(ANY, min_size=8, max_size=40)  # something on both sides of a cut, also of the same


HEARD_AT_LAST = ((MQTT, "$SYS/x", b"", 0), 400_000)


def records(steps) -> list[RawRecord]:
    """Settings first, then the drawn steps in time, then clocks until every silence has been told.

    Whoever says `feed.lost` says `feed.gap` before anything but stragglers is heard again (`shared_feed.py`): by a
    message alone only its own partition could know, and in another, where nobody speaks, no silence would be told.
    What it says of the past counts from the same time in all: each has its clock as soon as a timer is due there.
    """
    at_ms, lost_ms = START_MS, 0
    found = [RawRecord(at_ms, SETTING, payload=body) for body in first_settings()]
    for (kind, topic, body, number), step_ms in [*steps, HEARD_AT_LAST]:
        before_ms, at_ms = at_ms, at_ms + step_ms
        if kind == FEED:
            found += [RawRecord(before_ms, CLOCK), feed(body, at_ms - 60_000, at_ms)]
            lost_ms = (lost_ms or at_ms) if body == "feed.lost" else 0
            continue
        if kind == MQTT and lost_ms and at_ms - lost_ms > STRAGGLERS_MS:
            found.append(feed("feed.gap", lost_ms, at_ms))
            lost_ms = 0
        payload = body if isinstance(body, bytes) else b""
        if b"%d" in payload:
            payload %= number
        if kind == SETTING:
            payload = setting("resident", "r3", number, {"home": body})
        elif kind == STAFF:
            payload = msgspec.json.encode({"type": "staff.arrived", "home": body, "actor": "a", "at_ms": at_ms})
        found.append(RawRecord(at_ms, kind, topic, payload, qos=1, link="mqtt:a"))
    return [*found, *(RawRecord(at_ms + days * 86_400_000, CLOCK) for days in (1, 2, 5))]


def feed(kind: str, from_ms: int, at_ms: int) -> RawRecord:
    payload = msgspec.json.encode({"type": kind, "from_ms": from_ms, "to_ms": at_ms})
    return RawRecord(at_ms, FEED, payload=payload, qos=1, link="mqtt:a")


def by_home(inputs: list[Input]) -> dict[str, Counter[tuple[object, ...]]]:
    """What each home hears, whatever the order between its sources."""
    found: dict[str, Counter[tuple[object, ...]]] = {}
    for one in inputs:
        event = None if one.event is None else msgspec.json.encode(one.event)
        setting = None if one.setting is None else msgspec.json.encode(one.setting, order="sorted")
        counted = found.setdefault(one.home, Counter())
        # as of when a home hears of a lost feed: not before anything that its fold has heard
        at_ms = 0 if one.event is not None and one.event.type == "feed.lost" else one.received_at_ms
        counted[one.kind, at_ms, event, setting, one.floor, one.item, one.derived] += 1
    return found


@given(STEPS, st.integers(1, 9))
def test_partitions_say_together_what_one_log_says(steps, partitions):
    """Every home hears the same inputs, and every message ends in the same dead letters and verdicts."""
    given_records = records(steps)
    one = SourceFold("s", CODECS)
    whole = [
        one.apply(msgspec.structs.replace(each, seq=seq)) for seq, each in enumerate(given_records, 1)
    ]  # fmt: skip

    layout = Layout("s", partitions=partitions)
    placement = Placement(layout, CODECS)
    logs = placed(placement, given_records)
    heard: list[Input] = []
    rest: Counter[tuple[str, str]] = Counter()
    for partition, log in enumerate(logs):
        fold = SourceFold("s", CODECS, here=partial(placement.here, partition))
        for row in outgoing(layout, partition, [(each, fold.apply(each)) for each in log]):
            if row.log == INPUTS:
                found = decode_input(row.value, 0).input
                assert row.partition == (layout.partition_of(found.home) if found.home else partition)
                if found.home or partition == 0:
                    heard.append(found)
            elif row.log == DEAD:
                rest[DEAD, decode_dead_letter(row.value, partition).reason] += 1
            elif row.log == VERDICTS and (verdict := decode_verdict(row.value, partition)) and verdict.event_id:
                rest[VERDICTS, verdict.reason] += 1

    assert by_home(heard) == by_home([each for folded in whole for each in folded.inputs])
    expected = Counter((DEAD, each.reason) for folded in whole for each in folded.dead_letters)
    expected += Counter((VERDICTS, each.reason) for folded in whole for each in folded.verdicts if each.event_id)
    assert rest == expected


def folded_apart(layout: Layout, logs: list[list[RawRecord]], folds: list[SourceFold]) -> list[Input]:
    """What the folds of these raw partitions say to homes."""
    return [
        decode_input(row.value, 0).input
        for partition, log in enumerate(logs)
        for row in outgoing(layout, partition, [(each, folds[partition].apply(each)) for each in log])
        if row.log == INPUTS
    ]


def placed(placement: Placement, given_records: list[RawRecord]) -> list[list[RawRecord]]:
    """The records in their raw partitions."""
    logs: list[list[RawRecord]] = [[] for _ in range(placement.layout.partitions)]
    for each in given_records:
        for partition in placement(each):
            logs[partition].append(msgspec.structs.replace(each, seq=len(logs[partition]) + 1))
    return logs


def said(topic: int, body: int) -> tuple[object, int]:
    return (MQTT, TOPICS[topic], BODIES[body], 0), 0


SPOKE = [said(0, 0), said(2, 0), said(0, 2), said(5, 5), said(1, 4), ((FEED, "", "feed.lost", 0), 0)]
"""Two presses, a heartbeat, a contact, one that nobody can read; then nobody is heard."""
AGAIN_LATER = [said(1, 4), *[((CLOCK, "", "", 0), 400_000)] * 3, said(0, 0), said(0, 2), said(5, 5)]


@given(LONGER, st.integers(1, 5), st.integers(1, 9), st.integers(8, 32))
@example([*SPOKE, *AGAIN_LATER], 3, 2, len(first_settings()) + len(SPOKE) + 1)
def test_a_move_to_other_partitions_changes_nothing_for_any_home(steps, before, after, cut):
    """Folds of some partitions, joined into those of any other number at any moment, go on as one fold would.

    All are brought to the same time first, as the clock does it for each partition with a timer that is due: else what
    was due in one of them is told as of the newest time of all, the same word a moment later.
    """
    given_records = records(steps)
    stopped_ms = max((each.received_at_ms for each in given_records[:cut]), default=START_MS)
    given_records.insert(cut, RawRecord(stopped_ms, CLOCK))
    one = SourceFold("s", CODECS)
    whole = [one.apply(msgspec.structs.replace(each, seq=seq)) for seq, each in enumerate(given_records, 1)]

    heard: list[Input] = []
    states: list[bytes] = []
    parts = ((Layout("s", 1, before), given_records[: cut + 1]), (Layout("s", 2, after), given_records[cut + 1 :]))
    for layout, part in parts:
        placement = Placement(layout, CODECS)
        here = [partial(placement.here, at) for at in range(layout.partitions)]
        folds = [SourceFold("s", CODECS, here=each) for each in here]
        for at, fold in enumerate(folds if states else ()):
            fold.restore(joined(states, here[at]))
        heard += folded_apart(layout, placed(placement, part), folds)
        states = [fold.snapshot() for fold in folds]

    assert {home: words for home, words in by_home(heard).items() if home} == {
        home: words for home, words in by_home([each for folded in whole for each in folded.inputs]).items() if home
    }


@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=30),
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 12), st.sets(st.integers(0, 12)), st.booleans()), max_size=12
    ),
)
def test_a_reader_takes_each_row_once_whatever_was_written_how_often(shape, attempts):
    """Writers that fail in the middle, begin again, and zombies that write the same later: each row once, in order."""
    layout = Layout("s", partitions=3)
    homes = {layout.partition_of(name): name for name in ("h1", "h2", "h3", "h4", "h5", "h6", "h7")}
    folded = [
        (RawRecord(seq, CLOCK, seq=seq), Folded(tuple(Input("event", seq, homes[at]) for _ in range(1 + twice))))
        for seq, (at, twice) in enumerate(((at % len(homes), twice) for at, twice in shape), 1)
        if at in homes
    ]
    log: list[bytes] = []
    done = 0  # every row up to here has been acknowledged
    for start, count, lost, zombie in attempts:
        begin = min(start, done) if zombie else done  # who restarts begins at what is applied, or before
        rows = [row for row in outgoing(layout, 0, folded[begin : begin + count]) if row.partition == 1]
        log += [row.value for number, row in enumerate(rows) if number not in lost]
        if not any(number in lost for number in range(len(rows))):
            done = max(done, min(begin + count, len(folded)))
    rest = [row for row in outgoing(layout, 0, folded[done:]) if row.partition == 1]
    log += [row.value for row in rest]

    reader, taken = Origins(), []
    for value in log:
        one = decode_input(value, 0)
        if reader.new(one):
            taken.append(one.origin)
    expected = [decode_input(row.value, 0).origin for row in outgoing(layout, 0, folded) if row.partition == 1]
    assert taken == expected


TEXT = st.text(max_size=20)


@given(TEXT, TEXT, st.binary(max_size=50), st.integers(0, 2), st.booleans(), st.booleans(), st.integers(0, 2**50))
def test_a_raw_record_comes_back_as_it_was(topic, link, payload, qos, retain, dup, at_ms):
    """Whatever a gateway sends; only lone surrogates, which nothing can hold, become question marks."""
    record = RawRecord(at_ms, MQTT, topic, payload, qos, retain, dup, link.encode("utf-8", "replace").decode())

    again = decode_raw(encode_raw("s", record), 41)

    assert again == msgspec.structs.replace(record, topic=topic.encode("utf-8", "replace").decode(), seq=42)
    assert Placement(Layout("s", partitions=7), CODECS)(record)[0] in range(7)


@given(st.integers(0, 1023), st.integers(1, 2**36 - 1), st.integers(1, 127))
def test_a_place_is_one_integer_that_browsers_hold(partition, seq, generation):
    """Partition, position and generation come back; in the first partition of the first generation it is the seq."""
    at = place(partition, seq, generation)

    assert split_place(at) == (partition, seq, generation)
    assert 0 < at < 2**53
    assert place(0, seq) == seq
