"""The whole service without its InfluxDB: it starts, alerts, says so, and catches up."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ingest.device_seen import DeviceSeen
from ingest.series import SeriesAway
from ingest.series_follower import SeriesFollower
from ingest.series_influx import InfluxSeries
from ingest.series_sqlite import SqliteSeries
from tests.support.influx import Influxd
from tests.support.journals import NOON_MS, event, folded, input_of, setting_input, sqlite_journal
from tests.support.running_service import RunningService, running_service
from tests.support.series_suite import day_of, plain, point, types
from tests.support.waiting import wait_until

HOUR_S = 3_600
SITE_FILE = """
site: {id: solbakken, name: Solbakken, timezone: Europe/Oslo, language: nb}
wards: [{id: nord, name: Nord}]
homes: [{id: h1, ward: nord, kind: own_home}]
residents: [{id: r1, home: h1, name: Kari Nordmann}]
measures: [{resident: r1, service: digital_supervision, decision: "2026/1", basis: consent, from: 2026-01-01}]
gateways: [{id: gw-1, home: h1, address: "vardevakt:gw-1", interval: 5 min}]
devices:
  - {id: d1, address: "vardevakt:gw-1/pendant-7", role: pendant, resident: r1, gateway: gw-1}
  - {id: d2, address: "vardevakt:gw-1/sensor-1", resident: r1, gateway: gw-1}
"""


@pytest.fixture
def influxd(tmp_path) -> Iterator[Influxd]:
    """An InfluxDB of this test alone; it does not run yet, and has been set up once."""
    with Influxd(tmp_path / "influx") as own:
        own.stop()
        yield own


def reasons(service: RunningService) -> dict[str, Any]:
    """What /health/ready has to say, by code."""
    answer = httpx2.get(f"{service.up.http_url}/health/ready", timeout=20).json()
    return {one["code"]: one for one in answer["reasons"]}


@pytest.mark.expected_errors("its InfluxDB is away")
def test_a_service_starts_and_alerts_without_its_influxdb(
    influxd: Influxd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A press rings; the curve is a 503 that says why; health and figures tell; with the server back all is there."""
    monkeypatch.setattr("ingest.series_follower.PAUSE_AFTER_FAULT_S", 0.2)
    with running_service(tmp_path, influx=influxd.options) as service:
        service.import_site(SITE_FILE)
        service.publish("vardevakt/1/gw-1/pendant-7/event", {"type": "alarm.pressed", "trigger": "pendant", "id": "1"})
        service.publish(
            "vardevakt/1/gw-1/sensor-1/event",
            {"type": "measured", "metric": "heart_rate", "value": 61.0, "unit": "/min", "id": "2"},
        )
        assert [one["priority"] for one in service.alerts("r1")] == ["P1"]
        wait_until(lambda: "series_away" in reasons(service), "health says it")
        assert not reasons(service)["series_away"]["blocking"]

        status, problem = service.http("GET", "residents/r1/series?metric=heart_rate")
        assert (status, problem["type"]) == (503, "urn:vardevakt:problem:series-away")
        status, card = service.http("GET", "residents/r1")
        assert (status, card["metrics"]) == (200, None)
        assert [one["last_heard_at"] for one in card["devices"]] == [None, None]
        status, timeline = service.http("GET", "residents/r1/timeline")
        assert (status, timeline["marks"]) == (200, None)
        assert timeline["items"]
        figures = httpx2.get(f"{service.up.http_url}/metrics", timeout=20).text
        assert "vardevakt_series_healthy 0.0" in figures

        influxd.start()
        began = time.perf_counter()
        wait_until(lambda: service.parts.follower.lag == 0, "the curves caught up", 30)
        print(f"caught up {time.perf_counter() - began:.1f} s after InfluxDB answered", file=sys.stderr)
        assert "series_away" not in reasons(service)
        wait_until(lambda: service.http("GET", "residents/r1/series?metric=heart_rate")[0] == 200, "the curve is back")
        items = service.http("GET", "residents/r1/series?metric=heart_rate")[1]["items"]
        assert [(one["mean"], one["count"]) for one in items] == [(61.0, 1)]
        marks = service.http("GET", "residents/r1/timeline")[1]["marks"]
        assert "alarm.pressed" in [one["type"] for one in marks]
        wait_until(lambda: service.http("GET", "residents/r1")[1]["devices"][0]["last_heard_at"], "last contact", 20)


