"""A desk to test with: a small site, effects as the folds say them, people who act, and time that only tests move."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from alerts.channels import FAILED, OK, Message, Result
from alerts.database import Database
from alerts.desk import Desk
from alerts.handling.acts import Actor
from alerts.messages.outbox import Outbox
from alerts.reads import queries
from alerts.schema import people as schema_people
from alerts.schema.alerts import alerts, timers
from rules.effects import Effect, Raise
from tests.support.desk_effects import (
    HOUR,
    MINUTE,
    NIGHT_MS,
    NOON_MS,
    SECOND,
    SITE,
    as_floor,
    cause,
    cleared,
    observed,
    out_of_bed,
    pressed,
    updated,
    way_back,
    way_gone,
)
from tests.support.desk_place import make_tables, open_desk, unsynced

__all__ = [
    "HOUR",
    "IDA",
    "MINUTE",
    "NIGHT_MS",
    "NOON_MS",
    "OLA",
    "SECOND",
    "SITE",
    "Duty",
    "FakePhones",
    "as_floor",
    "cause",
    "cleared",
    "new_database",
    "observed",
    "open_without_next_action",
    "out_of_bed",
    "pressed",
    "updated",
    "way_back",
    "way_gone",
]
"""With the folds' words, so that a story imports from one place."""

OLA = Actor(staff="s1", name="Ola", function="natt-1")
IDA = Actor(staff="s2", name="Ida", function="natt-2")


def new_database(folder: Path, *, functions: tuple[str, ...] = ("natt-1", "natt-2", "leder")) -> Database:
    """An empty desk with one ward of two homes; every function in the ward's chain, in this order."""
    return unsynced(open_desk(folder, ("two homes", functions), lambda database: _fill_desk(database, functions)))


def _fill_desk(database: Database, functions: tuple[str, ...]) -> None:
    make_tables(database)
    with database.writer.begin() as conn:
        _fill(conn, functions)


def _fill(conn: Connection, functions: tuple[str, ...]) -> None:
    version = {"site_id": SITE, "version": 1, "saved_ms": 0}
    site = {"id": SITE, "name": "Solbakken", "timezone": "Europe/Oslo", "language": "nb"}
    conn.execute(insert(schema_people.sites).values(version | site))
    conn.execute(insert(schema_people.wards).values(**version, id="nord", name="Nord", profile="on_foot"))
    for home in ("h1", "h2"):
        conn.execute(insert(schema_people.homes).values(**version, id=home, ward="nord", kind="own_home"))
    for resident in ("r1", "r2"):
        person: dict[str, object] = {"id": resident, "home": "h1", "name": resident, "risks": []}
        person |= {"protected": False, "critical": False}
        conn.execute(insert(schema_people.residents).values(version | person))
    device = {"id": "d1", "address": "vardevakt:gw-1/pendant-7", "role": "pendant", "resident": "r1"}
    conn.execute(insert(schema_people.devices).values(version | device))
    conn.execute(insert(schema_people.staff).values(**version, id="s1", name="Ola", functions=[], role="carer"))
    key = {"id": "k1", "home": "h1", "kind": "key_box", "where": "porch", "tag": "R17"}
    conn.execute(insert(schema_people.keys).values(version | key))
    for position, function in enumerate(functions):
        row = {"id": function, "ward": "nord", "name": function.title(), "position": position}
        conn.execute(insert(schema_people.functions).values(version | row))


class FakePhones:
    """A channel that is a row of telephones: `received` is what they got. `results` are answered in turn, then ok."""

    name = "phones"
    reaches_people = True

    def __init__(self) -> None:
        self.received: list[Message] = []
        self.results: list[Result | BaseException] = []

    def send(self, message: Message) -> Result:
        result = self.results.pop(0) if self.results else Result(OK)
        if isinstance(result, BaseException):
            raise result
        if result.outcome != FAILED:
            self.received.append(message)
        return result


