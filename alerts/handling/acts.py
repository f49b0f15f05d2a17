"""Pure: who acts, which acts there are, and what a refusal looks like.

For: the words that `api/` and the desk share. Nothing that decides may live here; that is
`alerts/handling/lifecycle.py`.
"""

from __future__ import annotations

from typing import Any

import msgspec

CLAIM = "claim"  # "Jeg tar den"
RELEASE = "release"
CONTACT = "contact"
HAND_OVER = "hand-over"
ACCEPT = "accept"
DECLINE = "decline"
EN_ROUTE = "en-route"
ON_SITE = "on-site"
NOTE = "note"
END = "end"
DOCUMENT = "document"
REOPEN = "reopen"
TAKE_OVER = "take-over"  # not a name of contracts §6: a `claim` that says `take_over`

ACTS = (
    CLAIM,
    RELEASE,
    CONTACT,
    HAND_OVER,
    ACCEPT,
    DECLINE,
    EN_ROUTE,
    ON_SITE,
    NOTE,
    END,
    DOCUMENT,
    REOPEN,
)  # the names of contracts §6


class Actor(msgspec.Struct, frozen=True):
    """Who does it. `name` is shown in the timeline (names of staff only, never of residents)."""

    staff: str | None
    name: str
    kind: str = "staff"  # staff | machine | system
    function: str | None = None  # the function they are checked in to: where they are rung

    @property
    def holder(self) -> str:
        """What a claim is held by: the staff id; for a machine without one, its own name."""
        return self.staff if self.staff is not None else f"{self.kind}:{self.name}"


SYSTEM = Actor(staff=None, name="", kind="system")


class Refused(Exception):
    """An act that was not done. Nothing changed.

    code: a word of the catalogue; args_of_code: what the sentence needs; state: the alert as it is now, {} if none.
    """

    def __init__(
        self, code: str, args_of_code: dict[str, object] | None = None, state: dict[str, Any] | None = None
    ) -> None:
        super().__init__(code)
        self.code = code
        self.args_of_code = args_of_code or {}
        self.state = state or {}

    @property
    def status(self) -> int:
        """HTTP status that says the same."""
        return {UNKNOWN_ALERT: 404, BAD_BODY: 422}.get(self.code, 409)


UNKNOWN_ALERT = "unknown_alert"
BAD_BODY = "bad_body"  # args_of_code: {"field": …, "expected": …}
KEY_REUSED = "idempotency_key_reused"
