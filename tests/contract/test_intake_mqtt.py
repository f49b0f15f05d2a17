"""The MQTT edge on real brokers: nothing acknowledged before it is on disk, everything else comes again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.feed import BLIND_BROKEN_MS
from ingest.record import RawRecord
from tests.support.mqtt_edge import Journalled, publish
from tests.support.servers import Iotcore, Mosquitto
from tests.support.waiting import wait_until


@pytest.fixture(params=["mosquitto", "iotcore"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mosquitto | Iotcore]:
    """Each broker that the product is run with."""
    made = Mosquitto(tmp_path / "broker") if request.param == "mosquitto" else Iotcore(tmp_path / "broker")
    with made:
        yield made


@pytest.fixture
def journalled(tmp_path: Path) -> Iterator[Journalled]:
    """A journal and receive."""
    made = Journalled(tmp_path)
    yield made
    made.receiver.close()
    made.journal.close()


def gateway_port(broker: Mosquitto | Iotcore) -> int:
    """Where gateways connect (3.1.1)."""
    return broker.port_311 if isinstance(broker, Iotcore) else broker.port


def test_what_is_published_stands_in_raw_in_order(broker: Mosquitto | Iotcore, journalled: Journalled) -> None:
    """Three thousand messages faster than we store them: none lost, none twice, order kept."""
    intake = journalled.intake(broker.url)
    intake.start()
    wait_until(lambda: intake.state == "live", "the first canary")
    publish(gateway_port(broker), [str(number).encode() for number in range(3_000)])
    wait_until(lambda: len(journalled.messages()) >= 3_000, "all rows", 20)
    intake.stop()
    assert [int(row.payload) for row in journalled.messages()] == list(range(3_000))


def test_what_was_refused_is_not_acknowledged_and_comes_again(
    broker: Mosquitto | Iotcore, journalled: Journalled
) -> None:
    """The journal cannot take it: no acknowledgement, a new connection, and the same message again."""
    intake = journalled.intake(broker.url)
    intake.start()
    wait_until(lambda: intake.state == "live", "the first canary")
    journalled.refuse.set()
    publish(gateway_port(broker), [b"press"])
    wait_until(lambda: intake.counts()["refused"] >= 1, "the refusal")
    journalled.refuse.clear()
    wait_until(journalled.messages, "the message again", 20)
    intake.stop()
    assert [row.payload for row in journalled.messages()] == [b"press"]


def test_a_lost_broker_is_told_with_its_times(tmp_path: Path, journalled: Journalled) -> None:
    """Stop the broker, wait, start it: the folds hear of the gap, and that it has settled; the session is kept."""
    broker = Mosquitto(tmp_path / "kept", persistence=True)
    with broker:
        intake = journalled.intake(broker.url)
        intake.start()
        wait_until(lambda: intake.state == "live", "the first canary")
        broker.stop()
        wait_until(lambda: intake.state == "late", "the break")
        broker.start()
        wait_until(lambda: journalled.facts().count("feed.settled") == 2, "the second settling", 20)
        intake.stop()
    assert journalled.facts() == ["feed.settled", "feed.gap", "feed.settled"]


def test_lost_and_back_are_told_in_their_order(journalled: Journalled) -> None:
    """The broker is back at the moment at which blindness is told, in another thread: `gap` stands behind `lost`."""
    intake = journalled.intake("mqtt://127.0.0.1:1")
    at_ms, take = journalled.clock.now_ms() + BLIND_BROKEN_MS, journalled.receiver.submit

    def back() -> list[RawRecord]:
        return intake.monitor.on_connected(at_ms, session_present=True)

    connected = threading.Thread(target=intake._submit, args=(back,))

    def slow(kind: str, topic: str, payload: bytes) -> None:
        if b"feed.lost" in payload:
            connected.start()
            connected.join(0.2)
        take(kind, topic, payload)

    journalled.receiver.submit = slow  # type: ignore[assignment,method-assign]
    intake._submit(lambda: intake.monitor.tick(at_ms))
    connected.join(5)
    assert journalled.receiver.flush(5)
    assert journalled.facts() == ["feed.lost", "feed.gap"]


def test_an_acknowledgement_of_the_connection_before_is_dropped(tmp_path: Path, journalled: Journalled) -> None:
    """Message ids are used again after a reconnect: a late ack must not acknowledge another message."""
    with Mosquitto(tmp_path / "broker") as broker:
        intake = journalled.intake(broker.url)
        intake.start()
        wait_until(lambda: intake.state == "live", "the first canary")
        epoch = intake._epoch
        intake._broken.set()
        wait_until(lambda: intake._epoch > epoch and intake.connected, "a new connection")
        intake._synced(epoch, 1, 1, 1)
        intake.stop()
    assert intake.counts()["stale_acks"] == 1


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_the_session_survives_our_own_absence(tmp_path: Path, journalled: Journalled, version: str) -> None:
    """What is published while we are away waits at the broker and is there when we come back."""
    with Mosquitto(tmp_path / "broker") as broker:
        first = journalled.intake(broker.url, version)
        first.start()
        wait_until(lambda: first.state == "live", "the first canary")
        first.stop()
        publish(broker.port, [b"while-away"])
        second = journalled.intake(broker.url, version)
        second.start()
        wait_until(journalled.messages, "the kept message")
        second.stop()
    assert [row.payload for row in journalled.messages()] == [b"while-away"]


def test_mosquittos_default_queue_does_not_drop(tmp_path: Path, journalled: Journalled) -> None:
    """With the highest Receive Maximum a broker with default limits has nothing to drop (lessons §3.2 row 10)."""
    with Mosquitto(tmp_path / "broker") as broker:
        intake = journalled.intake(broker.url)
        intake.start()
        wait_until(lambda: intake.state == "live", "the first canary")
        publish(broker.port, [str(number).encode() for number in range(10_000)])
        wait_until(lambda: len(journalled.messages()) >= 10_000, "all rows", 30)
        intake.stop()
    assert len(journalled.messages()) == 10_000


def test_a_hanging_payload_of_one_mebibyte_passes(broker: Mosquitto | Iotcore, journalled: Journalled) -> None:
    """A payload at the limit is stored whole, and the connection lives on."""
    intake = journalled.intake(broker.url)
    intake.start()
    wait_until(lambda: intake.state == "live", "the first canary")
    publish(gateway_port(broker), [b"x" * 1_040_000, b"after"])
    wait_until(lambda: len(journalled.messages()) == 2, "both rows", 20)
    intake.stop()
    assert [len(row.payload) for row in journalled.messages()] == [1_040_000, 5]
