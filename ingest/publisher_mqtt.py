"""A connection to the broker that only speaks: for processes that tell gateways and phones something.

The connection is the intake's (`intake_mqtt.py`), without a subscription but its own canary, so that it knows whether
the broker hears; the facts of such a feed concern nobody and are dropped here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import msgspec

from ingest.intake_mqtt import MqttIntake, MqttOptions
from ingest.receive import Receiver


class _Unheard:
    """Where receive would be: there is nothing to receive."""

    def submit(self, *_: object) -> None: ...
    def acknowledged(self, *_: object) -> None: ...
    def link_broken(self, *_: object) -> None: ...


class _Speaker(MqttIntake):
    def _tell_pulse(self) -> None:
        """How this connection fares is nobody's feed."""


def publisher(options: MqttOptions, name: str, now_ms: Callable[[], int]) -> MqttIntake:
    """`name`: this process among others, as a part of the client id. `start` and `stop` it."""
    own = msgspec.structs.replace(options, client_id=f"{options.client_id or f'vardevakt-{options.site}'}-{name}")
    return _Speaker(own, (), cast("Receiver", _Unheard()), now_ms, 0)
