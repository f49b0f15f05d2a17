"""What every table of the settings is made of. Reads nothing, but looks whether a named file is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from alerts.site.problems import shown, wrong


def as_path(value: object) -> object:
    """TOML and the environment write paths as text."""
    return Path(value) if isinstance(value, str) and value else value


def as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def is_http_address(text: str) -> bool:
    """Whether it names a host to speak HTTP with."""
    try:
        parts = urlsplit(text)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def page_url(text: str) -> str:
    """An address over HTTP, without the last slash."""
    if not is_http_address(text):
        raise wrong("bad_url", f"{shown(text)} is no address; write https://vardevakt.example.org")
    return text.rstrip("/")


def _there(path: Path) -> Path:
    if not path.is_file():
        raise wrong("no_file", f"there is no file {path}")
    return path


FilePath = Annotated[Path, BeforeValidator(as_path), AfterValidator(_there)]
FolderPath = Annotated[Path, BeforeValidator(as_path)]
Port = Annotated[int, Field(ge=0, le=65_535)]
PageUrl = Annotated[str, AfterValidator(page_url)]


class Section(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
