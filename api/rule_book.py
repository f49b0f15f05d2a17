"""The rule book as a setting: settled in the store when the service starts, read back for API and board. Edge.

A book is one setting among others, so it goes through RAW and the folds replay with the book of the day. It is written
only when its content is new: the version is the hash of everything in it.
"""

from __future__ import annotations

import importlib.metadata
from typing import Any

import msgspec
import structlog

from alerts.settings_store import SettingsStore
from rules import home_fold
from rules.book import Book, Rule
from rules.book_check import values_of

log = structlog.get_logger()

BOOK_ID = "current"


def engine_version() -> str:
    """What a snapshot of the folds depends on besides the log: engine, zone data and public holidays."""
    zones, holidays = importlib.metadata.version("tzdata"), importlib.metadata.version("holidays")
    return f"{home_fold.ENGINE}/tzdata-{zones}/holidays-{holidays}"


def settle_book(store: SettingsStore, book: Book, now_ms: int) -> bool:
    """Save the book unless it is the one in force already; whether it was new."""
    kept = store.get("book", BOOK_ID)
    if kept is not None and kept["book"].get("version") == book.version:
        return False
    store.save("book", BOOK_ID, {"id": BOOK_ID, "book": msgspec.to_builtins(book)}, "service", now_ms)
    log.info("rule_book_saved", book=book.version, rules=len(book.rules))
    return True


class ServedBook:
    """The book in force, JSON-ready (api.services.RuleBookReader)."""

    def __init__(self, store: SettingsStore) -> None:
        self._store = store
        self._kept: tuple[int, list[dict[str, Any]]] = (-1, [])

    def rules(self) -> list[dict[str, Any]]:
        """Every rule: id, name {nb, en}, kind, code, priority, measure, holds, source, parameters with origin."""
        kept = self._store.get("book", BOOK_ID)
        if kept is None:
            return []
        version = int(kept.get("version") or 0)
        if self._kept[0] != version:
            book = msgspec.convert(kept["book"], Book)
            self._kept = (version, [shown_rule(rule, book) for rule in book.rules])
        return self._kept[1]

    def rule(self, rule_id: str) -> dict[str, Any] | None:
        return next((rule for rule in self.rules() if rule["id"] == rule_id), None)


def shown_rule(rule: Rule, book: Book) -> dict[str, Any]:
    """One rule, JSON-ready; see ServedBook.rules."""
    layers = [("book", rule.set)] + [(layer.origin, layer.set.get(rule.id, {})) for layer in book.layers]
    values = values_of(rule, [(origin, settings) for origin, settings in layers if settings])
    return {
        "id": rule.id,
        "name": rule.name,
        "kind": rule.kind,
        "code": rule.code,
        "priority": rule.priority,
        "version": rule.version,
        "alarm": rule.alarm,
        "measure": list(rule.measure),
        "holds": list(rule.holds),
        "source": rule.source,
        "on": rule.id not in book.off,
        "parameters": {name: {"value": item.value, "from": item.origin} for name, item in values.shown.items()},
    }
