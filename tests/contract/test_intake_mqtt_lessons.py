"""Rows 10 to 13 of lessons §3.2, what others lost messages by, each tried on real brokers with our MQTT edge.

Row 10, a broker that drops what its queue cannot hold: test_mosquittos_default_queue_does_not_drop; row 11, an
acknowledgement for another message: test_an_acknowledgement_of_the_connection_before_is_dropped (test_intake_mqtt.py)
and the order of acknowledgements here; rows 12 and 13 here. And what is said when messages may be gone.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.feed import BLIND_MS, CANARY_EVERY_MS
from ingest.intake_mqtt import MqttIntake
from tests.support.deaf_proxy import DeafProxy
from tests.support.mqtt_edge import Journalled, publish
from tests.support.servers import Iotcore, Mosquitto
from tests.support.waiting import wait_until

FASTER = 20  # the edge's clock in tests of what takes a minute
OLD_TOPIC = "vardevakt-old/1/gw-1/pendant-1/event"


@pytest.fixture
def journalled(tmp_path: Path) -> Iterator[Journalled]:
    """A journal and receive."""
    made = Journalled(tmp_path)
    yield made
    made.receiver.close()
    made.journal.close()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker with default limits."""
    with Mosquitto(tmp_path / "broker") as made:
        yield made


@pytest.fixture
def iotcore(tmp_path: Path) -> Iterator[Iotcore]:
    """The demo's broker, which ends a connection whose acknowledgements are out of order."""
    with Iotcore(tmp_path / "broker") as made:
        yield made


def live(intake: MqttIntake) -> MqttIntake:
    """Started, with its first canary back."""
    intake.start()
    wait_until(lambda: intake.state == "live", "the first canary")
    return intake


class Fast:
    """A clock that runs FASTER times as fast, from now on."""

    def __init__(self, journalled: Journalled) -> None:
        self._from_ms, self._from_s = journalled.clock.now_ms(), time.monotonic()

    def now_ms(self) -> int:
        """Milliseconds UTC of a world in a hurry."""
        return self._from_ms + int((time.monotonic() - self._from_s) * 1_000 * FASTER)


# -- row 11: acknowledgements --------------------------------------------------------------------------------------


def test_row_11_a_canary_does_not_overtake_acknowledgements_that_wait(iotcore: Iotcore, journalled: Journalled) -> None:
    """The disk hangs over two canaries: the connection stands, and afterwards each message is there once."""
    clock = Fast(journalled)
    intake = journalled.intake(iotcore.url, now_ms=clock.now_ms)
    intake.start()
    wait_until(lambda: intake.last_canary_ms, "the first canary")
    release = journalled.hold()
    publish(iotcore.port_311, [b"1", b"2", b"3"])
    heard_ms = clock.now_ms()
    wait_until(lambda: (intake.last_canary_ms or 0) > heard_ms + 2 * CANARY_EVERY_MS, "two more canaries")
    release.set()
    wait_until(lambda: len(journalled.messages()) >= 3, "all rows")
    publish(iotcore.port_311, [b"4"])
    wait_until(lambda: len(journalled.messages()) >= 4, "the row after")
    counts = intake.counts()
    intake.stop()
    assert [(row.payload, row.dup) for row in journalled.messages()] == [(b"%d" % n, False) for n in range(1, 5)]
    assert (counts["reconnects"], counts["stale_acks"]) == (0, 0)


def test_row_11_after_a_refusal_nothing_is_acknowledged_on_that_connection(
    iotcore: Iotcore, journalled: Journalled
) -> None:
    """The first of five is refused: the others behind it are left to the next connection too, and none is lost."""
    intake = live(journalled.intake(iotcore.url))
    journalled.refuse_next = 1
    publish(iotcore.port_311, [b"%d" % number for number in range(5)])
    wait_until(lambda: len(journalled.messages()) >= 5, "all rows", 20)
    counts = intake.counts()
    intake.stop()
    assert [row.payload for row in journalled.messages()] == [b"%d" % number for number in range(5)]
    assert counts["refused"] == 1


# -- row 12: open and deaf -----------------------------------------------------------------------------------------


