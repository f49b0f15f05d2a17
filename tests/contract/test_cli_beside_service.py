"""`user` and `key` while `serve` runs in a process of its own on the same folder, and after it was killed."""

from __future__ import annotations

import contextlib
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from api.cli.commands import run
from api.http.local_access import NOTE, read_access
from tests.contract.test_cli import SITE
from tests.support.servers import ROOT, python_environment

SECRET = "a long enough secret"
Served = tuple[Path, str, "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that is up; it ends with the last test but one."""
    with service(tmp_path_factory.mktemp("served")) as up:
        yield up


@contextlib.contextmanager
def service(tmp_path: Path) -> Iterator[Served]:
    """Data folder, address and process of a service that is up."""
    data, site = tmp_path / "data", tmp_path / "site.yaml"
    site.write_text(SITE + "staff: [{id: s1, name: Ola, functions: [], role: carer}]\n")
    (tmp_path / "password").write_text(SECRET + "\n")
    command = [sys.executable, "-m", "api.cli", "serve", "--data", str(data), "--site", str(site)]
    command += ["--http-port", "0", "--mqtt-port", "0"]
    with (tmp_path / "service.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=python_environment(), stdout=subprocess.PIPE, stderr=log, text=True
        )
    try:
        assert process.stdout is not None, "a pipe was asked for"
        line = next(line for line in process.stdout if line.startswith("Vardevakt: "))
        yield data, line.removeprefix("Vardevakt: ").strip(), process
    finally:
        process.kill()
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()


def add(data: Path, login: str, *more: str) -> int:
    given = ["--name", "Kari", "--role", "carer", "--password-file", str(data.parent / "password")]
    return run(["user", "add", login, *given, "--data", str(data), *more])


def logs_in(url: str, login: str) -> int:
    return httpx2.post(f"{url}/api/v1/session", json={"user": login, "password": SECRET}, timeout=20).status_code


def test_the_note_is_for_its_owner_alone_and_nothing_else_writes_the_desk(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the folder's owner reads the token; migrating or serving the same folder again is refused before it opens
    the desk.
    """
    data, _, _ = served
    assert stat.S_IMODE((data / NOTE).stat().st_mode) == 0o600
    for command in (["migrate"], ["serve"]):
        assert run([*command, "--data", str(data)]) == 2
        assert "stop it first" in capsys.readouterr().err


def test_users_and_keys_change_while_the_service_runs(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    """Added, they log in at once; disabled, they are out at once; what is refused is one line and exit 2."""
    data, url, process = served
    assert add(data, "kari", "--staff", "s1", "--ward", "nord") == 0
    assert logs_in(url, "kari") == 200
    capsys.readouterr()
    assert add(data, "kari") == 2
    assert "there is a user kari already" in capsys.readouterr().err
    assert run(["user", "list", "--data", str(data)]) == 0
    assert "kari  Kari  carer  wards: nord" in capsys.readouterr().out
    assert run(["user", "disable", "kari", "--data", str(data)]) == 0
    assert logs_in(url, "kari") == 401
    assert run(["user", "disable", "kari", "--data", str(data)]) == 1
    assert run(["user", "enable", "kari", "--data", str(data)]) == 0
    assert logs_in(url, "kari") == 200

    capsys.readouterr()
    assert run(["key", "add", "journal", "--role", "carer", "--data", str(data)]) == 0
    headers = {"authorization": f"Bearer {capsys.readouterr().out.strip()}"}
    assert httpx2.get(f"{url}/api/v1/alerts", headers=headers, timeout=20).status_code == 200
    assert run(["key", "list", "--data", str(data)]) == 0
    key_id = capsys.readouterr().out.split()[0]
    assert run(["key", "revoke", key_id, "--data", str(data)]) == 0
    assert httpx2.get(f"{url}/api/v1/alerts", headers=headers, timeout=20).status_code == 401
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    assert not (data / NOTE).exists(), "the note goes with the service"


def test_after_a_kill_the_stale_note_is_not_believed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody holds the folder any more: the command writes the file itself."""
    with service(tmp_path) as (data, _, process):
        process.kill()
        process.wait(30)
    assert read_access(data) is not None, "a killed service leaves its note"

    assert add(data, "kari") == 0
    capsys.readouterr()
    assert run(["user", "list", "--data", str(data)]) == 0
    assert "kari" in capsys.readouterr().out
