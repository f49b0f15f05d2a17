"""Pure: the life of an alert. Which act is allowed when, by whom, and what it makes of the alert.

Theory of operation. An alert has two sides that move independently. Its **condition** says whether what it is about
is still so: the rules move it (active → cleared or retracted, and back when it returns); a press is `momentary` and
never clears. Its **handling** says what people do about it: staff move it, along the table below. Clearing never
closes what nobody has dealt with, with one exception: an alert of P2 to P5 whose rule says so (back in bed, contact
regained) that clears before anyone ever took it (`may_self_resolve`). A P1 ends only with contact: spoken with the
person, or somebody on the spot, *after* the last alarm (domain §4 "Closing"). Handling belongs to the incident, so an
act on one open alert of a person moves all of them.

| act | from | to | who |
|---|---|---|---|
| claim | new, handed_over | claimed | anyone |
| claim | claimed, accepted, en_route, on_site | unchanged | holder |
| claim | claimed, accepted, en_route, on_site | unchanged | one more |
| claim | claimed, accepted, en_route, on_site | unchanged | second |
| take-over | claimed, accepted, en_route, on_site | claimed | another |
| release | claimed, accepted, en_route, on_site, handed_over | new | holder |
| release | claimed, accepted, en_route, on_site | unchanged | second |
| contact | new, claimed, accepted, en_route, on_site, handed_over | unchanged | anyone |
| hand-over | claimed, accepted, en_route, on_site, handed_over | handed_over | holder |
| accept | handed_over | accepted | another |
| accept | accepted | unchanged | holder |
| decline | new | unchanged | anyone |
| decline | handed_over | unchanged | another |
| en-route | claimed, accepted | en_route | holder |
| en-route | en_route | unchanged | holder |
| en-route | claimed, accepted, en_route, on_site | unchanged | second |
| on-site | claimed, accepted, en_route | on_site | holder |
| on-site | on_site | unchanged | holder |
| on-site | claimed, accepted, en_route, on_site | unchanged | second |
| note | every state | unchanged | anyone |
| end | claimed, accepted, en_route, on_site | ended | holder |
| document | ended | documented | anyone |
| document | documented | unchanged | anyone |
| reopen | ended, documented | new | anyone |

`take-over` is sent as `claim` with `take_over`; a claim without it never takes anything from anybody. Where two must go
(`State.two`), whoever claims after the holder is the `second`, until there is one. What is not in the table is refused
with the state as it is now. (`tests/tidy` checks that this table and the one in
`alerts/README.md` equal the data.)
"""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.handling.acts import (
    ACCEPT,
    ACTS,
    CLAIM,
    CONTACT,
    DECLINE,
    DOCUMENT,
    EN_ROUTE,
    END,
    HAND_OVER,
    NOTE,
    ON_SITE,
    RELEASE,
    REOPEN,
    TAKE_OVER,
    Actor,
)

NEW = "new"
CLAIMED = "claimed"
HANDED_OVER = "handed_over"
ACCEPTED = "accepted"
AT_EN_ROUTE = "en_route"
AT_ON_SITE = "on_site"
ENDED = "ended"
DOCUMENTED = "documented"
HANDLINGS = (NEW, CLAIMED, HANDED_OVER, ACCEPTED, AT_EN_ROUTE, AT_ON_SITE, ENDED, DOCUMENTED)
OPEN = (NEW, CLAIMED, HANDED_OVER, ACCEPTED, AT_EN_ROUTE, AT_ON_SITE)
HELD = (CLAIMED, ACCEPTED, AT_EN_ROUTE, AT_ON_SITE)

ACTIVE = "active"
CLEARED = "cleared"
RETRACTED = "retracted"
MOMENTARY = "momentary"
CONDITIONS = (ACTIVE, CLEARED, RETRACTED, MOMENTARY)

ANYONE = "anyone"
HOLDER = "holder"
ANOTHER = "another"
ONE_MORE = "one more"  # somebody else, while two must go and only one does
SECOND = "second"  # the other of the two

UNCHANGED = "unchanged"

ASK_AGAIN_DEFAULT_MINUTES = 60
ASK_AGAIN_MAX_MINUTES = 1_440


class Move(msgspec.Struct, frozen=True):
    """One line of the table: in these states this act is allowed for `who` and leads to `to`."""

    act: str
    origin: tuple[str, ...]
    to: str
    who: str


TABLE = (
    Move(CLAIM, (NEW, HANDED_OVER), CLAIMED, ANYONE),
    Move(CLAIM, HELD, UNCHANGED, HOLDER),
    Move(CLAIM, HELD, UNCHANGED, ONE_MORE),
    Move(CLAIM, HELD, UNCHANGED, SECOND),
    Move(TAKE_OVER, HELD, CLAIMED, ANOTHER),
    Move(RELEASE, (*HELD, HANDED_OVER), NEW, HOLDER),
    Move(RELEASE, HELD, UNCHANGED, SECOND),
    Move(CONTACT, (NEW, *HELD, HANDED_OVER), UNCHANGED, ANYONE),
    Move(HAND_OVER, (*HELD, HANDED_OVER), HANDED_OVER, HOLDER),
    Move(ACCEPT, (HANDED_OVER,), ACCEPTED, ANOTHER),
    Move(ACCEPT, (ACCEPTED,), UNCHANGED, HOLDER),
    Move(DECLINE, (NEW,), UNCHANGED, ANYONE),
    Move(DECLINE, (HANDED_OVER,), UNCHANGED, ANOTHER),
    Move(EN_ROUTE, (CLAIMED, ACCEPTED), AT_EN_ROUTE, HOLDER),
    Move(EN_ROUTE, (AT_EN_ROUTE,), UNCHANGED, HOLDER),
    Move(EN_ROUTE, HELD, UNCHANGED, SECOND),
    Move(ON_SITE, (CLAIMED, ACCEPTED, AT_EN_ROUTE), AT_ON_SITE, HOLDER),
    Move(ON_SITE, (AT_ON_SITE,), UNCHANGED, HOLDER),
    Move(ON_SITE, HELD, UNCHANGED, SECOND),
    Move(NOTE, HANDLINGS, UNCHANGED, ANYONE),
    Move(END, HELD, ENDED, HOLDER),
    Move(DOCUMENT, (ENDED,), DOCUMENTED, ANYONE),
    Move(DOCUMENT, (DOCUMENTED,), UNCHANGED, ANYONE),
    Move(REOPEN, (ENDED, DOCUMENTED), NEW, ANYONE),
)

