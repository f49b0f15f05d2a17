"""Messages go out: each try on disk before the call, urgent ones first, and never a silent end."""

from __future__ import annotations

import msgspec
import pytest

from alerts.channels import FAILED, OK, UNKNOWN, Message, Result
from alerts.channels.log import LogChannel
from alerts.channels.mqtt import MqttChannel
from alerts.messages.outbox import Outbox
from alerts.reads import queries
from tests.support.desk import MINUTE, SECOND, Duty, FakePhones

DOWN, SILENT = Result(FAILED, "refused"), Result(UNKNOWN, "no answer")


class Killed(BaseException):
    """The process ends inside the call, as with `kill -9`: nothing after it runs."""


class Phones(FakePhones):
    """Telephones whose answers a test gives in advance, and something that may happen before each call."""

    def __init__(self, *results):
        super().__init__()
        self.results = list(results)
        self.meanwhile = lambda: None

    def send(self, message):
        self.meanwhile()
        return super().send(message)


@pytest.fixture
def duty(tmp_path):
    """A desk whose messages wait until a test sends them."""
    duty = Duty(tmp_path)
    duty.sends = False
    return duty


def raise_and_send(duty, phones, *effects, **channels):
    duty.apply(*(effects or (duty.press("p1"),)))
    return Outbox(duty.database, {"phones": phones, **channels})


def tries(duty, alert_id=None):
    """(channel, number, result, marked "may repeat") of each try."""
    rows = queries.outbox(duty.database, alert_id or duty.press("p1").alert_id)
    return [(row["channel"], row["number"], row["result"], row["may_repeat"]) for row in rows]


def states(duty, alert_id=None):
    return [row["state"] for row in queries.outbox(duty.database, alert_id or duty.press("p1").alert_id)]


def test_a_message_that_is_taken_is_sent_once(duty):
    """One try, one result, nothing waits; it carries the key's tag and no name."""
    phones = Phones()
    outbox = raise_and_send(duty, phones)
    assert outbox.run_once(duty.now_ms) == 1
    assert outbox.run_once(duty.now_ms + MINUTE) == 0

    assert tries(duty) == [("phones", 1, "ok", False)]
    assert states(duty) == ["sent"]
    [message] = phones.received
    assert (message.key_tag, message.target, message.priority) == ("R17", "natt-1", "P1")


@pytest.mark.expected_errors("a dead channel")
def test_a_failed_try_is_repeated_twice_then_the_next_step_comes_at_once(duty):
    """5 s, 20 s, then it is said on the timeline and whoever is next is rung without waiting for their time."""
    phones = Phones(DOWN, DOWN, DOWN)
    outbox = raise_and_send(duty, phones)
    alert_id = duty.press("p1").alert_id
    for wait_ms in (0, 4_999, 1, 19_999, 1):
        duty.now_ms += wait_ms
        duty.desk.tick(duty.now_ms)
        outbox.run_once(duty.now_ms)
    assert tries(duty) == [("phones", n, "failed", False) for n in (1, 2, 3)]
    assert "not_delivered" in duty.kinds(alert_id)

    duty.desk.tick(duty.now_ms)
    outbox.run_once(duty.now_ms)
    assert [message.target for message in phones.received] == ["natt-1", "natt-2"], "25 s instead of 90"


@pytest.mark.expected_errors("a dead channel")
def test_a_dead_channel_never_makes_the_chain_spin(duty):
    """With nothing reachable it goes on for ever, at the pace of its repeats, and something is always due."""
    phones = Phones(*[DOWN] * 10_000)
    outbox = raise_and_send(duty, phones)
    for _ in range(6 * 60):
        duty.now_ms += 5 * SECOND
        duty.desk.tick(duty.now_ms)
        outbox.run_once(duty.now_ms)
    rings = [line for line in duty.alert(duty.press("p1").alert_id)["timeline"] if line["kind"] == "rang"]

    assert 14 <= len(rings) <= 20
    assert rings[-1]["at"] > "2026-03-01T01:57"


@pytest.mark.parametrize(("alarm", "results"), [(True, ["unknown", "ok"]), (False, ["unknown"])])
def test_killed_inside_the_call_leaves_unknown_and_only_a_p1_goes_again_marked(duty, alarm, results):
    """Nobody can know whether it went: a P1 is sent again saying that it may repeat; a P2 is not."""
    effect = duty.press("p1") if alarm else duty.out_of_bed()
    outbox = raise_and_send(duty, Phones(Killed()), effect)
    with pytest.raises(Killed):
        outbox.run_once(duty.now_ms)
    assert tries(duty, effect.alert_id) == [("phones", 1, None, False)], "on disk before the call"

    phones = Phones()
    restarted = Outbox(duty.database, {"phones": phones})
    assert restarted.recover(duty.now_ms + MINUTE) == 1
    restarted.run_once(duty.now_ms + MINUTE)

    assert [result for _, _, result, _ in tries(duty, effect.alert_id)] == results
    assert [message.may_repeat for message in phones.received] == [True] * (len(results) - 1)
    assert "delivery_unknown" in duty.kinds(effect.alert_id)
    assert restarted.recover(duty.now_ms + 2 * MINUTE) == 0


