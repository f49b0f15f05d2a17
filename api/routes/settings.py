"""Settings that change outcomes: plans, pauses and measures of a person, and devices.

One write each: saved and journalled in one transaction. `in_force` is false until the rules have seen it (milliseconds
later, unless they lag); a `setting` event on the live stream tells when it changes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Header, Path, Request, Response

from alerts.site.settings_store import SettingRefused
from api.http.auth import Caller, carer, services_of, signed_in
from api.http.bodies import JsonObject
from api.http.openapi import problems
from api.http.problems import Problem
from api.http.services import Services
from api.http.setting_wire import refused, shown, taken
from api.http.wards import guarded_router

router = guarded_router(prefix="/api/v1", tags=["settings"])

ItemId = Annotated[str, Path(max_length=64)]
Carer = Annotated[Caller, Depends(carer)]
Personal = Literal["plan", "pauses", "measures"]
KINDS: dict[str, str] = {"plan": "plan", "pauses": "pause", "measures": "measure"}
IfMatch = Annotated[str | None, Header(pattern=r'^"?[0-9]{1,9}"?$', description="Only if this is still its version.")]

EXAMPLES: dict[str, Any] = {
    "plan": {"value": {"rule": "R05", "set": {"for": "35 min"}, "from": "2026-01-01", "why": "2026/114"}},
    "pauses": {
        "value": {"rules": [], "from": "2026-03-01T08:00:00Z", "until": "2026-03-04T08:00:00Z", "reason": "hospital"}
    },
    "measures": {
        "value": {"service": "digital_supervision", "decision": "2026/114", "basis": "consent", "from": "2026-01-01"}
    },
}
SCHEMA = {"type": "object"}
SAVE = {"requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMA, "examples": EXAMPLES}}}}
DEVICE = {"value": {"address": "vardevakt:gw-1/pendant-7", "role": "pendant", "resident": "r1", "gateway": "gw-1"}}
SAVE_DEVICE = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": SCHEMA, "examples": {"device": DEVICE}}},
    }
}


@router.post(
    "/residents/{resident_id}/{what}",
    summary="Add a plan, pause or measure",
    status_code=201,
    responses=problems(400, 401, 403, 404, 415, 422),
    openapi_extra=SAVE,
)
def add(
    request: Request,
    resident_id: ItemId,
    what: Annotated[Personal, Path()],
    caller: Carer,
    body: JsonObject,
) -> dict[str, Any]:
    """As in a site file, without `id` and `resident`; a pause's `from` and `until` are times, the others' are days."""
    services = services_of(request)
    kind = KINDS[what]
    _known_resident(services, resident_id)
    value = taken(kind, body) | {"resident": resident_id}
    try:
        item_id, _ = services.settings_store.add(kind, resident_id, value, _who(caller), services.clock())
    except SettingRefused as error:
        raise refused(error) from error
    return _now(services, kind, item_id)


@router.put(
    "/residents/{resident_id}/{what}/{item_id}",
    summary="Save a plan, pause or measure",
    responses=problems(400, 401, 403, 404, 409, 415, 422),
    openapi_extra=SAVE,
)
def save(
    request: Request,
    resident_id: ItemId,
    what: Annotated[Personal, Path()],
    item_id: ItemId,
    caller: Carer,
    body: JsonObject,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """The whole item as it shall be. With `If-Match: <version>` nobody else's change is overwritten (409)."""
    services = services_of(request)
    kind = KINDS[what]
    _known_resident(services, resident_id)
    _not_another_s(services, kind, item_id, resident_id)
    return _save(services, kind, item_id, taken(kind, body) | {"resident": resident_id}, caller, if_match)


@router.delete(
    "/residents/{resident_id}/{what}/{item_id}",
    summary="Remove a plan, pause or measure",
    responses=problems(401, 403, 404, 409),
)
def remove(
    request: Request, resident_id: ItemId, what: Annotated[Personal, Path()], item_id: ItemId, caller: Carer
) -> dict[str, Any]:
    """It is gone at once, and out of force when `in_force` says that the rules have seen the removal."""
    services = services_of(request)
    kind = KINDS[what]
    _not_another_s(services, kind, item_id, resident_id)
    return _remove(services, kind, item_id, caller)


@router.put(
    "/devices/{device_id}",
    summary="Save a device",
    responses=problems(400, 401, 403, 409, 415, 422),
    openapi_extra=SAVE_DEVICE,
)
def save_device(
    request: Request,
    device_id: ItemId,
    caller: Annotated[Caller, Depends(signed_in)],
    body: JsonObject,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """As in a site file: address, role, room, and whose it is. This is also how an unassigned address is assigned."""
    return _save(services_of(request), "device", device_id, dict(body), caller, if_match)


@router.delete("/devices/{device_id}", summary="Remove a device", responses=problems(401, 403, 404, 409))
def remove_device(request: Request, device_id: ItemId, caller: Annotated[Caller, Depends(signed_in)]) -> dict[str, Any]:
    """Its messages are then of an unassigned address."""
    return _remove(services_of(request), "device", device_id, caller)


@router.get("/settings/{kind}/{item_id}", summary="Is it in force yet", responses=problems(401, 404))
def in_force(
    request: Request,
    kind: Annotated[Literal["plan", "pause", "measure", "device"], Path()],
    item_id: ItemId,
    response: Response,
    _caller: Annotated[Caller, Depends(signed_in)],
) -> dict[str, Any]:
    """Also of something removed: `removed` true, `in_force` once the rules have seen that."""
    services = services_of(request)
    newest = services.settings_store.history(kind, item_id, 1)
    if not newest:
        raise Problem("not-found", "item_id")
    version = newest[0]
    return {
        "setting_id": f"{kind}/{item_id}",
        "version": version["version"],
        "removed": version["removed"],
        "saved_at": version["saved_at"],
        "in_force_at": version["in_force_at"],
        "in_force": version["in_force_at"] is not None,
    }


def _who(caller: Caller) -> str:
    return caller.account.staff_id or caller.account.user_id


def _known_resident(services: Services, resident_id: str) -> None:
    if services.settings_store.get("resident", resident_id) is None:
        raise Problem("unknown-resident", "resident_id")


def _not_another_s(services: Services, kind: str, item_id: str, resident_id: str) -> None:
    """The path names a person; an item of somebody else is not found under it."""
    standing = services.settings_store.get(kind, item_id)
    if standing is not None and standing["resident"] != resident_id:
        raise Problem("not-found", "item_id")


def _save(
    services: Services, kind: str, item_id: str, value: dict[str, Any], caller: Caller, if_match: str | None
) -> dict[str, Any]:
    expected = int(if_match.strip('"')) if if_match else None
    try:
        services.settings_store.save(kind, item_id, value, _who(caller), services.clock(), expected)
    except SettingRefused as error:
        raise refused(error) from error
    return _now(services, kind, item_id)


def _remove(services: Services, kind: str, item_id: str, caller: Caller) -> dict[str, Any]:
    try:
        version = services.settings_store.remove(kind, item_id, _who(caller), services.clock())
    except SettingRefused as error:
        raise refused(error) from error
    if version is None:
        raise Problem("not-found", "item_id")
    setting_id = f"{kind}/{item_id}"
    return {"setting_id": setting_id, "version": version, "in_force": services.settings_store.in_force(setting_id)}


def _now(services: Services, kind: str, item_id: str) -> dict[str, Any]:
    found = services.settings_store.get(kind, item_id)
    assert found is not None, "what was just saved is there"
    return shown(found) | {"setting_id": f"{kind}/{item_id}"}
