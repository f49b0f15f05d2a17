"""What `doctor` says of the store of the curves."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.doctor.lines import Line, Patient
from api.doctor.series import series_lines
from api.settings.model import Settings
from api.settings.series import SeriesSettings
from ingest.series_influx import InfluxSeries
from ingest.series_influx_client import InfluxOptions
from tests.support.influx import fresh


@pytest.fixture
def given(influx: InfluxOptions, tmp_path: Path) -> SeriesSettings:
    """Settings of a real InfluxDB, with buckets of this test alone."""
    token = tmp_path / "token"
    token.write_text(f"{influx.token}\n")
    return SeriesSettings(
        kind="influx", influx_url=influx.url, influx_org=influx.org, influx_bucket=fresh(influx).bucket,
        influx_token_file=token, influx_device_days=30,
    )  # fmt: skip


def looked(section: SeriesSettings, folder: Path) -> list[Line]:
    return list(series_lines(Patient(Settings(series=section), folder, 0)))


def test_buckets_are_told_missing_wrong_and_right(given: SeriesSettings, influx: InfluxOptions, tmp_path: Path) -> None:
    """Nothing is made by looking; what the service made is as the settings say, until these are changed."""
    for _ in range(2):
        lines = looked(given, tmp_path)
        assert [(line.code, line.level) for line in lines] == [("series", "ok"), ("series_buckets", "warn")]
        assert f"{given.influx_bucket}_care" in lines[1].detail
    made = fresh(influx, behaviour_days=120, care_days=400, device_days=30, means_days=3_650)
    store = InfluxSeries(made, "solbakken", lambda: 0)
    store.position()
    store.close()
    same = given.model_copy(update={"influx_bucket": made.bucket})
    assert [line.level for line in looked(same, tmp_path)] == ["ok", "ok"]

    changed = looked(same.model_copy(update={"influx_care_days": 30}), tmp_path)
    assert changed[1].level == "warn"
    assert f"{made.bucket}_care" in changed[1].detail
    assert "device" not in changed[1].detail


def test_trouble_is_told_with_what_to_do(given: SeriesSettings, tmp_path: Path) -> None:
    """A token that is not taken, an empty token file, nobody at the address; on SQLite there is nothing to ask."""
    wrong, empty = tmp_path / "wrong", tmp_path / "empty"
    wrong.write_text("no token of theirs")
    empty.write_text("")
    for update, told in (
        ({"influx_token_file": wrong}, "influx_token_file"),
        ({"influx_token_file": empty}, "holds no password"),
        ({"influx_url": "http://127.0.0.1:9"}, "does not answer"),
    ):
        (line,) = looked(given.model_copy(update=update), tmp_path)
        assert (line.code, line.level) == ("series", "bad")
        assert told in line.detail
        assert line.todo
    (line,) = looked(SeriesSettings(), tmp_path)
    assert line.level == "ok"
