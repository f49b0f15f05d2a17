"""The broker that demo and tests bring along, so that one command is enough. Edge: a child process.

Order (packages.md): a broker named in the settings is none of our business; else iotcore; else `mosquitto` on PATH;
else one sentence with both remedies. It listens on loopback only.
Gateways speak MQTT 3.1.1 to `port`, the service MQTT 5 to
`service_port` (iotcore speaks one version a port; messages cross).
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from iotcore import Broker

log = structlog.get_logger()

START_TIMEOUT_S = 10.0
PAYLOAD_MAX_BYTES = 1_048_576


class NoBroker(Exception):
    """No broker can be started here; says what to install."""


_LISTENER = """
[{version}.1]
name = "{version}-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[{version}.1.connections]
connection_timeout_ms = 60000
max_payload_size = {payload_max}
max_inflight_count = 500
dynamic_filters = true
"""
_ROUTER = """id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
"""
_MOSQUITTO = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_packet_size {packet_max}
"""


class EmbeddedBroker:
    """A broker of our own, started, stopped and started again on the same ports."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        """`port` for gateways; 0 takes any free one. Nothing runs yet."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.port = port or free_port()
        self.service_port = self.port
        self._iotcore: Broker | None = None
        self._mosquitto: subprocess.Popen[bytes] | None = None
        self._iotcore_wanted = _has_iotcore()
        if self._iotcore_wanted:
            self.service_port = free_port()

    @property
    def url(self) -> str:
        """For the service itself."""
        return f"mqtt://127.0.0.1:{self.service_port}"

    @property
    def running(self) -> bool:
        return self._iotcore is not None or (self._mosquitto is not None and self._mosquitto.poll() is None)

    def start(self) -> None:
        """Start and wait until it listens. Raises NoBroker, or OSError when a port is taken."""
        if self.running:
            return
        if self._iotcore_wanted:
            self._start_iotcore()
        else:
            self._start_mosquitto()
        log.info("broker_started", kind="iotcore" if self._iotcore_wanted else "mosquitto", port=self.port)

    def stop(self) -> None:
        """End it; safe to call twice."""
        broker, self._iotcore = self._iotcore, None
        process, self._mosquitto = self._mosquitto, None
        if broker is not None:
            broker.stop()
        if process is not None:
            process.terminate()
            process.wait(START_TIMEOUT_S)
        log.info("broker_stopped")

    def _start_iotcore(self) -> None:
        from iotcore import Broker

        config = self._folder / "rumqttd.toml"
        listeners = (("v4", self.port), ("v5", self.service_port))
        texts = [_LISTENER.format(version=name, port=port, payload_max=PAYLOAD_MAX_BYTES) for name, port in listeners]
        config.write_text(_ROUTER + "".join(texts))
        self._iotcore = Broker(config_path=str(config)).start()

    def _start_mosquitto(self) -> None:
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            raise NoBroker(
                "no MQTT broker: name one in the settings (mqtt.url), or `pip install iotcore`, or install mosquitto"
            )
        config = self._folder / "mosquitto.conf"
        config.write_text(_MOSQUITTO.format(port=self.port, packet_max=PAYLOAD_MAX_BYTES + 65_536))
        self._mosquitto = subprocess.Popen(
            [program, "-c", str(config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not _listens(self.port):
            if self._mosquitto.poll() is not None or time.monotonic() > deadline_s:
                raise NoBroker(f"mosquitto did not start on port {self.port}: is the port taken?")


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _has_iotcore() -> bool:
    try:
        import iotcore  # noqa: F401 - only asked whether it is there; the wheel is missing on some machines
    except ImportError:
        return False
    return True
