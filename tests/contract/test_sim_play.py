"""Playing onto a real broker: nothing lost, the pace kept, and a living ward that can be acted on."""

from __future__ import annotations

import threading
import time
from datetime import date

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.record import CLOCK, HTTP, RawRecord
from ingest.recording import RecordingReader
from simulators import scenes
from simulators.furniture import make_ward
from simulators.life import messages_in
from simulators.live_ward import LiveWard
from simulators.message import Message
from simulators.play import play, write_recording
from tests.support.servers import Iotcore, free_port
from tests.support.simulated import oslo
from tests.support.waiting import wait_until

WARD = make_ward(1, 5)
FROM_MS = oslo(date(2026, 3, 2), 7 * 60)


class Listener:
    """Everything that a subscriber of the broker hears, in order."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"listener-{port}", protocol=mqtt.MQTTv311)
        subscribed = threading.Event()
        self._client.on_message = lambda _c, _d, message: self.heard.append((message.topic, bytes(message.payload)))
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._client.subscribe("#", 1)
        assert subscribed.wait(5)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def broker(tmp_path):
    """The demo's broker, as gateways see it."""
    with Iotcore(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def listener(broker):
    listening = Listener(broker.port_311)
    yield listening
    listening.close()


def url(broker):
    return f"mqtt://127.0.0.1:{broker.port_311}"


def test_a_recording_reaches_the_broker_whole(broker, listener, tmp_path):
    """Messages written as a recording and played come out in order, byte for byte; what is no message does not."""
    messages = list(messages_in(WARD, FROM_MS, FROM_MS + 3_600_000, oslo))
    write_recording(messages, tmp_path / "hour.jsonl.gz")
    records = [
        *RecordingReader(tmp_path / "hour.jsonl.gz"),
        RawRecord(FROM_MS, CLOCK),
        RawRecord(FROM_MS, HTTP, "http:x"),
    ]

    assert play(records, url(broker), speed=0) == len(messages) > 50
    wait_until(lambda: len(listener.heard) >= len(messages), "all messages")
    assert listener.heard == [(one.topic, one.payload) for one in messages]


def test_playing_keeps_the_pace(broker):
    """Two messages 4 s apart, at twenty times their speed, take a fifth of a second."""
    records = [RawRecord(FROM_MS, topic="a", payload=b"1", qos=1), RawRecord(FROM_MS + 4_000, topic="a", payload=b"2")]
    begun_s = time.monotonic()

    assert play(records, url(broker), speed=20) == 2
    assert time.monotonic() - begun_s >= 0.2


def test_a_broker_that_is_not_there_is_said():
    """No connection is an error with the address in it, and a bad address is told apart."""
    port = free_port()

    with pytest.raises(ConnectionError, match=str(port)):
        play([], f"mqtt://127.0.0.1:{port}", connect_timeout_s=0.3)
    with pytest.raises(ValueError, match="broker address"):
        play([], "127.0.0.1:1883")


class Living:
    """A ward that lives on a broker, with true time in the test's hand."""

    def __init__(self, broker, *, quiet=False, outside=lambda: False):
        self.now_ms = FROM_MS + 6 * 3_600_000
        self.sent: list[Message] = []
        self.ward = LiveWard(
            WARD, url(broker), oslo, lambda: self.now_ms, quiet=quiet, outside=outside, sending=self.sent.append
        )

    def __enter__(self):
        self.ward.start()
        return self

    def __exit__(self, *_):
        self.ward.stop()

    def alarms(self):
        return [one for one in self.sent if b"alarm.pressed" in one.payload]


PENDANT = next(thing for thing in WARD.things if thing.role == "pendant" and thing.convention == "vardevakt")


def test_the_past_comes_out_of_buffers_without_its_alarms(broker):
    """Six hours go by in 90 s of the clock; what was before comes marked as kept, and nobody calls from the past."""
    with Living(broker) as living:
        wait_until(lambda: len(living.sent) >= 10, "greetings")
        assert not living.ward.caught_up
        living.now_ms += 91_000
        wait_until(lambda: living.ward.caught_up, "catching up")
        wait_until(lambda: any(b'"buffered":true' in one.payload for one in living.sent), "buffers")

        wait_until(lambda: any(b"dose.missed" in one.payload for one in living.sent), "the missed dose")

        assert living.alarms() == []


def test_the_first_act_ends_the_hurry(broker, listener):
    """A press on the page goes out at once, and the ward shows true time."""
    with Living(broker) as living:
        wait_until(lambda: living.sent, "greetings")
        living.ward.do(lambda now_ms: scenes.press(PENDANT, now_ms)).result(5)

        assert living.ward.caught_up
        assert len(living.alarms()) == 1
        wait_until(lambda: any(b"alarm.pressed" in payload for _, payload in listener.heard), "the press")


def test_a_message_from_outside_ends_the_hurry(broker):
    """Somebody else spoke: the ward catches up without an act of its own."""
    with Living(broker, outside=lambda: True) as living:
        wait_until(lambda: living.ward.caught_up, "catching up")

        assert living.alarms() == []


def test_a_quiet_ward_has_no_past(broker):
    """It begins now, at true speed: nothing is marked as kept."""
    with Living(broker, quiet=True) as living:
        wait_until(lambda: living.sent, "greetings")
        living.now_ms += 1_800_000
        wait_until(lambda: any(b"motion" in one.payload or b"heartbeat" in one.payload for one in living.sent), "life")

        assert living.ward.caught_up


def test_an_unplugged_gateway_keeps_what_it_sees(broker):
    """Its will goes out, then nothing; plugged in again it greets and hands in what it kept."""
    with Living(broker, quiet=True) as living:
        wait_until(lambda: living.sent, "greetings")
        living.ward.unplug(PENDANT.gateway).result(5)
        will = living.sent[-1]
        living.ward.do(lambda now_ms: scenes.press(PENDANT, now_ms)).result(5)
        assert b'"online":false' in will.payload
        assert living.ward.unplugged == (PENDANT.gateway,)
        assert living.alarms() == []

        living.ward.plug(PENDANT.gateway).result(5)
        assert [b'"buffered":true' in one.payload for one in living.alarms()] == [True]
        assert living.ward.unplugged == ()


def test_a_stopped_broker_loses_no_press(broker, tmp_path):
    """What happens while the broker is away is handed in when it is back."""
    with Living(broker, quiet=True) as living:
        wait_until(lambda: living.sent, "greetings")
        broker.stop()
        wait_until(lambda: not living.ward._link.connected, "the broken connection")
        living.ward.do(lambda now_ms: scenes.press(PENDANT, now_ms)).result(5)
        assert living.alarms() == []
        broker.start()
        wait_until(lambda: len(living.alarms()) == 1, "the press", timeout_s=20)


def test_a_hushed_device_waits_for_its_scene(broker):
    """While a scene runs, the device sees nothing of what was planned for it."""
    bed = next(thing for thing in WARD.things if thing.role == "bed" and thing.convention == "vardevakt")
    with Living(broker) as living:
        wait_until(lambda: living.sent, "greetings")

        def up(now_ms):
            return scenes.leave_bed(bed, now_ms, now_ms - 10**8, in_bed=True)

        living.ward.do(up, hush_ms=scenes.BACK_AFTER_MS).result(5)
        living.now_ms += scenes.BACK_AFTER_MS - 1_000
        living.ward.do(lambda now_ms: scenes.press(PENDANT, now_ms)).result(5)
        topic = f"vardevakt/1/{bed.name}/event"
        assert [b"bed.left" in one.payload for one in living.sent if one.topic == topic][-1]
        living.now_ms += 2_000
        wait_until(
            lambda: b"bed.occupied" in [one for one in living.sent if one.topic == topic][-1].payload, "back in bed"
        )
