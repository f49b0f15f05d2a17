"""Pages and answers while the store of the curves cannot be reached: of use, and never as if nothing had happened."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from api.board.router import board_router
from api.http.app import create_app
from ingest.series_influx import InfluxSeries
from ingest.series_influx_client import InfluxOptions
from tests.support.board import board_stack
from tests.support.http import HttpStack, http_stack

NOBODY = InfluxOptions(url="http://127.0.0.1:9", org="solbakken", token="none")


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    """A desk whose InfluxDB is not there."""
    with http_stack(tmp_path) as made:
        series = InfluxSeries(NOBODY, "solbakken", lambda: made.now_ms)
        services = replace(made.services(), series=series, heard=series.heard)
        made.app = create_app(services, [board_router(services)])
        yield made
        series.close()


def test_what_needs_no_curve_is_answered(stack):
    """The card, the timeline and the devices come with nulls where something is not known; the curve is a 503."""
    client = stack.person()
    card = client.get("/api/v1/residents/r1").json()
    assert card["metrics"] is None
    assert {one["last_heard_at"] for one in card["devices"]} == {None}
    assert client.get("/api/v1/residents/r1/timeline").json()["marks"] is None
    assert {one["battery_percent"] for one in client.get("/api/v1/devices").json()["items"]} == {None}

    answer = client.get("/api/v1/residents/r1/series?metric=heart_rate")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:vardevakt:problem:series-away")
    assert answer.headers["retry-after"] == "30"


def test_pages_say_that_an_empty_day_says_nothing(stack):
    """A sentence on the person's page, and a line in the strip of each page; both are gone when it is there."""
    client = stack.person()
    page = client.get("/residents/r1").text
    assert 'id="curves-away"' in page
    for path in ("/", "/devices", "/residents/r1"):
        assert "Kurver og siste kontakt kan ikke leses nå" in client.get(path).text


def test_pages_are_quiet_while_it_is_there(tmp_path):
    """On SQLite nothing is said."""
    with board_stack(tmp_path) as there:
        client = there.person()
        assert 'id="curves-away"' not in client.get("/residents/r1").text
        assert "siste kontakt kan ikke" not in client.get("/").text
