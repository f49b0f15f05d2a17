"""Source lanes keep together on a real Kafka: hours of backlog, and a home that is heard over two partitions of RAW."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from ingest.codecs import default_codecs
from ingest.record import MQTT, SETTING, RawRecord, Setting
from ingest.source_fold import SourceFold
from ingest.topics import Placement
from rules.book import Book
from rules.effects import LIVE, Effect
from rules.home_fold import HomeFold
from rules.lanes import LOG_OF, SOURCE
from tests.bench.decoded import DAY
from tests.support.effect_store import EffectStore
from tests.support.simulated import BOOK, oslo
from tests.support.waiting import wait_until
from tests.support.ward_inputs import HOUR_MS, SITE
from tests.support.worker_process import Logs, WorkerProcess

PARTITIONS, WAIT_S = 4, 60.0
START_MS, HOURS = oslo(DAY, 7 * 60), 3
END_MS = START_MS + HOURS * HOUR_MS
MINUTE_MS = 60_000
SENSORS = {"kitchen": "motion", "living_room": "motion", "bathroom": "climate"}


def gateways(placement: Placement) -> tuple[str, str, str]:
    """Two of one home, in two partitions of RAW, and one of a neighbour's in the second of these."""
    at = {f"gw-{n}": placement.layout.partition_of(placement.key_of_address(f"vardevakt:gw-{n}")) for n in range(40)}
    quiet = "gw-0"
    busy = next(one for one in at if at[one] != at[quiet])
    neighbour = next(one for one in at if one != busy and at[one] == at[busy])
    return quiet, busy, neighbour


def settings(quiet: str, busy: str, neighbour: str) -> list[RawRecord]:
    """The shipped book; a resident under supervision in h1; and h2, which has the neighbour's gateway."""
    found = [
        Setting("book/b", 1, "book", {"id": "b", "book": msgspec.to_builtins(BOOK)}),
        Setting("site/s", 1, "site", {"id": "s", "timezone": "Europe/Oslo"}),
    ]
    for home, owned in (("h1", (quiet, busy)), ("h2", (neighbour,))):
        found.append(Setting(f"home/{home}", 1, "home", {"id": home}))
        found.append(Setting(f"resident/{home}", 1, "resident", {"id": home, "home": home}))
        measure: dict[str, object] = {
            "id": home,
            "resident": home,
            "service": "digital_supervision",
            "from": "2026-01-01",
        }
        found.append(Setting(f"measure/{home}", 1, "measure", measure))
        plan: dict[str, object] = {"id": home, "resident": home, "rule": "R17", "set": {"for": "90 min"}}
        found.append(Setting(f"plan/{home}", 1, "plan", plan))
        for name in owned:
            gateway: dict[str, object] = {"id": name, "home": home, "address": f"vardevakt:{name}", "interval": "5 min"}
            found.append(Setting(f"gateway/{name}", 1, "gateway", gateway))
            for room, role in SENSORS.items():
                device: dict[str, object] = {
                    "id": f"{name}-{room}",
                    "address": f"vardevakt:{name}/{room}",
                    "role": role,
                    "room": room,
                }
                device |= {"gateway": name, "home": home, "resident": home}
                found.append(Setting(f"device/{name}-{room}", 1, "device", device))
    return [RawRecord(START_MS, SETTING, payload=msgspec.json.encode(one)) for one in found]


def said(at_ms: int, gateway: str, what: str, kind: str, **more: object) -> RawRecord:
    body = json.dumps({"type": kind, "id": f"{what}-{at_ms}", **more}).encode()
    return RawRecord(at_ms, MQTT, f"vardevakt/1/{gateway}/{what}/event", body, 1)


def hours(quiet: str, busy: str, neighbour: str) -> list[RawRecord]:
    """She moves about all day, which the busy partition has; the quiet one has how warm her bath is. The neighbour has
    a thermometer that talks.
    """
    found = [said(at, quiet, "bathroom", "measured", celsius=20) for at in range(START_MS, END_MS, 2 * MINUTE_MS)]
    for at in range(START_MS, END_MS, 25 * MINUTE_MS):
        rooms = enumerate(("kitchen", "living_room"))
        found += [said(at + 20_000 * later, busy, room, "motion.detected") for later, room in rooms]
    found += [said(at, neighbour, "bathroom", "measured", celsius=21) for at in range(START_MS, END_MS, 1_500)]
    for name in (quiet, busy, neighbour):
        beat = b'{"online": true, "interval_seconds": 300}'
        found += [RawRecord(at, MQTT, f"vardevakt/1/{name}/status", beat, 1) for at in range(START_MS, END_MS, 150_000)]
    return sorted(found, key=lambda one: one.received_at_ms)


def in_one_log(records: list[RawRecord]) -> list[dict[str, Any]]:
    """Alerts that one source fold and home fold raise, update and clear, in order of receipt."""
    source, home = SourceFold(SITE, default_codecs()), HomeFold(Book(()), SITE)
    effects: list[Effect] = []
    for seq, record in enumerate(records, 1):
        for one in source.apply(msgspec.structs.replace(record, seq=seq)).inputs:
            effects += home.apply(one)
    return told(msgspec.json.encode(one) for one in effects)


def told(effects: Iterable[bytes]) -> list[dict[str, Any]]:
    """What was said of alerts until the backlog ends."""
    found = [msgspec.json.decode(one) for one in effects]
    return sorted((one for one in found if "alert_id" in one and one["at_ms"] <= END_MS), key=str)


def wait_folded(logs: Logs, store: EffectStore) -> None:
    """Until both lanes have read everything."""

    def done(lane: str) -> bool:
        applied = logs.positions(store, lane)
        return all(applied.get(one, 0) >= end for one, end in logs.ends(LOG_OF[lane]).items())

    for lane in (SOURCE, LIVE):
        wait_until(partial(done, lane), f"{lane} at the end", WAIT_S, 0.1)


def events(worker: WorkerProcess, name: str) -> list[str]:
    """Lines of its log."""
    return [line for line in worker.log.read_text().splitlines() if f'"{name}"' in line]


def test_a_home_over_two_gateways_is_not_silent_while_one_of_them_is_read_first(
    logs: Logs, tmp_path: Path, placement: Placement
) -> None:
    """Two workers come back to three hours of backlog, most of it in the partition where she moves about: nobody says
    that she is silent, and of the neighbour, who is, they say what one machine says.
    """
    names, store = gateways(placement), EffectStore(tmp_path)
    records = [*settings(*names), *hours(*names)]
    logs.write_raw(records, placement)
    with WorkerProcess(logs, tmp_path, "one") as one, WorkerProcess(logs, tmp_path, "two") as two:
        wait_folded(logs, store)
        decisions = {*one.decisions(SOURCE), *two.decisions(SOURCE)}
        assert (one.stop(), two.stop()) == (0, 0)
    expected = in_one_log(records)
    assert [(alert["home"], alert["rule"]) for alert in expected] == [("h2", "R17")]
    assert told(store.said(LIVE)) == expected
    assert decisions <= {"assigned", "loaded", "refolded", "kept", "revoked"}
    for worker in (one, two):
        assert len(events(worker, "lanes_wait")) <= 1
    assert events(one, "lanes_wait") + events(two, "lanes_wait")
