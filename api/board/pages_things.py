"""Edge: things. Devices, gateways, and what could not be understood."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request
from starlette.responses import RedirectResponse, Response

from api.board import reads as board_reads
from api.board.cards import lead_of
from api.board.page import Page, PageRoute
from api.board.resident_view import device_row, recent_row
from api.board.thing_names import home_names
from api.http.auth import Caller, operator, signed_in
from api.http.wards import guarded_router

router = guarded_router(route_class=PageRoute, include_in_schema=False)
SignedIn = Annotated[Caller, Depends(signed_in)]
Key = Annotated[str, Path(max_length=64)]
RAW_SHOWN = 4_000


@router.get("/devices")
def devices_page(request: Request, caller: SignedIn) -> Response:
    """Gateways and devices with last heard and battery; for operators also what nobody is assigned to, as it came."""
    page = Page(request, board_reads.reads_of(request), caller)
    t, reads = page.words, page.reads
    devices, homes = reads.devices(), home_names(page)
    names = reads.names_of([d["resident"] for d in devices if d.get("resident")], caller)
    rows = [
        device_row(d, t)
        | {
            "whose": names.get(d.get("resident") or "", homes.get(d.get("home") or "", "–")),
            "resident_id": d.get("resident") if names else None,
        }
        for d in devices
    ]
    gateways = [
        device_row(g, t) | {"home": homes.get(g.get("home") or "", g.get("home") or "–")} for g in reads.gateways()
    ]
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
