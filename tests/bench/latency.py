"""(d) press to open SSE stream at 1 000 events/s; (e) a press amid 20 000 buffered events at a default Mosquitto."""

from __future__ import annotations

import contextlib
import http.client
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from rules.effects import alarm_alert_id
from tests.bench.children import firehose
from tests.bench.report import Figure, milliseconds, quantile, whole
from tests.bench.throughput import HOMES, Town, folded, gateway_port, make_broker, service
from tests.support.service_process import ServiceProcess
from tests.support.town import SITE, press, wire_time
from tests.support.waiting import wait_until

EVENTS_A_SECOND = 1_000
SECONDS = 30
PRESSES_A_SECOND = 5  # many times what a municipality presses
BUFFERED = 20_000
BURSTS = 3
PRESSES_A_BURST = 10
BURST_EVERY_S = 0.1


class Board(threading.Thread):
    """An open SSE stream: when each alert was first seen on it."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__(name="bench-board", daemon=True)
        address = urlsplit(url)
        assert address.hostname is not None, "an address with a host"
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        self._connection.request("GET", "/api/v1/live", headers={"authorization": f"Bearer {token}"})
        self._stream = self._connection.getresponse()
        assert self._stream.status == 200, self._stream.status
        self.seen: dict[str, float] = {}

    def run(self) -> None:
        try:
            for line in self._stream:
                at_s = time.perf_counter()
                if line.startswith(b"data: ") and b'"alert"' in line:
                    self.seen.setdefault(msgspec.json.decode(line[6:])["ref"], at_s)
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            return  # the stream was closed: http.client says so in all these ways

    def close(self) -> None:
        self._connection.close()


class Presser:
    """Pendants that are pressed, each in a home of its own as far as there are homes, and what they hear back."""

    def __init__(self, port: int) -> None:
        self.pressed: dict[str, float] = {}
        self.recorded: dict[str, tuple[float, str]] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        self._client.on_connect = lambda client, *_: client.subscribe("vardevakt/1/+/pendant/command", qos=1)
        self._client.on_message = self._on_command
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        wait_until(self._client.is_connected, "the presser is connected")

    def press(self, number: int) -> None:
        key = f"press-{number}"
        topic, payload = press(number % HOMES, wire_time(), id=key)
        self.pressed[key] = time.perf_counter()
        self._client.publish(topic, payload, qos=1)

    def forget(self) -> None:
        """Those so far were for warming up."""
        self.pressed, self.recorded = {}, {}

    def _on_command(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        at_s, body = time.perf_counter(), msgspec.json.decode(message.payload)
        self.recorded.setdefault(str(body["ref"].get("id")), (at_s, body["event_id"]))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextlib.contextmanager
def watched(url: str, port: int, token: str) -> Iterator[tuple[Board, Presser]]:
    """A board that is open and pendants that are there."""
    board, presser = Board(url, token), Presser(port)
    board.start()
    try:
        yield board, presser
    finally:
        presser.close()
        board.close()


def press_for(presser: Presser, seconds: float, first: int = 0) -> None:
    """Pendants in one home after the other, PRESSES_A_SECOND. `first`: number of the first home."""
    started_s, pause = time.perf_counter(), threading.Event()
    for number in range(int(PRESSES_A_SECOND * seconds)):
        pause.wait(max(0.0, started_s + number / PRESSES_A_SECOND - time.perf_counter()))
        presser.press(first + number)


def delays(board: Board, presser: Presser, site: str = SITE) -> tuple[list[float], list[float]]:
    """Seconds from press to board, and from press to `event.recorded`. Waits for the last."""
    wait_until(lambda: len(presser.recorded) == len(presser.pressed), "every press is recorded", 60)
    alerts = {key: alarm_alert_id(site, event_id) for key, (_, event_id) in presser.recorded.items()}
    wait_until(lambda: all(one in board.seen for one in alerts.values()), "every press is on the board", 30)
    shown = [board.seen[alerts[key]] - at_s for key, at_s in presser.pressed.items()]
    return shown, [presser.recorded[key][0] - at_s for key, at_s in presser.pressed.items()]


def events(process: ServiceProcess) -> int:
    """Messages that became events of their own."""
    journal = sqlite3.connect(f"file:{process.data}/journal.db?mode=ro", uri=True)
    with contextlib.closing(journal):
        query = """SELECT count(*) FROM inputs JOIN raw ON raw.seq = raw_seq
            WHERE inputs.kind = 'event' AND derived = 0 AND raw.kind = 'mqtt'"""
        return int(journal.execute(query).fetchone()[0])


def live_stream(folder: Path, town: Town) -> list[Figure]:
    """(d)."""
    with make_broker(folder / "broker") as broker, service(town, folder, broker) as process:
        port = gateway_port(broker)
        rate = EVENTS_A_SECOND - PRESSES_A_SECOND
        with (
            firehose(port, rate * SECONDS, HOMES, "--rate", rate) as hose,
            watched(process.url, port, town.token) as (board, presser),
        ):
            hose.go()
            press_for(presser, SECONDS - 1)
            shown, recorded = delays(board, presser)
            achieved = rate * SECONDS / hose.result()["seconds"] + PRESSES_A_SECOND
    met = quantile(shown, 0.5) < 0.030 and quantile(shown, 0.99) < 0.200
    return [
        Figure(
            f"(d) publish → open SSE stream, at {achieved:.0f} events/s, {len(shown)} presses",
            milliseconds(shown),
            f"`event.recorded` heard: {milliseconds(recorded)}",
            "p50 < 30 ms, p99 < 200 ms",
            met,
        )
    ]


def amid_backlog(folder: Path, town: Town) -> list[Figure]:
    """(e)."""
    shown: list[float] = []
    lost, drained = 0, []
    for _ in range(BURSTS):
        with (
            make_broker(folder / "broker", limits=True) as broker,
            service(town, folder, broker) as process,
            firehose(gateway_port(broker), BUFFERED, HOMES, "--buffered") as hose,
            watched(process.url, gateway_port(broker), town.token) as (board, presser),
        ):
            before, pause = process.positions()["raw"], threading.Event()
            hose.go()
            started_s = time.perf_counter()
            for number in range(PRESSES_A_BURST):
                pause.wait(max(0.0, started_s + (number + 1) * BURST_EVERY_S - time.perf_counter()))
                presser.press(number)
            shown += delays(board, presser)[0]
            hose.result()
            # called before it changes
            wait_until(lambda: folded(process, before + BUFFERED + PRESSES_A_BURST), "the burst is folded", 30)  # noqa: B023
            drained.append(time.perf_counter() - started_s)
            lost += BUFFERED + PRESSES_A_BURST - events(process)
    return [
        Figure(
            f"(e) press amid {whole(BUFFERED)} buffered events, Mosquitto's default limits, {len(shown)} presses",
            f"{milliseconds(shown)}, max {max(shown):.1f} s",
            f"{lost} lost; a burst is folded after {max(drained):.1f} s",
            "0 lost, p99 < 2 s",
            lost == 0 and quantile(shown, 0.99) < 2.0,
        )
    ]
