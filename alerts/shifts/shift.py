"""Pure: a shift. Somebody checks in to a function and is who it rings, until the shift ends.

Theory of operation. A function (Natt 1, Rute 2) has one person at a time; a person may have several functions. What
somebody has taken (their **claims**) never ends with a shift: it is offered to the function, which rings, and stays
theirs until somebody accepts it. So nobody checks out of a claim, and a shift that ends by itself offers them.

| state | event | to | claims |
|---|---|---|---|
| off | check_in | on | kept |
| on | check_in | on | kept |
| on | check_out | off | none |
| on | succeeded | off | offered |
| on | overdue | off | offered |
| on | access_ended | off | offered |
| on | ended | off | offered |

`none`: refused while there are any. A check-in to one's own function moves its end. `succeeded`: another checked in to
the function. `overdue`: 15 min after its end nobody had. `access_ended`: a temp's last day is over. `ended`: a leader
ended it. What the table does not have is refused. (`tests/tidy` checks that this table and the one in
`alerts/README.md` equal the data.)
"""

from __future__ import annotations

import msgspec

MINUTE_MS = 60_000
GRACE_MS = 15 * MINUTE_MS  # after its end a shift waits so long for a successor
DEFAULT_MS = 12 * 60 * MINUTE_MS  # of a check-in that neither the rota nor the person gave an end
LONGEST_MS = 16 * 60 * MINUTE_MS
EARLY_MS = 60 * MINUTE_MS  # so long before a planned shift one may check in to it

OFF, ON = "off", "on"

CHECK_IN = "check_in"
CHECK_OUT = "check_out"
SUCCEEDED = "succeeded"
OVERDUE = "overdue"
ACCESS_ENDED = "access_ended"
ENDED = "ended"

KEPT, NONE, OFFERED = "kept", "none", "offered"


class Move(msgspec.Struct, frozen=True):
    """One line of the table: the event leads to `to`, and `claims` is what becomes of what the person has taken."""

    origin: str
    event: str
    to: str
    claims: str


TABLE = (
    Move(OFF, CHECK_IN, ON, KEPT),
    Move(ON, CHECK_IN, ON, KEPT),
    Move(ON, CHECK_OUT, OFF, NONE),
    Move(ON, SUCCEEDED, OFF, OFFERED),
    Move(ON, OVERDUE, OFF, OFFERED),
    Move(ON, ACCESS_ENDED, OFF, OFFERED),
    Move(ON, ENDED, OFF, OFFERED),
)


class ShiftRefused(Exception):
    """Not done, nothing changed. `code` is a word of the catalogue; `args_of_code` what its sentence needs."""

    def __init__(self, code: str, **args: object) -> None:
        super().__init__(code)
        self.code, self.args_of_code = code, args


class Planned(msgspec.Struct, frozen=True):
    """One line of the rota: who shall have a function, from and until but without, ms."""

    staff: str
    function: str
    from_ms: int
    until_ms: int


class Shift(msgspec.Struct, frozen=True):
    """One check-in. `ends_ms`: when the person's access ends, None = never."""

    staff: str
    function: str
    since_ms: int
    until_ms: int
    access_until_ms: int | None = None


def decide(state: str, event: str, claims: int = 0) -> Move:
    """The line of the table that holds. Raises ShiftRefused: `not_on_shift`, or `own_claims` at a check-out."""
    move = next((one for one in TABLE if (one.origin, one.event) == (state, event)), None)
    if move is None:
        raise ShiftRefused("not_on_shift")
    if move.claims == NONE and claims:
        raise ShiftRefused("own_claims", count=claims)
    return move


def due(shift: Shift) -> tuple[int, str]:
    """When a shift that is on ends by itself, and by which event."""
    overdue_ms = shift.until_ms + GRACE_MS
    if shift.access_until_ms is not None and shift.access_until_ms <= overdue_ms:
        return shift.access_until_ms, ACCESS_ENDED
    return overdue_ms, OVERDUE


def end_of(asked_ms: int | None, planned: Planned | None, now_ms: int) -> int:
    """When a shift that begins now ends: as asked, as planned, else in 12 h. Raises ShiftRefused(`bad_end`)."""
    if asked_ms is None:
        return now_ms + DEFAULT_MS if planned is None else planned.until_ms
    if not now_ms < asked_ms <= now_ms + LONGEST_MS:
        raise ShiftRefused("bad_end")
    return asked_ms


def may_take(function: str, own_functions: tuple[str, ...], planned: Planned | None) -> bool:
    """Whether somebody may check in to a function: it is among theirs, or the rota gives it to them now."""
    return function in own_functions or planned is not None
