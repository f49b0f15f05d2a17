"""What surrounds every request: headers, log lines, health, figures, and faults of our own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from api.http.middleware import CONTENT_SECURITY_POLICY
from tests.support.http import Feed, HttpStack, Runner, http_stack, slug


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        yield made


def set_to(status: Runner | Feed, **values: object) -> None:
    for name, value in values.items():
        setattr(status, name, value)


@pytest.mark.parametrize("path", ["/health/live", "/api/v1/alerts", "/api/v1/nothing", "/metrics", "/api/v1/session"])
def test_every_answer_carries_the_security_headers(stack, path):
    """Answers of every kind, errors too: own content only, in no frame, kept nowhere, no referrer to others."""
    headers = stack.client().get(path).headers

    assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
    assert headers["cache-control"] == "no-store"
    assert re.fullmatch(r"[0-9a-f]{16}", headers["x-request-id"])


def test_log_lines_carry_templates_and_no_names(stack):
    """One `http_request` per request with the route's template; no address, no id, no name, no query."""
    client = stack.person()
    with capture_logs() as lines:
        client.get("/api/v1/residents/r1?x=Kari")
        client.get("/api/v1/Kari%20Nordmann")
        client.post("/api/v1/session", json={"user": "Kari Nordmann", "password": "x"})
        client.post("/api/v1/residents/r1/pauses", json={"note": "Kari is away"})
    requests = [line for line in lines if line["event"] == "http_request"]

    assert [(line["method"], line["route"], line["status"]) for line in requests] == [
        ("GET", "/api/v1/residents/{resident_id}", 200),
        ("GET", "(none)", 404),
        ("POST", "/api/v1/session", 401),
        ("POST", "/api/v1/residents/{resident_id}/{what}", 422),
    ]
    assert requests[0]["account"] == "ola"
    assert "Kari" not in str(lines)


@pytest.mark.expected_errors("a route is broken on purpose")
def test_a_fault_of_ours_is_a_problem_and_tells_nothing(stack, error_logs):
    """An unforeseen exception: 500 as a problem in the reader's language; its text stands in no answer and no log."""

    def broken(*_, **__):
        raise ValueError("Kari Nordmann")

    stack.store.list = broken
    answer = stack.machine().get("/api/v1/functions", headers={"accept-language": "en"})

    assert (answer.status_code, slug(answer), answer.json()["title"]) == (500, "internal", "Our fault")
    assert "Kari" not in answer.text
    assert len(error_logs) == 1
    assert "request_failed" in error_logs[0]
    assert "ValueError" in error_logs[0]
    assert "Kari" not in error_logs[0]


@pytest.mark.expected_errors("the desk is taken away")
def test_a_desk_that_cannot_be_read_says_so(stack):
    """A database that does not answer is 503 with what to do, not a stack trace."""

    def gone(*_, **__):
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    stack.store.list = gone
    answer = stack.machine().get("/api/v1/functions")

    assert (answer.status_code, slug(answer)) == (503, "not-readable")


def test_alive_means_that_the_folds_move(stack):
    """live: 200 while they move; 503 for one that stopped, or stands still although there is work."""
    client = stack.client()
    assert client.get("/health/live").json() == {"status": "ok", "reasons": [], "feed": None}

    set_to(stack.runners["home"], healthy=False)
    set_to(stack.runners["floor"], oldest_age_ms=121_000, still_ms=121_000)
    set_to(stack.runners["source"], oldest_age_ms=3_600_000, still_ms=50)  # an hour behind, and on its way
    answer = client.get("/health/live")

    assert answer.status_code == 503
    assert [(reason["code"], reason["part"]) for reason in answer.json()["reasons"]] == [
        ("fold_stopped", "home"), ("fold_stuck", "floor"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "values", "status", "code"),
    [
        ("source", {"oldest_age_ms": 11_000, "lag": 500}, 503, "fold_lagging"),
        ("home", {"quarantined": [{"rule": "R05", "subject": "r1"}]}, 200, "quarantined"),
        ("feed", {"state": "blind"}, 503, "feed_blind"),
        ("feed", {"state": "late"}, 200, "feed_late"),
        ("clock", {"waiting": True}, 200, "clock_waiting"),
    ],
)
def test_ready_says_why_not(stack, part, values, status, code):
    """ready: each reason by its code; only what makes alerts late or missing turns it to 503."""
    parts = {"feed": stack.feed, "clock": stack.clock, **stack.runners}
    set_to(parts[part], **values)
    answer = stack.client().get("/health/ready")

    reasons = [reason["code"] for reason in answer.json()["reasons"]]
    assert (answer.status_code, reasons) == (status, [code, "no_phone_channel"])
    assert answer.json()["feed"]["state"] == stack.feed.state


def test_an_operator_believes_the_machines_time(stack):
    """A jump that waits is confirmed once, by an operator only, and stands in RAW as a fact for the folds."""
    stack.clock.waiting = True
    assert stack.machine("carer").post("/api/v1/clock/confirm").status_code == 403
    operator = stack.machine("operator")

    answers = [operator.post("/api/v1/clock/confirm").json()["confirmed"] for _ in range(2)]

    rows = [row for row in stack.journal.raw.read(0, 100) if row.kind == "feed"]
    assert answers == [True, False]
    assert [json.loads(row.payload)["action"] for row in rows] == ["confirmed"]


def test_figures_carry_no_person_and_few_labels(stack):
    """/metrics parses, knows requests by template, folds, feed and desk; no id or name is a label."""
    stack.press()
    client = stack.machine()
    for path in ("alerts", "alerts?subject=r1", "residents/r1", "residents/r2", "alerts/Kari", "nothing/Kari"):
        client.get(f"/api/v1/{path}")
    text = stack.client().get("/metrics").text

    assert 'requests_total{method="GET",route="/api/v1/residents/{resident_id}",status="2xx"} 2.0' in text
    assert 'vardevakt_feed_state{state="live"} 1.0' in text
    assert 'vardevakt_desk{count="unclaimed_p1"} 1.0' in text
    assert 'vardevakt_fold_healthy{fold="floor"} 1.0' in text
    for personal in ("Kari", "r1", "r2", "d1", "gw-1"):
        assert f'"{personal}"' not in text


def test_a_feed_that_never_came_up_grows_old_too(stack):
    """The alert on the canary's age must fire where none ever came: then it counts from when it was first asked for."""
    stack.feed.last_canary_ms = None
    client = stack.client()
    assert "vardevakt_feed_canary_age_seconds 0.0" in client.get("/metrics").text
    stack.now_ms += 90_000

    assert "vardevakt_feed_canary_age_seconds 90.0" in client.get("/metrics").text


def test_the_request_id_joins_log_lines(stack):
    """Everything logged while one request runs carries the id that the answer has, from worker threads too."""
    alert_id = stack.press()
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        answer = stack.machine().post(
            f"/api/v1/alerts/{alert_id}/claim", json={"staff": "s1"}, headers={"idempotency-key": "k"}
        )

    assert {line["event"]: line["request_id"] for line in lines} == dict.fromkeys(
        ("alert_act", "http_request"), answer.headers["x-request-id"]
    )
