"""Edge: reads the words that go out to phones, one file per language, once per process."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path

DEFAULT = "nb"
HERE = Path(__file__).resolve().parent


@functools.cache
def texts(language: str) -> Mapping[str, str]:
    """{"staff.ring": "…"} of a language; bokmål for one we do not have."""
    file = HERE / f"{language}.toml"
    if language not in languages():
        return texts(DEFAULT)
    groups = tomllib.loads(file.read_text("utf-8"))
    return {f"{group}.{key}": text for group, words in groups.items() for key, text in words.items()}


@functools.cache
def languages() -> frozenset[str]:
    """The languages there are."""
    return frozenset(file.stem for file in HERE.glob("*.toml"))
