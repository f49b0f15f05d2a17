"""A relay that is killed between RAW and its own mark sends the same rows again, and no others."""

import json
import signal
import subprocess
import sys
from concurrent.futures import Future

from alerts.database import open_database
from alerts.relay import Relay
from tests.support.people import filled_store

CHILD = """
import os, sys, signal
from concurrent.futures import Future
from pathlib import Path
from alerts.database import open_database
from alerts.relay import Relay

def submit(records):
    with open(sys.argv[2], "ab") as raw:
        raw.writelines(record.payload + b"\\n" for record in records)
        raw.flush()
        os.fsync(raw.fileno())
    os.kill(os.getpid(), signal.SIGKILL)

Relay(open_database(Path(sys.argv[1])), submit).run_once()
"""


def test_killed_between_raw_and_mark_it_sends_again(tmp_path, project_root):
    """After `kill -9` with the rows on disk and not marked, the next run delivers exactly the same rows: the fold
    ignores versions it has seen, so nothing is lost and nothing happens twice.
    """
    store = filled_store(tmp_path)
    path, raw = store.database.path, tmp_path / "raw"
    store.database.close()
    killed = subprocess.run([sys.executable, "-c", CHILD, path, raw], cwd=project_root, check=False, timeout=60)
    first = raw.read_bytes().splitlines()

    again: list[bytes] = []

    def submit(records):
        again.extend(record.payload for record in records)
        done: Future[int] = Future()
        done.set_result(len(again))
        return done

    relay = Relay(open_database(path), submit)
    relay.run_once()

    assert killed.returncode == -signal.SIGKILL
    assert len(first) == 13
    assert again == first
    assert relay.waiting() == 0
    keys = [(setting["setting_id"], setting["version"]) for setting in map(json.loads, first)]
    assert len(set(keys)) == len(keys), "each can be told from every other, so a second delivery is seen as one"
