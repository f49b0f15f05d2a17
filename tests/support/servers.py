"""Real servers for tests: finding them, and brokers started on a free port with a configuration of their own.

Import it as `from tests.support.servers import Mosquitto`. A server is found by (1) a URL in the environment,
VARDEVAKT_TEST_<NAME>_URL, (2) its program on PATH, (3) its program in .servers/bin, where `make servers` may put it.
What is missing skips the test, naming the command that would get it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_ARGUMENTS = (
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def external_url(name: str) -> str | None:
    """The address of a server that somebody runs for the tests: VARDEVAKT_TEST_<NAME>_URL."""
    return os.environ.get(f"VARDEVAKT_TEST_{name.upper()}_URL") or None


def find_program(*names: str) -> str | None:
    """The first of `names` on PATH, in Debian's /usr/sbin (not on everybody's PATH) or in .servers/bin."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", str(ROOT / ".servers" / "bin")])
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


def require_program(*names: str) -> str:
    """As find_program, but skip the test when there is none."""
    found = find_program(*names)
    if found is None:
        pytest.skip(f"no program {' or '.join(names)}: run `make servers`")
    return found


def chromium_launch_options() -> dict[str, Any]:
    """What Playwright's `chromium.launch` needs to use the machine's Chromium; skips where there is none."""
    return {"executable_path": require_program(*CHROMIUM_NAMES), "args": list(CHROMIUM_ARGUMENTS)}


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on now (another process may take it: ask late, bind soon)."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts_connections(port: int) -> bool:
    """Whether something listens on 127.0.0.1:port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto:
    """A Mosquitto of this test alone; the port stays the same over stop and start, as a real broker's does.

    `options` are further lines of its configuration file. Without any, everybody may connect and the queue limits are
    Mosquitto's defaults. With persistence=True what it holds survives a stop, and a kill as far as it saved.
    """

    def __init__(self, folder: Path, *, options: tuple[str, ...] = (), persistence: bool = False) -> None:
        """Write the configuration below `folder`; nothing runs yet."""
        self.program = require_program("mosquitto")
        self.port = free_port()
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "mosquitto.conf"
        self.log = folder / "mosquitto.log"
        self.process: subprocess.Popen[bytes] | None = None
        lines = [f"listener {self.port} 127.0.0.1"]
        if not any(option.startswith("allow_anonymous") for option in options):
            lines.append("allow_anonymous true")
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            lines.append("user root")  # else it becomes the user mosquitto, who may not write here
        if persistence:
            lines += ["persistence true", f"persistence_location {folder}/", "autosave_interval 1"]
        self.config.write_text("\n".join([*lines, *options, ""]))

    @property
    def url(self) -> str:
        """Its address as the settings take it."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it and wait until it listens."""
        assert self.process is None, "this broker runs already"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "-c", str(self.config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_until(self._listens, f"mosquitto on port {self.port} (its log: {self.log})")
        return self

    def _listens(self) -> bool:
        assert self.process is not None, "start() has begun the process"
        if (code := self.process.poll()) is not None:
            msg = f"mosquitto ended with {code}: {self.log.read_text(errors='replace')}"
            raise AssertionError(msg)
        return accepts_connections(self.port)

    def stop(self, *, kill: bool = False) -> None:
        """End it: politely, or with SIGKILL as a power cut would. Nothing happens when it does not run."""
        process, self.process = self.process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        process.wait(10)

    def __enter__(self) -> Self:
        """Start for the length of a `with`."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        self.stop()


IOTCORE_LISTENER = """
[{version}.1]
name = "{version}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[{version}.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""
IOTCORE_ROUTER = """
id = 0
[router]
id = 0
max_connections = 1010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10
"""


class Iotcore:
    """The embedded broker of the demo, on two free ports: `port` speaks MQTT 5, `port_311` speaks 3.1.1.

    Messages cross between the two. It keeps nothing over its own stop.
    """

    def __init__(self, folder: Path) -> None:
        """Write the configuration below `folder`; nothing runs yet."""
        pytest.importorskip("iotcore", reason="no iotcore wheel for this machine: needs glibc Linux or macOS")
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self.port_311 = free_port(), free_port()
        self.config = folder / "rumqttd.toml"
        listeners = (("v5", self.port), ("v4", self.port_311))
        text = IOTCORE_ROUTER + "".join(IOTCORE_LISTENER.format(version=name, port=port) for name, port in listeners)
        self.config.write_text(text)
        self.broker: Any = None

    @property
    def url(self) -> str:
        """The address for MQTT 5 clients, as the settings take it."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> Self:
        """Start it in a child process, which dies with this one, and wait until it listens."""
        from iotcore import Broker  # absent on some machines

        assert self.broker is None, "this broker runs already"
        self.broker = Broker(config_path=str(self.config)).start()
        return self

    def stop(self) -> None:
        """End it and free its ports."""
        broker, self.broker = self.broker, None
        if broker is not None:
            broker.stop()

    def __enter__(self) -> Self:
        """Start for the length of a `with`."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, whatever happened."""
        self.stop()


def python_environment() -> dict[str, str]:
    """The environment for a child Python that imports our packages from this checkout."""
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
