"""Where the desk of these settings stands, and what the processes that share it have in common. Edge: reads secrets."""

from __future__ import annotations

from pathlib import Path

from alerts.database import Place, Server
from alerts.site.problems import Problem
from api.settings.file import SettingsError, read_secret
from api.settings.model import Settings

LINK_KEY_MIN = 32


def desk_server(settings: Settings) -> Server | None:
    """None: desk.db in the data folder. Raises SettingsError for a password file."""
    desk = settings.desk
    if not desk.database_url:
        return None
    password = None if desk.database_password_file is None else read_secret(desk.database_password_file)
    return Server(desk.database_url, password)


def desk_place(settings: Settings, data: Path | None = None) -> Place:
    """Where commands find the desk: the server that the settings name, else in the data folder (or `data`)."""
    server = desk_server(settings)
    return server if server is not None else (data or settings.data.dir) / "desk.db"


def shared_link_key(settings: Settings) -> bytes:
    """The key of one-time links, b"": the data folder's own. Raises SettingsError for a key that is none."""
    path = settings.desk.link_key_file
    key = b"" if path is None else read_secret(path).encode()
    if path is not None and len(key) < LINK_KEY_MIN:
        problem = Problem("too_short", "desk.link_key_file", f"holds fewer than {LINK_KEY_MIN} bytes")
        raise SettingsError([(str(path), problem)])
    return key
