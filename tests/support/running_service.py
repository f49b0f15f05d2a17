"""The whole service in this process, over a Mosquitto of its own, for tests that publish to it as gateways do.

The event loop runs in a thread; tests talk to it over MQTT and HTTP and may look into its logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from bisect import bisect_left
from collections.abc import Iterator
from concurrent.futures import Future
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from alerts.site import importer as site_import
from alerts.site.file import loads
from api.running.channel_wiring import ChannelOptions
from api.wiring import Options, Running, running
from ingest.event import Event
from ingest.intake_mqtt import MqttOptions
from ingest.journal_file import JournalOptions
from ingest.record import Input, RawRecord
from rules.book_file import shipped_book
from rules.effects import LIVE
from tests.support.servers import Mosquitto
from tests.support.waiting import wait_until

START_S = 60.0
SITE = "solbakken"


class RunningService:
    """A service that is up, a gateway's MQTT client, and a machine key for its HTTP."""

    def __init__(self, up: Running, broker: Mosquitto) -> None:
        self.up, self.broker = up, broker
        self.parts = up.service.parts
        accounts = up.services.accounts
        key = accounts.create_machine_key("test", ["carer", "operator"], now_ms=up.services.clock())
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._http = httpx2.Client(base_url=up.http_url, headers=headers, timeout=20)
        self._gateway = self.client()
        wait_until(lambda: self.parts.intake is not None and self.parts.intake.state == "live", "a live feed")

    def client(self) -> Client:
        """One more client of the broker, connected."""
        made = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        made.connect("127.0.0.1", self.broker.port)
        made.loop_start()
        wait_until(made.is_connected, "a connection to the broker")
        return made

    def close(self) -> None:
        """The gateway goes."""
        self._gateway.disconnect()
        self._gateway.loop_stop()
        self._http.close()

    def import_site(self, text: str) -> None:
        """A site file, in force when this returns."""
        site_import.apply(self.up.services.settings_store, loads(text.encode(), "test"))
        wait_until(lambda: self.parts.relay.waiting() == 0, "the settings in RAW")
        self.settle()

    # -- what gateways and others do ---------------------------------------------------------------------------

    def publish(self, topic: str, payload: bytes | dict[str, Any] | list[Any], **flags: Any) -> list[RawRecord]:
        """One message through the broker; the rows of RAW it became, when everything behind them has run."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        before = self.parts.journal.raw.last_seq()
        qos = flags.pop("qos", 1)
        self._gateway.publish(topic, body, qos=qos, **flags).wait_for_publish(10)
        wait_until(lambda: self._rows(before, topic), f"a row of {topic}")
        rows = self._rows(before, topic)
        self.settle(rows[-1].seq)
        return rows

    def send_only(self, topic: str, payload: bytes) -> None:
        """One message that the service may never hear, from a client that the broker may throw out for it."""
        stranger = self.client()
        sent = stranger.publish(topic, payload, qos=1)
        wait_until(lambda: sent.is_published() or not stranger.is_connected(), f"the broker's answer to {topic}")
        stranger.disconnect()
        stranger.loop_stop()

    def settle(self, at_least: int = 0) -> None:
        """Until everything in RAW, and row `at_least`, has gone through the folds into the desk."""
        journal, desk = self.parts.journal, self.parts.desk
        raw = max(at_least, journal.raw.last_seq())
        wait_until(lambda: journal.inputs.position() >= raw, "the source fold")
        last = journal.inputs.last_seq()
        wait_until(lambda: min(desk.applied(lane, 0) for lane in (LIVE, "floor")) >= last, "floor and home fold")

    def http(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        """Status and JSON of one request under /api/v1."""
        answer = self._http.request(method, f"/api/v1/{path}", content=body)
        return answer.status_code, answer.json()

    # -- what can be seen --------------------------------------------------------------------------------------

    def alerts(self, subject: str) -> list[dict[str, Any]]:
        """Alerts of one subject, newest first."""
        status, answer = self.http("GET", f"alerts?subject={quote(subject, safe='')}&limit=200")
        assert status == 200, answer
        items: list[dict[str, Any]] = answer["items"]
        return items

    def dead_letters(self, seq: int) -> list[dict[str, Any]]:
        """Dead letters of one row of RAW, as an operator sees them."""
        status, answer = self.http("GET", "dead-letters?limit=50")
        assert status == 200, answer
        return [one for one in answer["items"] if one["id"].startswith(f"{seq}-")]

    def ends(self, seq: int) -> list[tuple[int, str]]:
        """Where each item of one row of RAW ended: (item, "input" | "dead" | name of the verdict), in order."""
        journal = self.parts.journal
        found = [(one.item, "input") for one in self.inputs(seq) if not one.derived]
        found += [(one.item, "dead") for one in journal.inputs.dead_letters(seq + 1, 1) if one.raw_seq == seq]
        found += [(one.item, one.reason) for one in journal.inputs.verdicts(seq)]
        return sorted(found)

    def assert_whole(self, seq: int) -> None:
        """Every item of a message stands in exactly one place: input, dead letter or verdict."""
        (raw,) = self.parts.journal.raw.read(seq - 1, 1)
        if raw.kind in {"mqtt", "http"}:
            items = [item for item, _ in self.ends(seq)]
            assert items, f"row {seq} of {raw.topic} ended nowhere"
            assert items == list(range(len(items))), f"row {seq} of {raw.topic}: {self.ends(seq)}"

    def inputs(self, seq: int) -> list[Input]:
        """Inputs of one row of RAW, derived ones with them. They stand in the order of their rows."""
        log = self.parts.journal.inputs
        after = bisect_left(range(log.last_seq()), seq, key=lambda before: log.read(before, 1)[0].raw_seq)
        return list(takewhile(lambda one: one.raw_seq == seq, log.read(after, 5_000)))

    def event(self, seq: int) -> Event:
        """The event that one message became."""
        (one,) = [one.event for one in self.inputs(seq) if not one.derived]
        assert one is not None, "a message becomes an event"
        return one

    def _rows(self, after: int, topic: str) -> list[RawRecord]:
        return [row for row in self.parts.journal.raw.read(after, 1_000) if row.topic == topic]


@contextlib.contextmanager
def running_service(folder: Path, **fields: Any) -> Iterator[RunningService]:
    """Start broker and service (`fields` of its options), stop both. Skips where there is no Mosquitto."""
    with Mosquitto(folder / "broker", options=("max_queued_messages 0",)) as broker:
        options = Options(
            site_id=SITE, data=folder / "data", http_port=0, mqtt=MqttOptions(url=broker.url, site=SITE),
            journal=JournalOptions(reserve_bytes=0), book=shipped_book(), channels=ChannelOptions(names=("log",)),
            **fields,
        )  # fmt: skip
        started: Future[Running] = Future()
        ended = threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(_serve(options, started, ended)), daemon=True)
        thread.start()
        try:
            service = RunningService(started.result(START_S), broker)
            try:
                yield service
            finally:
                service.close()
        finally:
            ended.set()
            thread.join(START_S)


async def _serve(options: Options, started: Future[Running], ended: threading.Event) -> None:
    try:
        async with running(options) as up:
            started.set_result(up)
            await asyncio.to_thread(ended.wait)
    except Exception as error:
        if not started.done():
            started.set_exception(error)
        raise