def test_a_p1_whose_last_try_was_interrupted_is_closed_as_unknown(duty):
    """The limit of tries holds also across crashes."""
    outbox = raise_and_send(duty, Phones(SILENT, SILENT, Killed()))
    outbox.run_once(duty.now_ms)
    outbox.run_once(duty.now_ms + 5_000)
    with pytest.raises(Killed):
        outbox.run_once(duty.now_ms + 25_000)
    restarted = Outbox(duty.database, {"phones": Phones()})
    restarted.recover(duty.now_ms + MINUTE)
    assert restarted.run_once(duty.now_ms + MINUTE) == 0

    assert set(states(duty)) == {"unknown"}


def test_a_p1_never_waits_behind_others(duty):
    """However many wait, the most urgent goes next, also when it comes while others are being sent."""
    beds = [duty.out_of_bed(f"e{n}", resident=f"r{n}", subject=f"r{n}") for n in range(20)]
    duty.apply(*beds)
    phones = Phones()
    outbox = Outbox(duty.database, {"phones": phones})

    def press_meanwhile():
        if len(phones.received) == 3:
            duty.apply(duty.press("p1", resident="rx", subject="rx"))

    phones.meanwhile = press_meanwhile
    outbox.run_once(duty.now_ms)

    assert [message.priority for message in phones.received].index("P1") == 4
    assert len(phones.received) == 21


def test_a_worker_for_p1_alone_leaves_the_rest(duty):
    """A second thread can keep P1 free of any slow channel."""
    outbox = raise_and_send(duty, phones := Phones(), duty.out_of_bed(resident="r2", subject="r2"), duty.press("p1"))
    outbox.run_once(duty.now_ms, only_p1=True)

    assert [message.priority for message in phones.received] == ["P1"]


def test_a_record_is_no_delivery(duty):
    """A log line that worked does not count for telephones that did not."""
    outbox = raise_and_send(duty, Phones(SILENT, SILENT, SILENT), log=LogChannel())
    for wait_ms in (0, 5_000, 25_000):
        outbox.run_once(duty.now_ms + wait_ms)

    assert set(states(duty)) == {"unknown"}
    assert ("log", 1, "ok", False) in tries(duty)


@pytest.mark.expected_errors("a channel with a fault")
def test_a_channel_that_breaks_stops_no_other(duty):
    """An exception nobody foresaw is a failed try of that channel alone."""
    outbox = raise_and_send(duty, Phones(RuntimeError("bug")), other=Phones())
    outbox.run_once(duty.now_ms)

    assert tries(duty) == [("phones", 1, "failed", False), ("other", 1, "ok", False)]


def test_whoever_takes_it_stops_what_has_not_gone_out(duty):
    """Messages that wait are cancelled with the claim; nobody is rung for what somebody has."""
    outbox = raise_and_send(duty, phones := Phones())
    duty.act(duty.press("p1").alert_id, "claim")

    assert outbox.run_once(duty.now_ms) == 0
    assert phones.received == []
    assert states(duty) == ["cancelled"]


MESSAGE = Message(7, "solbakken", "a1", "P1", "ring", "function", "natt-1", "R17")


@pytest.mark.parametrize(
    ("raised", "outcome"), [(None, OK), (TimeoutError(), UNKNOWN), (ConnectionResetError(), FAILED)]
)
def test_the_broker_channel_says_what_it_knows(raised, outcome):
    """Acknowledged is ok, no acknowledgement is unknown, no connection is failed; the payload has no name."""
    published = []

    def publish(topic: str, payload: bytes) -> None:
        if raised is not None:
            raise raised
        published.append((topic, msgspec.json.decode(payload)))

    assert MqttChannel(publish).send(MESSAGE).outcome == outcome
    for topic, payload in published:
        assert topic == "vardevakt-notify/1/natt-1"
        assert payload == {
            "id": 7, "alert_id": "a1", "kind": "ring", "priority": "P1", "key": "R17", "may_repeat": False
        }  # fmt: skip


@pytest.mark.parametrize("target", ["natt/1", "+", "#"])
def test_a_target_that_would_reach_others_is_not_published(target):
    """A function's id is one level of the topic, whatever is in it."""
    channel = MqttChannel(lambda topic, payload: pytest.fail("published"))

    assert channel.send(msgspec.structs.replace(MESSAGE, target=target)).outcome == FAILED
