"""Log in, log out, who am I: JSON for scripts, forms for the board's log-in page (`api/board` shows the page)."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import Depends, Form, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse

from alerts.access.accounts import Account, LogInRefused
from api.http.auth import Caller, check_same_site, clear_session_cookie, services_of, set_session_cookie, signed_in
from api.http.openapi import problems
from api.http.phone_token import phone_of
from api.http.problems import Problem
from api.http.services import Services
from api.http.wards import guarded_router

log = structlog.get_logger()
router = guarded_router(tags=["session"])


class LogIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1000)


class SessionOut(BaseModel):
    """The account behind this request. `csrf` goes into `X-CSRF-Token`; null for machine keys."""

    user: str
    name: str
    staff: str | None
    roles: list[str]
    language: str
    csrf: str | None


@router.post("/api/v1/session", summary="Log in", responses=problems(401, 403, 422, 429))
async def log_in(request: Request, response: Response, body: LogIn) -> SessionOut:
    """Sets the session cookie. Tries are limited per user and per sender; 429 says for how long."""
    services = services_of(request)
    check_same_site(request)
    account, token = await run_in_threadpool(_verified, services, body.user, body.password, request)
    set_session_cookie(services, response, token)
    return _session(Caller(account, "session", token))


@router.get("/api/v1/session", summary="Who am I", responses=problems(401))
async def who(caller: Annotated[Caller, Depends(signed_in)]) -> SessionOut:
    return _session(caller)


@router.delete("/api/v1/session", summary="Log out", status_code=204, responses=problems(401, 403))
async def log_out(request: Request, response: Response, caller: Annotated[Caller, Depends(signed_in)]) -> None:
    """Ends the session on our side too. A machine key is ended by an operator, not by itself."""
    services = services_of(request)
    await run_in_threadpool(_end, services, caller)
    clear_session_cookie(services, response)


@router.post("/login", include_in_schema=False)
async def log_in_form(
    request: Request,
    user: Annotated[str, Form(max_length=200)] = "",
    password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """The page's form: on to `next`, or back to the page with `?problem=<slug>`."""
    services = services_of(request)
    try:
        check_same_site(request)
        _account, token = await run_in_threadpool(_verified, services, user, password, request)
    except Problem as problem:
        wait = problem.words.get("retry_after_seconds")
        return RedirectResponse(f"/login?problem={problem.slug}" + (f"&wait={wait}" if wait else ""), 303)
    response = RedirectResponse(local_path(next), 303)
    set_session_cookie(services, response, token)
    return response


@router.post("/logout", include_in_schema=False)
async def log_out_form(request: Request, caller: Annotated[Caller, Depends(signed_in)]) -> Response:
    services = services_of(request)
    await run_in_threadpool(_end, services, caller)
    response = RedirectResponse("/login", 303)
    clear_session_cookie(services, response)
    return response


def local_path(path: str) -> str:
    """Where to go after log-in: a path of ours, never another host, however it is written ("//evil")."""
    plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if plain else "/"


def _session(caller: Caller) -> SessionOut:
    account = caller.account
    return SessionOut(
        user=account.user_id, name=account.name, staff=account.staff_id, roles=sorted(account.roles),
        language=account.language, csrf=caller.csrf if caller.via == "session" else None,
    )  # fmt: skip


def _source(request: Request) -> str:
    return request.client.host if request.client else ""


def log_in_problem(refused: LogInRefused) -> Problem:
    """Why there is no log-in, and how long to wait where that helps."""
    wait = refused.retry_after_seconds
    if wait is None:
        return Problem(refused.code)
    return Problem(refused.code, words={"retry_after_seconds": wait}, headers={"retry-after": str(wait)})


def _verified(services: Services, user: str, password: str, request: Request) -> tuple[Account, str]:
    """On a registered phone the session is that phone's, and ends with the next one's."""
    phone = phone_of(services, request)
    try:
        return services.accounts.log_in(
            user, password, _source(request), services.clock(), None if phone is None else phone["id"]
        )
    except LogInRefused as refused:
        raise log_in_problem(refused) from refused


def _end(services: Services, caller: Caller) -> None:
    if caller.via != "session":
        raise Problem("wrong-role")
    services.accounts.end_session(caller.token, services.clock())
