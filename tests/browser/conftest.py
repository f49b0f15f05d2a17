"""The board in Chromium against a real demo: one `vardevakt demo --quiet-ward` in a process of its own a session."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser

from alerts.access.accounts import DEMO_PASSWORD
from tests.support.servers import chromium_launch_options

START_TIMEOUT_S = 60


class Demo(msgspec.Struct):
    """A running demo: its board, its broker, a machine key, and the process, for those who kill it."""

    http: str
    mqtt: str
    token: str
    process: subprocess.Popen[str]
    password: str = DEMO_PASSWORD

    def publish(self, topic: str, body: dict[str, Any]) -> None:
        """As a gateway: one message with QoS 1, acknowledged by the broker."""
        host, port = self.mqtt.removeprefix("mqtt://").split(":")
        client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        client.connect(host, int(port))
        client.loop_start()
        client.publish(topic, json.dumps(body), qos=1).wait_for_publish(10)
        client.disconnect()
        client.loop_stop()


def start_demo(data: Path, *arguments: str) -> Demo:
    """Start `vardevakt demo` on free ports and wait for its first line."""
    command = [sys.executable, "-m", "api.cli", "demo", "--json", "--http-port", "0", "--mqtt-port", "0"]
    log = (data.parent / f"{data.name}.log").open("w")
    process = subprocess.Popen(
        [*command, "--data", str(data), *arguments], stdout=subprocess.PIPE, stderr=log, text=True
    )
    log.close()
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"the demo did not start: {Path(log.name).read_text()[-2_000:]}"
    return Demo(**json.loads(line), process=process)


def stop_demo(demo: Demo) -> int:
    """SIGTERM, and the exit code."""
    demo.process.terminate()
    code = demo.process.wait(20)
    if demo.process.stdout is not None:
        demo.process.stdout.close()
    return code


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """One demo for all browser tests; it must end cleanly."""
    running = start_demo(tmp_path_factory.mktemp("demo") / "data", "--quiet-ward")
    yield running
    assert stop_demo(running) == 0


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The machine's Chromium; Playwright's own download does not work everywhere."""
    return {**browser_type_launch_args, **chromium_launch_options()}


@pytest.fixture(autouse=True)
def nobody_stays(browser: Browser) -> Iterator[None]:
    """The pages of a test end with it: an open board asks for its server for ever, and the next tests pay for it."""
    yield
    for context in browser.contexts:
        context.close()
