"""Edge: the hand-over of a shift, and numbers of the last thirty days. Over the routes of `api/routes/reports.py`, so
that page and API say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from alerts.shifts.duty import WARD
from api.board import reads as board_reads
from api.board.format import to_ms
from api.board.page import Page, PageRoute
from api.board.thing_names import silence_about, thing_names
from api.board.words import Words
from api.http.auth import Caller, carer, signed_in
from api.http.wards import guarded_router
from api.routes import reports as routes_reports
from api.routes.reports import Taken

router = guarded_router(route_class=PageRoute, include_in_schema=False)

PURPOSE = "board"
MEASURES = ("told", "claimed", "arrived", "ended")
Ward = Annotated[str | None, Query(max_length=64)]


@router.get("/handover")
def handover_page(request: Request, caller: Annotated[Caller, Depends(carer)], ward: Ward = None) -> Response:
    """One ward's; who is bound to wards and chose none sees the first of theirs."""
    page = Page(request, board_reads.reads_of(request), caller)
    wards = page.reads.wards()
    every = [{"code": "", "text": page.words("menu.all_wards")}] if caller.account.wards is None else []
    chosen = ward or (None if caller.account.wards is None else next(iter(sorted(caller.account.wards)), ""))
    found = routes_reports.read_handover(request, caller, PURPOSE, chosen, None)
    subjects = [str(row.get("subject") or row.get("resident")) for name in LISTS for row in found[name]]
    t = page.words
    silenced = [str(row[kind]) for row in found["silences"] for kind in ("device", "home") if row[kind]]
    things = thing_names(page, {*subjects, *silenced})
    people = page.reads.names([*subjects, *(row["resident"] for row in found["silences"] if row["resident"])])
    zones = {WARD + code: name for code, name in wards.items()}  # whom an outage is about
    names = {**people, **wards, **zones, **things.devices, **things.homes}
    return page.render(
        "handover.html", can_act=page.can_act(), chosen=chosen or "",
        ward_name=wards.get(chosen or "", t("menu.all_wards")),
        choices=[*every, *({"code": code, "text": name} for code, name in wards.items())],
        since=t("handover.since", from_ms=found["from"]), before=_before(found["before"], t),
        parts=[
            {"title": t(f"handover.{name}"), "rows": [_row(name, row, names, t) for row in found[name]]}
            for name in LISTS
            if found[name]
        ],
    )  # fmt: skip


@router.post("/handover")
def take_over(
    request: Request, caller: Annotated[Caller, Depends(carer)], ward: Annotated[str, Form(max_length=64)] = ""
) -> Response:
    routes_reports.take_over(request, caller, PURPOSE, Taken(ward=ward or None))
    return RedirectResponse(f"/handover?said=handover.taken{f'&ward={ward}' if ward else ''}", 303)


@router.get("/reports")
def reports_page(request: Request, caller: Annotated[Caller, Depends(signed_in)], ward: Ward = None) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    t, wards = page.words, page.reads.wards()

    def of(what: Any, by: str = "ward,priority") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = routes_reports.report(request, what, caller, None, None, ward, by, "json")[
            "items"
        ]
        return found

    return page.render(
        "reports.html",
        response=[_times(row, t, wards) for row in of("response")],
        outcomes=[
            row
            | {
                "name": t.code("rule", row["rule"]),
                "share": "–" if row["false_percent"] is None else f"{row['false_percent']} %",
            }
            for row in of("outcomes")[:30]
        ],
        doses=[row | {"name": wards.get(row["ward"], row["ward"] or "–")} for row in of("doses")],
        measures=[t(f"reports.{name}") for name in MEASURES], ward_query=f"?ward={ward}&" if ward else "?",
    )  # fmt: skip


LISTS = ("open", "not_watched", "outages", "paused", "silences", "self_resolved", "undocumented", "faults")


def _before(before: Mapping[str, Any] | None, t: Words) -> str:
    return t("handover.before", name=before["accepted_by"]["name"], at_ms=before["until"]) if before else ""


def _outage(row: Mapping[str, Any], names: Mapping[str, str], t: Words) -> str:
    ward = names.get(row["ward"], row["ward"])
    return t("quiet.outage", ward=ward, n=row["homes_gone"], most=row["homes_most"])


def _row(part: str, row: Mapping[str, Any], names: Mapping[str, str], t: Words) -> dict[str, str]:
    """One line: who, what, since when."""
    if part == "silences":
        about = silence_about(row, t, names)
        return {
            "who": about,
            "text": t("handover.paused_until", until_ms=row["until"], reason=row["reason"]),
            "path": "",
        }
    if part == "outages":
        return {"who": "", "text": _outage(row, names, t), "path": "quiet"}
    subject = str(row.get("subject") or row.get("resident"))
    rule = t.code("rule", row.get("rule")) if row.get("rule") else ""
    if part == "self_resolved":
        text = t(
            "handover.times", n=row["times"], rule=rule, first_ms=to_ms(row["first_at"]), last_ms=to_ms(row["last_at"])
        )
    elif part == "paused":
        text = t("handover.paused_until", until_ms=row["until"], reason=t.code("pause_reason", row["reason"]))
    elif part == "not_watched":
        text = t("quiet.since", at=t.put(row["since"], "at"))
    else:
        text = t("handover.since_when", what=f"{row['priority']} {rule}", at_ms=row.get("opened_at") or row["ended_at"])
    if row.get("claimed_by"):
        text = f"{text} · {row['claimed_by']}"
    alert = row.get("alert_id")
    return {"who": names.get(subject, subject), "text": text, "path": f"alerts/{alert}" if alert else ""}


def _times(row: Mapping[str, Any], t: Words, wards: Mapping[str, str]) -> dict[str, Any]:
    cells = []
    for name in MEASURES:
        found = row.get(name)
        if found is None:
            cells.append({"text": "–", "missed": False})
            continue
        text = t("reports.cell", p50_ms=found["p50"] * 1_000, p90_ms=found["p90"] * 1_000)
        if found["within_percent"] is not None:
            text = t("reports.within", text=text, percent=found["within_percent"], goal_ms=found["goal"] * 1_000)
        cells.append({"text": text, "missed": found["goal"] is not None and found["p90"] > found["goal"]})
    return {
        "ward": wards.get(row["ward"], row["ward"] or "–"),
        "priority": row["priority"],
        "count": row["count"],
        "cells": cells,
    }
