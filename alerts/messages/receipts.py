"""Edge: what a gateway says afterwards of a try, and of people who answer, at doors that are open to the outside.

For: whether it is really the gateway (a signature or a token, from a file), what it says, and what follows for the
message. A receipt twice is one; one that nobody can place changes nothing; a forged one is counted.

| a receipt says | of a try that is | then |
|---|---|---|
| delivered, answered | unknown, failed | ok: nothing is sent again |
| failed | ok, unknown | failed for good: another way, or the next step at once |
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, select, update

from alerts.channels.channel import FAILED, OK
from alerts.channels.templates import found
from alerts.channels.webhook import SIGNATURE, TIMESTAMP, signature
from alerts.database import Database
from alerts.device_tests import proof as test_proof
from alerts.messages.outbox_rows import REFUSED
from alerts.schema.alerts import attempts, outbox
from alerts.schema.channels import outside_refusals, receipts
from alerts.statements import add_missing, put
from alerts.transaction import Transaction

DELIVERED, NOT_DELIVERED, ANSWERED = "delivered", "failed", "answered"
HMAC, TOKEN, OURS = "hmac-sha256", "token", "vardevakt"
FRESH_MS = 5 * 60_000
MINUTE_MS = 60_000


class DoorOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one gateway speaks back to us. `check` "none": it does not, and everything is refused."""

    check: str = "none"  # none | hmac-sha256 | token | vardevakt
    header: str = "X-Signature"
    secret: str = ""
    id_at: str = "id"
    result_at: str = "status"
    delivered: tuple[str, ...] = (DELIVERED,)
    failed: tuple[str, ...] = (NOT_DELIVERED,)
    answered: tuple[str, ...] = (ANSWERED,)
    reply_from: str = "from"
    reply_text: str = "text"
    reply_id: str = "id"


class Receipt(msgspec.Struct, frozen=True):
    """What a gateway says of one try: `ref` is its own id of it, or ours."""

    ref: str
    kind: str


def is_genuine(options: DoorOptions, headers: Mapping[str, str], body: bytes, now_ms: int) -> bool:
    """Whether the gateway sent it. `headers` by lower-case name."""
    given = headers.get(options.header.lower(), "")
    if options.check == "none" or not options.secret:
        return False
    if options.check == TOKEN:
        return hmac.compare_digest(given.encode(), options.secret.encode())
    if options.check == OURS:
        timestamp = headers.get(TIMESTAMP.lower(), "")
        fresh = timestamp.isdecimal() and abs(int(timestamp[:15]) * 1_000 - now_ms) <= FRESH_MS
        wanted = signature(options.secret, timestamp, body)
        return fresh and hmac.compare_digest(headers.get(SIGNATURE.lower(), "").encode(), wanted.encode())
    mark = hmac.new(options.secret.encode(), body, hashlib.sha256).digest()
    plain = given.removeprefix("sha256=").strip().encode()
    as_hex, as_base64 = mark.hex().encode(), base64.b64encode(mark)
    return hmac.compare_digest(plain.lower(), as_hex) or hmac.compare_digest(plain, as_base64)


def read_receipt(options: DoorOptions, content: Any) -> Receipt | None:
    """What a receipt says; None for what is none. A word in no list says nothing yet ("queued")."""
    ref, said = found(content, options.id_at), found(content, options.result_at)
    if not ref or said is None:
        return None
    kinds = ((DELIVERED, options.delivered), (NOT_DELIVERED, options.failed), (ANSWERED, options.answered))
    return Receipt(ref, next((kind for kind, words in kinds if said in words), ""))


def record_receipt(database: Database, channel: str, receipt: Receipt, now_ms: int) -> str:
    """Recorded | seen | unknown: what became of it."""
    with database.writer.begin() as conn:
        attempt = _attempt(conn, channel, receipt.ref)
        if attempt is None:
            return "unknown"
        if not receipt.kind:
            return "seen"
        row = {"attempt_id": attempt["id"], "kind": receipt.kind, "at_ms": now_ms}
        if add_missing(conn, receipts, row) == 0:
            return "seen"
        _follow(conn, attempt, receipt.kind, now_ms)
        _note_test(conn, attempt, receipt.kind, now_ms)
    return "recorded"


def count_refusal(database: Database, site_id: str, channel: str, reason: str, now_ms: int) -> None:
    """Something at a door that is open to the outside was refused."""
    key = {"site_id": site_id, "channel": channel[:64], "reason": reason, "minute_ms": now_ms - now_ms % MINUTE_MS}
    more = {"count": outside_refusals.c.count + 1}
    with database.writer.begin() as conn:
        put(conn, outside_refusals, key | {"count": 1}, more)


def _attempt(conn: Connection, channel: str, ref: str) -> Mapping[str, Any] | None:
    """The try that a receipt is about, by the gateway's id or by ours ("a42")."""
    mine = select(attempts).where(attempts.c.channel == channel)
    row = conn.execute(mine.where(attempts.c.provider_id == ref).order_by(attempts.c.id.desc())).mappings().first()
    number = ref.removeprefix("a")
    if row is None and ref.startswith("a") and number.isascii() and number.isdecimal() and len(number) < 19:
        row = conn.execute(mine.where(attempts.c.id == int(number))).mappings().first()
    return None if row is None else {**row}


def _note_test(conn: Connection, attempt: Mapping[str, Any], kind: str, now_ms: int) -> None:
    """The message of a test has reached a phone, or somebody has picked up."""
    row = conn.execute(select(outbox).where(outbox.c.id == attempt["message_id"])).mappings().first()
    if row is None or kind == NOT_DELIVERED:
        return
    tx = Transaction(conn, row["site_id"], now_ms)
    test_proof.note(tx, {**row}, test_proof.DELIVERED, via=attempt["channel"])
    if kind == ANSWERED:
        test_proof.note(tx, {**row}, test_proof.ANSWERED, via=attempt["channel"])


def _follow(conn: Connection, attempt: Mapping[str, Any], kind: str, now_ms: int) -> None:
    """The try's result is what the receipt says, and the message is judged again by the next run of the outbox."""
    good = kind != NOT_DELIVERED
    if (attempt["result"] == OK) == good and attempt["result"] is not None:
        return
    values = {
        "result": OK if good else FAILED,
        "detail": kind if good else f"{REFUSED}: not delivered",
        "ended_ms": attempt["ended_ms"] or now_ms,
    }
    conn.execute(update(attempts).where(attempts.c.id == attempt["id"]).values(values))
    again = {"state": "pending", "due_ms": now_ms, "done_ms": None}
    conn.execute(
        update(outbox).where(outbox.c.id == attempt["message_id"], outbox.c.state != "cancelled").values(again)
    )
