"""Every channel against a real local server: what it says of a call is what the far end saw of it."""

from __future__ import annotations

import subprocess
import threading
import time

import msgspec
import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from paho.mqtt.enums import CallbackAPIVersion

from alerts.channels.apprise_services import AppriseServices, BadService
from alerts.channels.channel import FAILED, OK, UNKNOWN, Address, Message
from alerts.channels.email_smtp import MailOptions, SmtpEmail
from alerts.channels.http_gateway import HttpGateway
from alerts.channels.mqtt import MqttChannel
from alerts.channels.web_push import PushOptions, WebPush
from alerts.channels.web_push_crypto import CURVE
from alerts.channels.webhook import Webhook
from tests.support.deaf_proxy import DeafProxy
from tests.support.far_ends import FakeGateway, FakeHook, FakeMail, FakePush
from tests.support.mqtt_edge import Journalled
from tests.support.servers import Mosquitto, free_port, require_program
from tests.support.waiting import wait_until

PHONE, BOX = "+4798888881", "ola@example.org"
TEXT = 'P1 hos R17: noen må gå. "Å" & <b> $x {y}'
MESSAGE = Message(
    7, "solbakken", "a1", "P1", "ring", "function", "natt-1", "R17", attempt_id=42, text=TEXT, title="P1 R17",
    address=Address(PHONE, BOX),
)  # fmt: skip
TIMEOUT_S = 0.4
VAPID = ec.generate_private_key(CURVE)


class Case:
    """A channel, its far end, and where the message of the suite arrives."""

    def __init__(self, channel, far_end, device, message=MESSAGE):
        self.channel, self.far_end, self.device, self.message = channel, far_end, device, message

    def send(self, *words):
        self.far_end.then(*words)
        return self.channel.send(self.message)

    def texts(self):
        return [one.text for one in self.far_end.received(self.device)]


def sms(port=None, kind="sms"):
    far_end = FakeGateway()
    options = far_end.options(kind, url=f"http://127.0.0.1:{port or far_end.port}/{kind}")
    return Case(HttpGateway(kind, options), far_end, PHONE)


def voice(port=None):
    return sms(port, "voice")


def email(port=None):
    far_end = FakeMail()
    options = MailOptions(
        host="127.0.0.1", port=port or far_end.port, security="none", sender="vakt@example.org", timeout_s=TIMEOUT_S
    )
    return Case(SmtpEmail(options), far_end, BOX)


def push(port=None):
    far_end = FakePush()
    to = far_end.subscribe("browser-1")
    if port:
        to = msgspec.structs.replace(to, endpoint=f"http://127.0.0.1:{port}/browser-1")
    options = PushOptions(key=VAPID, contact="mailto:drift@example.org", hosts=("127.0.0.1",), timeout_s=TIMEOUT_S)
    message = msgspec.structs.replace(MESSAGE, address=Address(push=(to,)))
    return Case(WebPush(options), far_end, f"{far_end.url}/browser-1", message)


def webhook(port=None):
    far_end = FakeHook()
    url = f"http://127.0.0.1:{port or far_end.port}/hook"
    return Case(Webhook(url, "shared secret", timeout_s=TIMEOUT_S), far_end, "natt-1")


def apprise(port=None):
    far_end = FakeHook()
    return Case(AppriseServices([f"json://127.0.0.1:{port or far_end.port}/x"], TIMEOUT_S), far_end, "room")


EVERY = [sms, voice, email, push, webhook, apprise]


@pytest.fixture(params=EVERY, ids=lambda make: make.__name__)
def case(request):
    made = request.param()
    with made.far_end:
        yield made


@pytest.mark.parametrize("word", ["ok", "slow"])
def test_what_the_far_end_takes_is_ok_and_arrives_once_as_it_was_written(case, word):
    """Every sign of the text arrives, whatever it is wrapped in on the way, also when the answer takes its time."""
    result = case.send(word)

    assert result.outcome == OK, result
    assert case.texts() == [TEXT]


@pytest.mark.parametrize("word", ["refuse", "down"])
def test_what_the_far_end_says_no_to_has_certainly_not_gone(case, word):
    """A no is `failed`: it may be tried again without anybody hearing it twice."""
    assert case.send(word).outcome == FAILED
    assert case.texts() == []


@pytest.mark.parametrize("word", ["hang", "half", "drip"])
def test_without_a_whole_answer_nobody_knows_and_it_ends_in_time(case, word):
    """No answer, half of one, or one that never ends: `unknown` within the deadline, for the far end had it."""
    if case.channel.name == "apprise" and word == "half":
        word = "hang"  # Apprise goes by the status and reads no further
    began_s = time.monotonic()
    result = case.send(word)

    assert result.outcome == UNKNOWN, result
    assert time.monotonic() - began_s < 5 * TIMEOUT_S
    assert case.texts() == [TEXT]


