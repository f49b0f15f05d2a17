"""Edge: who is on shift, who comes next, and when nobody does. Check in and out, the rota, and telephones.

Forms over the routes of shifts, rota and phones, so that page and API check the same. `/check-in` is the page of a
registered phone: whoever takes it up says who they are with their PIN, whoever had it last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, Form, Path, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import ValidationError
from starlette.responses import RedirectResponse

from alerts.shifts.rota import instant_ms
from alerts.shifts.rota_files import CSV, ICALENDAR
from alerts.shifts.shift_desk import ShiftDesk
from api.board import reads as board_reads
from api.board.page import Page, PageRoute, in_words
from api.http.auth import Caller, carer, check_same_site, operator, services_of, signed_in
from api.http.phone_token import phone_of, set_phone_cookie
from api.http.problems import Problem
from api.http.shift_wire import gap_out
from api.http.wards import guarded_router
from api.http.wire import utc_text
from api.routes import phones as routes_phones
from api.routes import rota as routes_rota
from api.routes import shifts as routes_shifts

router = guarded_router(route_class=PageRoute, include_in_schema=False)

SignedIn = Annotated[Caller, Depends(signed_in)]
Carer = Annotated[Caller, Depends(carer)]
Operator = Annotated[Caller, Depends(operator)]
Id = Annotated[str, Path(max_length=64)]
Text = Annotated[str, Form(max_length=200)]
GAPS_SHOWN = 30


@router.get("/shifts")
def shifts_page(request: Request, caller: SignedIn) -> Response:
    return _page(request, caller)


@router.post("/shifts")
async def check_in(request: Request, caller: Carer, function: Text, until: Text = "") -> Response:
    """`until`: a time of day, the next one from now; empty = as planned."""
    kept = {"function": function, "until": until}
    return await _done(request, caller, lambda: _checked_in(request, function, until), kept)


@router.post("/shifts/{shift_id}/check-out")
async def check_out(request: Request, caller: Carer, shift_id: Id) -> Response:
    given = routes_shifts.CheckOut(staff=None)
    return await _done(
        request, caller, lambda: run_in_threadpool(routes_shifts.check_out, request, shift_id, caller, given)
    )


@router.post("/shifts/{shift_id}/end")
async def end_shift(request: Request, caller: Operator, shift_id: Id) -> Response:
    return await _done(request, caller, lambda: run_in_threadpool(routes_shifts.end_shift, request, shift_id, caller))


@router.post("/shifts/pin")
async def choose_pin(request: Request, caller: SignedIn, pin: Text, password: Annotated[str, Form()]) -> Response:
    return await _done(
        request, caller,
        lambda: run_in_threadpool(
            lambda: routes_shifts.choose_pin(request, caller, routes_shifts.Pin(pin=pin, password=password))
        ),
    )  # fmt: skip


@router.post("/shifts/rota")
async def import_rota(request: Request, caller: Operator, rota: UploadFile, trial: Text = "") -> Response:
    """The file's own name says what it is; what it would do, or has done, stands on the page."""
    kind = ICALENDAR if (rota.filename or "").lower().endswith(".ics") else CSV
    content = await rota.read()
    return await run_in_threadpool(_imported, request, caller, content, kind, trial=bool(trial))


@router.post("/shifts/phone")
def register_phone(request: Request, caller: Operator, label: Text, function: Text = "") -> Response:
    """This browser is a telephone of a function from now on."""
    services = services_of(request)
    try:
        given = routes_phones.PhoneIn(label=label, function=function or None)
        _, token = routes_phones.register_phone(services, request, caller, given)
    except (Problem, ValidationError) as error:
        return _refused(request, caller, error)
    response = RedirectResponse("/shifts?said=shifts.phone_done", 303)
    set_phone_cookie(services, response, token)
    return response


@router.get("/check-in")
def check_in_page(request: Request) -> Response:
    """On a registered phone only; any other browser logs in with a password."""
    return _check_in_page(request)


