"""`vardevakt logs` and what `doctor` says of Kafka, on a real one."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from api.cli.commands import run
from api.doctor.logs import skew_line
from tests.support.servers import free_port


@pytest.fixture
def on_kafka(kafka: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The settings speak of that Kafka, of a site of this test, with four partitions; the site."""
    site = f"c{uuid.uuid4().hex[:8]}"
    for name, value in {
        "LOGS_KIND": "kafka", "LOGS_KAFKA_SERVERS": kafka, "LOGS_PARTITIONS": "4", "SITE_ID": site,
        "JOURNAL_KEEP_DAYS": "0",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"VARDEVAKT_{name}", value)
    return site


@pytest.fixture
def doctor(tmp_path, capsys) -> Callable[[], dict[str, dict[str, Any]]]:
    """The lines about Kafka that the command prints, by code."""

    def tell() -> dict[str, dict[str, Any]]:
        capsys.readouterr()
        run(["doctor", "--json", "--data", str(tmp_path / "none")])
        lines = json.loads(capsys.readouterr().out)
        return {line["code"]: line for line in lines if line["code"].startswith("kafka")}

    return tell


def test_topics_are_created_once_and_described(on_kafka, capsys, monkeypatch):
    """Create makes all seven, then none; describe says so; with other partitions in the settings it exits 1."""
    assert run(["logs", "describe"]) == 1
    assert f"topic vardevakt.{on_kafka}.raw.1 is not there: run `vardevakt logs create`" in capsys.readouterr().out

    assert run(["logs", "create", "--replicas", "1"]) == 0
    assert capsys.readouterr().out.count("created ") == 7
    assert run(["logs", "create", "--replicas", "1"]) == 0
    assert capsys.readouterr().out == "all topics are there\n"

    assert run(["logs", "describe", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    raw = told["topics"][f"vardevakt.{on_kafka}.raw.1"]
    assert (raw["partitions"], raw["replicas"]) == (4, 1)
    assert raw["config"]["message.timestamp.type"] == "LogAppendTime"
    assert told["refusals"] == []
    assert len(told["weaknesses"]) == 7

    monkeypatch.setenv("VARDEVAKT_LOGS_PARTITIONS", "8")
    assert run(["logs", "describe"]) == 1
    assert "has 4 partitions, the settings say 8" in capsys.readouterr().out


def test_doctor_tells_what_is_wrong_with_kafka(on_kafka, doctor, monkeypatch):
    """No topics; topics with one replica and clocks that agree; nobody at that address."""
    found = doctor()
    assert (found["kafka"]["level"], found["kafka_topics"]["level"]) == ("ok", "bad")
    assert "run `vardevakt logs create`" in found["kafka_topics"]["detail"]

    assert run(["logs", "create", "--replicas", "1"]) == 0
    found = doctor()
    levels = {code: line["level"] for code, line in found.items()}
    assert levels == {"kafka": "ok", "kafka_topics": "ok", "kafka_keeping": "warn", "kafka_clock": "ok"}
    assert "min.insync.replicas is 1" in found["kafka_keeping"]["detail"]

    monkeypatch.setenv("VARDEVAKT_LOGS_KAFKA_SERVERS", f"127.0.0.1:{free_port()}")
    assert {code: line["level"] for code, line in doctor().items()} == {"kafka": "bad"}


def test_without_kafka_in_the_settings_nothing_is_asked(capsys, doctor):
    """The embedded service has no such lines, and `logs` says what to set."""
    assert doctor() == {}
    assert run(["logs", "create", "--site", "x"]) == 2
    assert "the logs are not on Kafka" in capsys.readouterr().err


def test_the_clock_line_names_direction_and_size():
    """Half a second is looked at, two stop an intake."""
    assert [skew_line(ms).level for ms in (0, 400, -600, 2_001, -300_000)] == ["ok", "ok", "warn", "bad", "bad"]
    assert "300.0 s behind" in skew_line(-300_000).detail
