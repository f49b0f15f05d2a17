"""The HTTP face over the real desk, journal, receive and source fold, on temporary SQLite files.

Only what runs threads on a schedule of its own in the service (runners, broker) is replaced by something a test can
steer: one thread folds RAW at once, the feed says what the test tells it, and time moves when the test moves it.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import uvicorn
from fastapi import FastAPI
from starlette.testclient import TestClient

from alerts.access.accounts import Accounts
from alerts.database import Database
from alerts.desk import Desk
from alerts.messages.doors import Doors
from alerts.site.settings_store import SettingsStore
from api.http.app import create_app
from api.http.live import Wakeup
from api.http.problems import URN
from api.http.services import Services, WebOptions
from api.running.rule_book import shown_rule
from api.running.watch import Watch
from ingest.clock import ClockStepped
from ingest.codecs import default_codecs
from ingest.journal_sqlite import SqliteJournal
from ingest.receive import Receiver
from ingest.record import RawRecord
from ingest.series_sqlite import SqliteSeries
from ingest.source_fold import SourceFold
from rules.book_file import shipped_book
from rules.effects import Effect
from tests.support.desk import NIGHT_MS, SITE, pressed
from tests.support.desk_place import make_tables, open_desk
from tests.support.journals import sqlite_journal
from tests.support.waiting import wait_until

PASSWORD = "correct horse battery"
SITE_ITEMS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("site", SITE, {"name": "Solbakken"}),
    ("ward", "nord", {"name": "Nord"}),
    ("ward", "sor", {"name": "Sør"}),
    ("home", "h1", {"ward": "nord"}),
    ("home", "h2", {"ward": "sor"}),
    ("resident", "r1", {"home": "h1", "name": "Kari Nordmann", "born": "1938-04-02", "address": "Fjellveien 1"}),
    ("resident", "r2", {"home": "h2", "name": "Per Hansen"}),
    ("gateway", "gw-1", {"home": "h1", "address": "vardevakt:gw-1"}),
    ("device", "d1", {"address": "vardevakt:gw-1/pendant-7", "role": "pendant", "resident": "r1", "gateway": "gw-1"}),
    ("function", "natt-1", {"ward": "nord", "name": "Natt 1"}),
    ("function", "natt-2", {"ward": "nord", "name": "Natt 2"}),
    ("staff", "s1", {"name": "Ola", "functions": ["natt-1"]}),
    ("staff", "s2", {"name": "Ida", "functions": ["natt-2"]}),
)


def _alarm(_topic: str, _payload: bytes) -> Literal["alarm"]:
    return "alarm"


class StillClock:
    """Receive's clock: stands where the test's time stands."""

    def __init__(self, stack: HttpStack) -> None:
        self._stack = stack
        self.waiting = False

    def now_ms(self) -> int:
        return self._stack.now_ms

    def check(self) -> None:
        return None

    def confirm(self, second_source_ms: int | None = None) -> ClockStepped | None:
        """As the real one after a jump forward: once, while it waits."""
        if not self.waiting:
            return None
        self.waiting = False
        return ClockStepped(self.now_ms(), self.now_ms() + 3_600_000, "confirmed")


@dataclass
class Feed:
    """What the pulse shows, as the test says."""

    connected: bool = True
    last_canary_ms: int | None = NIGHT_MS - 2_000
    state: Literal["live", "late", "blind"] = "live"
    gap_since_ms: int | None = None


@dataclass
class Runner:
    """A fold's status, as the test says."""

    position: int = 0
    lag: int = 0
    oldest_age_ms: int = 0
    still_ms: int = 0
    healthy: bool = True
    quarantined: Sequence[Mapping[str, str]] = ()


class Book:
    """One rule of the shipped book, as the service shows it."""

    def rules(self) -> list[dict[str, Any]]:
        book = shipped_book()
        return [shown_rule(rule, book) for rule in book.rules if rule.id == "R01"]

    def rule(self, rule_id: str) -> dict[str, Any] | None:
        return next((rule for rule in self.rules() if rule["id"] == rule_id), None)


class SourceLoop:
    """Folds RAW as soon as rows are on disk. `hold` stops it, to see what happens meanwhile."""

    def __init__(self, journal: SqliteJournal) -> None:
        self._journal = journal
        self._fold = SourceFold(SITE, default_codecs())
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._thread = threading.Thread(target=self._run, name="test-source", daemon=True)
        self._thread.start()

    def hold(self) -> None:
        self._go.clear()

    def go_on(self) -> None:
        self._go.set()

    def close(self) -> None:
        self._stop.set()
        self._go.set()
        self._thread.join(5)

    def _run(self) -> None:
        raw, inputs = self._journal.raw, self._journal.inputs
        while not self._stop.is_set():
            position = inputs.position()
            if not raw.wait(position, 0.05) or not self._go.wait(5) or self._stop.is_set():
                continue
            records = raw.read(position, 500)
            inputs.write(records[-1].seq, [self._fold.apply(record) for record in records], position)


def desk_with_site(database: Database, now_ms: int) -> None:
    """What every test begins with: a desk with the site in it."""
    make_tables(database)
    store = SettingsStore(database, SITE)
    for kind, item_id, value in SITE_ITEMS:
        store.save(kind, item_id, value, None, now_ms)


