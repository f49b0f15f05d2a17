"""What the outside may say to us about messages, in one place for the HTTP face: built by the wiring.

For: the options of each channel's door, the ear for answers, and how a new test message wakes the outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from alerts.messages.phone_answers import PhoneAnswers
from alerts.messages.receipts import DoorOptions


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """Given to every route that needs it (`Services.doors`)."""

    answers: PhoneAnswers
    options: Mapping[str, DoorOptions]  # channel -> how its gateway speaks back
    wake: Callable[[], None]  # a message was put into the outbox
    technical: bool = False  # technicians have an address: channels can be tested
    push_key: str = ""  # for browsers that subscribe; "" = no web push
    push_hosts: tuple[str, ...] = ()
