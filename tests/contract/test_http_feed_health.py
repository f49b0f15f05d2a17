"""What the MQTT edge had to drop, as operators see it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from starlette.testclient import TestClient

from api.http.app import create_app
from tests.support.http import http_stack


def test_dropped_messages_are_shown_to_operators(tmp_path: Path) -> None:
    """QoS 0 that could not be taken never comes again: /metrics counts it, /health/ready says it and stays ready."""
    dropped = {"mqtt_qos0_dropped_total": 0}
    with http_stack(tmp_path) as stack:
        stack.channels = ("sms",)
        client = TestClient(create_app(replace(stack.services(), counters=lambda: dropped)))
        before = client.get("/health/ready").json()["reasons"]
        dropped["mqtt_qos0_dropped_total"] = 3
        ready = client.get("/health/ready")
        figures = client.get("/metrics").text
    assert before == []
    assert ready.status_code == 200
    assert [(one["code"], one["blocking"], one["detail"][:2]) for one in ready.json()["reasons"]] == [
        ("feed_dropped", False, "3 ")
    ]
    assert "vardevakt_mqtt_qos0_dropped_total 3.0" in figures
