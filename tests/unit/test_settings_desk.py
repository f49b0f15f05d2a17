"""`[desk]`: where the desk's rows are kept, and what is refused before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest

from alerts.database import Server
from api.running.desk_place import desk_server, shared_link_key
from api.settings.file import SettingsError, load_settings

URL = "postgresql+psycopg://vardevakt@db.example.org/vardevakt"


def loaded(folder: Path, *lines: str):
    """Settings with these lines in `[desk]`."""
    path = folder / "vardevakt.toml"
    path.write_text("\n".join(["[desk]", *lines]))
    return load_settings(path, environ={})


@pytest.fixture
def key(tmp_path: Path) -> str:
    """A line that names a key of links."""
    (tmp_path / "links").write_text("k" * 32 + "\n")
    return f'link_key_file = "{tmp_path / "links"}"'


def test_without_an_address_the_desk_is_a_file(tmp_path):
    """The default: desk.db and links.key in the data folder."""
    settings = loaded(tmp_path)
    assert desk_server(settings) is None
    assert shared_link_key(settings) == b""


def test_an_address_with_its_password_from_a_file(tmp_path, key):
    """The password never stands in the settings, nor in what the place says of itself."""
    (tmp_path / "password").write_text("s3cret\n")
    settings = loaded(tmp_path, f'database_url = "{URL}"', f'database_password_file = "{tmp_path / "password"}"', key)

    assert desk_server(settings) == Server(URL, "s3cret")
    assert "s3cret" not in f"{desk_server(settings)!r} {desk_server(settings)}"
    assert shared_link_key(settings) == b"k" * 32


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (('database_url = "postgresql+psycopg://u:pw@host/db"', "KEY"), "database_password_file instead"),
        (('database_url = "mysql://u@host/db"', "KEY"), "no address of a PostgreSQL database"),
        (('database_url = "postgresql+psycopg://u@host"', "KEY"), "no address of a PostgreSQL database"),
        (('database_url = "nonsense"', "KEY"), "no address of a database"),
        ((f'database_url = "{URL}"',), "link_key_file"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, key, lines, said):
    """By the field at fault, with what to write instead."""
    with pytest.raises(SettingsError, match=said):
        loaded(tmp_path, *(key if line == "KEY" else line for line in lines))


def test_a_key_that_can_be_guessed_is_refused(tmp_path):
    """One-time links are worth what their key is worth."""
    (tmp_path / "links").write_text("short")
    settings = loaded(tmp_path, f'link_key_file = "{tmp_path / "links"}"')
    with pytest.raises(SettingsError, match="32 bytes"):
        shared_link_key(settings)
