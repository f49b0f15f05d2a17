"""Edge: the person. Today as a band, thirty days as a picture, what is measured, and everything that is decided."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import Depends, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from api.board import format as fmt
from api.board import reads as board_reads
from api.board.band import Span, band, hour_place, is_activity, picture
from api.board.cards import Directory, what
from api.board.page import Page, PageRoute
from api.board.person_view import person_view
from api.board.place import day_span, hour_ticks
from api.board.resident_view import device_row, measure_row, pause_row, plan_row, recent_row, unwatched_why
from api.board.why import reason_line
from api.http.auth import Caller, carer
from api.http.problems import Problem
from api.http.wards import guarded_router
from rules import local_time

router = guarded_router(route_class=PageRoute, include_in_schema=False)

Carer = Annotated[Caller, Depends(carer)]
ResidentId = Annotated[str, Path(max_length=64)]
DAYS = 30
PAUSE_REASONS = ("hospital", "holiday", "day_centre", "away", "visitors", "technical", "other")


@router.get("/residents")
def residents_page(request: Request, caller: Carer, cursor: str | None = None) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    found = page.reads.residents(cursor, page.request.query_params.get("ward") or None, caller)
    unwatched = {row["resident"] for row in page.reads.not_watched()}
    wards = page.reads.wards()
    items = [
        {
            "id": r["id"],
            "name": r["name"],
            "ward": wards.get(r.get("ward") or "", ""),
            "not_watched": r["id"] in unwatched,
        }
        for r in found["items"]
    ]
    return page.render("residents.html", items=items, next=found["next"])


@router.get("/residents/{resident_id}")
def resident_page(request: Request, resident_id: ResidentId, caller: Carer, day: str | None = None) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    reads, t = page.reads, page.words
    card = reads.resident(resident_id, caller)
    if card is None:
        raise Problem("unknown-resident", "resident_id")
    zone = page.site["timezone"]
    today = local_time.local_date(page.now_ms, zone)
    shown = _day(day, today)
    alerts = reads.alerts_of(resident_id)
    unwatched = next((row for row in reads.not_watched() if row["resident"] == resident_id), None)
    return page.render(
        "resident.html",
        person=person_view(card, t, Directory({}, reads.wards(), None)),
        not_watched=t("resident.not_watched", since_ms=unwatched["since"], why=unwatched_why(unwatched, t))
        if unwatched
        else None,
        away=reason_line(reads.away(card) or {}, t),
        paused=[line["text"] for line in (pause_row(p, t) for p in reads.pauses(card)) if line["now"]],
        doses=[t(f"reason.{dose['reason']}", **dose["args"]) for dose in reads.unsure_doses(resident_id, page.now_ms)],
        open_alerts=[recent_row(a, t) for a in alerts if a["handling"] not in {"ended", "documented"}],
        recent=[recent_row(a, t) for a in alerts][:10],
        day=_day_links(shown, today, t),
        band=_band(page, card, alerts, shown),
        picture=_picture(page, card, today),
        curves_away=reads.series_away(),
        metrics=[_metric(resident_id, m, t) for m in reads.metrics(resident_id)],
        devices=[device_row(d, t) for d in reads.with_heard(card["devices"])],
        measures=[measure_row(m, t, today) for m in card["measures"]],
        plan=[plan_row(p, t) for p in card["plans"]],
        pauses=[pause_row(p, t) for p in reads.pauses(card)],
        pause_reasons=PAUSE_REASONS,
        looked=[_looked(row, page) for row in reads.access_log(resident_id)],
    )


@router.post("/residents/{resident_id}/pauses")
def begin_pause(
    request: Request,
    resident_id: ResidentId,
    caller: Carer,
    reason: Annotated[str, Form(max_length=32)],
    hours: Annotated[int, Form(ge=1, le=168)],
) -> Response:
    """A pause from now. It never stops person alarms; the page says "in force" when the rules have seen it."""
    if reason not in PAUSE_REASONS:
        raise Problem("bad-field", "reason")
    reads = board_reads.reads_of(request)
    if reads.resident(resident_id, caller) is None:
        raise Problem("unknown-resident", "resident_id")
    reads.begin_pause(resident_id, reason, hours * fmt.HOUR_MS, caller)
    return RedirectResponse(f"/residents/{resident_id}?said=pause.begun", 303)


@router.post("/residents/{resident_id}/pauses/{pause_id}/end")
def end_pause(request: Request, resident_id: ResidentId, pause_id: ResidentId, caller: Carer) -> Response:
    board_reads.reads_of(request).end_pause(resident_id, pause_id, caller)
    return RedirectResponse(f"/residents/{resident_id}?said=pause.ended", 303)


@router.get("/unwatched")
def unwatched_page(request: Request, caller: Carer) -> Response:
    """Who has no protection now: a list to telephone."""
    page = Page(request, board_reads.reads_of(request), caller)
    rows = page.reads.not_watched()
    cards = page.reads.cards_for([row["resident"] for row in rows], caller, "unwatched")
    people = Directory({}, page.reads.wards(), None)
    items = []
    for row in rows:
        card = cards.get(row["resident"])
        view = (
            person_view(card, page.words, people)
            if card
            else {"name": row["resident"], "phone": None, "phone_shown": ""}
        )
        why = page.words("unwatched.since_why", since_ms=row["since"], why=unwatched_why(row, page.words))
        items.append({
            "id": row["resident"], "name": view["name"], "phone": view["phone"], "phone_shown": view["phone_shown"],
            "ward": people.ward(row.get("ward")), "why": why,
        })  # fmt: skip
    lapsing = _lapsing(page, caller)
    return page.render("unwatched.html", items=items, lapsing=lapsing, feed_blind=page.reads.feed_blind())


def _lapsing(page: Page, caller: Caller) -> list[dict[str, str]]:
    """Measures that end soon, the first first: whoever decides must know before nobody watches any more."""
    today = local_time.local_date(page.now_ms, page.site["timezone"])
    found = sorted(page.reads.lapsing(today), key=lambda one: (str(one["until"]), str(one["resident"])))
    cards = page.reads.cards_for([one["resident"] for one in found], caller, "unwatched")
    return [
        {"id": one["resident"], "name": cards[one["resident"]]["name"]} | measure_row(one, page.words, today)
        for one in found
        if one["resident"] in cards
    ]


def _day(text: str | None, today: date) -> date:
    try:
        asked = date.fromisoformat(text or "")
    except ValueError:
        return today
    return min(max(asked, today - timedelta(days=400)), today)


def _day_links(shown: date, today: date, t: Any) -> dict[str, Any]:
    at_noon = fmt.date(_noon(shown), t.lang)
    return {
        "title": t("resident.today" if shown == today else "resident.day_of", date=at_noon),
        "before": (shown - timedelta(days=1)).isoformat(),
        "after": (shown + timedelta(days=1)).isoformat() if shown < today else None,
    }


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12))


def _band(page: Page, card: dict[str, Any], alerts: list[dict[str, Any]], shown: date) -> dict[str, Any]:
    zone = page.site["timezone"]
    day = day_span(shown, zone)
    before = Span(day.from_ms - 12 * fmt.HOUR_MS, day.to_ms)  # a night in bed begins the evening before
    marks = page.reads.marks(card["id"], before)
    raised = [
        {"at_ms": at_ms, "text": what(a, page.words), "tone": str(a["priority"]).lower()}
        for a in alerts
        if day.from_ms <= (at_ms := fmt.to_ms(a["opened_at"]) or 0) < day.to_ms
    ]
    return band(marks, raised, page.reads.blind_spans(card, day), day, page.now_ms, page.words, hour_ticks(shown, zone))


def _picture(page: Page, card: dict[str, Any], today: date) -> dict[str, Any]:
    zone = page.site["timezone"]
    first = today - timedelta(days=DAYS - 1)
    whole = Span(day_span(first, zone).from_ms, day_span(today, zone).to_ms)
    counts: dict[tuple[int, int], int] = {}
    for mark in page.reads.marks(card["id"], whole):
        if is_activity(mark["type"]):
            place = hour_place(mark["at_ms"], first.toordinal(), page.words.local)
            counts[place] = counts.get(place, 0) + 1
    blind: set[tuple[int, int]] = set()
    for span in page.reads.blind_spans(card, whole):
        at_ms = max(span.from_ms, whole.from_ms)
        while at_ms < min(span.to_ms, whole.to_ms):
            blind.add(hour_place(at_ms, first.toordinal(), page.words.local))
            at_ms += fmt.HOUR_MS
    names = [fmt.date(_noon(first + timedelta(days=index)), page.lang) for index in range(DAYS)]
    shown = [name if index % 5 == 4 or index == 0 else "" for index, name in enumerate(names)]
    return picture(counts, shown, blind, page.words, hour_place(page.now_ms, first.toordinal(), page.words.local))


def _metric(resident_id: str, metric: tuple[str, str], t: Any) -> dict[str, str]:
    code, unit = metric
    return {
        "code": code, "name": t.code("metric", code), "unit": t.code("unit", unit),
        "href": f"/api/v1/residents/{resident_id}/series?metric={code}",
    }  # fmt: skip


def _looked(row: dict[str, Any], page: Page) -> dict[str, str]:
    at_ms = fmt.to_ms(row["at"]) or page.now_ms
    return {
        "who": str(row.get("name") or row.get("who") or ""), "what": page.words.code("access", row.get("what")),
        "when": page.words.put(at_ms, "clock"),
    }  # fmt: skip
