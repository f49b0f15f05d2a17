"""Alerts: the list, one of them, and what people do about it (contracts §4, §6)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from alerts.handling.acts import BAD_BODY, KEY_REUSED, UNKNOWN_ALERT, Actor, Refused
from alerts.handling.cards import NUMBERS
from alerts.reads import queries
from api.http.actors import acting
from api.http.auth import Caller, carer, purpose, services_of, signed_in
from api.http.bodies import JsonObject
from api.http.openapi import problems
from api.http.paging import Cursor, Limit, page, since_ms
from api.http.problems import Problem
from api.http.reads import note_read
from api.http.services import Services
from api.http.wards import guarded_router, scope_of
from api.outcomes import codes_of, last_choices

router = guarded_router(prefix="/api/v1/alerts", tags=["alerts"])

AlertId = Annotated[str, Path(max_length=64)]
KEY_MAX = 128  # with the sender's id before it, the desk's limit is 200
Act = Literal[
    "claim", "release", "contact", "hand-over", "accept", "decline", "en-route", "on-site", "note", "end", "document",
    "reopen",
]  # fmt: skip

REFUSALS = {
    "already_claimed": "claimed-by-other",
    "not_yours": "not-yours",
    "yours_already": "yours-already",
    "needs_contact": "contact-first",
    "already_ended": "already-ended",
    "not_claimed": "not-claimed",
    "not_ended": "not-ended",
    "people_left": "people-left",
    "not_handed_over": "not-handed-over",
    "not_asked": "not-handed-over",
    KEY_REUSED: "key-reused",
    UNKNOWN_ALERT: "unknown-alert",
    BAD_BODY: "bad-field",
}


@router.get("", summary="List alerts", responses=problems(400, 401, 403, 422))
def list_alerts(
    request: Request,
    response: Response,
    caller: Annotated[Caller, Depends(signed_in)],
    why: Annotated[str, Depends(purpose)],
    cursor: Cursor = None,
    limit: Limit = 50,
    state: Annotated[Literal["open", "closed", "all"], Query()] = "open",
    priority: Annotated[Literal["P1", "P2", "P3", "P4", "P5"] | None, Query()] = None,
    ward: Annotated[str | None, Query(max_length=64)] = None,
    subject: Annotated[str | None, Query(max_length=300)] = None,
    since: Annotated[datetime | None, Query(description="Opened at or after, RFC 3339 with offset.")] = None,
) -> dict[str, Any]:
    """Pseudonyms and codes only, of the caller's wards and of none. Asking for one subject is a read of that person
    and is logged.

    `X-Last-Change` is where a live stream should begin (`/live?after=`) to miss nothing after this list.
    """
    services = services_of(request)
    response.headers["x-last-change"] = str(queries.last_change(services.database))
    if subject is not None:
        note_read(services, caller, "alerts", subject, why)
    return page(
        lambda: queries.alerts(
            services.database, state=state, priority=priority, ward=ward, wards=scope_of(request).wards,
            subject=subject, since_ms=since_ms(since), cursor=cursor, limit=limit, now_ms=services.clock(),
        )
    )  # fmt: skip


@router.get("/{alert_id}", summary="One alert with its timeline and its why", responses=problems(401, 403, 404))
def one_alert(
    request: Request,
    alert_id: AlertId,
    caller: Annotated[Caller, Depends(signed_in)],
    why: Annotated[str, Depends(purpose)],
) -> dict[str, Any]:
    """Events, rule and version, parameters with origin, what was held back, everything anybody did, and each message
    with its result. Logged as a read of that person.
    """
    services = services_of(request)
    alert = queries.alert(services.database, alert_id)
    if alert is None:
        raise Problem("unknown-alert", "alert_id")
    note_read(services, caller, "alert", alert["resident_id"], why)
    last = last_choices(services.database, alert["rule"], alert["code"], scope_of(request).wards)
    return alert | {"messages": queries.outbox(services.database, alert_id), "codes": codes_of(alert, last)}


ACT_BODY: dict[str, Any] = {
    "type": "object",
    "description": "Fields by act; what an act does not know is ignored.",
    "properties": {
        "staff": {"type": "string", "description": "Who acts; required with a machine key."},
        "note": {"type": "string", "maxLength": 2000, "description": "Any act but `note`: a few words."},
        "text": {"type": "string", "maxLength": 2000, "description": "note: the words."},
        "call": {"type": "string", "enum": list(NUMBERS), "description": "note: a call made."},
        "search": {
            "type": "string",
            "enum": ["start", "stop"],
            "description": "note: somebody searches for the person, or no longer; positions are visible meanwhile.",
        },
        "at": {
            "type": "string",
            "format": "date-time",
            "description": "When it was done, where it is reported afterwards (no network): since the alert came, not "
            "in the future, at most 24 h ago.",
        },
        "take_over": {
            "type": "boolean",
            "description": "claim: take it from the one who has it, who is told. Without it that is 409.",
        },
        "outcome": {
            "type": "string",
            "description": "contact: `spoke` (the default, as contracts §6 knows no other), `responder_on_site`, "
            "`no_answer`, which lets no P1 end. end: a code (`handled`).",
        },
        "to": {"type": "string", "description": "hand-over (required): the function that is asked."},
        "ask_again_minutes": {"type": "integer", "description": "end, while it is still true: when to ask again."},
        "cause": {"type": "string", "description": "document (required): a code."},
        "action": {
            "type": "string",
            "description": "document (required), end: a code. `dose_given`, `dose_confirmed` and `dose_skipped` tell "
            "the rules that the dose is settled.",
        },
        "contact": {"type": "string", "description": "document (required): a code."},
    },
}


@router.post(
    "/{alert_id}/{act}",
    summary="Act on an alert",
    responses=problems(400, 401, 403, 404, 409, 415, 422),
    openapi_extra={"requestBody": {"content": {"application/json": {"schema": ACT_BODY}}}},
)
async def act_on_alert(
    request: Request,
    alert_id: AlertId,
    act: Annotated[Act, Path()],
    caller: Annotated[Caller, Depends(carer)],
    given: JsonObject,
    idempotency_key: Annotated[str | None, Header(max_length=KEY_MAX, description="Required; any unique text.")] = None,
) -> dict[str, Any]:
    """200 = done and on disk; answers the alert as it is then. The same key again answers the same, done once.

    409 = not possible now; `alert` of the problem is the alert as it is, `reason` the code of the refusal.
    """
    if not idempotency_key or not idempotency_key.strip():
        raise Problem("idempotency-key-missing", "Idempotency-Key")
    services = services_of(request)
    actor = await run_in_threadpool(acting, services, caller, given.pop("staff", None))
    # a key belongs to who sends it: two integrations that count from 1 do not collide
    key = f"{caller.account.user_id}:{idempotency_key.strip()}"
    return await run_in_threadpool(_act, services, alert_id, act, actor, key, given)


def _act(services: Services, alert_id: str, act: str, actor: Actor, key: str, body: dict[str, Any]) -> dict[str, Any]:
    try:
        return services.desk.act(alert_id, act, actor, services.clock(), key, body)
    except Refused as refused:
        raise refusal(refused) from refused


def refusal(refused: Refused) -> Problem:
    """A refused act as a problem: who has it, and the alert as it is now."""
    slug = REFUSALS.get(refused.code, "not-possible-now")
    args = refused.args_of_code
    holder = refused.state.get("claimed_by")
    name = holder.get("name") if isinstance(holder, dict) else args.get("holder")
    more: dict[str, object] = {"reason": refused.code}
    if refused.state:
        more["alert"] = refused.state
    field = str(args["field"]) if args.get("field") else None
    if field and args.get("expected"):
        more["errors"] = [{"field": field, "message": str(args["expected"])}]
    return Problem(slug, field, words={"holder": name or "?", "count": str(args.get("count", "?"))}, more=more)
