"""A night with telephones: two functions with numbers, a gateway for SMS, and the HTTP face behind it."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from fastapi import FastAPI
from sqlalchemy import update

from alerts.messages.channel_reads import refusals
from alerts.messages.doors import Doors
from alerts.messages.outbox import Outbox
from alerts.messages.phone_answers import PhoneAnswers
from alerts.messages.receipts import DoorOptions
from alerts.reads import queries
from alerts.schema.people import functions, keys
from api.board.router import board_router
from api.http.app import create_app
from api.http.services import Services
from tests.support.desk import SITE
from tests.support.http import HttpStack
from tests.support.phones import Devices

NATT_1, NATT_2, STRANGER = "+4798888881", "+4798888882", "+4791111111"
SECRET = "of the gateway"
BASE = "https://vakt.example.org"


_APPS: list[FastAPI] = []


def app_over(services: Services) -> FastAPI:
    """The application with its pages, made once a process (it takes longer than most tests) and put over these
    services; live streams and metrics would still be those of the first.
    """
    if not _APPS:
        _APPS.append(create_app(services, [board_router(services)]))
    _APPS[0].state.services = services
    return _APPS[0]


class Night:
    """Natt 1 and Natt 2 with phones, an SMS gateway, and Kari's key under the tag R17."""

    def __init__(self, stack: HttpStack) -> None:
        self.stack = stack
        self.devices = Devices(lambda: stack.now_ms)
        reach = self.devices.reach(link_base=BASE, link_key=b"k" * 32)
        with stack.database.writer.begin() as conn:
            for function, phone in (("natt-1", NATT_1), ("natt-2", "98 88 88 82")):
                conn.execute(update(functions).where(functions.c.id == function).values(phone=phone))
            conn.execute(
                keys.insert().values(
                    site_id=SITE, id="k1", home="h1", kind="key_box", tag="R17", version=1, saved_ms=0, where=None
                )
            )
        self.outbox = Outbox(stack.database, self.devices.channels("sms"), reach)
        stack.channels = ("sms", "log")
        options = {"sms": DoorOptions(check="hmac-sha256", secret=SECRET, failed=("failed",))}
        stack.doors = Doors(answers=PhoneAnswers(stack.desk, reach), options=options, wake=lambda: None, technical=True)
        stack.app = app_over(stack.services())
        self.client = stack.client()

    def press(self, event: str = "e1") -> str:
        alert_id = self.stack.press(event)
        self.run()
        return alert_id

    def run(self, after_ms: int = 0) -> None:
        self.stack.now_ms += after_ms
        self.stack.desk.tick(self.stack.now_ms)
        self.outbox.run_once(self.stack.now_ms)

    def link(self, number: str = NATT_1) -> str:
        """The path of the link in the newest SMS."""
        text = next(one.text for one in reversed(self.devices.received(number)) if BASE in one.text)
        return text[text.index(BASE) + len(BASE) :].split()[0]

    def said(self, what: str, body: dict[str, Any], *, secret: str = SECRET, **headers: str) -> Any:
        """A gateway speaks at a door."""
        raw = json.dumps(body).encode()
        mark = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "x-signature": mark} | headers
        answer = self.client.post(f"/api/v1/channels/sms/{what}", content=raw, headers=headers)
        self.outbox.run_once(self.stack.now_ms)
        return answer

    def sms(self, number: str, text: str, number_of_it: str = "in-1") -> Any:
        return self.said("replies", {"from": number, "text": text, "id": number_of_it})

    def alert(self, alert_id: str) -> dict[str, Any]:
        found = queries.alert(self.stack.database, alert_id)
        assert found is not None, "raised by the test"
        return found

    def handling(self, alert_id: str) -> str:
        return str(self.alert(alert_id)["handling"])

    def last(self, number: str) -> str:
        return self.devices.received(number)[-1].text

    def refused(self) -> dict[str, int]:
        return refusals(self.stack.database, SITE, self.stack.now_ms)