@router.post("/check-in")
async def check_in_with_pin(request: Request, user: Text, pin: Text, function: Text) -> Response:
    check_same_site(request)
    response = RedirectResponse("/", 303)
    try:
        given = routes_shifts.CheckIn(function=function, user=user, pin=pin, until=None, staff=None)
        await routes_shifts.check_in(request, response, given, await routes_shifts.known_sender(request))
    except (Problem, ValidationError) as error:
        return await run_in_threadpool(_check_in_page, request, error)
    return response


async def _checked_in(request: Request, function: str, until: str) -> None:
    page_reads = board_reads.reads_of(request)
    now_ms, timezone = page_reads.now_ms(), page_reads.site()["timezone"]
    until_ms = instant_ms(until, timezone, now_ms) if until.strip() else None
    if until.strip() and until_ms is None:
        raise Problem("bad-field", "until")
    given: Any = {"function": function, "until": utc_text(until_ms)}
    body = routes_shifts.CheckIn.model_validate(given)
    await routes_shifts.check_in(request, Response(), body, await routes_shifts.known_sender(request))


async def _done(
    request: Request, caller: Caller, change: Callable[[], Any], kept: dict[str, str] | None = None
) -> Response:
    """`kept`: what was written into the form, for when it is refused."""
    try:
        await change()
    except (Problem, ValidationError) as error:
        return await run_in_threadpool(_refused, request, caller, error, kept)
    return RedirectResponse("/shifts?said=shifts.done", 303)


def _imported(request: Request, caller: Caller, content: bytes, kind: str, *, trial: bool) -> Response:
    services = services_of(request)
    try:
        lines = routes_rota.lines_of(content, kind, services.clock())
        done = routes_rota.save_rota(services, request, caller, lines, trial=trial)
    except Problem as error:
        return _refused(request, caller, error)
    return _page(request, caller, imported=done)


def _refused(
    request: Request, caller: Caller, error: Problem | ValidationError, kept: dict[str, str] | None = None
) -> Response:
    """Back to the page with what is wrong, in words; lines of a rota each with its own."""
    problem = Problem("bad-field", str(error.errors()[0]["loc"][0])) if isinstance(error, ValidationError) else error
    if problem.status == 403 and problem.slug == "csrf":
        raise problem
    return _page(request, caller, status=problem.status, failed=problem, kept=kept)


def _check_in_page(request: Request, error: Problem | ValidationError | None = None) -> Response:
    services = services_of(request)
    phone = phone_of(services, request)
    if phone is None:
        return RedirectResponse("/login?next=/shifts", 303)
    page = Page(request, board_reads.reads_of(request), None)
    problem = Problem("bad-field") if isinstance(error, ValidationError) else error
    failed = "" if problem is None else in_words(problem, page.words)
    status = 200 if problem is None else problem.status
    functions = page.reads.functions(None)
    functions.sort(key=lambda one: one["code"] != phone["function_id"])  # the phone's own first
    return page.render("check_in.html", status, failed=failed, functions=functions)


def _page(
    request: Request, caller: Caller, *, status: int = 200, failed: Problem | None = None,
    imported: dict[str, Any] | None = None, kept: dict[str, str] | None = None,
) -> Response:  # fmt: skip
    page = Page(request, board_reads.reads_of(request), caller)
    t, reads = page.words, page.reads
    duty, wards = reads.duty_now(), reads.wards()
    own = caller.account.staff_id
    names = {one["id"]: one["name"] for one in duty}
    return page.render(
        "shifts.html", status,
        places=[
            {"name": name, "functions": [_function(one, page) for one in duty if one["ward"] == ward]}
            for ward, name in wards.items()
            if any(one["ward"] == ward for one in duty)
        ],
        mine=[_mine(one, page) for one in ShiftDesk(reads.services.desk).of_staff(own)] if own else [],
        choices=[{"code": one["id"], "text": one["name"]} for one in duty], mine_to_take=_to_take(page, duty, own),
        gaps=[_gap(gap_out(one), page, wards) for one in reads.gaps()[:GAPS_SHOWN]],
        failed="" if failed is None else in_words(failed, t), kept=kept or {"function": "", "until": ""},
        mistakes=[_mistake(one, page) for one in _errors(failed)],
        imported=None if imported is None else t("shifts.imported_trial" if imported["trial"] else "shifts.imported",
            added=imported["added"], changed=imported["changed"], removed=imported["removed"],
            unchanged=imported["unchanged"]),
        notices=[_notice(one, page, wards, names) for one in (imported or {}).get("notices", ())],
        leads=page.has_role("operator"), keeps_pin=own is not None,
    )  # fmt: skip


