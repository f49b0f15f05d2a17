"""Edge: what is quiet now, and why. Outages with the people to telephone, and silences that somebody has set.

Forms over the routes of `api/routes/quiet.py`, so that page and API check the same.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Form, Path, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from alerts.quiet.grouping import LOOKED_AFTER, OUTCOMES
from alerts.reads import people
from api.board import reads as board_reads
from api.board.page import Page, PageRoute, in_words
from api.board.person_view import phone
from api.board.thing_names import ThingNames, reader, silence_about, thing_names
from api.board.words import Words
from api.http.auth import Caller, carer
from api.http.problems import Problem
from api.http.wards import guarded_router
from api.routes import quiet as routes_quiet
from api.routes.quiet import SilenceBody, TickBody

router = guarded_router(route_class=PageRoute, include_in_schema=False)

Carer = Annotated[Caller, Depends(carer)]
Id = Annotated[str, Path(max_length=64)]
Text = Annotated[str, Form(max_length=500)]
HOURS = (1, 2, 4, 8, 24, 72)
HOUR_MS = 3_600_000
PURPOSE = "board"
UNWRITTEN: dict[str, Any] = {"what": "", "reason": "", "hours": 1, "rule": ""}


@router.get("/quiet")
def quiet_page(request: Request, caller: Carer) -> Response:
    return _page(request, caller)


@router.post("/quiet/silences")
def add(
    request: Request, caller: Carer, hours: Annotated[int, Form()], what: Annotated[str, Form(max_length=80)] = "",
    reason: Text = "", rule: Annotated[str, Form(max_length=16)] = "",
) -> Response:  # fmt: skip
    """`what`: "home h1", "device d2", "resident r1", "ward nord", or "" for a rule of the whole site."""
    kept = {"what": what, "reason": reason, "hours": hours, "rule": rule}
    kind, _, thing = what.partition(" ")
    until_ms = board_reads.reads_of(request).now_ms() + hours * HOUR_MS
    named: dict[str, Any] = {kind: thing} if kind in {"home", "device", "resident", "ward"} and thing else {}
    try:
        given = SilenceBody(
            until=datetime.fromtimestamp(until_ms / 1_000, UTC), reason=reason, rule=rule or None, **named
        )
        routes_quiet.add_silence(request, caller, given)
    except ValidationError:
        return _refused(request, caller, Problem("bad-silence", "reason"), kept)
    except Problem as problem:
        if problem.status != 422:
            raise
        return _refused(request, caller, problem, kept)
    return RedirectResponse("/quiet?said=quiet.silenced", 303)


@router.post("/quiet/silences/{silence_id}/end")
def end(request: Request, caller: Carer, silence_id: Id) -> Response:
    routes_quiet.end_silence(request, silence_id, caller)
    return RedirectResponse("/quiet?said=quiet.ended", 303)


@router.post("/quiet/outages/{outage_id}/people/{resident_id}")
def tick(
    request: Request, caller: Carer, outage_id: Id, resident_id: Id, outcome: Annotated[str, Form(max_length=16)]
) -> Response:
    if outcome not in OUTCOMES:
        raise Problem("bad-field", "outcome")
    routes_quiet.tick(request, outage_id, resident_id, caller, TickBody.model_validate({"outcome": outcome}))
    return RedirectResponse("/quiet?said=quiet.ticked", 303)


def _refused(request: Request, caller: Caller, problem: Problem, kept: dict[str, Any]) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    return _page(request, caller, status=422, failed=in_words(problem, page.words), kept=kept)


def _page(
    request: Request, caller: Caller, *, status: int = 200, failed: str = "", kept: dict[str, Any] | None = None
) -> Response:
    """`kept`: what was written into a form that is refused."""
    page = Page(request, board_reads.reads_of(request), caller)
    t, reads = page.words, page.reads
    outages = routes_quiet.list_outages(request, caller, PURPOSE)["items"]
    listed = [one["resident"] for outage in outages for one in outage["people"]]
    silences = routes_quiet.list_silences(request, caller)["items"]
    names = reads.names_of([*listed, *(one["resident"] for one in silences if one["resident"])], caller)
    phones = people.phones(reads.db, listed, site_id=reads.services.site_id)
    wards, things = reads.wards(), thing_names(page)
    return page.render(
        "quiet.html", status, failed=failed, kept=kept or UNWRITTEN, can_act=page.can_act(),
        outages=[_outage(one, t, names, phones, wards) for one in outages],
        silences=[_silence(one, t, {**names, **things.devices, **things.homes}, wards) for one in silences],
        hours=[{"value": hours, "text": t("quiet.hours", n=hours)} for hours in HOURS],
        rules=[{"id": _rule_id(rule), "name": t.code("rule", _rule_id(rule))} for rule in reads.rules()],
        groups=_groups(page, things),
        outcomes=[{"code": code, "text": t(f"quiet.outcome_{code}")} for code in OUTCOMES],
    )  # fmt: skip


def _rule_id(rule: dict[str, Any]) -> str:
    return str(rule.get("rule") or rule.get("id"))


def _outage(
    one: dict[str, Any], t: Words, names: dict[str, str], phones: dict[str, str], wards: dict[str, str]
) -> dict[str, Any]:
    ward = wards.get(one["ward"], one["ward"])
    return {
        "id": one["id"], "alert_id": one["alert_id"],
        "text": t("quiet.outage", ward=ward, n=one["homes_gone"], most=one["homes_most"]),
        "since": t.put(one["opened_at"], "at"),
        "people": [_person(person, t, names, phones) for person in one["people"]],
    }  # fmt: skip


def _person(one: dict[str, Any], t: Words, names: dict[str, str], phones: dict[str, str]) -> dict[str, Any]:
    said = ""
    if one["outcome"]:
        by = one["ticked_by"]["name"] if one["ticked_by"] else ""
        said = t("quiet.said", outcome=t(f"quiet.outcome_{one['outcome']}"), name=by, at_ms=one["ticked_at"])
    elif one["back_at"]:
        said = t("quiet.back", at_ms=one["back_at"])
    else:
        said = t("quiet.call_before", at_ms=one["call_before"])
    return {
        "id": one["resident"], "name": names.get(one["resident"], one["resident"]), "critical": one["critical"],
        "phone": phones.get(one["resident"], ""), "phone_shown": phone(phones.get(one["resident"])), "said": said,
        "done": one["back_at"] is not None or one["outcome"] in LOOKED_AFTER,
    }  # fmt: skip


def _silence(one: dict[str, Any], t: Words, names: dict[str, str], wards: dict[str, str]) -> dict[str, Any]:
    return {
        "id": one["id"], "about": silence_about(one, t, {**names, **wards}), "reason": one["reason"],
        "text": t("quiet.silenced_until", until_ms=one["until"], name=one["author"]["name"]),
    }  # fmt: skip


def _groups(page: Page, things: ThingNames) -> list[dict[str, Any]]:
    """What may be silenced, as "kind id" with words: whom the page was opened for, wards, homes, devices."""
    asked = page.request.query_params.get("resident", "")
    found = {
        "resident": page.reads.names_of([asked] if asked else [], reader(page)),
        "ward": page.reads.wards(),
        "home": things.homes,
        "device": things.devices,
    }
    return [
        {
            "title": page.words(f"quiet.of_{kind}"),
            "things": sorted(
                ({"value": f"{kind} {key}", "text": name} for key, name in named.items()), key=lambda one: one["text"]
            ),
        }
        for kind, named in found.items()
        if named
    ]
