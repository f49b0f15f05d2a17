"""A night told on a virtual clock against the wired service: folds, floor, desk, relay and outbox, without threads.

Gateways publish in their own wire format, staff act through the desk as the API lets them, every device remembers what
it received and when. Time moves only where the story says so; every timer on the way fires at its own time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import select

from alerts.database import Database
from alerts.desk import Desk
from alerts.handling.acts import Actor
from alerts.messages.outbox import Outbox
from alerts.messages.phone_answers import PhoneAnswers
from alerts.reads import queries
from alerts.relay import Relay
from alerts.schema import people
from alerts.shifts.shift_desk import ShiftDesk, function_of
from alerts.site import importer as site_import
from alerts.site.file import loads
from alerts.site.settings_store import SettingsStore
from ingest.codecs import default_codecs
from ingest.record import CLOCK, MQTT, Input, RawRecord
from ingest.source_fold import SourceFold
from ingest.wire_time import rfc3339_ms
from rules.book_file import shipped_book
from rules.effects import LIVE
from rules.floor import Floor
from rules.home_fold import HomeFold
from rules.local_time import instant_ms, to_local
from tests.support.desk_place import make_tables, open_desk, unsynced
from tests.support.phones import FALLBACK_PHONE
from tests.support.story_phones import Phones

ZONE, BOOK, CODES = "Europe/Oslo", shipped_book(), "Svar R17 1 = jeg tar den, R17 0 = kan ikke."
NATT_1, NATT_2, FALLBACK = "+4798888881", "+4798888882", FALLBACK_PHONE

SITE = """
site: {id: solbakken, name: Solbakken, timezone: Europe/Oslo, language: nb}
wards: [{id: nord, name: Nord, arrival_goal: 40 min}]
homes: [{id: h1, ward: nord, kind: own_home}, {id: h2, ward: nord, kind: own_home}]
residents:
  - {id: r1, home: h1, name: Kari Nordmann, born: 1938-04-02, critical: true}
  - {id: r2, home: h2, name: Per Lia, born: 1940-01-01}
measures:
  - {resident: r1, service: digital_supervision, decision: "2026/114", basis: consent, from: 2026-01-01}
  - {resident: r2, service: digital_supervision, decision: "2026/115", basis: consent, from: 2026-01-01}
keys: [{home: h1, kind: key_box, where: porch, tag: R17}]
gateways: [{id: gw-1, home: h1, address: "vardevakt:gw-1", interval: 1 min},
           {id: gw-2, home: h2, address: "vardevakt:gw-2", interval: 1 min}]
devices:
  - {id: d1, address: "vardevakt:gw-1/pendant-7", role: pendant, resident: r1, gateway: gw-1}
  - {id: d2, address: "vardevakt:gw-1/bed-1", role: bed, room: bedroom, resident: r1, gateway: gw-1}
  - {id: d3, address: "vardevakt:gw-2/pendant-2", role: pendant, resident: r2, gateway: gw-2}
  - {id: d4, address: "vardevakt:gw-2/bed-2", role: bed, room: bedroom, resident: r2, gateway: gw-2}
functions:
  - {id: natt-1, ward: nord, name: Natt 1, phone: "+4798888881"}
  - {id: natt-2, ward: nord, name: Natt 2, phone: "+4798888882"}
staff:
  - {id: s1, name: Ola, email: ola@example.org, functions: [natt-1], role: carer}
  - {id: s2, name: Nina, email: nina@example.org, functions: [natt-2], role: carer}
  - {id: s3, name: Tek, email: tek@example.org, functions: [], role: operator}
