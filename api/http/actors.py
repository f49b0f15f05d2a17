"""Who an act is done by: the person signed in, or the member of staff a machine key acts for."""

from __future__ import annotations

from alerts.handling.acts import Actor
from alerts.shifts.shift_desk import function_of
from alerts.shifts.staff_access import has_access
from api.http.auth import Caller
from api.http.problems import Problem
from api.http.services import Services

STAFF_MAX = 64


def acting(services: Services, caller: Caller, staff: object) -> Actor:
    """The actor of an act. `staff` is what the body named: required with a machine key (422 without, or unknown);
    a person signed in acts as nobody but themselves (403).
    """
    if caller.via == "session":
        own = caller.account.staff_id
        if own is None or staff not in {None, own}:
            raise Problem("wrong-role", "staff")
        return _actor(services, own, "staff")
    if not isinstance(staff, str) or not 0 < len(staff) <= STAFF_MAX:
        raise Problem("unknown-staff", "staff")
    return _actor(services, staff, "machine")


def _actor(services: Services, staff_id: str, kind: str) -> Actor:
    member = services.settings_store.get("staff", staff_id)
    if member is None:
        raise Problem("unknown-staff", "staff")
    with services.database.reader.connect() as conn:
        if not has_access(conn, services.site_id, staff_id, services.clock()):
            raise Problem("unknown-staff", "staff")
        function = function_of(conn, services.site_id, staff_id)
    own = member.get("functions") or (None,)
    return Actor(staff=staff_id, name=member["name"], kind=kind, function=function or own[0])
