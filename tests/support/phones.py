"""Telephones and mail boxes as people hold them: what each number received, and when.

`Devices` are channel objects for scenarios on the virtual clock: no network, every number its own phone.
`FakeGateway`, `FakeMail` and `FakePush` are real local servers for the channels themselves (tests/support/far_ends.py).

    devices = Devices(lambda: story.now_ms)
    outbox = Outbox(database, devices.channels(), devices.reach())
    devices.received("+4798888881")  # [Received(at_ms, text, kind), …], kind: sms | voice | email | push
    devices.fail("sms", Result(FAILED, "down"), times=3)
    devices.out_of_coverage("+4798888881")  # nothing comes through until devices.back("+4798888881")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from alerts.channels.channel import FAILED, OK, Address, Channel, Message, Result
from alerts.channels.reach import EMAIL, NEEDS, PHONE, Reach

FALLBACK_PHONE, CENTRE_PHONE, TECHNICAL_PHONE = "+4790000001", "+4790000002", "+4790000003"
FIXED = {
    "fallback": Address(phone=FALLBACK_PHONE),
    "centre": Address(phone=CENTRE_PHONE),
    "technical": Address(phone=TECHNICAL_PHONE, email="drift@example.org"),
}


class Received(NamedTuple):
    """One thing a device got."""

    at_ms: int
    text: str
    kind: str


class Devices:
    """Every number, mail box and browser of a site."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._got: dict[str, list[Received]] = {}
        self.messages: list[Message] = []
        self._answers: dict[str, list[Result]] = {}
        self._away: set[str] = set()

    def channels(self, *names: str) -> dict[str, Channel]:
        """The ways to them: SMS and voice unless others are named."""
        return {name: DeviceChannel(name, self) for name in names or ("sms", "voice")}

    @staticmethod
    def reach(**more: object) -> Reach:
        """Settings with a fallback, a centre and technicians that have phones."""
        return Reach(**{"fixed": FIXED, **more})  # type: ignore[arg-type]  # any field by name

    def received(self, device: str) -> list[Received]:
        """What a number (or mail box, or push endpoint) got, in order."""
        return list(self._got.get(device, ()))

    def rung(self, number: str) -> list[int]:
        """When a number was called."""
        return [one.at_ms for one in self.received(number) if one.kind == "voice"]

    def fail(self, channel: str, result: Result, times: int = 1) -> None:
        """The next calls of a channel end so; nothing is received."""
        self._answers.setdefault(channel, []).extend([result] * times)

    def mend(self, channel: str) -> None:
        """It works again, whatever was to fail."""
        self._answers.pop(channel, None)

    def out_of_coverage(self, number: str) -> None:
        """The gateway takes what it is given, and it does not arrive."""
        self._away.add(number)

    def back(self, number: str) -> None:
        self._away.discard(number)

    def deliver(self, channel: str, message: Message) -> Result:
        """One call of a channel."""
        waiting = self._answers.get(channel)
        if waiting:
            result = waiting.pop(0)
            if result.outcome == FAILED:
                return result
        else:
            result = Result(OK, provider_id=f"p{message.attempt_id}")
        self.messages.append(message)
        for device in _devices(channel, message.address):
            if device not in self._away:
                self._got.setdefault(device, []).append(Received(self._clock(), message.text, channel))
        return result


class DeviceChannel:
    """A channel whose far end are `Devices`."""

    reaches_people = True

    def __init__(self, name: str, devices: Devices) -> None:
        self._name, self._devices = name, devices

    @property
    def name(self) -> str:
        return self._name

    def send(self, message: Message) -> Result:
        return self._devices.deliver(self._name, message)


def _devices(channel: str, address: Address) -> tuple[str, ...]:
    found: Mapping[str | None, tuple[str, ...]] = {PHONE: (address.phone,), EMAIL: (address.email,)}
    return found.get(NEEDS.get(channel), tuple(one.endpoint for one in address.push))