def _to_take(page: Page, duty: list[dict[str, Any]], own: str | None) -> list[dict[str, str]]:
    """The functions that the reader may check in to; what the rota gives them now comes first."""
    if own is None:
        return []
    reads = page.reads
    may = ShiftDesk(reads.services.desk).open_to(own, reads.now_ms())
    theirs = [one for one in duty if one["id"] in may]
    theirs.sort(key=lambda one: one["next"] is None or one["next"]["staff_id"] != own)
    return [{"code": one["id"], "text": one["name"]} for one in theirs]


def _errors(failed: Problem | None) -> list[dict[str, Any]]:
    found: Any = [] if failed is None else failed.more.get("errors", [])
    return list(found)


def _function(one: dict[str, Any], page: Page) -> dict[str, Any]:
    """A function's row: who has it, who comes, and what is wrong with its telephone."""
    t, shift, coming = page.words, one["shift"], one["next"]
    said = t("shifts.nobody") if one["on_duty"] is False else t("shifts.always")
    if shift is not None:
        said = t("shifts.has", name=shift["staff_name"] or shift["staff_id"], until_ms=shift["until_ms"])
    elif one["on_duty"] and coming is not None:
        said = t("shifts.expected", name=coming["staff_name"], until_ms=coming["until_ms"])
        coming = None
    return {
        "name": one["name"], "said": said, "shift_id": shift["id"] if shift else None, "nobody": not one["on_duty"],
        "next": "" if coming is None else t("shifts.next", name=coming["staff_name"], at_ms=coming["from_ms"]),
        "silent": [t("shifts.silent", label=p["label"], at_ms=p["heard_ms"]) for p in one["phones"] if p["silent"]],
    }  # fmt: skip


def _mine(one: dict[str, Any], page: Page) -> dict[str, Any]:
    return {"id": one["id"], "text": page.words("shift.has", function=one["function_name"], name=one["staff_name"],
                                                until_ms=one["until_ms"])}  # fmt: skip


def _gap(one: dict[str, Any], page: Page, wards: dict[str, str]) -> str:
    said = page.words("shifts.gap", ward=wards.get(one["ward"], one["ward"]), begins=one["from"], ends=one["until"])
    return f"{said} {page.words('shifts.holiday')}" if one["holiday"] else said


def _mistake(one: dict[str, Any], page: Page) -> str:
    """One thing to mend in a file: its line, what is wrong there, and what was perhaps meant."""
    t = page.words
    message = t.code("rota_problem", one["code"]) if t.has(f"rota_problem.{one.get('code')}") else one["message"]
    if one.get("nearest"):
        message = f"{message} {t('rota_problem.near', near=one['nearest'])}"
    return t("shifts.line", line=one["line"], message=message) if one.get("line") else str(message)


def _notice(one: dict[str, Any], page: Page, wards: dict[str, str], names: dict[str, str]) -> str:
    staff = page.reads.staff_names([one["about"], *one["others"]])
    known = {**wards, **names, **staff}
    return page.words(
        f"shifts.{one['code']}", about=known.get(one["about"], one["about"]), begins=one["from"], ends=one["until"],
        others=[known.get(other, other) for other in one["others"]],
    )  # fmt: skip
