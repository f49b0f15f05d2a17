"""Which store the curves are in, and who follows INPUTS into it. Edge of the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from sqlalchemy import select

from alerts.database import Database
from alerts.schema.people import setting_versions
from api.settings.file import read_secret
from api.settings.series import SeriesSettings
from ingest.journal import InputReader
from ingest.record import Setting
from ingest.series import Series
from ingest.series_follower import SeriesFollower
from ingest.series_influx import InfluxSeries
from ingest.series_influx_client import InfluxOptions
from ingest.series_sqlite import SqliteSeries
from rules.local_time import local_date


def influx_options(given: SeriesSettings) -> InfluxOptions | None:
    """None for SQLite. Raises SettingsError for the token's file."""
    if given.kind == "sqlite":
        return None
    assert given.influx_url is not None, "checked by the settings, as the next two"
    assert given.influx_org is not None
    assert given.influx_token_file is not None
    return InfluxOptions(
        url=given.influx_url,
        org=given.influx_org,
        token=read_secret(given.influx_token_file),
        bucket=given.influx_bucket,
        behaviour_days=given.influx_behaviour_days,
        care_days=given.influx_care_days,
        device_days=given.influx_device_days,
        means_days=given.influx_means_days,
    )


def open_series(influx: InfluxOptions | None, data: Path, site_id: str, now_ms: Callable[[], int]) -> Series:
    """InfluxDB is not asked for anything yet, so that a service starts without it. SeriesError for a bad file."""
    return SqliteSeries(data / "series.db") if influx is None else InfluxSeries(influx, site_id, now_ms)


def settings_in_force(database: Database, site_id: str) -> list[Setting]:
    """Measures and residents as they are now, whoever was removed left out: what a log that was cut no longer tells."""
    table = setting_versions.c
    query = (
        select(table.setting_id, table.version, table.kind, table.value)
        .where(table.site_id == site_id, table.kind.in_(("measure", "resident")), table.in_force_ms.is_not(None))
        .order_by(table.version)
    )
    with database.reader.connect() as conn:
        newest = {row.setting_id: row for row in conn.execute(query)}
    return [
        Setting(row.setting_id, row.version, row.kind, row.value) for row in newest.values() if row.value is not None
    ]


def follow(
    inputs: InputReader | Mapping[int, InputReader], series: Series, database: Database, site_id: str, timezone: str,
    backlog: Callable[[], int] = lambda: 0, *, scan: bool = True,
) -> SeriesFollower:  # fmt: skip
    """`timezone`: in which the dates of measures are meant. `scan`: see SeriesFollower."""
    return SeriesFollower(
        inputs, series, lambda at_ms: str(local_date(at_ms, timezone)), backlog=backlog,
        known=lambda: settings_in_force(database, site_id), scan=scan,
    )  # fmt: skip
