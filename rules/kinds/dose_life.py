"""What the two rule kinds about doses share: what each has told of a dose, holds, and forgetting. Pure; no kind itself.

What is known of a dose stands in the home's facts (`rules/doses.py`); here only what a rule waits for and has said.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.event import Event
from rules.doses import OVER, Dose
from rules.effects import Cause, Reason
from rules.kinds.kind import SETTLE_MS, Context, Note, Outcome, cause
from rules.parameters import Duration, LastingValues, Words

HOUR_MS = 3_600_000
KEEP_MS = 48 * HOUR_MS  # word of an older dose is recorded only
OPEN_KEEP_MS = 31 * 24 * HOUR_MS  # what a gateway may still have in its buffer
BEGUN_MS = 12 * HOUR_MS  # what should have been fetched so long before a watch began is told no more
DOSES_MAX = 64
CAUSES_MAX = 4
SETTLED = ("over", "closed")

# names of the fold's own occurrences, which one rule tells another
NOT_FETCHED, OUT_OF_REACH, CORRECTED = "dose.not_fetched", "dose.out_of_reach", "dose.corrected"
PRESENTED = "dispensed"
NEXT = "dose.next"  # as a cause only: the dose by which something is urgent


class DoseTerms(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    """What both rules on doses have."""

    grace_ms: Duration = 0
    fetched_when_dispensed: Words = ()


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One dose as one rule sees it."""

    phase: str  # waiting | held | open | unknown (passed on) | over | closed
    limit_ms: int  # when it should have been fetched, or is asked for
    due_ms: int | None
    episode: str
    scheduled_ms: int
    causes: tuple[Cause, ...] = ()
    said: bool = False  # it needs no asking: the device itself, or the other rule, has said so
    late: bool = False  # it was heard of late
    device: str = ""  # the dispenser of a dose that nobody has announced


def begins_with(context: Context[Any]) -> list[tuple[str, Dose]]:
    """(key, dose) of this subject's that are not over: what a watch of doses begins over."""
    devices, last_word = context.facts.devices, context.values.fetched_when_dispensed
    found = []
    for key, dose in context.facts.doses.items():
        device = devices.get(dose.dispenser)
        gone = dose.word == PRESENTED and device is not None and device.model in last_word
        if key.startswith(f"{context.subject}/") and dose.word not in OVER and not gone:
            found.append((key, dose))
    return found


def taken_over(key: str, dose: Dose, limit_ms: int, context: Context[Any]) -> Told | None:
    """A dose of before the watch; None where nobody should do anything about it any more.

    What may have been told in an earlier watch is another episode.
    """
    if limit_ms <= context.now_ms - BEGUN_MS:
        return None
    name = dose_name(key)
    episode = name if limit_ms > context.now_ms else f"{name}@{context.now_ms}"
    causes = (evidence(name, dose.dispenser, dose.scheduled_ms, "dose.due"),)
    return Told("waiting", limit_ms, max(limit_ms, context.now_ms), episode, dose.scheduled_ms, causes)


def is_ours(event: Event) -> bool:
    """Whether it is no occurrence of the fold's own, or truly one: a device may call its words as it likes."""
    return event.type not in (NOT_FETCHED, OUT_OF_REACH, CORRECTED) or event.address == f"home:{event.home}"


def dose_name(key: str) -> str:
    """The dispenser's own id of a dose, from its key in the facts."""
    return key.partition("/")[2]


def evidence(name: str, device: str, at_ms: int, type_: str = OUT_OF_REACH) -> Cause:
    """Of a dose that no event told this rule of: staff can settle it by this name."""
    content: dict[str, object] = {"dose_id": name, "scheduled_at_ms": at_ms}
    return Cause(name, type_, at_ms, None, at_ms, device, (), content)


def with_cause(old: Told | None, event: Event) -> tuple[Cause, ...]:
    """Evidence so far and this event, bounded."""
    return (*(old.causes if old is not None else ()), cause(event))[-CAUSES_MAX:]


def settle_ms(context: Context[Any], *, late: bool) -> int:
    """What came late waits for its disproof."""
    return context.now_ms + (SETTLE_MS if late else 0)


def held(key: str, told: Told, context: Context[Any], outcomes: list[Outcome]) -> Told | None:
    """The dose withheld with its reason, if a hold stands; only one by staff on the spot is asked again."""
    hold = context.hold
    if hold is None:
        return None
    outcomes.append(Note("held", hold, told.causes, dose_name(key)))
    return msgspec.structs.replace(told, phase="held" if hold.code == "hold.staff" else "closed", due_ms=None)


def asked_again(known: dict[str, Told], context: Context[Any]) -> dict[str, Told]:
    """Staff have left: what they were there for is looked at now."""
    return {
        key: msgspec.structs.replace(told, phase="waiting", due_ms=context.now_ms) if told.phase == "held" else told
        for key, told in known.items()
    }


def kept(known: dict[str, Told], now_ms: int) -> dict[str, Told]:
    """Without what is long over, nor its evidence once it is settled; of too many, the settled and oldest go."""
    left = {
        key: told if told.phase not in SETTLED or not told.causes else msgspec.structs.replace(told, causes=())
        for key, told in known.items()
        if told.limit_ms > now_ms - (OPEN_KEEP_MS if told.phase == "open" else KEEP_MS)
    }
    if len(left) > DOSES_MAX:
        newest = sorted(left, key=lambda key: (left[key].phase not in SETTLED, left[key].limit_ms, key))[-DOSES_MAX:]
        left = {key: left[key] for key in newest}
    return dict(sorted(left.items()))


def first_due_ms(known: dict[str, Told]) -> int | None:
    return min((told.due_ms for told in known.values() if told.due_ms is not None), default=None)


def too_old(key: str, limit_ms: int, event: Event, context: Context[Any]) -> list[Outcome]:
    """A note when nobody should do anything about this dose any more; else nothing."""
    if limit_ms > context.now_ms - KEEP_MS:
        return []
    reason = Reason("dose.too_old", {"dose": dose_name(key), "limit_ms": limit_ms})
    return [Note("recorded_only", reason, (cause(event),), dose_name(key))]


def args_of(dose: Dose | None, told: Told) -> dict[str, object]:
    """Arguments of a reason about a dose."""
    scheduled_ms = told.scheduled_ms if dose is None else dose.scheduled_ms
    return {"dose": told.episode, "scheduled_ms": scheduled_ms, "limit_ms": told.limit_ms}
