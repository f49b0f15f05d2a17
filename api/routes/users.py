"""Who may use the service: users and machine keys, for operators of the whole site and for the command line.

A login may be somebody's e-mail address, so it stands in bodies, never in an address. Each change leaves a row in the
audit, in the same transaction.
"""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts.access import audit
from alerts.access.account import Account, AccountRefused
from alerts.access.accounts import login_key
from alerts.access.passwords import new_password
from api.http.auth import Caller, account_keeper, services_of
from api.http.openapi import problems
from api.http.problems import Problem
from api.http.wards import guarded_router

log = structlog.get_logger()
router = guarded_router(prefix="/api/v1", tags=["users"])

Keeper = Annotated[Caller, Depends(account_keeper)]
AUDIT_SHOWN = 50
NO_STORE = {"cache-control": "no-store"}  # what is shown once must not lie in a cache


class UserIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str = Field(min_length=1, max_length=200, description="What they type to log in.")
    name: str = Field(max_length=200, description="Shown to colleagues.")
    roles: list[str] = Field(max_length=8, description="carer, operator.")
    staff: str | None = Field(None, max_length=64, description="Who of the staff they are; needed to act on alerts.")
    wards: list[str] | None = Field(None, max_length=100, description="The only wards they see; null = all.")
    language: str = Field("nb", max_length=20)
    password: str | None = Field(None, max_length=1000, description="Without it one is made, and shown in the answer.")


class UserNamed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    user: str = Field(min_length=1, max_length=200)


class PasswordIn(UserNamed):
    password: str | None = Field(None, max_length=1000, description="Without it one is made, and shown in the answer.")


class KeyIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    label: str = Field(max_length=200, description="What uses it.")
    roles: list[str] = Field(max_length=8)


class KeyNamed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=64)


@router.get("/users", summary="Who may log in", responses=problems(401, 403))
def list_users(request: Request, _caller: Keeper) -> dict[str, Any]:
    """All of them, also those who are shut out (`disabled`)."""
    accounts = services_of(request).accounts
    items = [_shown(one) | {"disabled": False} for one in accounts.users()]
    items += [_shown(one) | {"disabled": True} for one in accounts.disabled_users()]
    return {"items": sorted(items, key=lambda one: str(one["user"])), "next": None}


@router.post("/users", summary="Add a user", status_code=201, responses=problems(401, 403, 422))
def add_user(request: Request, response: Response, caller: Keeper, body: UserIn) -> dict[str, Any]:
    """`password` of the answer is the one that was made here, shown this once; null for one that you chose."""
    services = services_of(request)
    made = None if body.password is not None else new_password()
    try:
        account = services.accounts.add_user(
            body.user, body.password or made or "", name=body.name, roles=body.roles, now_ms=services.clock(),
            staff_id=body.staff, wards=body.wards, language=body.language, by=caller.account.user_id,
        )  # fmt: skip
    except AccountRefused as refused:
        raise _problem(refused) from refused
    response.headers.update(NO_STORE)
    return _shown(account) | {"disabled": False, "password": made}


@router.post("/users/password", summary="Give a user a new password", responses=problems(401, 403, 404, 422))
def set_password(request: Request, response: Response, caller: Keeper, body: PasswordIn) -> dict[str, Any]:
    """They are logged out everywhere. `password` as when adding a user."""
    services = services_of(request)
    made = None if body.password is not None else new_password()
    try:
        services.accounts.set_password(body.user, body.password or made or "", services.clock(), caller.account.user_id)
    except AccountRefused as refused:
        raise _problem(refused) from refused
    response.headers.update(NO_STORE)
    return {"user": login_key(body.user), "password": made}


@router.post("/users/disable", summary="Shut a user out", responses=problems(401, 403, 404, 422))
def disable_user(request: Request, caller: Keeper, body: UserNamed) -> dict[str, Any]:
    """At once: sessions end, open streams within 30 s. Nobody shuts themselves out."""
    services = services_of(request)
    if login_key(body.user) == caller.account.user_id:
        raise _problem(AccountRefused("own_account", "user", "nobody shuts themselves out"))
    if not services.accounts.disable_user(body.user, services.clock(), caller.account.user_id):
        raise Problem("not-found", "user")
    return {"user": login_key(body.user), "disabled": True}


@router.post("/users/enable", summary="Let a user in again", responses=problems(401, 403, 404, 422))
def enable_user(request: Request, caller: Keeper, body: UserNamed) -> dict[str, Any]:
    """With the password they had."""
    services = services_of(request)
    if not services.accounts.enable_user(body.user, services.clock(), caller.account.user_id):
        raise Problem("not-found", "user")
    return {"user": login_key(body.user), "disabled": False}


@router.get("/keys", summary="Machine keys that work", responses=problems(401, 403))
def list_keys(request: Request, _caller: Keeper) -> dict[str, Any]:
    found = services_of(request).accounts.machine_keys()
    return {"items": [{"id": one, "label": label, "roles": sorted(roles)} for one, label, roles in found], "next": None}


@router.post("/keys", summary="Make a machine key", status_code=201, responses=problems(401, 403, 422))
def add_key(request: Request, response: Response, caller: Keeper, body: KeyIn) -> dict[str, Any]:
    """`token` is for `Authorization: Bearer`, shown this once."""
    services = services_of(request)
    try:
        token = services.accounts.create_machine_key(body.label, body.roles, services.clock(), caller.account.user_id)
    except AccountRefused as refused:
        raise _problem(refused) from refused
    response.headers.update(NO_STORE)
    return {"label": body.label, "roles": sorted(set(body.roles)), "token": token}


@router.post("/keys/revoke", summary="End a machine key", responses=problems(401, 403, 404, 422))
def revoke_key(request: Request, caller: Keeper, body: KeyNamed) -> dict[str, Any]:
    services = services_of(request)
    if not services.accounts.revoke_machine_key(body.id, services.clock(), caller.account.user_id):
        raise Problem("not-found", "id")
    return {"id": body.id, "revoked": True}


@router.get("/audit", summary="Who gave or took access", responses=problems(401, 403))
def read_audit(request: Request, _caller: Keeper) -> dict[str, Any]:
    """The newest changes of users and keys: when, who (`local` is the command line), what, about which account."""
    services = services_of(request)
    return {"items": audit.newest(services.database, services.site_id, AUDIT_SHOWN), "next": None}


def _shown(account: Account) -> dict[str, Any]:
    return {
        "user": account.user_id, "name": account.name, "roles": sorted(account.roles), "staff": account.staff_id,
        "wards": None if account.wards is None else list(account.wards), "language": account.language,
    }  # fmt: skip


def _problem(refused: AccountRefused) -> Problem:
    """Which field, and why, as a code with a sentence."""
    if refused.code == "unknown_user":
        return Problem("not-found", refused.field)
    error = {"field": refused.field, "message": str(refused), "code": refused.code}
    return Problem("bad-field", refused.field, more={"errors": [error]})
