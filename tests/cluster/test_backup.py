"""Backup beside a running service, restore, and the drill; damaged, missing and altered files; no room."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from api.backup import backup as backup_module
from api.backup.backup import read_note, take_backup
from api.backup.files import DATABASES, MANIFEST, figures_of, read_manifest
from api.cli.commands import run
from api.cli.problem_lines import CannotRun
from tests.contract.test_as_an_outsider import SITE_FILE
from tests.support.running_service import SITE, running_service
from tests.support.servers import ROOT, python_environment
from tests.support.waiting import wait_until

TOPIC = "vardevakt/1/gw-1/pendant-7/event"
PRESSES = 150


def backed_up(data: Path, target: Path, **more: int) -> Path:
    given = {"bytes_per_s": 0, "reserve_bytes": 0, **more}
    return take_backup(data, target, SITE, ("zigbee2mqtt",), 1_772_370_000_000, **given)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data` that a service has left in order, and `backups` with one made while messages came."""
    folder = tmp_path_factory.mktemp("kept")
    with running_service(folder) as service:
        service.import_site(SITE_FILE)
        service.publish(TOPIC, {"type": "alarm.pressed", "id": "0"})
        service.up.service.nightly.run(service.up.services.clock())  # bases, as after a night
        stop, client = threading.Event(), service.client()

        def press() -> None:
            for number in range(1, 10_000):
                body = {"type": "bed.left" if number % 2 else "bed.occupied", "id": str(number)}
                client.publish("vardevakt/1/gw-1/mat/event", json.dumps(body), qos=1).wait_for_publish(10)
                if stop.is_set() and number > PRESSES:
                    return

        load = threading.Thread(target=press)
        load.start()
        try:
            begun = service.parts.journal.raw.last_seq()
            wait_until(lambda: service.parts.journal.raw.last_seq() > begun + 10, "messages on their way")
            before = service.parts.journal.raw.last_seq()
            made = backed_up(folder / "data", folder / "backups", bytes_per_s=4 * 1_048_576)
            after = service.parts.journal.raw.last_seq()
        finally:
            stop.set()
            load.join()
            client.disconnect()
            client.loop_stop()
        service.settle()
        assert before <= read_manifest(made).figures["raw"] <= after
        assert before < after, "nothing was written meanwhile: the backup was not made under load"
        service.publish(TOPIC, {"type": "alarm.pressed", "id": "after"})
    return folder


@pytest.fixture(autouse=True)
def as_quick_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands make their process yield to the service; this process has more tests to run."""
    monkeypatch.setattr(os, "nice", lambda _: 0)


def the_backup(kept: Path) -> Path:
    (found,) = (kept / "backups").iterdir()
    return found


def test_a_backup_under_load_restores_to_what_its_manifest_says(kept: Path, tmp_path: Path) -> None:
    """Every position and count is there again, RAW without a hole and equal row by row to the service's own."""
    manifest, data = read_manifest(the_backup(kept)), tmp_path / "data"
    assert run(["restore", str(the_backup(kept)), "--data", str(data)]) == 0
    assert figures_of(data) == manifest.figures
    assert manifest.figures["live"] <= manifest.figures["inputs"]
    assert manifest.figures["alerts_open"] >= 1
    rows = "SELECT * FROM raw WHERE seq <= ? ORDER BY seq"
    found = []
    for folder in (kept / "data", data):
        connection = sqlite3.connect(folder / "journal.db")
        found.append(connection.execute(rows, (manifest.figures["raw"],)).fetchall())
        connection.close()
    assert found[0] == found[1]
    assert [row[0] for row in found[1]] == list(range(1, manifest.figures["raw"] + 1))
    assert sorted(path.name for path in data.iterdir()) == [
        "bases",
        "desk.db",
        "journal.db",
        "links.key",
        "series.db",
        "shadow.db",
    ]


