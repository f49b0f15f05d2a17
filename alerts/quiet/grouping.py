"""Pure: when are many silent gateways one outage?

Theory of operation. A dead network or a power cut takes many homes at once; told one by one they bury the night patrol
(lessons §5.11, domain §4 "Grouping"). Counted per ward, in the order in which the desk learned of them: an outage has
begun when within 5 minutes at least 5 gateways went, or at least 20 % of the ward's (and at least 3: in a ward of two
homes one box is no outage). While it is open, every further gateway of the ward belongs to it. It is over when all of
them are heard again; those still gone stay on its list.

| state | gateway gone | gateway back |
|---|---|---|
| none | enough within 5 min: open, with all of these | – |
| open | it joins | all back: over |
"""

from __future__ import annotations

from collections.abc import Sequence

MINUTE = 60_000
WINDOW_MS = 5 * MINUTE
ENOUGH = 5
SHARE_PERCENT = 20
SHARE_LEAST = 3

CALL_WITHIN_MS = 60 * MINUTE  # R52: telephoned within the hour, else visited

SPOKE, NO_ANSWER, VISIT, VISITED = "spoke", "no_answer", "visit", "visited"
OUTCOMES = (SPOKE, NO_ANSWER, VISIT, VISITED)
"""What a tick on the list may say: reached by telephone; not reached; somebody is on the way; somebody was there."""
LOOKED_AFTER = (SPOKE, VISITED)


def enough(ward_gateways: int) -> int:
    """How many gateways of a ward with so many make an outage."""
    share = -(-ward_gateways * SHARE_PERCENT // 100)
    return min(ENOUGH, max(SHARE_LEAST, share))


def outage_of(down: Sequence[tuple[int, str]], ward_gateways: int) -> tuple[str, ...]:
    """Gateways of the outage that has begun with the newest loss: (since when, which) of all that are gone, in any
    order, some maybe since long. Empty when there are too few within the window before the newest.
    """
    newest_ms = max((since_ms for since_ms, _ in down), default=0)
    together = sorted((since_ms, gateway) for since_ms, gateway in down if since_ms > newest_ms - WINDOW_MS)
    gateways = tuple(dict.fromkeys(gateway for _, gateway in together))
    return gateways if len(gateways) >= enough(ward_gateways) else ()


def left_to_call(people: Sequence[tuple[bool, bool, str | None]]) -> int:
    """How many of (critical, back, outcome) still wait for a voice: critical, cut off, and nobody reached them."""
    return sum(1 for critical, back, outcome in people if critical and not back and outcome not in LOOKED_AFTER)
