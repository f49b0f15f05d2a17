"""The API and the pages over a night of `tests/support/wired_story.py`: what people see and may do while it is told.

Each request is made at the story's now, and what it rings is rung before the next line of the story.
"""

from __future__ import annotations

from typing import Any, cast

from fastapi import FastAPI
from starlette.testclient import TestClient

from alerts.access.accounts import Accounts
from api.board.router import board_router
from api.http.app import create_app
from api.http.live import Wakeup
from api.http.services import Receiver, Services
from ingest.record import Folded
from ingest.series_sqlite import SqliteSeries
from tests.support.http import PASSWORD, Book, Feed, Runner, StillClock
from tests.support.journals import sqlite_journal
from tests.support.wired_story import WiredStory

PIN = "4711"
_APPS: list[FastAPI] = []


class StoryClient(TestClient):
    """A browser; the story settles after each of its requests."""

    story: WiredStory

    def request(self, *args: Any, **kwargs: Any) -> Any:
        answer = super().request(*args, **kwargs)
        self.story.settle()
        return answer


class StoryFace:
    """The application over a story. Nobody hands in events here; gateways speak in the story itself."""

    def __init__(self, story: WiredStory) -> None:
        self.story = story
        self.accounts = Accounts(story.database, "solbakken")
        self._journal = sqlite_journal(story.folder)
        self._series = SqliteSeries(story.folder / "series.db")
        self._written = 0
        services = self._services()
        if not _APPS:  # made once a process: it takes longer than most stories
            _APPS.append(create_app(services, [board_router(services)]))
        self._services_now = services

    def close(self) -> None:
        self._series.close()
        self._journal.close()

    def _services(self) -> Services:
        story, runner = self.story, Runner()
        return Services(
            site_id="solbakken", data=story.folder, clock=lambda: story.now_ms,
            system_clock=StillClock(cast(Any, story)), database=story.database, desk=story.desk,
            settings_store=story.store, accounts=self.accounts,
            raw_log=self._journal.raw, input_log=self._journal.inputs, series=self._series,
            receiver=cast(Receiver, None), folded=lambda _seq, _timeout: True, source_runner=runner,
            home_runner=runner, floor_runner=runner, feed=Feed(), rule_book=Book(), heard=dict, changed=Wakeup(),
        )  # fmt: skip

    def _log(self) -> None:
        """The journal has what the folds were given until now."""
        raw = self.story.raw[self._written :]
        if raw:
            last = self._journal.raw.append(raw).result(5)
            given = [Folded()] * (len(raw) - 1) + [Folded(inputs=tuple(self.story.inputs))]
            self._journal.inputs.write(last, given, self._written)
            self.story.inputs.clear()
            self._written = last

    def client(self) -> StoryClient:
        self._log()
        _APPS[0].state.services = self._services_now
        client = StoryClient(_APPS[0], raise_server_exceptions=False)
        client.story = self.story
        return client

    def person(self, login: str, staff: str | None, *roles: str) -> StoryClient:
        """Somebody has signed in; the first time the account is made, with a PIN for the shift's phone."""
        if login not in {account.user_id for account in self.accounts.users()}:
            self.accounts.add_user(
                login, PASSWORD, now_ms=self.story.now_ms, name=login.title(), roles=roles or ("carer",), staff_id=staff
            )
            if staff is not None:
                self.accounts.set_pin(login, PIN, self.story.now_ms)
        client = self.client()
        answer = client.post("/api/v1/session", json={"user": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        client.headers["x-csrf-token"] = answer.json()["csrf"]
        return client