"""  # fmt: skip


def _fill(database: Database, site: str, now_ms: int) -> None:
    make_tables(database)
    site_import.apply(SettingsStore(database, "solbakken"), loads(site.encode(), "story"), now_ms=now_ms)


class WiredStory:
    """Kari (h1), Per (h2), two night functions; times are local, "HH:MM[:SS]" of the story's day."""

    def __init__(self, folder: Path, day: date, start: str, site: str = SITE) -> None:
        self.day, self.folder = day, folder
        self.now_ms = self.at(start)
        begun_ms = self.now_ms
        self.database = unsynced(open_desk(folder, (site, begun_ms), lambda one: _fill(one, site, begun_ms)))
        self.store = SettingsStore(self.database, "solbakken")
        self.desk = Desk(self.database, "solbakken")
        self.phones = Phones(lambda: self.now_ms)
        self.reach = self.phones.reach()
        self.outbox = Outbox(self.database, self.phones.channels("sms", "voice", "email", "push"), self.reach)
        self.answers = PhoneAnswers(self.desk, self.reach)
        with self.database.reader.connect() as conn:
            staff = conn.execute(select(people.staff.c.id, people.staff.c.name)).all()
        self.staff = {one.name.lower(): Actor(one.id, one.name) for one in staff}
        self.relay = Relay(self.database, self._relayed, lambda: self.now_ms)
        self.source = SourceFold("solbakken", default_codecs())
        self.floor, self.home = Floor("solbakken"), HomeFold(BOOK, "solbakken")
        self.raw: list[RawRecord] = []
        self.inputs: list[Input] = []
        self._applied = {LIVE: 0, "floor": 0}
        self._acts = 0
        self._desk_due_ms: int | None = None
        self._beating: tuple[str, ...] = ()
        self._beat_every_ms = self._beat_due_ms = 0
        self.settle()

    def close(self) -> None:
        self.database.close()

    def at(self, clock: str, days: int = 0) -> int:
        """The instant of a local wall-clock time."""
        hours, minutes, *seconds = (int(part) for part in clock.split(":"))
        return instant_ms(self.day, days * 1_440 + hours * 60 + minutes, ZONE) + sum(seconds) * 1_000

    # -- what happens ------------------------------------------------------------------------------------------

    def publish(
        self, clock: str | int, device: str, body: dict[str, Any] | Sequence[dict[str, Any]], leaf: str = "event"
    ) -> None:
        """A gateway publishes an event of its device "gw-1/pendant-7"."""
        self.until(clock)
        self._take(RawRecord(self.now_ms, MQTT, f"vardevakt/1/{device}/{leaf}", json.dumps(body).encode(), 1))

    def beat(self, *gateways: str, every_ms: int = 60_000) -> None:
        """From now on these gateways are heard so often, and no others; the first time now."""
        self._beating, self._beat_every_ms, self._beat_due_ms = gateways, every_ms, self.now_ms
        self.until(self.now_ms)

    def heartbeats(self, clock: str | int, *gateways: str) -> None:
        """The gateways say each minute that they are there, up to a time."""
        end_ms = clock if isinstance(clock, int) else self.at(clock)
        while self.now_ms + 60_000 <= end_ms:
            self.until(self.now_ms + 60_000)
            self._heard(gateways, 60)
        self.until(end_ms)

    def act(self, clock: str | int, who: str, alert: dict[str, Any], act: str, **body: object) -> dict[str, Any]:
        """Somebody of the staff acts on an alert; the alert afterwards. Raises Refused as the API would answer 409."""
        self.until(clock)
        self._acts += 1
        with self.database.reader.connect() as conn:
            actor = self.staff[who]
            actor = msgspec.structs.replace(actor, function=function_of(conn, "solbakken", actor.holder))
        after = self.desk.act(alert["alert_id"], act, actor, self.now_ms, f"key-{self._acts}", dict(body))
        self.settle()
        return after

    def check_in(self, clock: str | int, who: str, function: str, phone_id: str | None = None) -> None:
        """Somebody has a function from now on."""
        self.until(clock)
        ShiftDesk(self.desk).check_in(self.staff[who].holder, function, self.now_ms, phone_id=phone_id)
        self.settle()

    def reply(self, clock: str | int, number: str, text: str) -> str:
        """An SMS comes back from a phone: what became of it."""
        self.until(clock)
        outcome = self.answers.reply("sms", number, text, "", self.now_ms)
        self.settle()
        return outcome

    def test_session(self, clock: str, device: str, staff: str, minutes: int) -> None:
        """A technician opens a test session for one device."""
        self.until(clock)
        self.desk.open_test_session(device, staff, self.now_ms, minutes)
        self.settle()

    def until(self, clock: str | int) -> None:
        """Nothing but time; every timer on the way fires at its own time."""
        end_ms = clock if isinstance(clock, int) else self.at(clock)
        assert end_ms >= self.now_ms, f"{clock} is before the story's now"
        while (due_ms := self._next_due_ms()) is not None and due_ms <= end_ms:
            self.now_ms = max(self.now_ms, due_ms)
            if self._beating and self._beat_due_ms <= self.now_ms:
                self._beat_due_ms += self._beat_every_ms
                self._heard(self._beating, self._beat_every_ms // 1_000)
                continue
            fold_due_ms = self._fold_due_ms()
            if fold_due_ms is not None and fold_due_ms <= self.now_ms:
                self._take(RawRecord(self.now_ms, CLOCK))  # and settles, if that gives the desk something to do
            else:
                self.settle()
        self.now_ms = end_ms

    def restart(self) -> None:
        """The folds are gone and are built again from the log, saying nothing; the desk's rows are on disk."""
        self.source = SourceFold("solbakken", default_codecs())
        self.floor, self.home = Floor("solbakken"), HomeFold(BOOK, "solbakken")
        for seq, record in enumerate(self.raw, 1):
            for given in self.source.apply(msgspec.structs.replace(record, seq=seq)).inputs:
                self.floor.apply(given)
                self.home.apply(given)
        self.desk = Desk(self.database, "solbakken")
        self.outbox.recover(self.now_ms)

    # -- what can be seen --------------------------------------------------------------------------------------

    def alerts(self, state: str = "all") -> list[dict[str, Any]]:
        found = queries.alerts(self.database, state=state, now_ms=self.now_ms, limit=200)
        return list(reversed(found["items"]))

    def alert(self, rule: str) -> dict[str, Any]:
        """The only alert of a rule."""
        (found,) = [alert for alert in self.alerts() if alert["rule"] == rule]
        return found

    def queue(self) -> list[dict[str, Any]]:
        return queries.queue(self.database, self.now_ms)

    def rung(self, target: str, kinds: tuple[str, ...] = ("ring", "again", "ask")) -> list[int]:
        """When a function's phone rang."""
        return [at_ms for at_ms, message in self.phones.told if message.target == target and message.kind in kinds]

    def sms(self, number: str) -> list[tuple[str, str]]:
        """What a telephone got as SMS: (time on the clock, words)."""
        return [(self.clock(one.at_ms), one.text) for one in self.phones.received(number) if one.kind == "sms"]

    def calls(self, number: str) -> list[str]:
        """When a telephone was called."""
        return [self.clock(at_ms) for at_ms in self.phones.rung(number)]

    def told(self, since: str) -> list[tuple[str, str, str]]:
        """(time on the clock, kind, whom) of every message from a time on, over whatever ways it came."""
        since_ms = self.at(since)
        found = [(at_ms, one) for at_ms, one in self.phones.told if at_ms >= since_ms]
        return [(self.clock(at_ms), one.kind, one.target) for at_ms, one in found]

    def clock(self, at_ms: int) -> str:
        """The time on the wall, "02:13:20"."""
        return to_local(at_ms, ZONE).strftime("%H:%M:%S")

    def timeline(self, alert: dict[str, Any], *kinds: str) -> list[tuple[str, str]]:
        """(time on the clock, kind) of what happened around an alert, of these kinds or all."""
        found = queries.alert(self.database, alert["alert_id"])
        assert found is not None, "it was there"
        lines = [(self.clock(rfc3339_ms(line["at"]) or 0), line["kind"]) for line in found["timeline"]]
        return [line for line in lines if not kinds or line[1] in kinds]

    # -- the wiring --------------------------------------------------------------------------------------------

    def _heard(self, gateways: Sequence[str], interval_s: int) -> None:
        for gateway in gateways:
            status = json.dumps({"online": True, "interval_seconds": interval_s}).encode()
            self._take(RawRecord(self.now_ms, MQTT, f"vardevakt/1/{gateway}/status", status, 1))

    def _take(self, record: RawRecord) -> None:
        self._fold(record)
        if self._desk_due_ms is not None and self._desk_due_ms <= self.now_ms:
            self.settle()

    def _fold(self, record: RawRecord) -> None:
        self.raw.append(record)
        folded = self.source.apply(msgspec.structs.replace(record, seq=len(self.raw)))
        for given in folded.inputs:
            self.inputs.append(given)
            for lane, fold in (("floor", self.floor), (LIVE, self.home)):
                effects = fold.apply(given)
                if effects:  # as the runner: what says nothing need not be written at once
                    self.desk.apply(lane, 0, self._applied[lane], self._applied[lane] + 1, effects)
                    self._applied[lane] += 1
                    self._desk_due_ms = self.now_ms  # the desk has something to look at

    def _relayed(self, rows: Sequence[RawRecord]) -> Future[int]:
        done: Future[int] = Future()
        for row in rows:
            self._fold(msgspec.structs.replace(row, received_at_ms=self.now_ms))
        done.set_result(len(self.raw))
        return done

    def settle(self) -> None:
        """Everything that is due now is done: the desk, what it tells the folds, what goes out."""
        while self.relay.run_once():
            pass
        desk_due_ms = self.desk.tick(self.now_ms)
        while self.relay.run_once():  # what the desk told the folds meanwhile, and what they say to it
            desk_due_ms = self.desk.tick(self.now_ms)
        while self.outbox.run_once(self.now_ms):
            pass
        dues = [due_ms for due_ms in (desk_due_ms, self.outbox.next_due_ms()) if due_ms is not None]
        self._desk_due_ms = min(dues, default=None)

    def _fold_due_ms(self) -> int | None:
        dues = (self.source.next_due(), self.floor.next_due_ms(), self.home.next_due_ms())
        return min((due_ms for due_ms in dues if due_ms is not None), default=None)

    def _next_due_ms(self) -> int | None:
        dues = (self._fold_due_ms(), self._desk_due_ms, self._beat_due_ms if self._beating else None)
        return min((due_ms for due_ms in dues if due_ms is not None), default=None)
