"""Who is on shift: functions with who has them, check in with session or PIN, check out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field

from alerts.access.account import AccountRefused
from alerts.access.accounts import LogInRefused
from alerts.shifts.shift import ShiftRefused
from alerts.shifts.shift_desk import ShiftDesk
from api.http.actors import acting
from api.http.auth import (
    Caller,
    carer,
    check_same_site,
    operator,
    services_of,
    set_session_cookie,
    signed_in,
)
from api.http.openapi import problems
from api.http.paging import since_ms
from api.http.phone_token import phone_of
from api.http.problems import Problem
from api.http.services import Services
from api.http.shift_wire import function_out, refused, shift_out
from api.http.wards import guarded_router, scope_of
from api.routes.session import log_in_problem

router = guarded_router(prefix="/api/v1", tags=["shifts"])

SignedIn = Annotated[Caller, Depends(signed_in)]
ShiftId = Annotated[str, Path(max_length=64)]
Filter = Annotated[str | None, Query(max_length=64)]


class CheckIn(BaseModel):
    """With `user` and `pin` on a registered phone; signed in, with neither; a machine key names `staff`."""

    model_config = ConfigDict(extra="forbid")

    function: str = Field(min_length=1, max_length=64)
    until: datetime | None = Field(None, description="When the shift ends; without it as planned, else in 12 hours.")
    user: str | None = Field(None, max_length=200)
    pin: str | None = Field(None, max_length=20)
    staff: str | None = Field(None, max_length=64, description="Whose shift it is; required with a machine key.")


class CheckOut(BaseModel):
    model_config = ConfigDict(extra="forbid")

    staff: str | None = Field(None, max_length=64, description="Whose shift it is; required with a machine key.")


class Pin(BaseModel):
    model_config = ConfigDict(extra="forbid")

    pin: str = Field(max_length=20, description="4 to 12 digits.")
    password: str = Field(min_length=1, max_length=1000)


@dataclass(frozen=True, slots=True)
class Sent:
    """From which registered phone a check-in comes, if from one."""

    phone: dict[str, Any] | None


async def known_sender(request: Request) -> Sent:
    """A registered phone, or somebody signed in. 401 otherwise, before anything else is looked at."""
    phone = await run_in_threadpool(phone_of, services_of(request), request)
    if phone is None:
        await signed_in(request)
    return Sent(phone)


Sender = Annotated[Sent, Depends(known_sender)]


@router.get("/functions", summary="Functions in the order of their ward's chain, and who has them", tags=["shifts"],
            responses=problems(401))  # fmt: skip
def functions(request: Request, _caller: SignedIn, ward: Filter = None) -> dict[str, Any]:
    """`shift`: who is checked in; `next`: who the rota gives it to, now or next. `on_duty` false: an alarm does not
    ring it. `reachable` false: it is rung together with the next one.
    """
    services = services_of(request)
    duty = {one["id"]: function_out(one) for one in ShiftDesk(services.desk).functions(services.clock())}
    named: dict[str, Any] = {} if ward is None else {"ward": ward}
    found = services.settings_store.list("function", **named)
    return {"items": [one | duty.get(one["id"], {}) for one in found], "next": None}


@router.get("/shifts", summary="Who is on shift", responses=problems(401))
def list_shifts(request: Request, _caller: SignedIn) -> dict[str, Any]:
    """Of the caller's wards, in the order of their chains."""
    services = services_of(request)
    return {"items": [shift_out(one) for one in ShiftDesk(services.desk).now(scope_of(request).wards)], "next": None}


@router.post("/shifts", summary="Check in to a function", status_code=201, responses=problems(401, 403, 422, 429))
async def check_in(request: Request, response: Response, body: CheckIn, sender: Sender) -> dict[str, Any]:
    """Who had the function is succeeded: their claims are offered to it and ring. In one's own function it moves the
    shift's end. With a PIN, the session that was open on the phone ends and one's own begins: `csrf` of the answer.
    """
    services = services_of(request)
    if body.pin is not None:
        check_same_site(request)
        return await run_in_threadpool(_with_pin, services, sender.phone, response, body)
    caller = await carer(await signed_in(request))
    return await run_in_threadpool(_signed_in, services, sender.phone, caller, body)


