"""Edge: the channel that publishes to our own broker, for phones and boxes of a municipality that listen there.

Topic `vardevakt-notify/1/<function>`, outside the tree of gateways (we would hear ourselves); the payload has the
alert, its priority and the key's tag, and no name.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from alerts.channels.channel import FAILED, OK, UNKNOWN, Message, Result

TOPIC = "vardevakt-notify/1/"
FORBIDDEN = frozenset("+#/\0")  # in a topic level they would reach others, or nobody

Publish = Callable[[str, bytes], None]
"""(topic, payload): returns when the broker has acknowledged. Raises TimeoutError when it may have gone, OSError (its
ConnectionError among them) when it certainly has not."""


class MqttChannel:
    """Publishes each message once; the outbox repeats it where that is needed."""

    name = "mqtt"
    reaches_people = True

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    def send(self, message: Message) -> Result:
        if FORBIDDEN & set(message.target):
            return Result(FAILED, "target cannot be a topic")
        try:
            self._publish(TOPIC + message.target, payload_of(message))
        except TimeoutError:
            return Result(UNKNOWN, "no acknowledgement")
        except OSError as error:
            return Result(FAILED, type(error).__name__)
        return Result(OK)


def payload_of(message: Message) -> bytes:
    """The JSON that goes out."""
    return msgspec.json.encode(
        {
            "id": message.message_id,
            "alert_id": message.alert_id,
            "kind": message.kind,
            "priority": message.priority,
            "key": message.key_tag,
            "may_repeat": message.may_repeat,
        }
    )