@pytest.mark.parametrize("make", EVERY, ids=lambda make: make.__name__)
def test_where_nobody_listens_it_has_not_gone(make):
    """A closed port is `failed` at once."""
    case = make(free_port())

    assert case.channel.send(case.message).outcome == FAILED
    case.far_end._server.server_close()


def test_only_a_no_to_this_message_leaves_the_channel_in_good_name():
    """A bad number is the message's fault; a gateway that is down is the channel's."""
    for make in (sms, email, webhook):
        case = make()
        with case.far_end:
            assert (case.send("refuse").refused, case.send("down").refused) == (True, False)


def test_the_gateways_own_id_is_kept_for_its_receipts():
    """And ours goes along, for receipts of calls that were never answered."""
    case = sms()
    with case.far_end:
        result = case.send()

        assert result.provider_id == "g1"
        assert case.far_end.calls[0]["ref"] == "a42"


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (b'{"messages": [{"id": "g1", "status": "rejected"}]}', FAILED),
        (b'{"messages": []}', UNKNOWN),
        (b"<html>welcome</html>", UNKNOWN),
        (b"", UNKNOWN),
    ],
)
def test_a_200_that_does_not_say_taken_is_not_believed(answer, outcome):
    """A gateway that answers 200 with a refusal, or a login page, has not taken it."""
    case = sms()
    case.far_end.accept = lambda request, body: answer
    with case.far_end:
        assert case.send().outcome == outcome


def test_a_subscription_that_has_ended_is_given_up_and_the_others_are_told():
    """The push service says 410; whoever else the target has is still told."""
    case = push()
    gone: list[str] = []
    ended = FakeHook()
    ended.then("gone")
    with case.far_end, ended:
        old = msgspec.structs.replace(case.message.address.push[0], endpoint=f"{ended.url}/old")
        channel = WebPush(case.channel.options, gone.append)
        message = msgspec.structs.replace(case.message, address=Address(push=(old, *case.message.address.push)))
        result = channel.send(message)

    assert result.outcome == OK
    assert gone == [f"{ended.url}/old"]


def test_an_apprise_address_that_is_none_is_refused_without_repeating_it():
    """The line is named, the secret in it is not."""
    with pytest.raises(BadService, match=r"^address 2 ") as caught:
        AppriseServices(["json://127.0.0.1/x", "nosuch://token-secret"])

    assert "secret" not in str(caught.value)


def test_mail_goes_only_to_a_server_that_proves_who_it_is(tmp_path):
    """With the municipality's own certificate: ok; with a stranger's, or without any TLS: nothing is sent."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = (require_program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    named = ("-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    subprocess.run([*made, *named, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=30)
    options = MailOptions(host="localhost", port=0, security="tls", sender="vakt@example.org", ca_file=str(cert))
    with FakeMail(tls=(cert, key)) as far_end:
        known = msgspec.structs.replace(options, port=far_end.port)
        stranger = msgspec.structs.replace(known, ca_file=None)

        assert SmtpEmail(known).send(MESSAGE).outcome == OK
        assert SmtpEmail(stranger).send(MESSAGE).outcome == FAILED
        assert len(far_end.received(BOX)) == 1
    with FakeMail() as far_end:
        plain = msgspec.structs.replace(options, port=far_end.port, security="starttls")
        assert SmtpEmail(plain).send(MESSAGE).outcome == FAILED
        assert far_end.received(BOX) == []


def test_over_mqtt_the_brokers_word_decides(tmp_path, monkeypatch):
    """Acknowledged is ok; a link that swallows everything is `unknown`; no link is `failed`."""
    monkeypatch.setattr("ingest.intake_mqtt.PUBLISH_TIMEOUT_S", TIMEOUT_S)
    broker = Mosquitto(tmp_path).start()
    edge = Journalled(tmp_path)
    with DeafProxy(broker.port) as proxy:
        intake = edge.intake(f"mqtt://127.0.0.1:{proxy.port}")
        channel = MqttChannel(intake.publish_now)
        assert channel.send(MESSAGE).outcome == FAILED, "before there is a link"
        intake.start()
        try:
            wait_until(lambda: intake.monitor.connected, "the broker answers")
            heard = _listen(broker.port)
            assert channel.send(MESSAGE).outcome == OK
            wait_until(lambda: len(heard) == 1, "the phone hears it")
            proxy.deafen()
            assert channel.send(MESSAGE).outcome == UNKNOWN
        finally:
            intake.stop()
            edge.receiver.close()
            edge.journal.close()
            broker.stop()
    assert msgspec.json.decode(heard[0])["key"] == "R17"


def _listen(port: int) -> list[bytes]:
    heard: list[bytes] = []
    ready = threading.Event()
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, message: heard.append(bytes(message.payload))
    client.on_subscribe = lambda *_: ready.set()
    client.connect("127.0.0.1", port)
    client.subscribe("vardevakt-notify/1/natt-1", 1)
    client.loop_start()
    assert ready.wait(5), "subscribed"
    return heard
