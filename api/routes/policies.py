"""Policies: who is rung for which alerts, when, and whose they are first. Read by all, changed by operators.

A policy that could end in silence, or names nobody, is refused with the field and the reason
(alerts/routing/policies.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Request

from alerts.routing.policy_choice import shipped
from alerts.routing.policy_store import Policies
from alerts.routing.profiles import PROFILES
from alerts.site.settings_store import SettingRefused
from api.http.auth import Caller, operator, services_of, signed_in
from api.http.bodies import JsonObject
from api.http.openapi import problems
from api.http.problems import Problem
from api.http.setting_wire import refused
from api.http.wards import guarded_router, scope_of

router = guarded_router(prefix="/api/v1/policies", tags=["settings"])

PolicyId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$")]
Operator = Annotated[Caller, Depends(operator)]
EXAMPLE: dict[str, Any] = {
    "ward": "nord",
    "rules": ["R10"],
    "hours": "22:00-07:00",
    "rings": "any_hour",
    "steps": [
        {"after": "0 s", "tell": ["1", "responders"]},
        {"after": "90 s", "tell": ["1", "2"]},
        {"after": "5 min", "tell": ["all", "fallback"]},
    ],
    "repeat": "2 min",
    "two": False,
    "owner": "us",
    "why": "2026/114",
}
WORD = {"type": "string", "description": "1, 2 … (place in the ward), all, fallback, responders, centre, function:<id>"}
STEP = {
    "type": "object",
    "required": ["after", "tell"],
    "properties": {"after": {"type": "string"}, "tell": {"type": "array", "items": WORD}},
}
TEXTS = {"type": "array", "items": {"type": "string"}}
SCHEMA = {
    "type": "object",
    "required": ["steps", "repeat"],
    "description": "What is left out of ward, resident, rules, codes, priorities and hours is any.",
    "properties": {
        "ward": {"type": "string"},
        "resident": {"type": "string", "description": "A person's own plan."},
        "rules": TEXTS,
        "codes": TEXTS | {"description": "VKP codes: 4 is the group, 4.11 one of it."},
        "priorities": {"type": "array", "items": {"type": "string", "enum": ["P1", "P2", "P3", "P4", "P5"]}},
        "hours": {"type": "string", "description": "Local time, 22:00-07:00."},
        "rings": {"type": "string", "enum": ["any_hour", "by_day", "workday"]},
        "steps": {"type": "array", "items": STEP},
        "repeat": {"type": "string", "description": "The last step again, for ever."},
        "two": {"type": "boolean", "description": "Two must go."},
        "owner": {"type": "string", "description": "us, or the outside centre that has it first."},
        "why": {"type": "string", "maxLength": 200},
    },
}
SAVE = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": SCHEMA, "examples": {"wandering at night": {"value": EXAMPLE}}}},
    }
}
IfMatch = Annotated[str | None, Header(pattern=r'^"?[0-9]{1,9}"?$', description="Only if this is still its version.")]


@router.get("", summary="Who is rung, as data", responses=problems(401, 403))
def list_policies(request: Request, _caller: Annotated[Caller, Depends(signed_in)]) -> dict[str, Any]:
    """`items`: the site's own, of the caller's wards and of the whole site. `profiles`: what holds where none of them
    fits, by the ward's `profile`, in the same form. Person before rule before code before ward before hours before
    priority; the snapshot of a running alert does not change.
    """
    services, scope = services_of(request), scope_of(request)
    found = Policies(services.database, services.site_id).all()
    items = [one for one in found if scope.sees(frozenset([one["ward"]] if one.get("ward") else ()))]
    return {"items": items, "profiles": {name: shipped(name) for name in PROFILES}, "next": None}


@router.get("/{policy_id}", summary="One policy, with its versions", responses=problems(401, 403, 404))
def one_policy(request: Request, policy_id: PolicyId, _caller: Annotated[Caller, Depends(signed_in)]) -> dict[str, Any]:
    """As it stands now, and every version: when, by whom, what."""
    store = _store(request)
    found = store.get(policy_id)
    if found is None:
        raise Problem("not-found", "policy_id")
    return found | {"versions": store.versions(policy_id)}


@router.put(
    "/{policy_id}", summary="Save a policy", responses=problems(400, 401, 403, 409, 415, 422), openapi_extra=SAVE
)
def save_policy(
    request: Request, policy_id: PolicyId, caller: Operator, body: JsonObject, if_match: IfMatch = None
) -> dict[str, Any]:
    """It holds from the next alert on. 422 names each field at fault with the reason; 409 with `If-Match` when somebody
    else has changed it.
    """
    _of_own_wards(request, body)
    store = _store(request)
    before = store.get(policy_id)
    if before is not None:
        _of_own_wards(request, before)
    expected = int(if_match.strip('"')) if if_match else None
    try:
        store.save(policy_id, body, _who(caller), services_of(request).clock(), expected)
    except SettingRefused as error:
        raise refused(error) from error
    found = store.get(policy_id)
    assert found is not None, "what was just saved is there"
    return found


@router.delete("/{policy_id}", summary="Remove a policy", responses=problems(401, 403, 404))
def remove_policy(request: Request, policy_id: PolicyId, caller: Operator) -> dict[str, Any]:
    """The next best policy, or the ward's profile, holds from the next alert on."""
    store = _store(request)
    before = store.get(policy_id)
    if before is None:
        raise Problem("not-found", "policy_id")
    _of_own_wards(request, before)
    return {"policy_id": policy_id, "version": store.remove(policy_id, _who(caller), services_of(request).clock())}


def _store(request: Request) -> Policies:
    services = services_of(request)
    return Policies(services.database, services.site_id, services.changed.notify)


def _who(caller: Caller) -> str:
    return caller.account.staff_id or caller.account.user_id


def _of_own_wards(request: Request, policy: Mapping[str, Any]) -> None:
    """A policy of the whole site is not one ward's to change, and what it names must be of the caller's wards."""
    scope = scope_of(request)
    if scope.wards is None:
        return
    if not policy.get("ward"):
        raise Problem("wrong-role", "ward")
    scope.check((name, name, str(policy[name])) for name in ("ward", "resident") if policy.get(name))