def test_row_12_a_connection_that_is_open_and_deaf_is_noticed_and_replaced(
    mosquitto: Mosquitto, journalled: Journalled
) -> None:
    """Nothing passes any more, yet no socket closes: the canary stays out, and a new connection takes over."""
    clock = Fast(journalled)
    with DeafProxy(mosquitto.port) as proxy:
        intake = journalled.intake(f"mqtt://127.0.0.1:{proxy.port}", now_ms=clock.now_ms)
        intake.start()
        wait_until(lambda: intake.last_canary_ms, "the first canary")
        healthy_ms = clock.now_ms()
        wait_until(lambda: clock.now_ms() > healthy_ms + BLIND_MS + 20_000, "more than a blind time, hearing")
        assert intake.counts()["reconnects"] == 0
        proxy.deafen()
        publish(mosquitto.port, [b"while-deaf"])
        wait_until(journalled.messages, "the message over a new connection", 20)
        wait_until(lambda: journalled.facts()[-1] == "feed.settled", "the new connection's canary")
        counts = intake.counts()
        intake.stop()
    assert [row.payload for row in journalled.messages()] == [b"while-deaf"]
    assert counts["reconnects"] == 1
    assert journalled.facts() == ["feed.settled", "feed.lost", "feed.gap", "feed.settled"]
    lost = journalled.feed_records()[1]
    assert lost["to_ms"] - lost["from_ms"] >= BLIND_MS


def test_row_12_callbacks_that_publish_do_not_lock_out_others_that_do(
    mosquitto: Mosquitto, journalled: Journalled
) -> None:
    """Published from the connection's own thread and from two others at once: all of it arrives."""
    arrived: list[bytes] = []
    subscribed = threading.Event()
    gateway = mqtt.Client(CallbackAPIVersion.VERSION2)
    gateway.on_message = lambda _client, _data, message: arrived.append(bytes(message.payload))
    gateway.on_subscribe = lambda *_: subscribed.set()
    gateway.connect("127.0.0.1", mosquitto.port)
    gateway.subscribe("to-gateway", 1)
    gateway.loop_start()
    subscribed.wait(10)
    intake = journalled.intake(mosquitto.url)
    submit = journalled.receiver.submit

    def answer(kind: str, topic: str, *rest: object, **named: object) -> None:
        submit(kind, topic, *rest, **named)  # type: ignore[arg-type]  # as it came
        if topic:
            intake.publish("to-gateway", b"answer")

    journalled.receiver.submit = answer  # type: ignore[method-assign]  # as a callback in paho's thread would
    live(intake)
    others = [threading.Thread(target=lambda: [intake.publish("to-gateway", b"own") for _ in range(200)]) for _ in "ab"]
    for one in others:
        one.start()
    publish(mosquitto.port, [b"%d" % number for number in range(200)])
    for one in others:
        one.join(10)
    wait_until(lambda: len(arrived) >= 600, "all of it", 20)
    intake.stop()
    gateway.disconnect()
    gateway.loop_stop()
    assert (arrived.count(b"answer"), arrived.count(b"own")) == (200, 400)


def test_row_12_a_broker_slow_to_take_us_back_is_not_taken_for_deaf(journalled: Journalled) -> None:
    """Blind already, and the new connection's CONNACK takes its time: we wait for it instead of starting again."""
    clock = Fast(journalled)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        intake = journalled.intake(f"mqtt://127.0.0.1:{silent.getsockname()[1]}", now_ms=clock.now_ms)
        intake.start()
        wait_until(lambda: intake.state == "blind", "blindness")
        blind_ms = clock.now_ms()
        wait_until(lambda: clock.now_ms() > blind_ms + 40_000, "two more seconds of true time")
        reconnects = intake.counts()["reconnects"]
        intake.stop()
    assert reconnects == 0


# -- row 13: persistent sessions -----------------------------------------------------------------------------------


def test_row_13_the_client_id_follows_the_set_of_subscriptions(journalled: Journalled) -> None:
    """Another set is another session; the same set in another order is the same session."""
    one, two = ("vardevakt/1/#", "zigbee2mqtt/#"), ("zigbee2mqtt/#", "vardevakt/1/#")
    ids = [journalled.intake("mqtt://127.0.0.1", subscriptions=names).client_id for names in (one, two, one[:1])]
    named = journalled.intake("mqtt://127.0.0.1", subscriptions=one, client_id="ours").client_id
    assert ids[0] == ids[1]
    assert ids[2] != ids[0]
    assert named.startswith("ours-")
    assert named.removeprefix("ours-") == ids[0].removeprefix("vardevakt-site-")