@pytest.mark.expected_errors("its InfluxDB goes under way")
def test_an_hour_without_influxdb_loses_nothing(
    influxd: Influxd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed amid writing and comes back after an hour of data: the same is in it as in SQLite, once."""
    monkeypatch.setattr("ingest.series_follower.PAUSE_AFTER_FAULT_S", 0.2)
    monkeypatch.setattr("ingest.series_follower.BATCH_ROWS", 200)
    influxd.start()
    store = InfluxSeries(influxd.options, "solbakken", lambda: NOON_MS + 48 * HOUR_S * 1_000)
    sqlite = SqliteSeries(tmp_path / "series.db")
    settings = [
        setting_input("resident", "r1", {"home": "h1"}),
        setting_input("measure", "m1", {"resident": "r1", "from": "2026-03-01"}),
    ]
    told = ["bed.left", "bed.occupied", "door.opened", "door.closed"]
    with sqlite_journal(tmp_path) as journal:
        journal.inputs.write(1, folded(settings), 0)
        follower = SeriesFollower(journal.inputs, store, day_of)
        follower.start()
        wait_until(lambda: follower.position, "the buckets are made", 30)  # killed amid that, it never starts again
        for number in range(18):
            rows = [input_of(event(number * 200 + second, told[second % 4])) for second in range(200)]
            journal.inputs.write(2 + number, folded(rows), 1 + number)
            if number == 2:
                wait_until(lambda: follower.position > 200, "it writes", 30)
                influxd.stop(kill=True)
        wait_until(lambda: not follower.healthy, "the follower says so")
        lag = follower.lag
        influxd.start()
        began = time.perf_counter()
        wait_until(lambda: follower.healthy and follower.lag == 0, "it caught up", 60)
        print(f"{lag} inputs caught up in {time.perf_counter() - began:.1f} s", file=sys.stderr)
        follower.stop()
        beside = SeriesFollower(journal.inputs, sqlite, day_of)
        while beside.run_once():
            pass

    assert lag >= 2_800
    end_ms = NOON_MS + HOUR_S * 1_000
    for metric in ("bed", "door"):
        curves = [plain(one.buckets("r1", metric, NOON_MS, end_ms, 500)) for one in (store, sqlite)]
        assert curves[0] == curves[1]
    assert store.marks("r1", 0, end_ms, 20_000) == sqlite.marks("r1", 0, end_ms, 20_000)
    assert len(types(store, "r1")) == 100
    store.close()
    sqlite.close()


def test_a_killed_influxdb_keeps_what_it_has_answered(influxd: Influxd) -> None:
    """Rows and position are synced before a write returns; `kill -9` takes nothing of them."""
    influxd.start()
    store = InfluxSeries(influxd.options, "solbakken", lambda: NOON_MS)
    for number in range(20):
        store.write(number + 1, [point(number, float(number))], [])
    influxd.stop(kill=True)
    influxd.start()
    again = InfluxSeries(influxd.options, "solbakken", lambda: NOON_MS)

    assert again.position() == 20
    assert sum(one.count for one in again.buckets("r1", "temperature", NOON_MS, NOON_MS + 60_000, 9)) == 20
    store.close()
    again.close()


def test_last_contact_waits_for_a_store_that_is_away(influxd: Influxd) -> None:
    """Nothing is raised at whoever offers it, and what is newest then is written when the store is back."""
    store = InfluxSeries(influxd.options, "solbakken", lambda: NOON_MS)
    now = [0.0]
    seen = DeviceSeen(store, lambda: now[0])
    assert seen.offer({"a:1": 10}) == 0
    with pytest.raises(SeriesAway):
        store.heard()
    influxd.start()
    now[0] = 10.0
    wait_until(lambda: seen.offer({"a:1": 11, "a:2": 5}, at_once=True), "it is written")

    assert store.heard() == {"a:1": 11, "a:2": 5}
    store.close()
