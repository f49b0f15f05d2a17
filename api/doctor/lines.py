"""What is wrong with an installation, line by line. The values, and what every check has in common.

Nothing is judged twice: settings, rule book, channels and health are asked of the code that the service itself uses;
the checks here add what only somebody outside can see (disk, clock, certificates, age of backups, the broker).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from api.settings.model import Settings

Level = Literal["ok", "warn", "bad"]
EXIT: dict[Level, int] = {"ok": 0, "warn": 1, "bad": 2}
DAY_MS = 86_400_000


class Line(msgspec.Struct, frozen=True):
    """One thing looked at. `code` is stable; `todo` says what to do, "" where nothing is."""

    code: str
    level: Level
    detail: str
    todo: str = ""


class Patient(msgspec.Struct, frozen=True):
    """The installation that is looked at."""

    settings: Settings
    data: Path
    now_ms: int


def ok(code: str, detail: str) -> Line:
    return Line(code, "ok", detail)


def warn(code: str, detail: str, todo: str) -> Line:
    return Line(code, "warn", detail, todo)


def bad(code: str, detail: str, todo: str) -> Line:
    return Line(code, "bad", detail, todo)


def worst(lines: Iterable[Line]) -> Level:
    """The gravest level among them."""
    return max((line.level for line in lines), key=lambda level: EXIT[level], default="ok")


def text(lines: Iterable[Line]) -> Iterator[str]:
    """For people: the level first, what to do on a line of its own."""
    for line in lines:
        yield f"{line.level:<4}  {line.code:<14}  {line.detail}"
        if line.todo:
            yield f"{'':<22}-> {line.todo}"


def expiry(code: str, what: str, ends_ms: int, now_ms: int, todo: str) -> Line:
    """How long a certificate or list of revoked ones is good for: bad in its last week, warned of in its last month."""
    days = (ends_ms - now_ms) // DAY_MS
    if ends_ms <= now_ms:
        return bad(code, f"{what} has ended", todo)
    told = f"{what} ends in {days} days"
    return bad(code, told, todo) if days < 7 else warn(code, told, todo) if days < 30 else ok(code, told)
