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
| release | claimed, accepted, en_route, on_site, handed_over | new | holder |
| contact | new, claimed, accepted, en_route, on_site, handed_over | unchanged | anyone |
| hand-over | claimed, accepted, en_route, on_site, handed_over | handed_over | holder |
| accept | handed_over | accepted | another |
| accept | accepted | unchanged | holder |
| decline | new | unchanged | anyone |
| decline | handed_over | unchanged | another |
| en-route | claimed, accepted | en_route | holder |
| en-route | en_route | unchanged | holder |
| on-site | claimed, accepted, en_route | on_site | holder |
| on-site | on_site | unchanged | holder |
| note | every state | unchanged | anyone |
| end | claimed, accepted, en_route, on_site | ended | holder |
| document | ended | documented | anyone |
| document | documented | unchanged | anyone |
| reopen | ended, documented | new | anyone |

What is not in the table is refused with the state as it is now. (`tests/tidy` checks that this table and the one in
`alerts/README.md` equal the data.)
"""

from __future__ import annotations

from typing import Any

import msgspec

from alerts.acts import (
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
    Move(RELEASE, (*HELD, HANDED_OVER), NEW, HOLDER),
    Move(CONTACT, (NEW, *HELD, HANDED_OVER), UNCHANGED, ANYONE),
    Move(HAND_OVER, (*HELD, HANDED_OVER), HANDED_OVER, HOLDER),
    Move(ACCEPT, (HANDED_OVER,), ACCEPTED, ANOTHER),
    Move(ACCEPT, (ACCEPTED,), UNCHANGED, HOLDER),
    Move(DECLINE, (NEW,), UNCHANGED, ANYONE),
    Move(DECLINE, (HANDED_OVER,), UNCHANGED, ANOTHER),
    Move(EN_ROUTE, (CLAIMED, ACCEPTED), AT_EN_ROUTE, HOLDER),
    Move(EN_ROUTE, (AT_EN_ROUTE,), UNCHANGED, HOLDER),
    Move(ON_SITE, (CLAIMED, ACCEPTED, AT_EN_ROUTE), AT_ON_SITE, HOLDER),
    Move(ON_SITE, (AT_ON_SITE,), UNCHANGED, HOLDER),
    Move(NOTE, HANDLINGS, UNCHANGED, ANYONE),
    Move(END, HELD, ENDED, HOLDER),
    Move(DOCUMENT, (ENDED,), DOCUMENTED, ANYONE),
    Move(DOCUMENT, (DOCUMENTED,), UNCHANGED, ANYONE),
    Move(REOPEN, (ENDED, DOCUMENTED), NEW, ANYONE),
)

VKP = {CLAIM: 1, CONTACT: 8, HAND_OVER: 4, ACCEPT: 5, EN_ROUTE: 9, ON_SITE: 9, END: 3, DOCUMENT: 7}
"""Composition-event codes of the national hub (domain §2.3) for the acts that have one; 0 is the report itself."""
REPORTED_VKP = 0
CAUSE_VKP = 6
OTHERS_VKP = 10

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


class Allowed(msgspec.Struct, frozen=True):
    """The act may be done. `to` is the handling after it; `repeated` = it was so already, nothing to do."""

    to: str
    repeated: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """The act may not be done, and the named reason."""

    code: str


def transitions() -> list[dict[str, Any]]:
    """The table as data, for documents and the API."""
    return [{"act": m.act, "from": list(m.origin), "to": m.to, "who": m.who} for m in TABLE]


def decide(act: str, state: State, actor: Actor) -> Allowed | Refusal:
    """Whether `actor` may do `act` now, by the table and the law of contact."""
    assert act in ACTS, f"{act} is not an act"
    move = next((m for m in TABLE if m.act == act and state.handling in m.origin), None)
    if move is None:
        return Refusal(_why_not(act, state))
    mine = state.holder == actor.holder
    if move.who == HOLDER and not mine:
        return Refusal("already_claimed" if act == CLAIM else "not_yours")
    if move.who == ANOTHER and mine:
        return Refusal("yours_already")
    if act == END and not may_end(state):
        return Refusal("needs_contact")
    to = state.handling if move.to == UNCHANGED else move.to
    return Allowed(to=to, repeated=move.to == UNCHANGED and act in {CLAIM, ACCEPT, EN_ROUTE, ON_SITE})


def possible(state: State, actor: Actor) -> list[str]:
    """The acts that would be allowed now, in the order of contracts §6: what a page may offer."""
    return [act for act in ACTS if isinstance(decide(act, state, actor), Allowed)]


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
