"""Edge: who may log in, and which programs. Forms over the routes of `api/routes/users.py`, so that page and API check
the same; a password or token that was made here stands on the answer once, and nowhere after that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Form, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from alerts.access.account import LANGUAGES, ROLES
from api.board import reads as board_reads
from api.board.page import Page, PageRoute
from api.board.words import Words
from api.http.problems import Problem
from api.http.wards import guarded_router
from api.routes import users as routes_users
from api.routes.users import Keeper

router = guarded_router(route_class=PageRoute, include_in_schema=False)

Text = Annotated[str, Form(max_length=200)]
# `= []` below (B006): the pages only read it, and a form without the field is an empty list
Roles = Annotated[list[str], Form(max_length=8)]
AUDIT_SHOWN = 20


@router.get("/accounts")
def accounts_page(request: Request, caller: Keeper) -> Response:
    return _page(request, caller)


@router.post("/accounts")
def add_user(
    request: Request, caller: Keeper, user: Text, name: Text, role: Roles = [], staff: Text = "",  # noqa: B006 - FastAPI copies it
    ward: Annotated[list[str], Form(max_length=100)] = [], language: Text = "nb",  # noqa: B006 - FastAPI copies it
) -> Response:  # fmt: skip
    """The password is made here and shown once: nobody knows it before they are told."""

    def add(response: Response) -> str:
        given = routes_users.UserIn(
            user=user, name=name, roles=role, staff=staff or None, wards=ward or None, language=language, password=None
        )
        return str(routes_users.add_user(request, response, caller, given)["password"])

    return _shown_once(request, caller, "accounts.password_of", user, add)


@router.post("/accounts/password")
def new_password(request: Request, caller: Keeper, user: Text) -> Response:
    def make(response: Response) -> str:
        given = routes_users.PasswordIn(user=user, password=None)
        return str(routes_users.set_password(request, response, caller, given)["password"])

    return _shown_once(request, caller, "accounts.password_of", user, make)


@router.post("/accounts/disable")
def disable_user(request: Request, caller: Keeper, user: Text) -> Response:
    return _done(request, caller, lambda: routes_users.disable_user(request, caller, routes_users.UserNamed(user=user)))


@router.post("/accounts/enable")
def enable_user(request: Request, caller: Keeper, user: Text) -> Response:
    return _done(request, caller, lambda: routes_users.enable_user(request, caller, routes_users.UserNamed(user=user)))


@router.post("/accounts/keys")
def add_key(request: Request, caller: Keeper, label: Text, role: Roles = []) -> Response:  # noqa: B006 - FastAPI copies it
    def make(response: Response) -> str:
        return str(
            routes_users.add_key(request, response, caller, routes_users.KeyIn(label=label, roles=role))["token"]
        )

    return _shown_once(request, caller, "accounts.token_of", label, make)


@router.post("/accounts/keys/revoke")
def revoke_key(request: Request, caller: Keeper, key: Text) -> Response:
    return _done(request, caller, lambda: routes_users.revoke_key(request, caller, routes_users.KeyNamed(id=key)))


def _shown_once(request: Request, caller: Keeper, word: str, name: str, make: Callable[[Response], str]) -> Response:
    """The page with the secret on it, in no cache; or with the sentence that says why there is none."""
    kept = Response()
    try:
        secret = make(kept)
    except (Problem, ValidationError) as error:
        return _refused(request, caller, error)
    page = _page(request, caller, secret={"word": word, "name": name, "text": secret})
    page.headers["cache-control"] = kept.headers["cache-control"]
    return page


def _done(request: Request, caller: Keeper, change: Callable[[], object]) -> Response:
    try:
        change()
    except (Problem, ValidationError) as error:
        return _refused(request, caller, error)
    return RedirectResponse("/accounts?said=accounts.done", 303)


def _refused(request: Request, caller: Keeper, error: Problem | ValidationError) -> Response:
    """Back to the page with what is wrong, in words; what may not be done at all is a page of its own."""
    if isinstance(error, Problem) and error.status not in {404, 422}:
        raise error
    found: Any = error.more.get("errors") if isinstance(error, Problem) else None
    return _page(request, caller, status=422, failed=str(found[0].get("code", "other")) if found else "other")


def _page(
    request: Request, caller: Keeper, *, status: int = 200, secret: dict[str, str] | None = None, failed: str = ""
) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    t, reads = page.words, page.reads
    wards = reads.wards()
    users = [_user(one, t, wards) for one in routes_users.list_users(request, caller)["items"]]
    keys = [
        {"id": one["id"], "label": one["label"], "roles": t.code("account_role", one["roles"])}
        for one in routes_users.list_keys(request, caller)["items"]
    ]
    return page.render(
        "accounts.html", status, users=[one for one in users if not one["disabled"]],
        disabled=[one for one in users if one["disabled"]], keys=keys, secret=secret,
        failed=t.code("account_refused", failed), me=caller.account.user_id,
        roles=[{"code": one, "text": t.code("account_role", one)} for one in sorted(ROLES)],
        languages=[{"code": one, "text": t.code("account_language", one)} for one in sorted(LANGUAGES, reverse=True)],
        ward_choices=[{"code": one, "text": name} for one, name in wards.items()],
        staff=[{"code": one["id"], "text": one["name"]} for one in reads.store.list("staff")],
        looked=[_line(one, t) for one in routes_users.read_audit(request, caller)["items"][:AUDIT_SHOWN]],
    )  # fmt: skip


def _user(one: dict[str, Any], t: Words, wards: dict[str, str]) -> dict[str, Any]:
    own = one["wards"]
    return one | {
        "roles": t.code("account_role", one["roles"]),
        "wards": t("menu.all_wards") if own is None else ", ".join(wards.get(ward, ward) for ward in own),
    }


def _line(row: dict[str, Any], t: Words) -> dict[str, str]:
    who = t("accounts.by_service") if row["who"] is None else str(row["who"])
    about = str(row["args"].get("label") or row["about"])
    return {
        "who": who,
        "what": t.code("audit", row["what"].replace(".", "_")),
        "about": about,
        "when": t.put(row["at"], "clock"),
    }
