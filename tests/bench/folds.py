"""(c) source and home fold alone on one core, from raw bytes to effects; nothing else runs."""

from __future__ import annotations

import time

import msgspec

from alerts.site.model import Item, check
from alerts.site.projection import relayed, setting
from ingest.codecs import default_codecs
from ingest.record import MQTT, SETTING, Input, RawRecord
from ingest.source_fold import SourceFold
from rules.book_file import shipped_book
from rules.home_fold import HomeFold
from tests.bench.report import Figure, median, spread
from tests.support.town import SITE, items, telemetry, wire_time

HOMES = 100
COUNT = 40_000
RUNS = 5
A_SECOND = 1_000  # messages in a second of the fold's time


def records(now_s: float) -> list[RawRecord]:
    """The town's messages as receive would have stamped them."""
    found = []
    for number in range(COUNT):
        at_ms = int(now_s * 1_000) + number * 1_000 // A_SECOND
        topic, payload = telemetry(number, HOMES, wire_time(at_ms / 1_000), id=f"m{number}")
        found.append(RawRecord(at_ms, MQTT, topic, payload, 1, link="mqtt:bench", seq=number + 1_000_000))
    return found


def settled_folds(now_s: float) -> tuple[SourceFold, HomeFold]:
    """Both folds, knowing the town."""
    source, home = SourceFold(SITE, default_codecs()), HomeFold(shipped_book(), SITE)
    for kind, item_id, value in items(HOMES):
        item = check(kind, {"id": item_id, **value})
        assert isinstance(item, Item), item
        if relayed(kind):
            payload = msgspec.json.encode(setting(kind, item_id, 1, item, None))
            record = RawRecord(int(now_s * 1_000), SETTING, f"{kind}/{item_id}", payload)
            _home(home, source.apply(record).inputs)
    return source, home


def _home(home: HomeFold, inputs: tuple[Input, ...]) -> int:
    return sum(len(home.apply(one)) for one in inputs)


def folds() -> list[Figure]:
    """(c), with each fold's share."""
    now_s = float(int(time.time()))
    rates, shares, inputs = [], [], []
    for _ in range(RUNS):
        source, home = settled_folds(now_s)
        given = records(now_s)
        started_s = time.process_time()
        folded = [source.apply(record) for record in given]
        source_s = time.process_time() - started_s
        for one in folded:
            _home(home, one.inputs)
        both_s = time.process_time() - started_s
        assert all(one.inputs or one.verdicts for one in folded), "every message ends somewhere"
        inputs.append(sum(len(one.inputs) for one in folded))
        rates.append(COUNT / both_s)
        shares.append(source_s / both_s)
    source_us = median([share / rate for share, rate in zip(shares, rates, strict=True)]) * 1e6
    home_us = median([(1 - share) / rate for share, rate in zip(shares, rates, strict=True)]) * 1e6
    return [
        Figure(
            "(c) source and home fold alone, one core, from raw bytes",
            spread(rates),
            f"source {source_us:.1f} µs, home {home_us:.1f} µs a message; {inputs[0] * 100 // COUNT} % are inputs",
            "≥ 20 000/s",
            median(rates) >= 20_000,
        )
    ]