@dataclass
class HttpStack:
    """Everything behind the application, and short words for what tests do with it."""

    folder: Path
    web: WebOptions = field(default_factory=WebOptions)
    now_ms: int = NIGHT_MS

    def __post_init__(self) -> None:
        self.clock = StillClock(self)
        begun_ms = self.now_ms
        self.database: Database = open_desk(self.folder, ("site", begun_ms), lambda one: desk_with_site(one, begun_ms))
        self.changed = Wakeup()
        self.desk = Desk(self.database, SITE, self.changed.notify)
        self.store = SettingsStore(self.database, SITE, self.changed.notify)
        self.accounts = Accounts(self.database, SITE)
        self.journal = sqlite_journal(self.folder)
        self.receiver = Receiver(self.journal.raw, self.clock, class_of=_alarm, on_emergency=lambda _record: None)
        self.source = SourceLoop(self.journal)
        self.series = SqliteSeries(self.folder / "series.db")
        self.feed, self.runners = Feed(), {name: Runner() for name in ("source", "home", "floor")}
        self.heard: dict[str, int] = {}
        self.channels: tuple[str, ...] = ("log",)
        self.doors: Doors | None = None  # set it before the first request
        self.watch: Watch | None = None  # as doors
        self._positions = itertools.count()

    @functools.cached_property
    def app(self) -> FastAPI:
        """Made when it is first asked for; tests of pages put one with pages in its place."""
        return create_app(self.services())

    def services(self) -> Services:
        return Services(
            site_id=SITE, data=self.folder, clock=lambda: self.now_ms, system_clock=self.clock,
            database=self.database, desk=self.desk, settings_store=self.store,
            accounts=self.accounts, raw_log=self.journal.raw, input_log=self.journal.inputs, series=self.series,
            receiver=self.receiver, folded=self.journal.inputs.wait_position, source_runner=self.runners["source"],
            home_runner=self.runners["home"], floor_runner=self.runners["floor"], feed=self.feed, rule_book=Book(),
            heard=lambda: self.heard, changed=self.changed, web=self.web, channels=self.channels,
            doors=self.doors, watch=self.watch,
        )  # fmt: skip

    def close(self) -> None:
        self.source.close()
        self.receiver.close()
        self.journal.close()
        self.series.close()
        self.database.close()

    def client(self, **options: Any) -> TestClient:
        """A browser or script of its own: its cookies are its own."""
        return TestClient(self.app, raise_server_exceptions=False, **options)

    def machine(self, *roles: str) -> TestClient:
        """A client with a machine key of these roles."""
        token = self.accounts.create_machine_key("test", roles or ("carer", "operator"), self.now_ms)
        return self.client(headers={"authorization": f"Bearer {token}"})

    def person(self, login: str = "ola", staff: str | None = "s1", **fields: Any) -> TestClient:
        """A browser in which somebody has signed in, sending the CSRF token with everything."""
        values: dict[str, Any] = {"name": login.title(), "roles": ("carer",), "staff_id": staff} | fields
        if login not in {account.user_id for account in self.accounts.users()}:
            self.accounts.add_user(login, PASSWORD, now_ms=self.now_ms, **values)
        client = self.client()
        answer = client.post("/api/v1/session", json={"user": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["x-csrf-token"] = answer.json()["csrf"]
        return client

    def apply(self, *effects: Effect) -> None:
        position = next(self._positions)
        self.desk.apply("home", 0, position, position + 1, effects)

    def press(self, event_id: str = "e1", **fields: Any) -> str:
        """Kari's pendant is pressed: the id of the alert."""
        effect = pressed(event_id, self.now_ms, **fields)
        self.apply(effect)
        return effect.alert_id

    def record(self, *records: RawRecord) -> int:
        """Rows as from the broker, folded: seq of the last."""
        last = self.receiver.submit_many(records).result(5)
        assert self.journal.inputs.wait_position(last, 5), "the source loop folds"
        return last

    @contextlib.contextmanager
    def server(self) -> Iterator[str]:
        """The application on a real port, for streams: its base URL."""
        config = uvicorn.Config(self.app, host="127.0.0.1", port=0, log_config=None, timeout_graceful_shutdown=30)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, name="test-uvicorn", daemon=True)
        thread.start()
        wait_until(lambda: server.started, "uvicorn starts")
        port = _port(server.servers[0].sockets[0])
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            self.app.state.hub.close()
            server.should_exit = True
            thread.join(40)
            assert not thread.is_alive(), "open streams must not hold up the end of the server"


def _port(sock: socket.socket) -> int:
    return int(sock.getsockname()[1])


def slug(answer: Any) -> str:
    """The type of a problem, without its prefix; fails when the answer is none."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    return str(body["type"]).removeprefix(URN)


@contextlib.contextmanager
def http_stack(folder: Path, **options: Any) -> Iterator[HttpStack]:
    """A stack in this folder, taken down at the end."""
    stack = HttpStack(folder, **options)
    try:
        yield stack
    finally:
        stack.close()
