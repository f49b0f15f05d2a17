"""Edge: what the pages ask about shifts: who has what, what is wrong with it, and when nobody is planned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from alerts.reads import people
from alerts.shifts.rota_store import RotaStore
from alerts.shifts.shift_desk import ShiftDesk
from api.board.reads_people import PeopleReads
from api.http.auth import Caller


class ShiftReads(PeopleReads):
    """Shifts, on top of people and things."""

    _duty: list[dict[str, Any]] | None = None  # one request asks for it several times

    def duty_now(self) -> list[dict[str, Any]]:
        """Functions of the caller's wards with who has them (`alerts.shifts.shift_desk.ShiftDesk.functions`)."""
        if self._duty is None:
            self._duty = ShiftDesk(self.services.desk).functions(self.now_ms(), self.scope.wards)
        return self._duty

    def gaps(self) -> list[dict[str, Any]]:
        """When nobody of the caller's wards is planned, 7 days ahead."""
        return RotaStore(self.services.desk).gaps(self.now_ms(), self.scope.wards)

    def own_shifts(self, caller: Caller) -> list[dict[str, Any]]:
        """The shifts that the caller is checked in to."""
        staff = caller.account.staff_id
        return [] if staff is None else ShiftDesk(self.services.desk).of_staff(staff)

    def staff_names(self, ids: Iterable[str]) -> dict[str, str]:
        return people.staff_names(self.db, ids, site_id=self.services.site_id)

    def shift_facts(self) -> dict[str, Any]:
        """For the strip: wards with nobody on duty (names), functions that are planned and empty, functions whose
        telephone is silent, holes in the rota.
        """
        duty = self.duty_now()
        manned = {one["ward"] for one in duty if one["on_duty"]}
        deaf = [one for one in duty if one["on_duty"] and one["phones"] and all(p["silent"] for p in one["phones"])]
        empty = [one for one in duty if one["on_duty"] and not one["reachable"] and one not in deaf]
        names = self.wards()
        return {
            "nobody": [
                names.get(ward, ward) for ward in dict.fromkeys(one["ward"] for one in duty) if ward not in manned
            ],
            "empty": len(empty),
            "phones_silent": len(deaf),
            "gaps": len(self.gaps()),
        }
