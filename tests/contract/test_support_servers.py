"""Contract of the brokers that other tests build on."""

import threading

import pytest
from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.support.servers import Iotcore, Mosquitto, accepts_connections
from tests.support.waiting import wait_until


def publish_and_receive(publisher_port: int, subscriber_port: int, protocol: MQTTProtocolVersion) -> bytes:
    """Send one QoS 1 message from one port to a subscriber on another, and return what arrived."""
    arrived: list[bytes] = []
    subscribed = threading.Event()
    subscriber = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    subscriber.on_message = lambda _client, _data, message: arrived.append(bytes(message.payload))
    subscriber.on_subscribe = lambda *_arguments: subscribed.set()
    subscriber.connect("127.0.0.1", subscriber_port)
    subscriber.loop_start()
    publisher = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
    publisher.connect("127.0.0.1", publisher_port)
    publisher.loop_start()
    try:
        subscriber.subscribe("probe/#", qos=1)
        assert subscribed.wait(10), "the broker never confirmed the subscription"
        publisher.publish("probe/one", b"x" * 100_000, qos=1).wait_for_publish(10)
        wait_until(lambda: arrived, "the message")
    finally:
        for client in (publisher, subscriber):
            client.disconnect()
            client.loop_stop()
    return arrived[0]


def test_mosquitto_keeps_its_port_over_a_restart(tmp_path):
    """A stopped Mosquitto comes back on the same port and carries messages."""
    broker = Mosquitto(tmp_path)
    with broker:
        assert publish_and_receive(broker.port, broker.port, MQTTv5) == b"x" * 100_000
    assert not accepts_connections(broker.port)

    with broker:
        assert publish_and_receive(broker.port, broker.port, MQTTv311) == b"x" * 100_000


def test_mosquitto_says_what_is_wrong_with_its_configuration(tmp_path):
    """A bad line ends the start with Mosquitto's own words, not with a time-out."""
    with pytest.raises(AssertionError, match="Unknown configuration variable"):
        Mosquitto(tmp_path, options=("no_such_option 1",)).start()


def test_iotcore_carries_large_messages_between_its_two_versions(tmp_path):
    """What a 3.1.1 client sends on one port reaches a version 5 client on the other, above the default size limit."""
    with Iotcore(tmp_path) as broker:
        assert publish_and_receive(broker.port_311, broker.port, MQTTv311) == b"x" * 100_000
