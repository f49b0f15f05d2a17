"""`doctor` on real folders with one thing wrong each: it is named, with its level, and the exit code follows."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.backup.backup import BackupNote, write_note
from api.cli.commands import run
from ingest.record import DeadLetter, Folded
from tests.contract.test_cli import SITE
from tests.support.journals import message, sqlite_journal
from tests.support.servers import free_port

HOUR_MS = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a site, a journal, and a backup of an hour ago that was proved."""
    folder = tmp_path_factory.mktemp("healthy")
    (folder / "site.yaml").write_text(SITE)
    data = folder / "data"
    assert run(["site", "import", str(folder / "site.yaml"), "--data", str(data)]) == 0
    data.chmod(0o700)
    sqlite_journal(data).close()
    made_ms = now_ms() - HOUR_MS
    write_note(data, BackupNote("/elsewhere/vardevakt-x", made_ms, made_ms + 1))
    return data


@pytest.fixture
def data(healthy: Path, tmp_path: Path) -> Path:
    """A copy of it for one test."""
    shutil.copytree(healthy, tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., dict[str, dict[str, Any]]]:
    """Runs the command; its lines by code. The exit code is checked here, each time."""
    monkeypatch.setenv("VARDEVAKT_JOURNAL_RESERVE_BYTES", "0")

    def tell(data: Path, **variables: str) -> dict[str, dict[str, Any]]:
        for name, value in {"VARDEVAKT_HTTP_PORT": str(free_port()), **variables}.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = run(["doctor", "--data", str(data), "--json"])
        lines = json.loads(capsys.readouterr().out)
        assert code == max({"ok": 0, "warn": 1, "bad": 2}[line["level"]] for line in lines)
        assert [line for line in lines if (line["level"] == "ok") == bool(line["todo"])] == []
        return {line["code"]: line for line in lines}

    return tell


def test_a_folder_at_rest_is_fine_but_for_what_is_missing(data: Path, told: Callable[..., Any]) -> None:
    """Everything that can be well is; the service does not run, and no channel rings a telephone."""
    lines = told(data)
    for code in ("installation", "zones", "sqlite", "settings", "rule_book", "data", "port", "bases", "dead_letters"):
        assert lines[code]["level"] == "ok", lines[code]
    assert (lines["backup"]["level"], lines["reconciler"]["level"]) == ("ok", "ok")
    assert "backup_drill" not in lines
    assert (lines["service"]["level"], lines["channels"]["level"]) == ("warn", "warn")


@pytest.mark.parametrize(("hours", "level"), [(1, "ok"), (30, "warn"), (24 * 9, "bad")])
def test_a_backup_grows_old(data: Path, told: Callable[..., Any], hours: int, level: str) -> None:
    """More than a night is a warning, more than a week is bad."""
    write_note(data, BackupNote("/elsewhere/x", now_ms() - hours * HOUR_MS, 0))
    lines = told(data)
    assert lines["backup"]["level"] == level
    assert lines["backup_drill"]["level"] == "warn", "it was never proved"


def test_no_backup_and_one_on_the_same_disk_are_said(data: Path, told: Callable[..., Any]) -> None:
    """Without a note there is no backup; one beside the data dies with them."""
    (data / "last_backup.json").unlink()
    assert told(data)["backup"]["detail"] == "none was made of this folder"
    write_note(data, BackupNote(str(data.parent), now_ms(), now_ms()))
    assert told(data)["backup_place"]["level"] == "warn"


def test_a_folder_that_everybody_reads_and_a_disk_that_runs_short(data: Path, told: Callable[..., Any]) -> None:
    """Other users of the machine must not read it; below the reserve only alarms are stored."""
    data.chmod(0o755)
    lines = told(data, VARDEVAKT_JOURNAL_RESERVE_BYTES=str(2**60))
    assert lines["data"]["level"] == "warn"
    assert lines["disk"]["level"] == "bad"


def test_a_port_that_is_taken_and_a_broker_that_is_not_there(data: Path, told: Callable[..., Any]) -> None:
    """Somebody else listens where we should; nobody listens where the broker should be."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        lines = told(data, VARDEVAKT_HTTP_PORT=str(taken), VARDEVAKT_MQTT_URL=f"mqtt://127.0.0.1:{free_port()}")
    assert lines["port"]["level"] == "bad"
    assert lines["broker"]["level"] == "bad"
    assert "refused" in lines["broker"]["detail"]


def test_a_misspelt_setting_is_a_line_and_not_a_trace(data: Path, told: Callable[..., Any]) -> None:
    """What `check` says is said here too, and the rest of the machine is still looked at."""
    lines = told(data, VARDEVAKT_HTTP_PROT="8080")
    assert lines["settings"]["level"] == "bad"
    assert "sqlite" in lines


def test_dead_letters_and_findings_of_the_last_day(data: Path, told: Callable[..., Any]) -> None:
    """One that may have been an alarm is bad; so is a finding that could not be mended."""
    journal = sqlite_journal(data)
    journal.raw.append([message()]).result()
    letter = DeadLetter(1, 0, now_ms(), "x", "no_codec", may_be_alarm=True)
    journal.inputs.write(1, [Folded(dead_letters=(letter,))], 0)
    journal.close()
    with sqlite3.connect(data / "desk.db") as desk:
        desk.execute("INSERT INTO findings (at_ms, kind, ref, repaired) VALUES (?, 'timer_late', 't1', 0)", (now_ms(),))
    desk.close()
    lines = told(data)
    assert lines["dead_letters"]["level"] == "bad"
    assert lines["reconciler"]["level"] == "bad"
    assert "timer_late" in lines["reconciler"]["detail"]


def test_a_certificate_file_that_is_none_is_named(data: Path, told: Callable[..., Any], tmp_path: Path) -> None:
    """A CA file full of something else: bad, with its name."""
    (tmp_path / "ca.pem").write_text("nothing")
    lines = told(data, VARDEVAKT_MQTT_CA_FILE=str(tmp_path / "ca.pem"))
    assert lines["certificate"]["level"] == "bad"
    assert str(tmp_path / "ca.pem") in lines["certificate"]["detail"]
