"""The sign of life to a monitor outside, against a real server that answers, refuses, hangs, breaks off and drips."""

from __future__ import annotations

import json
import socket
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from alerts.checks.auditor import LATE_MS, Auditor
from alerts.checks.heartbeat import Heartbeat, HeartbeatOptions, problem_of
from alerts.checks.reconciler import Reconciler
from api.board.frame import strip
from api.board.place import local_clock
from api.board.words import Words
from api.cli.commands import run
from api.running.watch import Watch, heartbeat_options
from api.settings.file import load_settings
from tests.support.desk import HOUR, SECOND, Duty
from tests.support.far_ends import FakeHook
from tests.support.http import http_stack
from tests.support.journals import sqlite_journal

SECRET = "of the monitor"
TIMEOUT_S = 0.4


class Monitor(FakeHook):
    """Keeps where it was called."""

    def accept(self, request: BaseHTTPRequestHandler, body: bytes) -> bytes:
        answer = super().accept(request, body)
        self.calls[-1]["path"] = request.path
        return answer

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(call["body"]) for call in self.calls]


class Watched:
    """A desk, its checks, and a heartbeat to the monitor."""

    def __init__(self, duty: Duty, journal: Any, monitor: Monitor) -> None:
        self.duty, self.monitor = duty, monitor
        reconciler = Reconciler(duty.desk, {0: journal.inputs}, journal.inputs)
        self.auditor = Auditor(reconciler, duty.database, "a", lambda: duty.now_ms)
        self.heartbeat = self.beating(url=f"{monitor.url}/ping", secret=SECRET)

    def beating(self, **options: Any) -> Heartbeat:
        return Heartbeat(HeartbeatOptions(timeout_s=TIMEOUT_S, **options), self.auditor.state, None)

    def check(self) -> None:
        self.auditor.run_once(self.duty.now_ms)

    def beat(self) -> str:
        return self.heartbeat.run_once(self.duty.now_ms)


@pytest.fixture
def watched(tmp_path):
    """A desk where all is well, and a monitor."""
    duty, journal = Duty(tmp_path), sqlite_journal(tmp_path)
    with Monitor() as monitor:
        yield Watched(duty, journal, monitor)
    journal.close()
    duty.database.close()


def test_all_is_well_is_said_with_the_secret(watched):
    """POST, a status and nothing else; the secret as a Bearer token."""
    watched.check()
    assert watched.beat() == "ok"
    assert watched.monitor.told == [{"status": "ok", "findings": {}}]
    assert watched.monitor.calls[0]["headers"]["authorization"] == f"Bearer {SECRET}"
    assert watched.monitor.calls[0]["path"] == "/ping"


@pytest.mark.expected_errors("a finding is an error")
def test_findings_go_as_kinds_and_counts_and_nothing_of_people(watched):
    """Two alarms without their timers: two of a kind, no id, no name."""
    duty = watched.duty
    duty.apply(duty.press("p1"), duty.out_of_bed(resident="r2", subject="r2"))
    with duty.database.writer.begin() as conn:
        conn.exec_driver_sql("DELETE FROM timers")
    watched.check()
    assert watched.beat() == "findings"
    assert watched.monitor.told == [{"status": "findings", "findings": {"without_next_action": 2}}]
    duty.now_ms += HOUR
    duty.wait(0)
    watched.check()
    assert watched.beat() == "ok", "what was mended an hour ago is over"


def test_secret_and_status_may_stand_in_the_address(watched):
    """As monitors want it that give each check an address of its own; then no token goes with it."""
    watched.heartbeat = watched.beating(url=watched.monitor.url + "/$secret/$status", secret="a/b c")
    watched.check()
    watched.beat()
    (call,) = watched.monitor.calls
    assert call["path"] == "/a%2Fb%20c/ok"
    assert "authorization" not in call["headers"]
    assert problem_of("https://x/$secrt") is not None
    assert problem_of("https://x/$secret") is None


def test_silence_where_no_check_has_ended(watched):
    """Before the first, and a minute after the last: a monitor that hears nothing raises its own alarm."""
    assert watched.beat() == "elsewhere"
    watched.check()
    assert watched.beat() == "ok"
    watched.duty.now_ms += LATE_MS + 1
    assert watched.beat() == "withheld"
    assert len(watched.monitor.calls) == 1