VKP = {
    "raised": 0, "joined": 0, "claimed": 1, "ended": 3, "self_resolved": 3, "handed_over": 4, "accepted": 5,
    "responder_coming": 5, "cause": 6, "documented": 7, "contact": 8, "en_route": 9, "dispatched": 9, "to_centre": 9,
    "second_claimed": 10, "taken_over": 10, "called": 10,
}  # fmt: skip
"""Kind of a timeline line -> composition-event code of the national hub (domain §2.3), for those that have one."""
REPORTED_VKP = VKP["raised"]

CONTACTS = {"spoke": True, "responder_on_site": True, "no_answer": False}
"""How contact was made, and whether it lets a P1 end. "No answer" permits dispatch or 113, never an end."""

REFUSALS = {
    CLAIM: "already_claimed",
    ACCEPT: "not_handed_over",
    DECLINE: "not_asked",
    DOCUMENT: "not_ended",
    REOPEN: "not_ended",
}


class State(msgspec.Struct, frozen=True):
    """What the table needs to know of an incident (or of one closed alert)."""

    handling: str
    priority: str
    holder: str | None = None
    contact_ms: int | None = None
    on_site_ms: int | None = None
    last_alarm_ms: int | None = None
    two: bool = False
    second: str | None = None


class Allowed(msgspec.Struct, frozen=True):
    """The act may be done. `to` is the handling after it; `repeated` = it was so already, nothing to do; `who` it was
    allowed for.
    """

    to: str
    repeated: bool = False
    who: str = ANYONE


class Refusal(msgspec.Struct, frozen=True):
    """The act may not be done, and the named reason."""

    code: str


def transitions() -> list[dict[str, Any]]:
    """The table as data, for documents and the API."""
    return [{"act": m.act, "from": list(m.origin), "to": m.to, "who": m.who} for m in TABLE]


def decide(act: str, state: State, actor: Actor) -> Allowed | Refusal:
    """Whether `actor` may do `act` now, by the table and the law of contact."""
    assert act in ACTS or act == TAKE_OVER, f"{act} is not an act"
    moves = [move for move in TABLE if move.act == act and state.handling in move.origin]
    if not moves:
        return Refusal(_why_not(act, state))
    move = next((move for move in moves if _may(move.who, state, actor)), None)
    if move is None:
        own = [move for move in moves if move.who not in {ONE_MORE, SECOND}]
        return Refusal(_not_you(act, own[0].who) if own else _why_not(act, state))
    if act == END and not may_end(state):
        return Refusal("needs_contact")
    to = state.handling if move.to == UNCHANGED else move.to
    again = move.who == HOLDER and move.to == UNCHANGED and act in {CLAIM, ACCEPT, EN_ROUTE, ON_SITE}
    return Allowed(to=to, repeated=again or (act == CLAIM and move.who == SECOND), who=move.who)


def _may(who: str, state: State, actor: Actor) -> bool:
    mine = state.holder == actor.holder
    return {
        ANYONE: True,
        HOLDER: mine,
        ANOTHER: not mine,
        ONE_MORE: not mine and state.two and state.second is None,
        SECOND: not mine and state.second == actor.holder,
    }[who]


def _not_you(act: str, who: str) -> str:
    if who == ANOTHER:
        return "yours_already"
    return "already_claimed" if act == CLAIM else "not_yours"


def possible(state: State, actor: Actor) -> list[str]:
    """The acts that would be allowed now, in the order of contracts §6, then `take-over`: what a page may offer."""
    return [act for act in (*ACTS, TAKE_OVER) if isinstance(decide(act, state, actor), Allowed)]


def may_end(state: State) -> bool:
    """A P1 ends only with contact made after its last alarm, or while somebody is on the spot."""
    if state.priority != "P1" or state.handling == AT_ON_SITE:
        return True
    reached = max(state.contact_ms or 0, state.on_site_ms or 0)
    return reached > 0 and reached >= (state.last_alarm_ms or 0)


def may_self_resolve(*, self_resolves: bool, priority: str, alarm: bool, ever_claimed: bool, handling: str) -> bool:
    """The one case in which clearing closes: no P1, and nobody ever took it."""
    return self_resolves and priority != "P1" and not alarm and not ever_claimed and handling == NEW


def condition_after(condition: str, *, retracted: bool) -> str:
    """Condition after a Clear. A momentary alert does not clear; it can only be found never to have been."""
    if retracted:
        return RETRACTED
    return condition if condition in {MOMENTARY, RETRACTED} else CLEARED


def higher(one: str, other: str) -> str:
    """The more urgent of two priorities: P1 before P2."""
    return min(one, other)


def _why_not(act: str, state: State) -> str:
    if state.handling in {ENDED, DOCUMENTED}:
        return "already_ended"
    if act in REFUSALS:
        return REFUSALS[act]
    return "not_claimed" if state.handling == NEW else f"not_from_{state.handling}"
