"""A night told on a virtual clock against the wired service: folds, floor, desk, relay and outbox, without threads.

Gateways publish in their own wire format, staff act through the desk as the API lets them, fake phones remember what a
device received and when. Time moves only where the story says so; every timer on the way fires at its own time.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from alerts import queries, site_import
from alerts.acts import Actor
from alerts.channels import OK, Message, Result
from alerts.database import migrate, open_database
from alerts.desk import Desk
from alerts.outbox import Outbox
from alerts.relay import Relay
from alerts.settings_store import SettingsStore
from alerts.site_file import loads
from ingest.codecs import default_codecs
from ingest.record import CLOCK, MQTT, RawRecord
from ingest.source_fold import SourceFold
from rules.book_file import shipped_book
from rules.effects import LIVE
from rules.floor import Floor
from rules.home_fold import HomeFold
from rules.local_time import instant_ms

ZONE = "Europe/Oslo"
BOOK = shipped_book()
STAFF = {"ola": Actor("s1", "Ola"), "nina": Actor("s2", "Nina"), "tek": Actor("s3", "Tek")}

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
gateways:
  - {id: gw-1, home: h1, address: "vardevakt:gw-1", interval: 1 min}
  - {id: gw-2, home: h2, address: "vardevakt:gw-2", interval: 1 min}
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


class Phones:
    """A channel that reaches phones which remember."""

    name = "phones"
    reaches_people = True

    def __init__(self) -> None:
        self.now_ms = 0
        self.received: list[tuple[int, Message]] = []

    def send(self, message: Message) -> Result:
        self.received.append((self.now_ms, message))
        return Result(OK)


class WiredStory:
    """One site with Kari (h1) and Per (h2), two night functions; times are local, "HH:MM[:SS]" of the story's day."""

    def __init__(self, folder: Path, day: date, start: str, site: str = SITE) -> None:
        self.day = day
        self.now_ms = self.at(start)
        migrate(folder / "desk.db")
        self.database = open_database(folder / "desk.db")
        self.store = SettingsStore(self.database, "solbakken")
        self.desk = Desk(self.database, "solbakken")
        self.phones = Phones()
        self.outbox = Outbox(self.database, {"phones": self.phones})
        self.relay = Relay(self.database, self._relayed, lambda: self.now_ms)
        self.source = SourceFold("solbakken", default_codecs())
        self.floor, self.home = Floor("solbakken"), HomeFold(BOOK, "solbakken")
        self.raw: list[RawRecord] = []
        self._applied = {LIVE: 0, "floor": 0}
        self._acts = 0
        self._desk_due_ms: int | None = None
        site_import.apply(self.store, loads(site.encode(), "story"), now_ms=self.now_ms)
        self._settle()

    def close(self) -> None:
        self.database.close()

    def at(self, clock: str, days: int = 0) -> int:
        """The instant of a local wall-clock time."""
        hours, minutes, *seconds = (int(part) for part in clock.split(":"))
        start_ms = instant_ms(self.day, days * 1_440 + hours * 60 + minutes, ZONE)
        return start_ms + (seconds[0] if seconds else 0) * 1_000

    # -- what happens ------------------------------------------------------------------------------------------

    def publish(
        self, clock: str | int, device: str, body: dict[str, Any] | Sequence[dict[str, Any]], leaf: str = "event"
    ) -> None:
        """A gateway publishes an event of its device "gw-1/pendant-7"."""
        self.until(clock)
        self._take(RawRecord(self.now_ms, MQTT, f"vardevakt/1/{device}/{leaf}", json.dumps(body).encode(), 1))

    def heartbeats(self, clock: str | int, *gateways: str) -> None:
        """The gateways say each minute that they are there, up to a time."""
        end_ms = clock if isinstance(clock, int) else self.at(clock)
        while self.now_ms + 60_000 <= end_ms:
            self.until(self.now_ms + 60_000)
            for gateway in gateways:
                status = json.dumps({"online": True, "interval_seconds": 60}).encode()
                self._take(RawRecord(self.now_ms, MQTT, f"vardevakt/1/{gateway}/status", status, 1))
        self.until(end_ms)

    def act(self, clock: str | int, who: str, alert: dict[str, Any], act: str, **body: object) -> dict[str, Any]:
        """Somebody of the staff acts on an alert; the alert afterwards. Raises Refused as the API would answer 409."""
        self.until(clock)
        self._acts += 1
        after = self.desk.act(alert["alert_id"], act, STAFF[who], self.now_ms, f"key-{self._acts}", dict(body))
        self._settle()
        return after

    def test_session(self, clock: str, device: str, staff: str, minutes: int) -> None:
        """A technician opens a test session for one device."""
        self.until(clock)
        self.desk.open_test_session(device, staff, self.now_ms, minutes)
        self._settle()

    def until(self, clock: str | int) -> None:
        """Nothing but time; every timer on the way fires at its own time."""
        end_ms = clock if isinstance(clock, int) else self.at(clock)
        assert end_ms >= self.now_ms, f"{clock} is before the story's now"
        while (due_ms := self._next_due_ms()) is not None and due_ms <= end_ms:
            self.now_ms = max(self.now_ms, due_ms)
            fold_due_ms = self._fold_due_ms()
            if fold_due_ms is not None and fold_due_ms <= self.now_ms:
                self._take(RawRecord(self.now_ms, CLOCK))
            self._settle()
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
        return [at_ms for at_ms, message in self.phones.received if message.target == target and message.kind in kinds]

    # -- the wiring --------------------------------------------------------------------------------------------

    def _take(self, record: RawRecord) -> None:
        self._fold(record)
        if self._desk_due_ms is not None and self._desk_due_ms <= self.now_ms:
            self._settle()

    def _fold(self, record: RawRecord) -> None:
        self.raw.append(record)
        folded = self.source.apply(msgspec.structs.replace(record, seq=len(self.raw)))
        for given in folded.inputs:
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

    def _settle(self) -> None:
        self.phones.now_ms = self.now_ms
        while self.relay.run_once():
            pass
        desk_due_ms = self.desk.tick(self.now_ms)
        while self.outbox.run_once(self.now_ms):
            pass
        dues = [due_ms for due_ms in (desk_due_ms, self.outbox.next_due_ms()) if due_ms is not None]
        self._desk_due_ms = min(dues, default=None)

    def _fold_due_ms(self) -> int | None:
        dues = (self.source.next_due(), self.floor.next_due_ms(), self.home.next_due_ms())
        return min((due_ms for due_ms in dues if due_ms is not None), default=None)

    def _next_due_ms(self) -> int | None:
        dues = (self._fold_due_ms(), self._desk_due_ms)
        return min((due_ms for due_ms in dues if due_ms is not None), default=None)