@pytest.mark.expected_errors("a call outside that fails is an error")
@pytest.mark.parametrize("word", ["refuse", "down", "hang", "half", "drip"])
def test_a_monitor_in_trouble_is_a_failure_within_the_deadline(watched, word):
    """Refused, broken off, silent or dripping: said, counted, and over when a call is taken again."""
    watched.check()
    watched.monitor.then(word, word)
    began_s = time.monotonic()
    assert watched.beat() not in {"ok", "findings"}
    assert time.monotonic() - began_s < 10 * TIMEOUT_S
    watched.beat()
    assert (watched.heartbeat.pulse.failures, watched.heartbeat.pulse.last_ok_ms) == (2, 0)
    assert watched.beat() == "ok"
    assert watched.heartbeat.pulse.failures == 0


@pytest.mark.expected_errors("a call outside that fails is an error")
def test_nobody_there_is_a_failure_too(watched):
    """A closed port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    watched.heartbeat = watched.beating(url=f"http://127.0.0.1:{port}/")
    watched.check()
    assert watched.beat() == "NotSent: ConnectionRefusedError"


def test_off_is_said_and_a_secret_comes_from_a_file(tmp_path, monkeypatch, capsys):
    """`vardevakt check` says that nobody outside hears of it, until an address is set; an address is never a secret's
    place.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.secret").write_text("abc\n")
    file = tmp_path / "v.toml"
    file.write_text("")
    assert run(["check", "--settings", str(file)]) == 0
    assert "no monitor outside" in capsys.readouterr().out
    assert heartbeat_options(load_settings(file, {})) is None
    file.write_text('[heartbeat]\nurl = "https://m.example.org/$secret/$status"\nsecret_file = "m.secret"\n')
    assert run(["check", "--settings", str(file)]) == 0
    assert "no monitor outside" not in capsys.readouterr().out
    options = heartbeat_options(load_settings(file, {}))
    assert options is not None
    assert options.secret == "abc"
    for wrong in ("https://m.example.org/$secrt", "ftp://m.example.org/", "https://me:pw@m.example.org/"):
        file.write_text(f'[heartbeat]\nurl = "{wrong}"\n')
        assert run(["check", "--settings", str(file)]) == 2
    file.write_text('[heartbeat]\nurl = "https://m.example.org/$secret"\n')
    assert run(["check", "--settings", str(file)]) == 2
    assert "secret_file" in capsys.readouterr().err


@pytest.mark.expected_errors("a call outside that fails is an error")
def test_health_strip_and_figures_say_what_the_checks_say(tmp_path):
    """Late checks, findings and a monitor that is not reached: reasons, words on the board, figures; never a 503."""
    with http_stack(tmp_path) as stack, Monitor() as monitor:
        reconciler = Reconciler(stack.desk, {0: stack.journal.inputs}, stack.journal.inputs)
        auditor = Auditor(reconciler, stack.database, "a", lambda: stack.now_ms)
        options = HeartbeatOptions(url=monitor.url, timeout_s=TIMEOUT_S)
        heartbeat = Heartbeat(options, auditor.state, None)
        stack.watch = Watch(auditor, heartbeat, lambda: stack.now_ms)
        client = stack.client()
        auditor.run_once(stack.now_ms)
        assert "audit_late" not in {one["code"] for one in client.get("/health/ready").json()["reasons"]}
        monitor.then("down")
        heartbeat.run_once(stack.now_ms)
        stack.now_ms += LATE_MS + SECOND
        ready = client.get("/health/ready")
        reasons = {one["code"]: one for one in ready.json()["reasons"]}
        figures = client.get("/metrics").text

    shown = strip(
        {"watch": ["audit_late", "audit_findings", "heartbeat_failed"]}, Words("nb", 0, local_clock("Europe/Oslo"))
    )
    assert [one["text"] for one in shown] == [
        "Kontrollene står stille", "Kontrollene har funnet noe", "Overvåkingen utenfor nås ikke",
    ]  # fmt: skip
    assert ready.status_code == 200
    assert reasons["audit_late"]["detail"] == "no check has ended for 61 s"
    assert reasons["heartbeat_failed"]["detail"] == "1 calls not taken, the newest: HTTP 503"
    assert "vardevakt_audit_age_seconds 61.0" in figures
    assert "vardevakt_heartbeat_failures 1.0" in figures
