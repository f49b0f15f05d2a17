"""After a restart nobody is rung before all state is loaded: the service's own order of start, with its real parts."""

from __future__ import annotations

import threading

import msgspec
import pytest

from alerts.channels import OK, Message, Result
from alerts.messages.outbox import Outbox
from api.http.live import Wakeup
from api.running.service import Service
from api.wiring import Options, build
from ingest.intake_mqtt import MqttOptions
from ingest.journal_file import JournalOptions
from ingest.record import MQTT, RawRecord
from rules.book_file import shipped_book
from tests.support.desk import SITE, pressed
from tests.support.waiting import wait_until

BACKLOG = 600  # on disk, and not folded when we stopped


class Phones:
    """Notes how far the folds were when something went out."""

    name = "phones"
    reaches_people = True

    def __init__(self, service: Service) -> None:
        self._parts = service.parts
        self.sent: list[tuple[int, int]] = []  # positions of source and home fold

    def send(self, message: Message) -> Result:
        self.sent.append((self._parts.source.position, self._parts.home.position))
        return Result(OK)


@pytest.fixture
def service(tmp_path):
    """As after a crash: a message waits, a timer is overdue, rows of RAW are not folded. No broker is near."""
    options = Options(
        site_id=SITE, data=tmp_path, journal=JournalOptions(reserve_bytes=0), book=shipped_book(),
        mqtt=MqttOptions(url="mqtt://127.0.0.1:9", site=SITE),
    )  # fmt: skip
    service, _ = build(options, Wakeup())
    parts = service.parts
    now_ms = parts.clock.now_ms()
    parts.desk.raise_missing(pressed("p1", now_ms - 600_000), now_ms - 600_000)
    body = msgspec.json.encode({"type": "heartbeat"})
    rows = [RawRecord(now_ms, MQTT, f"vardevakt/1/gw-1/hub-{number}/event", body, 1) for number in range(BACKLOG)]
    parts.journal.raw.append(rows).result(10)
    yield service
    service.stop()


@pytest.mark.expected_errors("there is no broker")
def test_nothing_goes_out_before_folds_and_desk_stand_where_the_logs_do(service):
    """While one fold is still being rebuilt no timer, message or relay runs; then they begin, with all of it folded."""
    parts, phones, gate = service.parts, Phones(service), threading.Event()
    parts.outbox = service.work.outbox = Outbox(parts.database, {"phones": phones}, clock=parts.clock.now_ms)
    begin, asked = parts.home.start, threading.Event()

    def late() -> None:
        asked.set()
        gate.wait(20)
        begin()

    parts.home.start = lambda: threading.Thread(target=late, daemon=True).start()
    starting = threading.Thread(target=service.start, daemon=True)
    starting.start()
    wait_until(lambda: asked.is_set() and parts.floor.ready.is_set() and parts.source.ready.is_set(), "two folds")
    wait_until(lambda: parts.journal.inputs.position() >= BACKLOG, "the source fold has the backlog")
    assert phones.sent == []
    end = parts.journal.inputs.last_seq()
    assert (parts.home.position, end > BACKLOG // 2) == (0, True)
    assert [work.name for work in service.background if work._thread.is_alive()] == []
    gate.set()
    starting.join(30)
    wait_until(lambda: phones.sent, "the message that waited, or the overdue step that replaced it")

    source, home = phones.sent[0]
    assert (source >= BACKLOG, home >= end) == (True, True), "all of it was folded by then"
