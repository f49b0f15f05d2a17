"""Pure: what each act may carry, and how a bad body is refused.

For: the shapes of the bodies of contracts §6 acts. Fields nobody knows are ignored, so that a newer client may send
more; what is known is checked, so that nothing unbounded or ill-formed reaches the timeline.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from alerts.handling import acts
from alerts.handling.acts import BAD_BODY, Refused
from alerts.handling.cards import CardNumber
from alerts.handling.lifecycle import ASK_AGAIN_MAX_MINUTES
from ingest.prepared_types import prepare

Code = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$")]
Text = Annotated[str, msgspec.Meta(max_length=2_000)]


Instant = Annotated[datetime, msgspec.Meta(tz=True)]

AFTERWARDS_MAX_MS = 24 * 3_600_000  # older than this is a matter for the journal, not for the desk
AHEAD_MS = 120_000  # a phone's clock may be a little fast


class Plain(msgspec.Struct, frozen=True):
    """Any act may carry a few words, and when it was done, where it is reported afterwards."""

    note: Text | None = None
    at: Instant | None = None


class Claim(Plain, frozen=True):
    take_over: bool = False  # from the one who has it, who is told


class Contact(Plain, frozen=True):
    outcome: Literal["spoke", "responder_on_site", "no_answer"] = "spoke"


class HandOver(Plain, frozen=True, kw_only=True):
    to: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]  # a function's id


class Note(msgspec.Struct, frozen=True):
    text: Text = ""
    call: CardNumber | None = None  # a call made outside is an act of its own
    search: Literal["start", "stop"] | None = None  # for the person: positions are visible meanwhile
    at: Instant | None = None


class End(Plain, frozen=True):
    outcome: Code = "handled"
    action: Code | None = None  # what was done, where that is known already; a code of DOSE_ACTIONS settles the dose
    ask_again_minutes: Annotated[int, msgspec.Meta(ge=1, le=ASK_AGAIN_MAX_MINUTES)] | None = None


class Document(Plain, frozen=True, kw_only=True):
    cause: Code
    action: Code
    contact: Code


DOSE_ACTIONS = {"dose_given": "dose.taken", "dose_confirmed": "dose.taken", "dose_skipped": "dose.skipped"}
"""Action codes that settle the dose an alert is about -> the event that says so: given by hand, confirmed by word, not
to be taken this time (contracts §1).
"""

Body = Plain | Claim | Contact | HandOver | Note | End | Document

BODIES: dict[str, type[Body]] = {
    acts.CLAIM: Claim,
    acts.CONTACT: Contact,
    acts.HAND_OVER: HandOver,
    acts.NOTE: Note,
    acts.END: End,
    acts.DOCUMENT: Document,
}


def parse_body(act: str, body: dict[str, object]) -> Body:
    """The body of an act. Raises Refused(bad_body) naming the field and what was expected."""
    shape = BODIES.get(act, Plain)
    if act == acts.DOCUMENT:  # the answer calls them cause_code …; whoever sends back what they got is understood
        body = {name.removesuffix("_code"): value for name, value in body.items()}
    try:
        parsed = msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        expected, _, where = str(error).partition(" - at `$")
        field = where.strip("`.") or expected.rpartition("`")[0].rpartition("`")[2]
        raise Refused(BAD_BODY, {"act": act, "field": field, "expected": expected}) from error
    if isinstance(parsed, Note) and not parsed.text.strip() and parsed.call is None and parsed.search is None:
        raise Refused(BAD_BODY, {"act": act, "field": "text", "expected": "some text, or a call"})
    return parsed


def happened_ms(act: str, body: Body, opened_ms: int, now_ms: int) -> int:
    """When the act was done: now, or as reported afterwards. Raises Refused for a time that cannot be: before the
    alert, in the future, or more than a day ago.
    """
    if body.at is None:
        return now_ms
    at_ms = round(body.at.timestamp() * 1_000)
    if max(opened_ms, now_ms - AFTERWARDS_MAX_MS) <= at_ms <= now_ms + AHEAD_MS:
        return min(at_ms, now_ms)
    expected = "a time since the alert came, not in the future, at most 24 h ago"
    raise Refused(BAD_BODY, {"act": act, "field": "at", "expected": expected})


prepare(Plain, *BODIES.values())
