"""Edge: the queue and the alerts, as whole pages and as the fragments that htmx loads anew."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import Depends, Form, Path, Request
from fastapi.concurrency import run_in_threadpool
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from alerts.handling.acts import ACTS, Actor, Refused
from api.board import format as fmt
from api.board import reads as board_reads
from api.board.alert_view import Look, alert_view
from api.board.cards import Directory, queue_view
from api.board.page import Page, PageRoute
from api.board.reads import Reads
from api.board.resident_view import device_name
from api.board.words import Words
from api.http.actors import acting
from api.http.auth import Caller, carer, services_of, signed_in
from api.http.problems import Problem
from api.http.wards import guarded_router

log = structlog.get_logger()
router = guarded_router(route_class=PageRoute, include_in_schema=False)

AlertId = Annotated[str, Path(max_length=64)]
SignedIn = Annotated[Caller, Depends(signed_in)]
TEXT_MAX = 2_000


@router.get("/")
def queue_page(request: Request, caller: SignedIn) -> Response:
    """The first page: does anybody need me now?"""
    page = Page(request, board_reads.reads_of(request), caller)
    return page.render("board.html", queue=_queue(page), alert=None)


@router.get("/parts/queue")
def queue_part(request: Request, caller: SignedIn) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    opened = request.query_params.get("open")
    return page.render_part("_queue.html", queue=_queue(page), open_alert=opened)


@router.get("/parts/frame")
def frame_part(request: Request, caller: SignedIn) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    return page.render_part("_frame.html", frame=page.frame())


@router.get("/alerts/{alert_id}")
def alert_page(request: Request, alert_id: AlertId, caller: SignedIn) -> Response:
    """One alert: beside the queue where there is room, alone on a phone."""
    page = Page(request, board_reads.reads_of(request), caller)
    alert = _alert(page, alert_id)
    return page.render("board.html", alert=alert, queue=_queue(page), open_alert=alert_id)


@router.get("/parts/alerts/{alert_id}")
def alert_part(request: Request, alert_id: AlertId, caller: SignedIn) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    return page.render_part("_alert.html", alert=_alert(page, alert_id))


@router.post("/alerts/{alert_id}/{act}")
async def act_on_alert(
    request: Request,
    alert_id: AlertId,
    act: Annotated[str, Path(max_length=20)],
    caller: Annotated[Caller, Depends(carer)],
    key: Annotated[str, Form(min_length=8, max_length=64)],
) -> Response:
    """A tap. htmx gets a sentence (409 when it was refused), a browser without script gets the page again."""
    if act not in ACTS:
        raise Problem("not-found", "act")
    form = await request.form()
    given = {name: value for name, value in form.items() if isinstance(value, str)}
    return await run_in_threadpool(_act, request, caller, alert_id, act, key, given)


def _act(request: Request, caller: Caller, alert_id: str, act: str, key: str, given: dict[str, str]) -> Response:
    reads = board_reads.reads_of(request)
    page = Page(request, reads, caller)
    body = body_of(act, given)
    try:
        actor = acting(services_of(request), caller, None)
        after = reads.act(alert_id, act, actor, caller, f"{caller.account.user_id}:{key}", body)
        second = ((after.get("two") or {}).get("second") or {}).get("staff") == actor.staff
        text, status = page.words("done.second" if act == "claim" and second else f"done.{act}"), 200
    except Refused as refused:
        text, status = refusal_text(refused, page.words), refused.status
    if page.by_htmx:
        return HTMLResponse(Markup.escape(text), status)
    if status == 200:
        return RedirectResponse("/" if given.get("from") == "queue" else f"/alerts/{alert_id}", 303)
    alert = _alert(page, alert_id)
    alert["said"] = text
    return page.render("board.html", status, alert=alert, queue=_queue(page), open_alert=alert_id)


def body_of(act: str, given: dict[str, str]) -> dict[str, object]:
    """The form's fields as the desk wants them (contracts §6); what was left empty is left out."""
    body: dict[str, object] = {}
    note = given.get("note", "").strip()[:TEXT_MAX]
    if act == "note":
        body["text"] = note
        return body | {name: given[name] for name in ("call", "search") if given.get(name)}
    if note:
        body["note"] = note
    if act == "claim" and given.get("take_over"):
        body["take_over"] = True
    if act == "contact":
        body["outcome"] = given.get("outcome", "")
    elif act == "hand-over":
        body["to"] = given.get("to", "")
    elif act == "document":
        body |= {name: given[name] for name in ("cause", "action", "contact") if given.get(name)}
    elif act == "end":
        if given.get("ask_again_minutes", "").isdecimal():
            body["ask_again_minutes"] = int(given["ask_again_minutes"][:5])
        if given.get("action"):
            body["action"] = given["action"]
    return body


def refusal_text(refused: Refused, words: Words) -> str:
    """Why it was not done, as one says it: "Ola tok den for 2 s siden", not an error."""
    holder = refused.state.get("claimed_by")
    holder = holder if isinstance(holder, dict) else {}
    name = holder.get("name") or words("next.holder")
    if refused.code == "already_claimed":
        since_ms = fmt.to_ms(holder.get("claimed_at")) or words.now_ms
        recent = words.now_ms - since_ms < fmt.HOUR_MS
        return words(
            "refused.already_claimed" if recent else "refused.already_claimed_clock", name=name, since_ms=since_ms
        )
    return words.first(f"refused.{refused.code}", "refused.other", name=name)


def _queue(page: Page) -> dict[str, Any]:
    assert page.caller is not None, "only for those who are signed in"
    incidents = page.reads.queue(page.caller)
    people = page.reads.directory(incidents, page.caller)
    return queue_view(
        incidents, page.words, people, heard=page.reads.homes_heard(), blind=page.reads.feed_blind(),
        ward=page.request.query_params.get("ward") or None,
    )  # fmt: skip


def _alert(page: Page, alert_id: str) -> dict[str, Any]:
    """The alert with everything its page shows. The read of the person is logged by `Reads.alert`."""
    assert page.caller is not None, "only for those who are signed in"
    reads: Reads = page.reads
    alert = reads.alert(alert_id, page.caller)
    if alert is None:
        raise Problem("unknown-alert", "alert_id")
    siblings = reads.incident_alerts(alert)
    people: Directory = reads.directory([{"alerts": siblings}], page.caller)
    actor: Actor | None = reads.actor(page.caller) if page.has_role("carer") else None
    look = Look(
        person=reads.resident_card(alert.get("resident_id") or alert["subject_id"]) if page.has_role("carer") else None,
        living=reads.living_there(alert, page.caller) if page.has_role("carer") else [],
        devices={d["id"]: device_name(d, page.words) for d in reads.devices_of(alert)},
        siblings=siblings,
        functions=reads.functions(alert.get("ward_id")),
        attempts=reads.attempts(alert_id),
        last=reads.last_codes(alert),
    )
    return alert_view(alert, page.words, people, actor, look)
