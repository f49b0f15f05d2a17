"""Does our clock agree with Kafka's? Pure; times in milliseconds UTC.

Kafka stamps each record of RAW when it appends it (LogAppendTime): between our sending and its acknowledgement, if the
clocks agree. So what lies outside of that is a lower bound of how far they are apart, however slow the network is.
An intake that is further off than LIMIT_MS would stamp times that other intakes' messages and homes' timers cannot be
compared with: it stops, and says `clock_skew`.
"""

from __future__ import annotations

LIMIT_MS = 2_000
FINDING = "clock_skew"


def bound_ms(sent_ms: int, acked_ms: int, kafka_ms: int) -> int:
    """At least so far is our clock ahead of Kafka's (negative: behind); 0: nothing seen."""
    if kafka_ms < sent_ms:
        return sent_ms - kafka_ms
    return min(0, acked_ms - kafka_ms)


class Skew:
    """The newest that was seen."""

    def __init__(self) -> None:
        self.ms = 0

    def seen(self, sent_ms: int, acked_ms: int, kafka_ms: int) -> bool:
        """Take in one acknowledgement; True when we may serve."""
        self.ms = bound_ms(sent_ms, acked_ms, kafka_ms)
        return not self.finding

    @property
    def finding(self) -> str:
        """Name of what is wrong; empty: nothing."""
        return FINDING if abs(self.ms) > LIMIT_MS else ""

    def sentence(self) -> str:
        ahead = "ahead of" if self.ms > 0 else "behind"
        return (
            f"{FINDING}: our clock is at least {abs(self.ms) / 1000:.1f} s {ahead} Kafka's; mend it, then start again"
        )
