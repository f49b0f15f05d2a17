"""Edge: what the pages ask of the running service, in their own words; with `reads_things` and `reads_people` the only
board modules that know the desk.

Routes of the REST face are called as functions where they already answer the same question, so that page and API
never differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import Request

from alerts.handling.acts import Actor
from alerts.messages.channel_reads import troubled
from alerts.reads import queries
from api.board.cards import Directory
from api.board.reads_shifts import ShiftReads
from api.board.reads_things import purpose_of
from api.board.seen_lately import SeenLately
from api.feed import feed_state
from api.http.actors import acting
from api.http.auth import Caller
from api.http.problems import Problem
from api.http.reads import note_reads
from api.http.services import Services
from api.http.wards import WardScope, scope_of
from api.outcomes import last_choices

LATE_MS = 10_000  # a fold that is this far behind is told on the strip


class Reads(ShiftReads):
    """Frame, queue and alerts, and all that the other two read."""

    def __init__(self, services: Services, scope: WardScope, seen: SeenLately) -> None:
        super().__init__(services, scope)
        self._seen = seen
        self._queue: list[dict[str, Any]] | None = None  # one request asks for it several times

    # -- frame and queue --------------------------------------------------------------------------------------
    def feed_blind(self) -> bool:
        return self.services.feed.state == "blind"

    def frame_facts(self, caller: Caller) -> dict[str, Any]:
        """What `frame.frame_view` reads."""
        waiting = [one for one in self.queue(caller) if one["handling"] in {"new", "handed_over"}]
        runners = (self.services.source_runner, self.services.home_runner, self.services.floor_runner)
        return {
            "feed": feed_state(self.services),
            "waiting": [{"id": one["incident_id"], "priority": one["priority"]} for one in waiting],
            "not_watched": len(self.not_watched()),
            "gateways_away": self.gateways_away(),
            "series_away": self.series_away(),
            "channels_slow": self._failing_channels(),
            "late": any(not runner.healthy or runner.oldest_age_ms > LATE_MS for runner in runners),
            "tests": len(self.test_sessions()),
            "watch": self._watch(),
        } | self.shift_facts()

    def _watch(self) -> list[str]:
        """What the checks of the service itself say (api/running/watch.py)."""
        return [] if self.services.watch is None else [code for code, _ in self.services.watch.problems()]

    def _failing_channels(self) -> list[tuple[str, str]]:
        """Channels that are slow or down (alerts/messages/channel_health.py)."""
        return troubled(self.db, self.services.site_id, self.services.channels)

    def queue(self, caller: Caller) -> list[dict[str, Any]]:
        """Open incidents in the desk's order, of the caller's wards and of no ward."""
        if self._queue is None:
            self._queue = [one for one in queries.queue(self.db, self.now_ms()) if one["alerts"]]
        found = self._queue
        return [one for one in found if self.scope.sees(frozenset({one["ward_id"]} - {None}))]

    def homes_heard(self) -> tuple[int, int] | None:
        """Homes from which we would hear an alarm now, as far as we know, and all homes; None where there are none."""
        homes = {home["id"] for home in self.scope.keep("home", self.store.list("home"))}
        if not homes:
            return None
        if self.feed_blind():
            return 0, len(homes)
        return len(homes - {one["home"] for one in self.gateways() if one["silent"]}), len(homes)

    def directory(self, incidents: Iterable[Mapping[str, Any]], caller: Caller) -> Directory:
        """Names to join on a page, for those who care for people (operators see pseudonyms). Logged as a look at it."""
        ids: list[str] = []
        living: dict[str, list[str]] = {}
        if "carer" in caller.account.roles:
            alerts = [a for incident in incidents for a in incident["alerts"]]
            living = self.residents_of({a["home_id"] for a in alerts if a.get("home_id") and not a.get("resident_id")})
            found = [a.get("resident_id") for a in alerts] + [one for home in living.values() for one in home]
            ids = [one for one in dict.fromkeys(found) if one]
            self._note("queue", ids, caller)
        return Directory(self.names(ids), self.wards(), caller.account.staff_id, living)

    def names_of(self, ids: Iterable[str], caller: Caller) -> dict[str, str]:
        """Names to show beside things, for those who care for people (others see pseudonyms). Logged as one look."""
        wanted = list(dict.fromkeys(ids)) if "carer" in caller.account.roles else []
        self._note("things", wanted, caller)
        return self.names(wanted)

    # -- one alert --------------------------------------------------------------------------------------------
    def alert(self, alert_id: str, caller: Caller) -> dict[str, Any] | None:
        """The alert with timeline and why; the read is logged against its person."""
        found = queries.alert(self.db, alert_id)
        if found is not None:
            self._note("alert", [found["resident_id"]], caller)
        return found

    def living_there(self, alert: Mapping[str, Any], caller: Caller) -> list[dict[str, Any]]:
        """Cards of all who live where an alert comes from that names nobody; logged as a look at each."""
        if alert.get("resident_id") or not alert.get("home_id"):
            return []
        ids = self.residents_of({alert["home_id"]}).get(alert["home_id"], [])
        self._note("alert", ids, caller)
        return [card for one in ids if (card := self.resident_card(one)) is not None]

    def _note(self, what: str, residents: Iterable[str | None], caller: Caller) -> None:
        """Log a read, once for as long as the same look lasts."""
        known = [one for one in residents if one is not None]
        new = self._seen.new(caller.account.user_id, what, known, self.now_ms())
        note_reads(self.services, caller, what, new, purpose_of(caller))

    def incident_alerts(self, alert: Mapping[str, Any]) -> list[dict[str, Any]]:
        """All alerts of its incident, this one in its full form."""
        ids = alert["incident"]["alert_ids"][:20]
        others = (queries.alert(self.db, one) for one in ids if one != alert["alert_id"])
        return [dict(alert), *(one for one in others if one is not None and one.get("merged_into") is None)]

    def attempts(self, alert_id: str) -> list[dict[str, Any]]:
        return queries.outbox(self.db, alert_id)

    def act(
        self, alert_id: str, act: str, actor: Actor, caller: Caller, key: str, body: dict[str, object]
    ) -> dict[str, Any]:
        """Raises alerts.acts.Refused."""
        return self.services.desk.act(alert_id, act, actor, self.now_ms(), key, body)

    def actor(self, caller: Caller) -> Actor | None:
        """Who would act; None for an account that is nobody of the staff."""
        try:
            return acting(self.services, caller, None)
        except Problem:
            return None

    def devices_of(self, alert: Mapping[str, Any]) -> list[dict[str, Any]]:
        ids = {alert.get("device_id"), *(cause.get("device_id") for cause in alert.get("causes") or ())}
        return [found for one in sorted(i for i in ids if i) if (found := self.store.get("device", one)) is not None]

    def last_codes(self, alert: Mapping[str, Any]) -> dict[str, list[str]]:
        """What was chosen lately for alerts of this kind, most often first."""
        return last_choices(self.db, alert["rule"], alert["code"], self.scope.wards)


def reads_of(request: Request) -> Reads:
    """The reads over this application's services."""
    state = request.app.state
    if not hasattr(state, "board_seen"):
        state.board_seen = SeenLately()
    return Reads(state.services, scope_of(request), state.board_seen)