def test_row_13_a_topic_that_is_no_longer_wanted_does_not_come(mosquitto: Mosquitto, journalled: Journalled) -> None:
    """A persistent session keeps its old subscriptions: with another set we have another session."""
    both = live(journalled.intake(mosquitto.url, subscriptions=("vardevakt/1/#", "vardevakt-old/#")))
    both.stop()
    fewer = live(journalled.intake(mosquitto.url))
    publish(mosquitto.port, [b"old"], topic=OLD_TOPIC)
    publish(mosquitto.port, [b"wanted"])
    wait_until(journalled.messages, "the wanted one")
    fewer.stop()
    assert [row.payload for row in journalled.messages()] == [b"wanted"]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_row_13_what_comes_right_after_connack_is_kept(
    mosquitto: Mosquitto, journalled: Journalled, version: str
) -> None:
    """Nine hundred waited for us, and arrive before our SUBSCRIBE is answered: all are stored, in order, once."""
    live(journalled.intake(mosquitto.url, version)).stop()
    publish(mosquitto.port, [b"%d" % number for number in range(900)])
    again = journalled.intake(mosquitto.url, version)
    again.start()
    wait_until(lambda: len(journalled.messages()) >= 900, "all rows", 20)
    again.stop()
    assert [int(row.payload) for row in journalled.messages()] == list(range(900))


# -- when messages may be gone -------------------------------------------------------------------------------------


def test_a_session_that_somebody_deleted_is_a_gap_that_says_so(mosquitto: Mosquitto, journalled: Journalled) -> None:
    """Somebody connected with our client id and a clean start: what waited there is gone, and the folds hear it."""
    first = live(journalled.intake(mosquitto.url))
    first.stop()
    thief = mqtt.Client(CallbackAPIVersion.VERSION2, first.client_id, protocol=mqtt.MQTTv5)
    connected = threading.Event()
    thief.on_connect = lambda *_: connected.set()
    thief.connect("127.0.0.1", mosquitto.port, clean_start=True)
    thief.loop_start()
    assert connected.wait(10)
    thief.disconnect()
    thief.loop_stop()
    live(journalled.intake(mosquitto.url)).stop()
    gaps = [record for record in journalled.feed_records() if record["type"] == "feed.gap"]
    assert [gap["session_lost"] for gap in gaps] == [True]


@pytest.mark.parametrize(("persistence", "lost"), [(True, False), (False, True)])
def test_a_broker_that_restarts_empty_is_a_gap_that_says_so(
    tmp_path: Path, journalled: Journalled, persistence: bool, lost: bool
) -> None:
    """While we run: a broker that kept our session is a gap, one that forgot it is a gap with the session lost."""
    with Mosquitto(tmp_path / "restarts", persistence=persistence) as broker:
        intake = live(journalled.intake(broker.url))
        broker.stop()
        wait_until(lambda: not intake.connected, "the break")
        broker.start()
        wait_until(lambda: "feed.gap" in journalled.facts(), "the gap", 20)
        intake.stop()
    gap = next(record for record in journalled.feed_records() if record["type"] == "feed.gap")
    assert gap["session_lost"] is lost
    assert gap["to_ms"] >= gap["from_ms"]


def test_qos_0_that_could_not_be_taken_is_counted(mosquitto: Mosquitto, journalled: Journalled) -> None:
    """QoS 0 never comes again: what was stored and what was lost of it stand in the counters."""
    intake = live(journalled.intake(mosquitto.url))
    publish(mosquitto.port, [b"taken"], qos=0)
    wait_until(journalled.messages, "the row")
    journalled.refuse_next = 1
    publish(mosquitto.port, [b"lost"], qos=0)
    wait_until(lambda: intake.counts()["qos0_dropped"], "the loss")
    wait_until(lambda: "feed.gap" in journalled.facts(), "the gap it is told as", 20)
    counts = intake.counts()
    intake.stop()
    assert (counts["qos0"], counts["qos0_dropped"], counts["refused"]) == (2, 1, 0)
    assert [row.payload for row in journalled.messages()] == [b"taken"]
