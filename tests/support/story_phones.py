"""The devices of a wired story: what `Devices` remember, each message once, and none of them names anybody."""

from __future__ import annotations

from collections.abc import Callable

from alerts.channels import Message, Result
from tests.support.phones import Devices

NAMES = ("Kari", "Nordmann", "Per", "Lia", "Astrid", "Rune", "Solveig", "1938", "4.21", "Parkinson")


class Phones(Devices):
    """The devices of a story, which also remember each message once, over whatever ways it came."""

    def __init__(self, clock: Callable[[], int]) -> None:
        super().__init__(clock)
        self._now = clock
        self._seen: set[int] = set()
        self.told: list[tuple[int, Message]] = []

    def deliver(self, channel: str, message: Message) -> Result:
        assert not any(name in f"{message.title} {message.text}" for name in NAMES), message.text
        if message.message_id not in self._seen:
            self._seen.add(message.message_id)
            self.told.append((self._now(), message))
        return super().deliver(channel, message)
