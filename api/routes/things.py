"""The things: wards, homes, gateways and devices. Pseudonyms only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from alerts.reads import queries
from api.device_state import with_state
from api.http.auth import Caller, services_of, signed_in
from api.http.openapi import problems
from api.http.paging import Cursor, Limit, page
from api.http.problems import Problem
from api.http.services import Services
from api.http.wards import guarded_router, scope_of
from api.http.wire import cursor_of, cursor_value, utc_text

router = guarded_router(prefix="/api/v1", tags=["things"])

ItemId = Annotated[str, Path(max_length=64)]
Filter = Annotated[str | None, Query(max_length=64)]
SignedIn = Annotated[Caller, Depends(signed_in)]
LIST = problems(400, 401, 422)


@router.get("/wards", summary="Wards", responses=LIST)
def wards(request: Request, _caller: SignedIn, cursor: Cursor = None, limit: Limit = 50) -> dict[str, Any]:
    return _items(request, "ward", cursor, limit)


@router.get("/homes", summary="Homes", responses=LIST)
def homes(
    request: Request, _caller: SignedIn, cursor: Cursor = None, limit: Limit = 50, ward: Filter = None
) -> dict[str, Any]:
    return _items(request, "home", cursor, limit, ward=ward)


@router.get("/gateways", summary="Gateways, with when each was last heard", responses=LIST)
def gateways(
    request: Request, _caller: SignedIn, cursor: Cursor = None, limit: Limit = 50, home: Filter = None
) -> dict[str, Any]:
    services = services_of(request)
    return _heard(services, _items(request, "gateway", cursor, limit, home=home))


@router.get("/devices", summary="Devices, with when each was last heard and its battery", responses=LIST)
def devices(
    request: Request, _caller: SignedIn, cursor: Cursor = None, limit: Limit = 50, home: Filter = None,
    resident: Filter = None, gateway: Filter = None,
) -> dict[str, Any]:  # fmt: skip
    services = services_of(request)
    found = _items(request, "device", cursor, limit, home=home, resident=resident, gateway=gateway)
    return _heard(services, found)


@router.get("/devices/unassigned", summary="Addresses that are heard and belong to nobody", responses=LIST)
def unassigned(request: Request, _caller: SignedIn, cursor: Cursor = None, limit: Limit = 50) -> dict[str, Any]:
    """What to assign next. An alarm from one of them raises an alert all the same."""
    services = services_of(request)
    return page(lambda: _unassigned(services, cursor, limit))


@router.get("/devices/{device_id}", summary="One device, with its tests", responses=problems(401, 404))
def device(request: Request, device_id: ItemId, _caller: SignedIn) -> dict[str, Any]:
    services = services_of(request)
    found = services.settings_store.get("device", device_id)
    if found is None:
        raise Problem("not-found", "device_id")
    (shown,) = with_state(services, [found])
    return shown | {"tests": queries.device_tests(services.database, device_id)}


def _given(**filters: str | None) -> dict[str, Any]:
    return {name: value for name, value in filters.items() if value is not None}


def _items(request: Request, kind: str, cursor: str | None, limit: int, **filters: str | None) -> dict[str, Any]:
    """A page of things of the caller's wards; where others were left out it is shorter than `limit`."""
    services, scope = services_of(request), scope_of(request)

    def read() -> dict[str, Any]:
        after = None if cursor is None else cursor_value(cursor)
        found = services.settings_store.list(kind, after=after, limit=limit + 1, **_given(**filters))
        more = len(found) > limit
        shown = scope.keep(kind, found[:limit])
        return {"items": shown, "next": cursor_of(found[limit - 1]["id"]) if more else None}

    return page(read)


def _heard(services: Services, found: dict[str, Any]) -> dict[str, Any]:
    return found | {"items": with_state(services, found["items"])}


def _unassigned(services: Services, cursor: str | None, limit: int) -> dict[str, Any]:
    after = "" if cursor is None else cursor_value(cursor)
    heard = services.heard()
    known = {item["address"] for kind in ("device", "gateway") for item in services.settings_store.list(kind)}
    unknown = sorted(address for address in heard.keys() - known if address > after)
    items = [{"address": address, "last_heard_at": utc_text(heard[address])} for address in unknown[:limit]]
    return {"items": items, "next": cursor_of(unknown[limit - 1]) if len(unknown) > limit else None}
