"""For those who keep the service running: what could not be understood, and whether the clock is believed."""

from __future__ import annotations

import base64
from typing import Annotated, Any

import msgspec
import structlog
from fastapi import Depends, Path, Request

from api.http.auth import Caller, operator, services_of
from api.http.openapi import problems
from api.http.paging import Cursor, Limit, page
from api.http.problems import Problem
from api.http.services import Services
from api.http.wards import WardScope, guarded_router, scope_of
from api.http.wire import cursor_of, cursor_value, utc_text
from api.routes.events import append
from ingest.record import FEED, DeadLetter, RawRecord

log = structlog.get_logger()
router = guarded_router(prefix="/api/v1", tags=["operations"])

PAYLOAD_SHOWN = 4_096  # bytes of a dead letter in a list; it may be a megabyte
REPLAY_LINK = "replay"
SEQ_DIGITS_MAX = 18


@router.get("/dead-letters", summary="What could not be understood", responses=problems(400, 401, 403, 422))
def dead_letters(
    request: Request,
    _caller: Annotated[Caller, Depends(operator)],
    cursor: Cursor = None,
    limit: Limit = 50,
) -> dict[str, Any]:
    """Newest first, with the reason and the first 4 KiB as they came (text where it is text, else base64).

    A page may be a little longer than `limit`: the items of one message stand on one page.
    """
    services = services_of(request)
    scope = scope_of(request)
    return page(lambda: _dead_letters(services, scope, cursor, limit))


@router.post(
    "/dead-letters/{letter_id}/replay",
    summary="Try a dead letter again",
    status_code=202,
    responses=problems(401, 403, 404, 503),
)
def replay(
    request: Request,
    letter_id: Annotated[str, Path(max_length=40, description="`id` of the dead letter.")],
    caller: Annotated[Caller, Depends(operator)],
) -> dict[str, Any]:
    """Puts the whole message through again, as it came, as if it arrived now: for when the codec has been mended.

    Items of it that were understood the first time are recognised as duplicates by their key.
    """
    services = services_of(request)
    raw = _raw_of(services, letter_id)
    again = msgspec.structs.replace(raw, seq=0, received_at_ms=0, dup=False, link=REPLAY_LINK)
    (seq,) = append(services, [again])
    log.info("dead_letter_replayed", raw_seq=raw.seq, as_seq=seq, account=caller.account.user_id)
    return {"replayed": letter_id, "raw_seq": seq}


@router.post("/clock/confirm", summary="Believe the machine's time", responses=problems(401, 403, 503))
def confirm_clock(request: Request, caller: Annotated[Caller, Depends(operator)]) -> dict[str, Any]:
    """When the machine's time has jumped forward by more than 10 min we keep our own, and `/health/ready` says
    `clock_waiting`, until somebody who has looked says here that it is right. `confirmed` false: nothing waited.
    """
    services = services_of(request)
    stepped = services.system_clock.confirm()
    if stepped is not None:
        append(services, [RawRecord(0, FEED, payload=stepped.payload())])
        account = caller.account.user_id
        log.warning("clock_confirmed", from_ms=stepped.from_ms, to_ms=stepped.to_ms, account=account)
    return {"confirmed": stepped is not None, "now": utc_text(services.clock())}


def _dead_letters(services: Services, scope: WardScope, cursor: str | None, limit: int) -> dict[str, Any]:
    before = None if cursor is None else int(cursor_value(cursor))
    found = services.input_log.dead_letters(before, limit)
    last = found[-1].raw_seq if len(found) >= limit else 0
    known = set(scope.keep_addresses({letter.address for letter in found}))
    return {
        "items": [_shown(services, letter) for letter in found if letter.address in known],
        "next": cursor_of(last) if last > 1 else None,
    }


def _shown(services: Services, letter: DeadLetter) -> dict[str, Any]:
    raw = _raw(services, letter.raw_seq)
    shown: dict[str, Any] = {
        "id": f"{letter.raw_seq}-{letter.item}",
        "received_at": utc_text(letter.received_at_ms),
        "address": letter.address,
        "reason": letter.reason,
        "detail": letter.detail,
        "may_be_alarm": letter.may_be_alarm,
        "kind": raw.kind if raw else None,
        "topic": raw.topic if raw else None,
        "bytes": len(raw.payload) if raw else None,
        "payload": _payload(raw.payload) if raw else None,
    }
    return shown


def _payload(payload: bytes) -> str | dict[str, str]:
    """As a recording has it (contracts §2): text where it is text, else base64."""
    head = payload[:PAYLOAD_SHOWN]
    try:
        text = head.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(head).decode()}
    return text if text.isprintable() or text.isascii() else {"base64": base64.b64encode(head).decode()}


def _raw(services: Services, seq: int) -> RawRecord | None:
    found = services.raw_log.read(seq - 1, 1)
    return found[0] if found and found[0].seq == seq else None


def _raw_of(services: Services, letter_id: str) -> RawRecord:
    """The message behind a dead letter's id; 404 for one that is no dead letter, so that nothing else is replayed."""
    row, _, item = letter_id.partition("-")
    if row.isdigit() and item.isdigit() and row.isascii() and item.isascii() and 0 < len(row) <= SEQ_DIGITS_MAX:
        seq = int(row)
        letters = services.input_log.dead_letters(seq + 1, 1)
        raw = _raw(services, seq)
        if raw is not None and any((one.raw_seq, one.item) == (seq, int(item)) for one in letters):
            return raw
    raise Problem("not-found", "letter_id")
