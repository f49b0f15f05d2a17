"""Edge: tests of devices. Sessions with the way of each press to a phone and back, and what nobody has tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from api.board import reads as board_reads
from api.board.page import Page, PageRoute
from api.board.resident_view import device_row
from api.board.words import Words
from api.http.auth import Caller, carer
from api.http.wards import guarded_router
from api.routes import tests as routes_tests
from api.routes.tests import ArrivedIn

router = guarded_router(route_class=PageRoute, include_in_schema=False)
Carer = Annotated[Caller, Depends(carer)]
Key = Annotated[str, Path(max_length=64)]
STEPS = ("pressed_at", "recorded_at", "alert_at", "sent_at", "delivered_at", "answered_at")
SHOWN_MAX = 50


@router.get("/tests")
def page_of_tests(
    request: Request, caller: Carer, ward: Annotated[str | None, Query(max_length=64)] = None
) -> Response:
    """Test sessions: one device, thirty minutes, by a named person, in everybody's sight."""
    page = Page(request, board_reads.reads_of(request), caller)
    t, devices = page.words, page.reads.devices()
    names = page.reads.names_of([d["resident"] for d in devices if d.get("resident")], caller)
    shown = {
        d["id"]: ", ".join(p for p in (device_row(d, t)["what"], names.get(d.get("resident") or "", "")) if p)
        for d in devices
    }
    found = page.reads.tests_lately()
    sessions = [
        {
            "id": s["id"], "what": shown.get(s["device"], s["device"]),
            "text": t("tests.open", until_ms=s["until"], name=s["name"]), "presses": _presses(s, t),
            "mine": s["staff"] == caller.account.staff_id, "pressed": bool(s["presses"]), "proved": s["proved"],
        }
        for s in found
        if s["state"] == "open"
    ]  # fmt: skip
    before = [
        {"what": shown.get(s["device"], s["device"]), "text": _session(s, t), "presses": _presses(s, t)}
        for s in found
        if s["state"] == "over"
    ]
    overdue = [
        {"what": shown.get(d["device"], d["device"]), "text": t("tests.overdue_since", at_ms=d["since"])}
        for d in page.reads.tests_overdue(ward)
    ]
    choices = sorted(({"id": key, "what": name} for key, name in shown.items()), key=lambda d: d["what"])
    return page.render(
        "tests.html", sessions=sessions, devices=choices, before=before[:SHOWN_MAX], overdue=overdue,
        can_act=page.can_act(), ward_query=f"?ward={ward}&" if ward else "?",
    )  # fmt: skip


@router.post("/tests")
def begin_test(request: Request, caller: Carer, device: Annotated[str, Form(max_length=64)]) -> Response:
    board_reads.reads_of(request).begin_test(device, caller)
    return RedirectResponse("/tests?said=tests.begun", 303)


@router.post("/tests/{session_id}/arrived")
def arrived(request: Request, session_id: Key, caller: Carer) -> Response:
    """The one who was told says that the test came."""
    routes_tests.arrived(request, session_id, caller, ArrivedIn())
    return RedirectResponse("/tests?said=tests.proved", 303)


@router.post("/tests/{session_id}/close")
def close_test(request: Request, session_id: Key, caller: Carer) -> Response:
    board_reads.reads_of(request).close_test(session_id, caller)
    return RedirectResponse("/tests?said=tests.ended", 303)


def _session(session: Mapping[str, Any], t: Words) -> str:
    state = "tests.done" if session["proved"] else "tests.not_proved" if session["presses"] else "tests.no_press"
    return t("tests.session", at_ms=session["from"], name=session["name"], state=t(state))


def _presses(session: Mapping[str, Any], t: Words) -> list[str]:
    """Each press as one line: its steps with their times, in order."""
    return [" · ".join(_step(one, name, t) for name in STEPS if one[name]) for one in session["presses"]]


def _step(press: Mapping[str, Any], name: str, t: Words) -> str:
    said = t(f"tests.{name}", by=press["answered_by"]) if name == "answered_at" else t(f"tests.{name}")
    return t("tests.step", step=said, at_ms=press[name])
