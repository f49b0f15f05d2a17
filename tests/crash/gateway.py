"""The outside world of a crash run, in a process of its own: gateways over MQTT and one sender over HTTP.

`python -m tests.crash.gateway LEDGER MQTT-PORT HTTP-URL TOKEN HOMES RATE SEED [MARK]`. It sends telemetry and presses,
with and without a key of their own, and repeats a keyed press until it hears `event.recorded`, as a gateway may. What
the service acknowledged goes into the ledger, line by line: `A <key> <event id>`. When stdin ends it sends nothing new,
waits until everything is acknowledged, and writes what it sent: `T`elemetry and `P`resses with a key, `t` and `p`
without. With a MARK, which all its keys begin with, it may run beside others or after them on the same site.
"""

from __future__ import annotations

import http.client
import random
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.crash.promises import UNNAMED
from tests.support.town import as_http, press, telemetry, wire_time

RESEND_S = 1.0
PRESS_SHARE = 0.01  # of MQTT messages; 4 a second is a hundred times what a municipality presses
HTTP_PRESS_SHARE = 0.1
KEYLESS_SHARE = 0.3
TICK_S = 0.02
HTTP_EACH = 8  # MQTT messages there are to one over HTTP
LAST_WORD_S = 120.0


class Ledger:
    """What was sent and what was acknowledged, on disk line by line. Lines of two threads do not mix."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", buffering=1)
        self._lock = threading.Lock()
        self.sent: list[str] = []

    def sending(self, kind: str, key: str) -> None:
        with self._lock:
            self.sent.append(f"{kind} {key}")

    def acknowledged(self, key: str, event_id: str) -> None:
        with self._lock:
            self._file.write(f"A {key} {event_id}\n")

    def close(self) -> None:
        """What was sent, and that this is all."""
        with self._lock:
            self._file.writelines(f"{line}\n" for line in self.sent)
            self._file.write("end\n")
            self._file.close()


class Gateways:
    """All gateways of the town behind one MQTT connection to a broker that lives on."""

    def __init__(
        self, port: int, homes: int, rate: float, chance: random.Random, ledger: Ledger, mark: str = ""
    ) -> None:
        self._homes, self._rate, self._chance, self._ledger, self._mark = homes, rate, chance, ledger, mark
        self._waiting: dict[str, tuple[float, str, bytes]] = {}  # key -> when last sent, topic, payload
        self._number = 0
        self._unconfirmed: deque[mqtt.MQTTMessageInfo] = deque(maxlen=10_000)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        self._client.max_inflight_messages_set(1_000)
        self._client.on_connect = lambda client, *_: client.subscribe("vardevakt/1/+/+/command", qos=1)
        self._client.on_message = self._on_command
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def run(self, stop: threading.Event) -> None:
        """Send at the given rate until told to stop, then go on resending until all presses are acknowledged."""
        started_s = time.monotonic()
        while not stop.wait(TICK_S):
            while self._number < (time.monotonic() - started_s) * self._rate:
                self._send()
            self._resend()
        deadline_s = time.monotonic() + LAST_WORD_S
        pause = threading.Event()
        while self._waiting and time.monotonic() < deadline_s:
            self._resend()
            pause.wait(TICK_S)

    def close(self) -> None:
        """Leave when the broker has everything."""
        for info in self._unconfirmed:
            info.wait_for_publish(30)
        self._client.disconnect()
        self._client.loop_stop()

    def _send(self) -> None:
        self._number += 1
        number, keyed = self._number, self._chance.random() > KEYLESS_SHARE
        if self._chance.random() < PRESS_SHARE:
            topic, payload = self._press(f"{self._mark}p{number}", self._chance.randrange(self._homes), keyed=keyed)
        else:
            key = f"{self._mark}t{number}"
            self._ledger.sending("T" if keyed else "t", key)
            topic, payload = telemetry(number, self._homes, wire_time(), **{"id" if keyed else "n": key})
        self._publish(topic, payload)

    def _press(self, key: str, home: int, *, keyed: bool) -> tuple[str, bytes]:
        self._ledger.sending("P" if keyed else "p", key)
        if not keyed:
            return press(home, wire_time(), n=key)
        topic, payload = press(home, wire_time(), id=key)
        self._waiting[key] = (time.monotonic(), topic, payload)
        return topic, payload

    def _resend(self) -> None:
        before_s = time.monotonic() - RESEND_S
        for key, (at_s, topic, payload) in list(self._waiting.items()):
            if at_s < before_s and key in self._waiting:
                self._waiting[key] = (time.monotonic(), topic, payload)
                self._publish(topic, payload)

    def _publish(self, topic: str, payload: bytes) -> None:
        info = self._client.publish(topic, payload, qos=1)
        if info.rc == mqtt.MQTT_ERR_NO_CONN:
            info.rc = mqtt.MQTT_ERR_SUCCESS  # the client keeps it until the broker is back; waiting would refuse
        self._unconfirmed.append(info)

    def _on_command(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        body = msgspec.json.decode(message.payload)
        key = body.get("ref", {}).get("id") if body.get("type") == "event.recorded" else None
        if key is not None:
            self._ledger.acknowledged(key, body["event_id"])
            self._waiting.pop(key, None)


class HttpSender(threading.Thread):
    """Posts one event after another, each again and again until it is answered 202."""

    def __init__(
        self, url: str, token: str, homes: int, chance: random.Random, ledger: Ledger, mark: str, every_s: float
    ) -> None:
        super().__init__(name="http-sender", daemon=True)
        self._mark, self._every_s = mark, every_s
        self._address, self._homes, self._chance, self._ledger = urlsplit(url), homes, chance, ledger
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        self._pause = threading.Event()
        self.stop = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stop.wait(self._every_s):
            number += 1
            key = f"{self._mark}h{number}"
            pressed = self._chance.random() < HTTP_PRESS_SHARE
            self._ledger.sending("P" if pressed else "T", key)
            home = self._chance.randrange(self._homes)
            message = (
                press(home, wire_time(), id=key) if pressed else telemetry(number, self._homes, wire_time(), id=key)
            )
            self._until_accepted(key, as_http(message))

    def _until_accepted(self, key: str, body: bytes) -> None:
        deadline_s = time.monotonic() + LAST_WORD_S
        while time.monotonic() < deadline_s:
            event_id = self._post(body)
            if event_id is not None:
                self._ledger.acknowledged(key, event_id)
                return
            self._pause.wait(TICK_S * 5)

    def _post(self, body: bytes) -> str | None:
        """The event's id; None when there was no 202, or none that names it."""
        assert self._address.hostname is not None, "an address with a host"
        connection = http.client.HTTPConnection(self._address.hostname, self._address.port, timeout=20)
        try:
            connection.request("POST", "/api/v1/events", body, self._headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        if answer.status != 202:
            return None
        named: Any = msgspec.json.decode(text)["event_ids"][0]
        if named is None and self._mark:
            return UNNAMED  # on Kafka; what it becomes another process decides, later
        return named if isinstance(named, str) else None


def main() -> None:
    """Send until stdin ends."""
    path, port, url, token, homes, rate, seed, *marks = sys.argv[1:]
    ledger, mark = Ledger(Path(path)), "".join(marks)
    gateways = Gateways(int(port), int(homes), float(rate), random.Random(f"{seed}/mqtt"), ledger, mark)
    every_s = max(TICK_S, HTTP_EACH / float(rate))
    sender = HttpSender(url, token, int(homes), random.Random(f"{seed}/http"), ledger, mark, every_s)
    stop = threading.Event()

    def await_end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=await_end, daemon=True).start()
    sender.start()
    gateways.run(stop)
    sender.stop.set()
    sender.join(LAST_WORD_S)
    gateways.close()
    ledger.close()


if __name__ == "__main__":
    main()
