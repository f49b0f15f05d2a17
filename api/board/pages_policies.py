"""Edge: who is rung, as pages. Per ward in words, and a form to change it, over the routes of `api/routes/policies.py`,
so that page and API refuse the same, with the desk's own reasons beside the fields.

The form is rendered here at every turn (a step more, another ward); JSON is the same policy for those who want it so.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import Depends, Form, Query, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from api.board import policy_form
from api.board import reads as board_reads
from api.board.page import Page, PageRoute
from api.board.policy_choices import choices, errors_in_words, function_names, why_refused
from api.board.policy_form import Fields, fields_of, name_as_id, places, value_of
from api.board.policy_view import policy_line
from api.http.auth import Caller, operator, signed_in
from api.http.problems import Problem
from api.http.wards import guarded_router
from api.routes import policies as routes_policies
from ingest.json_input import read_json

router = guarded_router(route_class=PageRoute, include_in_schema=False)
Operator = Annotated[Caller, Depends(operator)]
Name = Annotated[str, Query(max_length=64)]
VALUE_MAX = 20_000
FIELDS_MAX = 1_000
TAKEN = {"field": "id", "code": "taken", "message": "there is one of that name"}


async def _sent(request: Request) -> FormData:
    return await request.form(max_fields=FIELDS_MAX)


@router.get("/policies")
def policies_page(request: Request, caller: Annotated[Caller, Depends(signed_in)]) -> Response:
    """Per ward what rings when: the site's own policies first, then what holds where none of them fits."""
    page = Page(request, board_reads.reads_of(request), caller)
    found = routes_policies.list_policies(request, caller)
    shown = [_ward(page, ward, found) for ward in page.reads.scope.keep("ward", page.reads.store.list("ward"))]
    return page.render("policies.html", wards_shown=shown, may_change=page.has_role("operator"))


@router.get("/policies/form")
def form_page(request: Request, caller: Operator, policy_id: Name = "", like: Name = "", ward: Name = "") -> Response:
    """The form of a policy, or of a new one: empty, or `like` a line of a shipped profile, for a ward."""
    page = Page(request, board_reads.reads_of(request), caller)
    found = routes_policies.list_policies(request, caller)
    policy = next((one for one in found["items"] if one["id"] == policy_id), None)
    if policy_id and policy is None:
        raise Problem("not-found", "policy_id")
    usual = next((one for profile in found["profiles"].values() for one in profile if one["id"] == like), None)
    fields = fields_of(policy or usual, _comma(page))
    if policy is None:
        fields |= {"was": "", "name": "", "version": "", "ward": ward or _only_ward(page)}
    return _form(page, fields)


@router.post("/policies/form")
def send_form(request: Request, caller: Operator, sent: Annotated[FormData, Depends(_sent)]) -> Response:
    """`do`: `save`, or a step more or less, or nothing but to show it again (another ward's functions)."""
    page = Page(request, board_reads.reads_of(request), caller)
    fields, do = policy_form.read(sent), str(sent.get("do") or "save")
    if do != "save":
        return _form(page, policy_form.changed(fields, do))
    policy_id = fields["was"] or name_as_id(fields["name"])
    if not fields["was"] and any(one["id"] == policy_id for one in _all(request, caller)):
        return _refused(page, fields, [TAKEN])
    problem = _save(request, caller, policy_id, value_of(fields), fields["version"])
    return (
        RedirectResponse("/policies?said=policies.saved", 303) if problem is None else _refused(page, fields, problem)
    )


@router.post("/policies")
def save_json(
    request: Request, caller: Operator, policy_id: Annotated[str, Form(max_length=64)],
    value: Annotated[str, Form(max_length=VALUE_MAX)],
) -> Response:  # fmt: skip
    """The fold-out: as the API takes it. What is wrong stands over the text, which keeps what was written."""
    page = Page(request, board_reads.reads_of(request), caller)
    given = read_json(value.encode(), may_be_alarm=False)
    errors: list[dict[str, Any]] | None = [{"field": "", "message": "JSON: {…}"}]
    if isinstance(given, dict):
        errors = _save(request, caller, policy_id, given, "")
    if errors is None:
        return RedirectResponse("/policies?said=policies.saved", 303)
    standing = next((one for one in _all(request, caller) if one["id"] == policy_id), None)
    kept = {"policy_id": policy_id, "value": value, "errors": errors_in_words(page, errors)}
    return _form(page, fields_of(standing, _comma(page)), 422, kept=kept)


@router.post("/policies/{policy_id}/remove")
def remove(request: Request, policy_id: routes_policies.PolicyId, caller: Operator) -> Response:
    routes_policies.remove_policy(request, policy_id, caller)
    return RedirectResponse("/policies", 303)


def _save(
    request: Request, caller: Caller, policy_id: str, value: dict[str, Any], version: str
) -> list[dict[str, Any]] | None:
    """None when it is saved, else what is wrong with it; what may not be done at all is raised."""
    try:
        routes_policies.save_policy(request, policy_id, caller, value, version or None)
    except Problem as problem:
        if problem.status not in {409, 422}:
            raise
        return why_refused(problem)
    return None


def _refused(page: Page, fields: Fields, errors: list[dict[str, Any]]) -> Response:
    said = places(errors_in_words(page, errors))
    return _form(page, fields | {"at": next(iter(said))}, 422, errors=said)


def _form(
    page: Page, fields: Fields, status: int = 200, *, errors: dict[str, list[str]] | None = None,
    kept: dict[str, Any] | None = None,
) -> Response:  # fmt: skip
    """`errors` by place; `kept`: what was written as JSON, with what is wrong with it."""
    shown = {"form": fields, "errors": errors or {}, "may": choices(page, fields)}
    if page.by_htmx:
        return page.render_part("_policy_form.html", **shown)
    text = msgspec.json.format(msgspec.json.encode(value_of(fields)), indent=2).decode()
    json = kept or {"policy_id": fields["was"] or name_as_id(fields["name"]), "value": text, "errors": []}
    return page.render("policy.html", status, json=json, **shown)


def _ward(page: Page, ward: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    names = function_names(page)
    places_of = [one["name"] for one in page.reads.store.list("function") if one["ward"] == ward["id"]]
    own = [one for one in found["items"] if one.get("ward") in {None, ward["id"]}]
    return {
        "id": ward["id"],
        "name": ward["name"],
        "own": [
            policy_line(one, page.words, names, places_of)
            | {"saved": f"{one['saved_by']} {page.words.put(one['saved_at'], 'at')}"}
            for one in own
        ],
        "shipped": [policy_line(one, page.words, names, places_of) for one in found["profiles"][ward["profile"]]],
    }


def _all(request: Request, caller: Caller) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = routes_policies.list_policies(request, caller)["items"]
    return found


def _comma(page: Page) -> str:
    return "," if page.lang == "nb" else "."


def _only_ward(page: Page) -> str:
    """The ward of an operator who has but one."""
    wards = page.reads.scope.wards
    return next(iter(wards)) if wards is not None and len(wards) == 1 else ""
