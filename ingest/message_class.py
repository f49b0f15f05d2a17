"""What a message is, told from its bytes alone: for receive, when the disk is nearly full or does not answer. Pure.

Decodes without state, so it errs towards keeping: what may be an alarm is "alarm", what no convention claims or nobody
can read is "unknown", and only what was read and is surely no alarm is "other".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ingest.codec import Codec
from ingest.event import Nothing, Rejected
from ingest.record import HTTP
from ingest.vocabulary import floor_flag, goes_to_person

HTTP_PREFIX = f"{HTTP}:"


def message_class(codecs: Sequence[Codec]) -> Callable[[str, bytes], str]:
    """A function (topic, payload) -> "alarm" | "unknown" | "other"."""

    def classify(topic: str, payload: bytes) -> str:
        if topic.startswith(HTTP_PREFIX):
            return "unknown"  # rare, and from somebody who waits for our answer
        for codec in codecs:
            route = codec.route(topic)
            if route is None:
                continue
            _, items = codec.decode(None, topic, payload, 0)
            classes = [_item_class(item) for item in items]
            return "alarm" if "alarm" in classes else "unknown" if "unknown" in classes else "other"
        return "unknown"

    return classify


def _item_class(item: object) -> str:
    if isinstance(item, Rejected):
        return "alarm" if item.may_be_alarm else "unknown"
    if isinstance(item, Nothing):
        return "other"
    event_type, content = getattr(item, "type", ""), getattr(item, "content", {})
    alarming = floor_flag(event_type, content, wander_risk=True) or goes_to_person(event_type, content)
    return "alarm" if alarming else "other"
