"""Edge: what the pages ask about people. Every read of a person is logged here, before the page gets the data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from alerts.access import access_log
from alerts.reads import doses, people, queries, whereabouts
from alerts.site.settings_store import SettingRefused
from api.board.band import Span
from api.board.format import DAY_MS, to_ms
from api.board.reads_things import ThingReads, purpose_of, who_acts
from api.board.resident_view import lapses
from api.explanations import explained, shown_explanation
from api.http.auth import Caller
from api.http.problems import Problem
from api.http.reads import note_read, note_reads
from api.http.setting_wire import refused as setting_refused
from api.person_rules import rules_of
from api.running.shadow import shadow_page
from api.series_reads import unless_away

MARKS_MAX = 20_000
LOOKED_SHOWN = 30


class PeopleReads(ThingReads):
    """The person: who they are, what is agreed, what was measured, who has looked."""

    def names(self, ids: Sequence[str]) -> dict[str, str]:
        return dict(people.names(self.db, list(dict.fromkeys(ids)))) if ids else {}

    def residents_of(self, homes: Collection[str]) -> dict[str, list[str]]:
        """Who lives in each of these homes."""
        living: dict[str, list[str]] = {}
        for one in self.store.list("resident") if homes else ():
            if one.get("home") in homes:
                living.setdefault(one["home"], []).append(one["id"])
        return living

    # -- people -----------------------------------------------------------------------------------------------
    def residents(self, cursor: str | None, ward: str | None, caller: Caller) -> dict[str, Any]:
        """A page of people of the caller's wards; each one is logged as read."""
        site = self.services.site_id
        found = people.residents(self.db, ward, cursor, 100, site_id=site, wards=self.scope.wards)
        note_reads(self.services, caller, "list", (one["id"] for one in found["items"]), purpose_of(caller))
        return found

    def resident(self, resident_id: str, caller: Caller) -> dict[str, Any] | None:
        """The whole card of a person; logged before it is shown."""
        card = self.resident_card(resident_id)
        if card is not None:
            note_read(self.services, caller, "card", resident_id, purpose_of(caller))
        return card

    def explanation(self, rule: str, subject: str, at_ms: int, caller: Caller) -> dict[str, Any] | None:
        """What a rule knew of somebody (api/explanations.py); logged before it is shown. None: nobody of that name."""
        note_read(self.services, caller, "explanation", subject, purpose_of(caller))
        found = explained(self.services, rule, subject, at_ms)
        return None if found is None else shown_explanation(found)

    def rules_of(self, resident_id: str, caller: Caller) -> list[dict[str, Any]] | None:
        """The rules as they are for a person (api/person_rules.py), logged; None when there is nobody of that id."""
        found = rules_of(self.store, resident_id, self.now_ms())
        if found is not None:
            note_read(self.services, caller, "rules", resident_id, purpose_of(caller))
        return found

    def trials(self, rule: str, subject: str | None, limit: int, caller: Caller) -> list[dict[str, Any]]:
        """What a rule on trial would have told, newest first, of the caller's wards; of one person it is logged."""
        found: list[dict[str, Any]] = shadow_page(self.services, self.scope, rule, limit, subject=subject)["items"]
        return found

    def trial_names(self, told: Sequence[Mapping[str, Any]], caller: Caller) -> dict[str, str]:
        """Names of whom they are about, for those who care for people; logged."""
        if "carer" not in caller.account.roles:
            return {}
        names = self.names([str(one["subject_id"]) for one in told])
        note_reads(self.services, caller, "shadow", names, purpose_of(caller))
        return names

    def resident_card(self, resident_id: str | None) -> dict[str, Any] | None:
        """Not logged: for pages that have logged their read already."""
        return people.resident_card(self.db, resident_id, site_id=self.services.site_id) if resident_id else None

    def cards_for(self, ids: Sequence[str], caller: Caller, what: str) -> dict[str, dict[str, Any]]:
        """Cards of several persons of the caller's wards; each read is logged."""
        found = [card for one in dict.fromkeys(ids) if (card := self.resident_card(one)) is not None]
        shown = {card["id"]: card for card in found if self.scope.sees(frozenset({card["ward"]}))}
        note_reads(self.services, caller, what, shown, purpose_of(caller))
        return shown

    def not_watched(self) -> list[dict[str, Any]]:
        """One row a person of the caller's wards, the first reason counts."""
        rows: dict[str, dict[str, Any]] = {}
        for row in queries.not_watched(self.db):
            if not self.scope.sees(frozenset({row["ward"]} - {None})):
                continue
            rows.setdefault(row["resident"], row | {"reason": {"code": row["reason"], "args": row.get("args") or {}}})
        return list(rows.values())

    def lapsing(self, today: date) -> list[dict[str, Any]]:
        """Measures that end soon, of the caller's wards."""
        return [one for one in self.scope.keep("measure", self.store.list("measure")) if lapses(one, today)]

    def unsure_doses(self, resident_id: str, now_ms: int) -> list[dict[str, Any]]:
        """Doses nobody can say were fetched, or that lie locked in; for a page that has logged its read."""
        return doses.unsure_doses(self.db, resident_id, now_ms)

    def away(self, card: Mapping[str, Any]) -> dict[str, Any] | None:
        """Why somebody is taken to be away now; for a page that has logged its read."""
        return whereabouts.away_now(self.db, str(card["id"]), str(card["home"]))

    def alerts_of(self, resident_id: str) -> list[dict[str, Any]]:
        found = queries.alerts(self.db, subject=resident_id, limit=100)["items"]
        return [one for one in found if one.get("merged_into") is None]

    def marks(self, resident_id: str, span: Span) -> list[dict[str, Any]]:
        found = unless_away(lambda: self.services.series.marks(resident_id, span.from_ms, span.to_ms, MARKS_MAX)) or []
        return [{"at_ms": mark.at_ms, "type": mark.type, "room": mark.room} for mark in found]

    def metrics(self, resident_id: str) -> list[tuple[str, str]]:
        hidden = {"presence", "bed", "motion", "door", "battery", "battery_low", "battery_volts"}
        found = unless_away(lambda: self.services.series.metrics(resident_id)) or []
        return [pair for pair in found if pair[0] not in hidden]

    def blind_spans(self, card: Mapping[str, Any], span: Span) -> list[Span]:
        """When nothing could be heard from this person's home, as far as is known: silent gateways and the feed now."""
        spans = []
        for alert in queries.alerts(self.db, since_ms=span.from_ms - 7 * DAY_MS, limit=500)["items"]:
            if alert["rule"] == "R36" and alert["home_id"] == card["home"]:
                since_ms = alert["reason_args"].get("since_ms") or to_ms(alert["opened_at"]) or span.from_ms
                spans.append(Span(int(since_ms), to_ms(alert["cleared_at"]) or self.now_ms()))
        gap_ms = self.services.feed.gap_since_ms
        if gap_ms is not None:
            spans.append(Span(gap_ms, self.now_ms()))
        return [one for one in spans if one.to_ms > span.from_ms and one.from_ms < span.to_ms]

    def pauses(self, card: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Those that have not ended."""
        return [one for one in card["pauses"] if one["until_ms"] > self.now_ms()]

    def begin_pause(self, resident_id: str, reason: str, for_ms: int, caller: Caller) -> None:
        now = self.now_ms()
        value = {"resident": resident_id, "from_ms": now, "until_ms": now + for_ms, "reason": reason, "rules": []}
        try:
            self.store.add("pause", resident_id, value, who_acts(caller), now)
        except SettingRefused as refused:
            raise setting_refused(refused) from refused

    def end_pause(self, resident_id: str, pause_id: str, caller: Caller) -> None:
        found = self.store.get("pause", pause_id)
        if found is None or found["resident"] != resident_id:
            raise Problem("not-found", "pause_id")
        self.store.remove("pause", pause_id, who_acts(caller), self.now_ms())

    def access_log(self, resident_id: str) -> list[dict[str, Any]]:
        """Who has looked, by the names of their accounts, newest first."""
        names = {account.user_id: account.name for account in self.services.accounts.users()}
        rows = access_log.list(self.db, resident_id, None, LOOKED_SHOWN, site_id=self.services.site_id)["items"]
        return [row | {"name": names.get(row["who"], row["who"])} for row in rows]
