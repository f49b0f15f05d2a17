"""A whole service whose desk is on PostgreSQL: it works, and goes on by itself when the server was away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.database import Server
from tests.contract.test_as_an_outsider import SITE_FILE, act
from tests.support.postgres import Postgres
from tests.support.running_service import RunningService, running_service
from tests.support.waiting import wait_until

PENDANT = "vardevakt/1/gw-1/pendant-7/event"


@pytest.fixture
def server() -> Iterator[Postgres]:
    with Postgres(synced=True) as made:
        yield made


@pytest.fixture
def service(tmp_path: Path, server: Postgres) -> Iterator[RunningService]:
    """A service with a ward, its desk on a server of its own."""
    with running_service(tmp_path, desk=server.new()) as running:
        running.import_site(SITE_FILE)
        yield running


@pytest.mark.expected_errors("PostgreSQL is killed")
def test_a_press_while_postgresql_is_away_rings_when_it_is_back(service: RunningService, server: Postgres) -> None:
    """Pressed, claimed; then the server dies. A press meanwhile is taken in and acknowledged, acts are refused with
    words and not with a trace; when it is back the press is there once, the claim stands, nobody restarted anything.
    """
    assert isinstance(service.parts.database.place, Server)
    service.publish(PENDANT, {"type": "alarm.pressed", "id": "1"})
    (first,) = service.alerts("r1")
    assert act(service, first["alert_id"], "claim", "k1")[0] == 200

    server.stop(kill=True)
    journal = service.parts.journal.raw
    before = journal.last_seq()
    service._gateway.publish(PENDANT, b'{"type": "alarm.pressed", "id": "2"}', qos=1).wait_for_publish(10)
    wait_until(lambda: journal.last_seq() > before, "the press in RAW")
    status, refusal = act(service, first["alert_id"], "contact", "k2", outcome="spoke")
    assert (status, refusal["type"].rpartition(":")[2]) == (503, "not-recorded")
    server.start()

    def pressed_twice() -> bool:
        status, found = service.http("GET", f"alerts/{first['alert_id']}")
        return status == 200 and found["presses"] == 2

    wait_until(pressed_twice, "the press at the desk", 60)
    assert act(service, first["alert_id"], "contact", "k2", outcome="spoke")[0] == 200
    found = service.alerts("r1")
    assert len(found) == 2, "each press is a row, once"
    (stands,) = [one for one in found if not one["merged_into"]]
    assert stands["claimed_by"] is not None