def test_the_drill_proves_a_backup_and_says_so(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refolded from its bases, all three folds come out byte for byte; the scratch folder is empty afterwards."""
    assert run(["restore", str(the_backup(kept)), "--drill", "--scratch", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["problems"] == []
    assert set(told["proofs"].values()) == {"base"}
    assert told["refolded_rows"] >= told["figures"]["raw"] + told["figures"]["inputs"], "from row 1, not from the night"
    assert list(tmp_path.iterdir()) == []


def test_one_command_backs_up_and_drills(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`backup --drill` beside a data folder at rest: proved, remembered in the folder, and older ones removed."""
    data = str(kept / "data")
    for _ in range(2):
        _rename_all(tmp_path)
        assert run(["backup", str(tmp_path), "--data", data, "--drill", "--keep", "1", "--mib-per-second", "0"]) == 0
    assert "the drill went well" in capsys.readouterr().out
    (only,) = [path for path in tmp_path.iterdir() if path.is_dir()]
    note = read_note(kept / "data")
    assert note is not None
    assert note.backup == str(only.resolve())
    assert note.drilled_ms > note.made_ms


def _rename_all(folder: Path) -> None:
    """A backup of yesterday: names have seconds, and tests are quick."""
    for path in list(folder.iterdir()):
        path.rename(folder / "vardevakt-20250101T000000Z")


@pytest.mark.parametrize("name", ["journal.db", "desk.db", "links.key"])
@pytest.mark.parametrize("harm", ["altered", "cut", "missing"])
def test_a_file_that_is_not_what_was_backed_up_is_refused_by_name(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, harm: str
) -> None:
    """One byte other, shorter, or gone: exit 2 with the file's name, and the data folder stays empty."""
    copy = tmp_path / "backup"
    shutil.copytree(the_backup(kept), copy)
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    if harm == "missing":
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(content if harm == "altered" else content[:-1])
    for more in ([], ["--drill"]):
        assert run(["restore", str(copy), "--data", str(tmp_path / "data"), *more]) == 2
        assert str(copy / name) in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_a_manifest_that_does_not_fit_its_files_fails_the_drill(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files whole, but fewer alerts than were counted: the drill is exit 1 and says which figure."""
    copy = tmp_path / "backup"
    shutil.copytree(the_backup(kept), copy)
    told = json.loads((copy / MANIFEST).read_text())
    told["figures"]["alerts"] += 1
    told["alerts_sha256"] = "0" * 64
    (copy / MANIFEST).write_text(json.dumps(told))
    assert run(["restore", str(copy), "--drill"]) == 1
    said = capsys.readouterr().out
    assert "bad: alerts: " in said
    assert "the alerts are not those of the manifest" in said


def test_without_manifest_or_into_a_full_folder_nothing_is_restored(
    kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that holds anything is left alone, and what has no manifest is no backup."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "journal.db").write_text("mine")
    assert run(["restore", str(the_backup(kept)), "--data", str(tmp_path / "data")]) == 2
    assert "is not empty (journal.db)" in capsys.readouterr().err
    assert (tmp_path / "data" / "journal.db").read_text() == "mine"
    assert run(["restore", str(tmp_path / "data"), "--data", str(tmp_path / "other")]) == 2
    assert "no whole backup" in capsys.readouterr().err


def test_a_damaged_database_is_not_backed_up(kept: Path, tmp_path: Path) -> None:
    """A page of rubbish in the desk: refused by name, nothing left in the target."""
    data = tmp_path / "data"
    shutil.copytree(kept / "data", data)
    with (data / "desk.db").open("r+b") as file:
        file.seek(8_192)
        file.write(b"\xff" * 65_536)
    with pytest.raises(CannotRun, match=r"desk\.db|malformed"):
        backed_up(data, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


def test_too_little_room_is_said_before_anything_is_written(kept: Path, tmp_path: Path) -> None:
    """The reserve for alarms is not given to a backup on the same disk."""
    with pytest.raises(CannotRun, match="stay free for alarms"):
        backed_up(kept / "data", tmp_path, reserve_bytes=2**60)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing_behind(kept: Path, tmp_path: Path) -> None:
    """The kernel takes no more bytes (a limit on file sizes stands for the disk): one line, exit 2, an empty target."""
    target = tmp_path / "backups"
    command = [sys.executable, "-m", "api.cli", "backup", str(target), "--data", str(kept / "data")]
    done = subprocess.run(
        command, cwd=ROOT, env={**python_environment(), "VARDEVAKT_JOURNAL_RESERVE_BYTES": "0"}, capture_output=True,
        text=True, check=False, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "nothing was left there" in done.stderr
    assert list(target.iterdir()) == []


def test_a_setting_between_desk_and_log_makes_the_moment_be_taken_anew(kept: Path) -> None:
    """Desk and journal are of one moment: a relay row that came just between is never only in one of them."""
    desk = kept / "data" / "desk.db"
    asked: list[int] = []

    class Late:
        """Stands for a connection whose desk changes once, just after it was pinned."""

        def __init__(self, path: Path) -> None:
            self._real = original(path)

        def execute(self, query: str) -> sqlite3.Cursor:
            if query == backup_module.NEWEST_RELAYED:
                asked.append(1)
                if len(asked) == 2:  # the fresh look, the first time
                    return self._real.execute("SELECT -1")
            return self._real.execute(query)

        def close(self) -> None:
            self._real.close()

    original = backup_module._reader
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup_module, "_reader", Late)
        with backup_module._moment(desk.parent, ["desk.db", "journal.db"]) as pages:
            assert list(pages) == ["desk.db", "journal.db"]
    assert len(asked) == 4
    assert DATABASES.index("desk.db") < DATABASES.index("journal.db"), "a desk ahead of its journal is refused"
