"""Late signs: what doors and sensors tell out of a buffer, put in order before the guess hears of it. Pure.

For `presence.py` the order of door and motion is the evidence itself, and a register of the newest cannot put it right
afterwards. So what comes late waits out its settle as it does for rules (design §4), and is then taken in the order in
which it happened. Bounded: of a long buffer LATE_MAX at a time, in the order in which they were heard.
"""

from __future__ import annotations

from ingest.event import Event
from rules import presence
from rules.facts import Facts
from rules.sign import event_of, sign_of

LATE_MAX = 64


def keep(facts: Facts, event: Event, now_ms: int) -> bool:
    """One that waits; whether it is now known otherwise whether somebody is away, since there were too many."""
    if not facts.late_signs:
        facts.late_due_ms = now_ms + presence.SETTLE_MS
    facts.late_signs = (*facts.late_signs, sign_of(event))
    return len(facts.late_signs) >= LATE_MAX and settle(facts, now_ms)


def settle(facts: Facts, now_ms: int) -> bool:
    """Take what waits; whether it is now known otherwise whether somebody is away."""
    signs = sorted(facts.late_signs, key=lambda sign: (sign.effective_at_ms, sign.received_at_ms, sign.event_id))
    facts.late_signs, facts.late_due_ms = (), None
    moved = [presence.take_sign(facts, event_of(sign, facts.site, facts.home), now_ms) for sign in signs]
    return any(moved)
