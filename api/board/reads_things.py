"""Edge: what the pages ask of the site and its things: settings, devices, what was not understood, tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Request

from alerts.access.accounts import DEMO_PASSWORD
from alerts.device_tests import proof as test_proof
from alerts.device_tests import untested
from alerts.device_tests.sessions import running_test_sessions
from alerts.reads import people
from alerts.site.settings_store import SettingRefused
from api.board.format import MINUTE_MS, to_ms
from api.device_state import with_state
from api.http.actors import acting
from api.http.auth import Caller
from api.http.problems import Problem
from api.http.services import Services
from api.http.setting_wire import refused as setting_refused
from api.http.wards import WardScope
from api.routes import operations as routes_operations
from api.series_reads import unless_away
from ingest.quantities import parse_duration_ms

UNASSIGNED_MAX = 50
RAW_LOOKED_AT, RAW_BYTES = 20, 4_000
MISSED_INTERVALS = 3  # a gateway is not heard after so many of its own intervals (domain R36, stories 8)


class ThingReads:
    """One service, asked for pages by one caller. Cheap to make; nothing is kept between requests."""

    def __init__(self, services: Services, scope: WardScope) -> None:
        self.services, self.scope = services, scope
        self.db = services.database
        self.store = services.settings_store

    # -- the site ---------------------------------------------------------------------------------------------
    @property
    def demo(self) -> Any:
        return self.services.demo

    @property
    def default_language(self) -> str:
        return self.services.web.default_language

    def now_ms(self) -> int:
        return self.services.clock()

    def site(self) -> dict[str, Any]:
        """Name and timezone; a site that is not set up yet has its id and Norwegian time."""
        found = self.store.get("site", self.services.site_id) or {}
        return {"name": found.get("name") or self.services.site_id, "timezone": found.get("timezone") or "Europe/Oslo"}

    def wards(self) -> dict[str, str]:
        return {ward["id"]: ward["name"] for ward in self.scope.keep("ward", self.store.list("ward"))}

    def functions(self, ward: str | None) -> list[dict[str, str]]:
        """Functions that can be asked to take over, those of the ward first."""
        found = self.store.list("function")
        found.sort(key=lambda one: one["ward"] != ward)
        return [{"code": one["id"], "text": one["name"]} for one in found]

    def demo_login(self) -> tuple[str, str] | None:
        """User and password to show on the log-in page; only a demo has any."""
        return ("ola", DEMO_PASSWORD) if self.services.demo is not None else None

    # -- things -----------------------------------------------------------------------------------------------
    def devices(self) -> list[dict[str, Any]]:
        return self.with_heard(self.scope.keep("device", self.store.list("device")))

    def gateways(self) -> list[dict[str, Any]]:
        """With `last_heard_at`, and `silent` when that is longer ago than it may be; one never heard is new."""
        return self.with_heard(self.scope.keep("gateway", self.store.list("gateway")))

    def gateways_away(self) -> int:
        """How many are silent. Every page asks, so nothing is read of them but when they were heard."""
        heard, now_ms = unless_away(self.services.heard) or {}, self.now_ms()
        items = self.scope.keep("gateway", self.store.list("gateway"))
        return sum(_silent(one, heard.get(one["address"]), now_ms) for one in items)

    def series_away(self) -> bool:
        """Whether curves, marks and last contact cannot be stored or read now."""
        status = self.services.series_status
        return (status is not None and not status.healthy) or unless_away(self.services.heard) is None

    def with_heard(self, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """With when each was last heard and its battery, as the API has them, and whether it is `silent`."""
        now_ms = self.now_ms()
        found = with_state(self.services, items)
        return [one | {"silent": _silent(one, to_ms(one["last_heard_at"]), now_ms)} for one in found]

    def unassigned(self) -> list[dict[str, Any]]:
        """Addresses that are heard and belong to nobody, the last heard first, with what they sent last."""
        heard = unless_away(self.services.heard) or {}
        known = {one["address"] for kind in ("device", "gateway") for one in self.store.list(kind)}
        strangers = sorted(heard.keys() - known, key=lambda one: (-heard[one], one))[:UNASSIGNED_MAX]
        return [{"address": one, "last_heard_at": heard[one], "raw": self._raw(one, heard[one])} for one in strangers]

    def _raw(self, address: str, heard_ms: int) -> str:
        """What an address sent last, as it came on the wire; "" when it became no event."""
        found = self.services.input_log.find(
            f"address:{address}", heard_ms - MINUTE_MS, heard_ms + MINUTE_MS, RAW_LOOKED_AT
        )
        if not found:
            return ""
        rows = self.services.raw_log.read(found[-1].raw_seq - 1, 1)
        return f"{rows[0].topic}\n{rows[0].payload[:RAW_BYTES].decode('utf-8', 'replace')}" if rows else ""

    def dead_letters(self, request: Request, caller: Caller, cursor: str | None) -> dict[str, Any]:
        return routes_operations.dead_letters(request, caller, cursor, 50)

    def replay(self, request: Request, letter_id: str, caller: Caller) -> None:
        routes_operations.replay(request, letter_id, caller)

    def rules(self) -> list[dict[str, Any]]:
        return self.services.rule_book.rules()

    def rule_names(self, lang: str) -> dict[str, str]:
        """Text key -> name of each rule in force, for rules that the words of the pages do not know."""
        return {f"rule.{rule['id']}": str(rule["name"].get(lang) or rule["id"]) for rule in self.rules()}

    # -- tests ------------------------------------------------------------------------------------------------
    def test_sessions(self) -> list[dict[str, Any]]:
        """Those that are open now, with who tests."""
        found = self.scope.keep("test_session", running_test_sessions(self.store, self.now_ms()))
        names = people.staff_names(self.db, [one["staff"] for one in found]) if found else {}
        return [one | {"name": names.get(one["staff"], one["staff"])} for one in found]

    def tests_lately(self) -> list[dict[str, Any]]:
        """Sessions of the last 30 days with the way of each press."""
        found = test_proof.sessions(self.db, self.services.site_id, self.now_ms())
        return self.scope.keep("test_session", found)

    def tests_overdue(self, ward: str | None) -> list[dict[str, Any]]:
        """Devices that nobody has tested or pressed for too long."""
        return self.scope.keep("overdue", untested.overdue(self.db, self.services.site_id, ward))

    def begin_test(self, device: str, caller: Caller) -> None:
        actor = acting(self.services, caller, None)
        assert actor.staff is not None, "acting() always names somebody"
        try:
            self.services.desk.open_test_session(device, actor.staff, self.now_ms())
        except SettingRefused as refused:
            raise setting_refused(refused) from refused

    def close_test(self, session_id: str, caller: Caller) -> None:
        if not self.services.desk.close_test_session(session_id, who_acts(caller), self.now_ms()):
            raise Problem("not-found", "session_id")


def _silent(item: Mapping[str, Any], heard_ms: int | None, now_ms: int) -> bool:
    """Whether it was last heard longer ago than it may be; one never heard is new, and one without interval unknown."""
    try:
        limit_ms = MISSED_INTERVALS * parse_duration_ms(item.get("interval"))
    except ValueError:
        return False
    return heard_ms is not None and now_ms - heard_ms > limit_ms


def who_acts(caller: Caller) -> str:
    return caller.account.staff_id or caller.account.user_id


def purpose_of(caller: Caller) -> str:
    return "care" if "carer" in caller.account.roles else "operations"
