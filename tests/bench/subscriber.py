"""The ceiling: a paho subscriber with acknowledgement by hand, connected as the service is, that does nothing else.

`python -m tests.bench.subscriber PORT COUNT`: "ready" when subscribed, then {"cpu_s": …} after COUNT messages.
"""

from __future__ import annotations

import json
import sys
import threading
import time

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def main() -> None:
    """Count, acknowledge, end."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    done, ready = threading.Event(), threading.Event()
    left = [count]

    def on_message(client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        client.ack(message.mid, message.qos)
        left[0] -= 1
        if left[0] == 0:
            done.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2, "bench-ceiling", protocol=mqtt.MQTTv5, manual_ack=True)
    connect = Properties(PacketTypes.CONNECT)
    connect.ReceiveMaximum = 65_535
    client.on_message = on_message
    client.on_connect = lambda one, *_: one.subscribe("vardevakt/1/#", qos=1)
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port, properties=connect)
    client.loop_start()
    ready.wait(20)
    print("ready", flush=True)
    cpu_s = time.process_time()
    done.wait(300)
    print(json.dumps({"cpu_s": time.process_time() - cpu_s, "missing": left[0]}), flush=True)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
