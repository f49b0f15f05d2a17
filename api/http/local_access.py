"""How the command line reaches the service that runs on a data folder: a note in that folder, for its owner alone.

Only one connection may write desk.db, and it lives in the service (alerts/database.py says why: beside a second
writing process, SQLite's WAL-reset fault could lose what was committed). So while a service runs, `user` and `key` ask
it over HTTP. The note `service.json` (mode 0600) holds its address and a token made anew at each start, which exists
nowhere else and stands for an operator; whoever can read it owns the folder and could change the files anyway.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from alerts.access.passwords import new_token

NOTE = "service.json"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what a service may listen on, and how it is reached


class LocalAccess(msgspec.Struct, frozen=True):
    """Where a running service is reached, and the token that it takes from its own machine."""

    url: str
    token: str


def new_access(host: str, port: int) -> LocalAccess:
    """For a service that listens there."""
    reached = EVERYWHERE.get(host, f"[{host}]" if ":" in host else host)
    return LocalAccess(f"http://{reached}:{port}", new_token())


def write_access(folder: Path, access: LocalAccess) -> None:
    """Leave the note, whole or not at all, readable by its owner alone from its first byte on."""
    path, draft = folder / NOTE, folder / f".{NOTE}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(access))
    draft.replace(path)


def remove_access(folder: Path) -> None:
    """The service is going down."""
    with contextlib.suppress(FileNotFoundError):
        (folder / NOTE).unlink()


def read_access(folder: Path) -> LocalAccess | None:
    """The note of the service that runs there; None when there is none, or none that can be read."""
    try:
        return msgspec.json.decode((folder / NOTE).read_bytes(), type=LocalAccess)
    except (OSError, msgspec.DecodeError):
        return None