class Duty:
    """One desk with short words for what tests do to it. Time is `now_ms`, moved by `wait` alone."""

    def __init__(self, folder: Path, *, now_ms: int = NIGHT_MS, unattended: bool = False, **site: Any) -> None:
        self.database = new_database(folder, **site)
        self.now_ms = self.start_ms = now_ms
        self.woken = 0
        self.desk = self.new_desk(unattended=unattended)
        self.phones = FakePhones()
        self.outbox = Outbox(self.database, {"phones": self.phones})
        self.sends = True  # False: messages wait until a test sends them
        self._keys = itertools.count()
        self._positions: dict[str, int] = {}

    def new_desk(self, *, unattended: bool = False) -> Desk:
        """A desk as after a restart: the same rows, no memory."""

        def changed() -> None:
            self.woken += 1

        return Desk(self.database, SITE, changed, unattended=unattended)

    def apply(self, *effects: Effect, lane: str = "home") -> None:
        position = self._positions.get(lane, 0)
        self.desk.apply(lane, 0, position, position + 1, effects)
        self._positions[lane] = position + 1
        self._send()

    def act(
        self, alert_id: str, act: str, actor: Actor = OLA, key: str | None = None, **body: object
    ) -> dict[str, Any]:
        answer = self.desk.act(alert_id, act, actor, self.now_ms, key or f"key-{next(self._keys)}", body)
        self._send()
        return answer

    def wait(self, ms: int) -> int | None:
        """Let time pass, firing what is due at its own moment, as a running service does."""
        end_ms, rounds = self.now_ms + ms, 0
        while (due_ms := self._next_ms()) is not None and due_ms <= end_ms:
            rounds = rounds + 1 if due_ms <= self.now_ms else 0
            assert rounds < 100, "what is due is done, and not due again at once"
            self.now_ms = max(due_ms, self.now_ms)
        self.now_ms = end_ms
        return self._next_ms()

    def _next_ms(self) -> int | None:
        """Do what is due now; when something is due next."""
        timer_ms = self.desk.tick(self.now_ms)
        self._send()
        return min((due for due in (timer_ms, self.outbox.next_due_ms()) if due is not None), default=None)

    def _send(self) -> None:
        if self.sends:
            self.outbox.run_once(self.now_ms)

    def alert(self, alert_id: str) -> dict[str, Any]:
        found = queries.alert(self.database, alert_id)
        assert found is not None, f"no alert {alert_id}"
        return found

    def alerts(self) -> list[dict[str, Any]]:
        """All of them, in the order of opening."""
        return list(queries.every_alert(self.database))

    def queue(self) -> list[dict[str, Any]]:
        return queries.queue(self.database, self.now_ms)

    def kinds(self, alert_id: str) -> list[str]:
        """The timeline's kinds, in order."""
        return [line["kind"] for line in self.alert(alert_id)["timeline"]]

    def sent(self, alert_id: str) -> list[tuple[str, str]]:
        """(kind, target) of what phones received about the alert's incident, in order."""
        about = set(self.alert(alert_id)["incident"]["alert_ids"])
        return [(message.kind, message.target) for message in self.phones.received if message.alert_id in about]

    def press(self, event_id: str, **fields: Any) -> Raise:
        """What the rules say of a press of Kari's pendant, at the time of now."""
        return pressed(event_id, self.now_ms, **fields)

    def out_of_bed(self, episode: str = "e1", **fields: Any) -> Raise:
        return out_of_bed(episode, self.now_ms, **fields)


def open_without_next_action(database: Database) -> list[str]:
    """Open incidents that nothing will happen to: promise 5 says there are none. Asked of the rows themselves."""
    with database.reader.connect() as conn:
        waits = select(timers.c.kind).where(timers.c.incident_id == alerts.c.incident_id).exists()
        return list(conn.execute(select(alerts.c.incident_id).where(alerts.c.open, ~waits).distinct()).scalars())
