"""A simulated ward for tests: its local time, its site file read by the desk, its recordings through the folds."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from alerts.site.file import loads
from alerts.site.items import SiteFile
from api.replay import ReplayResult, replay
from ingest.codecs import default_codecs
from rules.book_file import shipped_book
from rules.local_time import instant_ms
from simulators.message import Message
from simulators.play import write_recording
from simulators.site import site_yaml
from simulators.ward import Ward

ZONE = "Europe/Oslo"
DAY_MS = 86_400_000
BOOK = shipped_book()


def oslo(day: date, minutes: int) -> int:
    """The instant of minutes after local midnight, as the simulators ask for it."""
    return instant_ms(day, minutes, ZONE)


def site_file(ward: Ward) -> SiteFile:
    """The ward's site file as the desk reads it."""
    return _read(site_yaml(ward).encode())


@functools.cache
def _read(text: bytes) -> SiteFile:
    return loads(text, "ward.yaml", {rule.id: rule.kind for rule in BOOK.rules})


def replayed(ward: Ward, messages: Iterable[Message], folder: Path) -> ReplayResult:
    """Messages as a recording, through the production path."""
    folder.mkdir(exist_ok=True)
    path = folder / "ward.jsonl"
    write_recording(messages, path)
    return replay([path], site_file(ward), BOOK, default_codecs())
