"""A start that has not caught up in time goes on, and says whether it is on its way (warning) or hangs (error)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import msgspec
import pytest
from structlog.testing import capture_logs

import api.running.service
from api.http.live import Wakeup
from api.running.service import Service
from api.wiring import Options, build
from ingest.intake_mqtt import MqttOptions
from ingest.journal import InputLog
from ingest.journal_file import JournalOptions
from ingest.record import MQTT, Input, RawRecord
from rules.book_file import shipped_book
from tests.support.desk import SITE
from tests.support.waiting import wait_until

BACKLOG = 400
LONG_S = 3_600.0  # as if it had stood still for so long
SOON_S = 0.5  # instead of 60 s to be rebuilt and 10 s to catch up


class SlowInputs:
    """INPUTS for a fold on a machine out of breath: one row at a time, each of them late."""

    def __init__(self, inputs: InputLog) -> None:
        self._inputs, self._never = inputs, threading.Event()
        self.last_seq = inputs.last_seq

    def read(self, after_seq: int, limit: int, *, floor_only: bool = False) -> list[Input]:
        self._never.wait(0.005)
        return self._inputs.read(after_seq, min(limit, 1), floor_only=floor_only)


@pytest.fixture
def service(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """As after a crash: rows of RAW are not folded. No broker is near."""
    monkeypatch.setattr(api.running.service, "CATCH_UP_S", SOON_S)
    options = Options(
        site_id=SITE, data=tmp_path, journal=JournalOptions(reserve_bytes=0), book=shipped_book(),
        mqtt=MqttOptions(url="mqtt://127.0.0.1:9", site=SITE),
    )  # fmt: skip
    service, _ = build(options, Wakeup())
    body = msgspec.json.encode({"type": "heartbeat"})
    now_ms = service.parts.clock.now_ms()
    rows = [RawRecord(now_ms, MQTT, f"vardevakt/1/gw-1/hub-{number}/event", body, 1) for number in range(BACKLOG)]
    service.parts.journal.raw.append(rows).result(10)
    yield service
    service.stop()


def said_at_start(service: Service) -> list[tuple[str, str, list[str]]]:
    """Level and event of what the start said of itself, and which fold it named."""
    with capture_logs() as logs:
        service.start()
    assert all(work._thread.is_alive() for work in service.background), "it has begun all the same"
    said = [one for one in logs if one["event"].startswith("started")]
    return [(one["log_level"], one["event"], one.get("stuck", [])) for one in said]


@pytest.mark.expected_errors("there is no broker")
def test_behind_and_on_its_way_is_a_warning(service):
    """The rules have a backlog that takes longer than the start waits: nothing is wrong, and it comes to its end."""
    home, inputs = service.parts.home, service.parts.journal.inputs
    home._inputs, home._moved_s = SlowInputs(inputs), home._moved_s - LONG_S
    assert said_at_start(service) == [("warning", "started_behind", [])]
    assert home.still_ms < LONG_S * 1_000, "a step in the middle of a backlog is one: no supervisor ends it"
    home._inputs = inputs
    wait_until(lambda: home.position == inputs.last_seq(), "the backlog is folded")


@pytest.mark.expected_errors("there is no broker")
@pytest.mark.parametrize("lane", ["floor", "home", "source"])
def test_a_fold_that_does_not_move_is_an_error(service, monkeypatch, lane):
    """One fold never gets to its rows: the start does not wait for ever, names it at error, and the others go on."""
    monkeypatch.setattr(api.running.service, "REBUILT_WITHIN_S", SOON_S)
    hung = getattr(service.parts, lane)
    begin, hung.start = hung.start, lambda: None
    hung._moved_s -= LONG_S
    assert said_at_start(service) == [("error", "started_stuck", [lane])]
    assert hung.still_ms >= LONG_S * 1_000
    begin()
    wait_until(lambda: service.parts.home.position >= BACKLOG, "it goes on where it stood")
