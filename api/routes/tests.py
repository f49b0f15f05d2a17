"""Tests of devices: sessions with the proof that a press went to a phone and back, and what nobody has tested.

Within a session a press of its device is a test (domain §4 "Tests"); outside it every press is real, whatever the
device says. Pseudonyms only.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Body, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts.device_tests import proof as test_proof
from alerts.device_tests import untested
from alerts.device_tests.proof import NoSuchTest
from alerts.site.settings_store import SettingRefused
from api.http.actors import acting
from api.http.auth import Caller, services_of, signed_in
from api.http.openapi import problems
from api.http.problems import Problem
from api.http.setting_wire import refused
from api.http.wards import guarded_router, scope_of
from api.routes.reports import AS_CSV, as_csv

router = guarded_router(prefix="/api/v1", tags=["things"])

ItemId = Annotated[str, Path(max_length=64)]
SignedIn = Annotated[Caller, Depends(signed_in)]
Staff = Annotated[str | None, Field(max_length=64, description="Whom a machine key acts for.")]


class TestIn(BaseModel):
    """Open a test session: from now on a press of this device is a test, until it ends by itself."""

    __test__ = False  # its name looks like one of pytest's
    model_config = ConfigDict(extra="forbid")

    device: str = Field(max_length=64)
    minutes: int = Field(30, ge=1, le=30)
    staff: str | None = Field(None, max_length=64, description="Who tests; required with a machine key.")


class ArrivedIn(BaseModel):
    """Somebody who was told says that the test arrived."""

    model_config = ConfigDict(extra="forbid")

    staff: Staff = None


@router.get("/tests", summary="Test sessions, with the way of each press", responses=problems(401, 422))
def list_tests(
    request: Request,
    _caller: SignedIn,
    state: Annotated[Literal["open", "all"], Query(description="`all`: also those of the last 30 days.")] = "open",
) -> dict[str, Any]:
    """Newest first. `presses`: when each was pressed, recorded, an alert, sent, delivered (where the gateway tells) and
    answered from the phone; `proved` once one was.
    """
    services = services_of(request)
    found = test_proof.sessions(services.database, services.site_id, services.clock(), open_only=state == "open")
    return {"items": scope_of(request).keep("test_session", found), "next": None}


@router.get(
    "/tests/overdue", summary="Devices that nobody has tested or pressed", responses=AS_CSV | problems(401, 403, 422)
)
def overdue(
    request: Request,
    _caller: SignedIn,
    ward: Annotated[str | None, Query(max_length=64)] = None,
    form: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
) -> Any:
    """Rule R48 of now, those overdue the longest first. On Mondays each ward gets one P4 with their number."""
    services = services_of(request)
    found = untested.overdue(services.database, services.site_id, ward)
    items = scope_of(request).keep("overdue", found)
    if form == "csv":
        headers = {"content-disposition": 'attachment; filename="untested.csv"'}
        return Response(as_csv(items), media_type="text/csv; charset=utf-8", headers=headers)
    return {"items": items, "next": None}


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


@router.post("/tests/{test_id}/arrived", summary="The test arrived", responses=problems(401, 403, 404, 415, 422))
def arrived(request: Request, test_id: ItemId, caller: SignedIn, body: ArrivedIn) -> dict[str, Any]:
    """Said by somebody else than who tests: one's own word proves nothing. Where phones have links or SMS, those do."""
    services = services_of(request)
    actor = acting(services, caller, body.staff)
    try:
        alert_id = services.desk.transact(services.clock(), lambda tx: test_proof.answer(tx, test_id, actor))
    except NoSuchTest as error:
        raise (Problem("wrong-role", "staff") if error.own else Problem("not-found", "test_id")) from error
    return {"id": test_id, "alert_id": alert_id}


@router.delete("/tests/{test_id}", summary="End a test session", status_code=204, responses=problems(401, 403, 404))
def close_test(request: Request, test_id: ItemId, caller: SignedIn) -> None:
    services = services_of(request)
    actor = caller.account.staff_id or caller.account.user_id
    if not services.desk.close_test_session(test_id, actor, services.clock()):
        raise Problem("not-found", "test_id")