@router.put("/shifts/pin", summary="Choose one's PIN", status_code=204, responses=problems(401, 403, 422, 429))
def choose_pin(request: Request, caller: SignedIn, body: Pin) -> None:
    """The PIN with which one checks in on a shift's phone. Asks for the password once more."""
    services = services_of(request)
    if caller.via != "session" or caller.account.staff_id is None:
        raise Problem("wrong-role")
    source = request.client.host if request.client else ""
    try:
        services.accounts.verify_password(caller.account.user_id, body.password, source, services.clock())
        services.accounts.set_pin(caller.account.user_id, body.pin, services.clock())
    except LogInRefused as error:
        raise log_in_problem(error) from error
    except AccountRefused as error:
        found = {"field": error.field, "message": str(error), "code": error.code}
        raise Problem("bad-field", error.field, more={"errors": [found]}) from error


@router.post(
    "/shifts/{shift_id}/check-out", summary="Check out", responses=problems(401, 403, 404, 409, 422)
)  # fmt: skip
def check_out(
    request: Request, shift_id: ShiftId, caller: Annotated[Caller, Depends(carer)], body: CheckOut
) -> dict[str, Any]:
    """409 `own-claims` while one has alerts in this function (`alerts`): hand them over, and check out once somebody
    has accepted.
    """
    services = services_of(request)
    actor = acting(services, caller, body.staff)
    assert actor.staff is not None, "acting() always names somebody"
    try:
        return shift_out(ShiftDesk(services.desk).check_out(shift_id, actor.staff, services.clock()))
    except ShiftRefused as error:
        raise refused(error) from error


@router.post("/shifts/{shift_id}/end", summary="End somebody's shift", responses=problems(401, 403, 404, 409, 422))
def end_shift(request: Request, shift_id: ShiftId, caller: Annotated[Caller, Depends(operator)]) -> dict[str, Any]:
    """What they have is offered to the function, and rings."""
    services = services_of(request)
    try:
        return shift_out(ShiftDesk(services.desk).end(shift_id, caller.account.user_id, services.clock()))
    except ShiftRefused as error:
        raise refused(error) from error


def _signed_in(services: Services, phone: dict[str, Any] | None, caller: Caller, body: CheckIn) -> dict[str, Any]:
    actor = acting(services, caller, body.staff)
    assert actor.staff is not None, "acting() always names somebody"
    return _begin(services, actor.staff, body, phone) | {"csrf": caller.csrf if caller.via == "session" else None}


def _with_pin(services: Services, phone: dict[str, Any] | None, response: Response, body: CheckIn) -> dict[str, Any]:
    if phone is None or body.pin is None:
        raise Problem("not-signed-in")
    now_ms = services.clock()
    try:
        account = services.accounts.verify_pin(body.user or "", body.pin, phone["id"], now_ms)
    except LogInRefused as error:
        raise log_in_problem(error) from error
    if account.staff_id is None or "carer" not in account.roles:
        raise Problem("wrong-role")
    begun = _begin(services, account.staff_id, body, phone)
    token = services.accounts.create_session(account.user_id, now_ms, phone["id"])
    set_session_cookie(services, response, token)
    return begun | {"csrf": Caller(account, "session", token).csrf}


def _begin(services: Services, staff_id: str, body: CheckIn, phone: dict[str, Any] | None) -> dict[str, Any]:
    try:
        begun = ShiftDesk(services.desk).check_in(
            staff_id, body.function, services.clock(), until_ms=since_ms(body.until, "until"),
            phone_id=None if phone is None else phone["id"],
        )  # fmt: skip
    except ShiftRefused as error:
        raise refused(error) from error
    return shift_out(begun)
