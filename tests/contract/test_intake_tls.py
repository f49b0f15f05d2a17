"""The MQTT edge over TLS, with user, password and a CA from a file."""

from __future__ import annotations

import subprocess
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.clock import SystemClock
from ingest.intake_mqtt import MqttIntake, MqttOptions
from ingest.journal_sqlite import SqliteJournal
from ingest.receive import Receiver
from ingest.record import MQTT, RawRecord
from tests.support.journals import sqlite_journal
from tests.support.servers import Mosquitto, free_port, require_program
from tests.support.waiting import wait_until

TOPIC = "vardevakt/1/gw-1/pendant-1/event"
COUNT = 2_000


@pytest.fixture
def secure(tmp_path: Path) -> tuple[int, Path, Path]:
    """A port, a certificate for 127.0.0.1 that is its own CA, and a file of passwords."""
    certificate, key, passwords = tmp_path / "ca.pem", tmp_path / "key.pem", tmp_path / "passwords"
    subprocess.run(
        [
            *(require_program("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    passwords.touch(0o600)
    maker = require_program("mosquitto_passwd")
    subprocess.run([maker, "-b", str(passwords), "vardevakt", "a secret"], check=True, capture_output=True)
    return free_port(), certificate, passwords


def broker(folder: Path, secure: tuple[int, Path, Path]) -> Mosquitto:
    """One open listener for gateways, one with TLS; only who has a password may enter either."""
    port, certificate, passwords = secure
    return Mosquitto(
        folder,
        options=(
            *("allow_anonymous false", f"password_file {passwords}", f"listener {port} 127.0.0.1"),
            *(f"certfile {certificate}", f"keyfile {certificate.with_name('key.pem')}"),
        ),
    )


def intake(journal: SqliteJournal, secure: tuple[int, Path, Path], password: str) -> tuple[MqttIntake, Receiver]:
    """The edge, connected by TLS, over a real journal."""
    port, certificate, _ = secure
    clock = SystemClock()
    receiver = Receiver(
        journal.raw, clock, class_of=lambda _topic, _payload: "alarm", on_emergency=lambda _record: None
    )
    options = MqttOptions(
        url=f"mqtts://127.0.0.1:{port}", site="site", username="vardevakt", password=password, ca_file=certificate
    )
    return MqttIntake(options, ("vardevakt/1/#",), receiver, clock.now_ms, 0), receiver


def messages(journal: SqliteJournal) -> list[RawRecord]:
    """What came from the broker."""
    return [row for row in journal.raw.read(0, COUNT * 3) if row.kind == MQTT]


def test_everything_comes_through_tls(tmp_path, secure):
    """Bulk both ways and a message larger than any TLS record: all on disk, in order, all acknowledged."""
    with broker(tmp_path / "broker", secure) as served, sqlite_journal(tmp_path) as journal:
        edge, receiver = intake(journal, secure, "a secret")
        edge.start()
        wait_until(lambda: edge.state == "live", "the first canary")
        gateway = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
        gateway.username_pw_set("vardevakt", "a secret")
        gateway.max_inflight_messages_set(500)
        gateway.connect("127.0.0.1", served.port)
        gateway.loop_start()
        payloads = [*(str(number).encode() for number in range(COUNT)), b"x" * 900_000]
        sent = [gateway.publish(TOPIC, payload, qos=1) for payload in payloads]
        sent[-1].wait_for_publish(20)
        wait_until(lambda: len(messages(journal)) > COUNT, "all rows", 20)
        edge.stop()
        gateway.disconnect()
        gateway.loop_stop()
        assert [row.payload for row in messages(journal)] == payloads
        again, _ = intake(journal, secure, "a secret")
        again.start()
        wait_until(lambda: again.state == "live", "the second connection's canary")
        again.stop()
        receiver.close()
        again_came = messages(journal)[COUNT + 1 :]
        assert all(row.dup for row in again_came), "only what was on its way to be acknowledged, and marked"
        assert len(again_came) < COUNT // 10, "the acknowledgements went out"


def test_a_wrong_password_is_no_feed(tmp_path, secure):
    """Refused by the broker: not connected, and said so; it goes on trying."""
    with broker(tmp_path / "broker", secure), sqlite_journal(tmp_path) as journal:
        edge, receiver = intake(journal, secure, "a guess")
        edge.start()
        wait_until(lambda: edge.counts()["reconnects"] >= 2, "two tries")
        connected = edge.connected
        edge.stop()
        receiver.close()
        assert not connected
