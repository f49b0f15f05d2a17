"""The things: wards, homes, gateways, devices, functions, channels and test sessions. Pseudonyms only."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from alerts import queries
from alerts.channel_reads import channel_results
from alerts.settings_store import SettingRefused
from alerts.test_sessions import running_test_sessions
from api.actors import acting
from api.auth import Caller, services_of, signed_in
from api.device_state import with_state
from api.openapi import problems
from api.paging import Cursor, Limit, page
from api.problems import Problem
from api.services import Services
from api.setting_wire import refused
from api.wards import scope_of
from api.wire import cursor_of, cursor_value, utc_text

router = APIRouter(prefix="/api/v1", tags=["things"])

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


@router.get("/functions", summary="Who is rung: functions in the order of their ward's chain", responses=problems(401))
def functions(request: Request, _caller: SignedIn, ward: Filter = None) -> dict[str, Any]:
    found = services_of(request).settings_store.list("function", **_given(ward=ward))
    return {"items": found, "next": None}


@router.get("/channels", summary="Ways out, and how they have done lately", responses=problems(401))
def channels(request: Request, _caller: SignedIn) -> dict[str, Any]:
    """Results of the newest tries. A channel that was never used has none."""
    services = services_of(request)
    results = channel_results(services.database)
    names = [*services.channels, *sorted(results.keys() - set(services.channels))]
    items = [{"channel": name, "configured": name in services.channels} | results.get(name, {}) for name in names]
    return {"items": items, "next": None}


class TestIn(BaseModel):
    """Open a test session: from now on a press of this device is a test, until it ends by itself."""

    __test__ = False  # its name looks like one of pytest's
    model_config = ConfigDict(extra="forbid")

    device: str = Field(max_length=64)
    minutes: int = Field(30, ge=1, le=30)
    staff: str | None = Field(None, max_length=64, description="Who tests; required with a machine key.")


@router.get("/tests", summary="Test sessions that are open", responses=problems(401))
def tests(request: Request, _caller: SignedIn) -> dict[str, Any]:
    services = services_of(request)
    found = running_test_sessions(services.settings_store, services.clock())
    return {"items": scope_of(request).keep("test_session", found), "next": None}


@router.post("/tests", summary="Open a test session", status_code=201, responses=problems(401, 403, 422))
def open_test(request: Request, caller: SignedIn, body: Annotated[TestIn, Body()]) -> dict[str, Any]:
    """One device, one named member of staff, at most 30 min, seen by all on duty. Outside it a press is real."""
    services = services_of(request)
    actor = acting(services, caller, body.staff)
    assert actor.staff is not None, "acting() always names somebody"
    try:
        return services.desk.open_test_session(body.device, actor.staff, services.clock(), body.minutes)
    except SettingRefused as error:
        raise refused(error) from error


@router.delete("/tests/{test_id}", summary="End a test session", status_code=204, responses=problems(401, 403, 404))
def close_test(request: Request, test_id: ItemId, caller: SignedIn) -> None:
    services = services_of(request)
    actor = caller.account.staff_id or caller.account.user_id
    if not services.desk.close_test_session(test_id, actor, services.clock()):
        raise Problem("not-found", "test_id")


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
