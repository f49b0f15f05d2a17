"""Telephones of functions: registered by an operator, and heard again and again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts.access.account import AccountRefused, check_name
from alerts.shifts import phones
from alerts.transaction import Transaction
from api.http.auth import BEARER, Caller, operator, services_of, signed_in
from api.http.openapi import problems
from api.http.phone_token import phone_of
from api.http.problems import Problem
from api.http.services import Services
from api.http.shift_wire import phone_out
from api.http.wards import guarded_router, scope_of
from api.routes.users import NO_STORE

router = guarded_router(prefix="/api/v1/phones", tags=["shifts"])

PhoneId = Annotated[str, Path(max_length=64)]
Operator = Annotated[Caller, Depends(operator)]


class PhoneIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: str = Field(max_length=200, description="What stands on it.")
    function: str | None = Field(None, max_length=64, description="Whose it is when nobody checked in with it.")
    limit_seconds: int = Field(
        phones.LIMIT_MS // 1_000, ge=phones.LIMIT_MIN_MS // 1_000, le=phones.LIMIT_MAX_MS // 1_000,
        description="Unheard for longer it is silent: its function is rung together with the next one.",
    )  # fmt: skip


@router.get("", summary="Telephones of functions", responses=problems(401))
def list_phones(request: Request, _caller: Annotated[Caller, Depends(signed_in)]) -> dict[str, Any]:
    """When each was last heard. Of the caller's wards, and those of no function."""
    services = services_of(request)
    with services.database.reader.connect() as conn:
        found = phones.listed(conn, services.site_id)
    shown = [phone_out(one, services.clock()) for one in scope_of(request).keep("phone", found)]
    return {"items": shown, "next": None}


@router.post("", summary="Register a telephone", status_code=201, responses=problems(401, 403, 422))
def register(request: Request, response: Response, caller: Operator, body: PhoneIn) -> dict[str, Any]:
    """`token` is for the phone's `Authorization: Bearer`, shown this once."""
    services = services_of(request)
    phone_id, token = register_phone(services, request, caller, body)
    response.headers.update(NO_STORE)
    return {"id": phone_id, "label": body.label, "function": body.function, "token": token}


@router.delete("/{phone_id}", summary="End a telephone", status_code=204, responses=problems(401, 403, 404))
def revoke(request: Request, phone_id: PhoneId, caller: Operator) -> None:
    """At once; no check-in and no heartbeat with it any more."""
    services = services_of(request)

    def work(tx: Transaction) -> bool:
        ended = phones.revoke(tx.conn, services.site_id, phone_id, caller.account.user_id, tx.now_ms)
        if ended:
            tx.change("health", "phone")
        return ended

    if not services.desk.transact(services.clock(), work):
        raise Problem("not-found", "phone_id")


@router.post("/heartbeat", summary="A telephone is there", responses=problems(401))
def heartbeat(request: Request) -> dict[str, Any]:
    """With the phone's own token, which says which it is. Answers how long it may be silent."""
    services = services_of(request)
    phone = phone_of(services, request)
    if phone is None:
        raise Problem("not-signed-in", headers={"www-authenticate": BEARER})
    services.desk.transact(services.clock(), lambda tx: phones.heard(tx, phone["id"]))
    return {"id": phone["id"], "limit_seconds": phone["limit_ms"] // 1_000}


def register_phone(services: Services, request: Request, caller: Caller, body: PhoneIn) -> tuple[str, str]:
    """Id and token. 422 for a label that is none, 403 for a function of another ward."""
    try:
        check_name(body.label)
    except AccountRefused as error:
        raise Problem("bad-field", "label", more={"errors": [{"field": "label", "message": str(error)}]}) from error
    if body.function is not None:
        scope_of(request).check([("function", "function", body.function)])

    def work(tx: Transaction) -> tuple[str, str]:
        return phones.register(
            tx.conn, services.site_id, body.label, body.function, body.limit_seconds * 1_000, caller.account.user_id,
            tx.now_ms,
        )  # fmt: skip

    try:
        return services.desk.transact(services.clock(), work)
    except phones.PhoneRefused as error:
        found = {"field": error.field, "message": error.code.replace("_", " "), "code": error.code}
        raise Problem("bad-field", error.field, more={"errors": [found]}) from error
