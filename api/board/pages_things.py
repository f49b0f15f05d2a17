"""Edge: things, rules and tests. Devices, gateways, what could not be understood, the book in force, test sessions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from api.auth import Caller, carer, operator, signed_in
from api.board import reads as board_reads
from api.board.cards import lead_of
from api.board.page import Page, PageRoute
from api.board.resident_view import device_row, recent_row
from api.board.why import parameter_rows

router = APIRouter(route_class=PageRoute, include_in_schema=False)
SignedIn = Annotated[Caller, Depends(signed_in)]
Key = Annotated[str, Path(max_length=64)]
RAW_SHOWN = 4_000


@router.get("/devices")
def devices_page(request: Request, caller: SignedIn) -> Response:
    """Gateways and devices with last heard and battery; for operators also what nobody is assigned to, as it came."""
    page = Page(request, board_reads.reads_of(request), caller)
    t, reads = page.words, page.reads
    devices = reads.devices()
    names = reads.names([d["resident"] for d in devices if d.get("resident")]) if page.has_role("carer") else {}
    rows = [
        device_row(d, t)
        | {
            "whose": names.get(d.get("resident") or "", d.get("home") or "–"),
            "resident_id": d.get("resident") if names else None,
        }
        for d in devices
    ]
    gateways = [device_row(g, t) | {"home": g.get("home") or "–"} for g in reads.gateways()]
    technical = [recent_row(lead_of(i), t) for i in reads.queue(caller) if lead_of(i)["priority"] == "P4"]
    unassigned = [_unassigned(u, page) for u in reads.unassigned()] if page.has_role("operator") else None
    return page.render("devices.html", devices=rows, gateways=gateways, technical=technical, unassigned=unassigned)


def _unassigned(found: dict[str, Any], page: Page) -> dict[str, Any]:
    row = device_row(found, page.words)
    return {"address": found.get("address") or "", "heard": row["heard"], "raw": found.get("raw") or ""}


def raw_text(payload: Any) -> str:
    """A payload as text for the eyes of an operator, bounded; what is not text is shown as base64."""
    if payload is None:
        return ""
    text = payload.get("base64", "") if isinstance(payload, dict) else str(payload)
    return str(text)[:RAW_SHOWN]


@router.get("/dead-letters")
def dead_letters_page(
    request: Request, caller: Annotated[Caller, Depends(operator)], cursor: str | None = None
) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    found = page.reads.dead_letters(request, caller, cursor)
    items = [
        {
            "id": letter["id"],
            "reason": page.words.code("dead_reason", letter["reason"]),
            "address": letter["address"],
            "detail": letter.get("detail"),
            "may_be_alarm": letter.get("may_be_alarm"),
            "topic": letter.get("topic") or "",
            "when": page.words.put(letter["received_at"], "seconds"),
            "raw": raw_text(letter.get("payload")),
            "replayed": None,
        }
        for letter in found["items"]
    ]
    return page.render("dead_letters.html", items=items, next=found["next"])


@router.post("/dead-letters/{letter_id}/replay")
def replay(request: Request, letter_id: Key, caller: Annotated[Caller, Depends(operator)]) -> Response:
    board_reads.reads_of(request).replay(request, letter_id, caller)
    return RedirectResponse("/dead-letters?said=dead.asked", 303)


@router.get("/rules")
def rules_page(request: Request, caller: SignedIn) -> Response:
    """The book in force: each rule, its limits, and where each limit comes from."""
    page = Page(request, board_reads.reads_of(request), caller)
    t = page.words
    rules = [
        {
            "id": _rule_id(rule), "name": _rule_name(rule, page), "kind": t.code("rule_kind", rule.get("kind")),
            "code": rule.get("code") or "", "priority": rule["priority"], "tone": str(rule["priority"]).lower(),
            "needs_measure": bool(rule.get("measure")), "parameters": parameter_rows(rule.get("parameters") or {}, t),
            "version": rule.get("version") or "",
        }
        for rule in page.reads.rules()
    ]  # fmt: skip
    return page.render("rules.html", rules=rules)


def _rule_id(rule: dict[str, Any]) -> str:
    return str(rule.get("rule") or rule.get("id"))


def _rule_name(rule: dict[str, Any], page: Page) -> str:
    names = rule.get("name")
    return (
        str(names.get(page.lang) or _rule_id(rule))
        if isinstance(names, dict)
        else str(names or page.words(f"rule.{_rule_id(rule)}"))
    )


@router.get("/tests")
def tests_page(request: Request, caller: Annotated[Caller, Depends(carer)]) -> Response:
    """Test sessions: one device, thirty minutes, by a named person, in everybody's sight."""
    page = Page(request, board_reads.reads_of(request), caller)
    t, devices = page.words, page.reads.devices()
    names = page.reads.names([d["resident"] for d in devices if d.get("resident")])
    shown = {
        d["id"]: ", ".join(p for p in (device_row(d, t)["what"], names.get(d.get("resident") or "", "")) if p)
        for d in devices
    }
    sessions = [
        {
            "id": s["id"], "what": shown.get(s["device"], s["device"]),
            "text": t("tests.open", until_ms=s["until"], name=s["name"]),
        }
        for s in page.reads.test_sessions()
    ]  # fmt: skip
    choices = sorted(({"id": key, "what": name} for key, name in shown.items()), key=lambda d: d["what"])
    return page.render("tests.html", sessions=sessions, devices=choices)


@router.post("/tests")
def begin_test(
    request: Request, caller: Annotated[Caller, Depends(carer)], device: Annotated[str, Form(max_length=64)]
) -> Response:
    board_reads.reads_of(request).begin_test(device, caller)
    return RedirectResponse("/tests?said=tests.begun", 303)


@router.post("/tests/{session_id}/close")
def close_test(request: Request, session_id: Key, caller: Annotated[Caller, Depends(carer)]) -> Response:
    board_reads.reads_of(request).close_test(session_id, caller)
    return RedirectResponse("/tests?said=tests.ended", 303)
