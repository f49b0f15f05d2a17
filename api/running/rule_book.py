"""The rule book as a setting: settled in the store when the service starts, read back for API and board. Edge.

A book is one setting among others, so it goes through RAW and the folds replay with the book of the day. It is written
only when its content is new: the version is the hash of everything in it.
"""

from __future__ import annotations

import functools
import importlib.metadata
from typing import Any

import msgspec
import structlog

from alerts.site.settings_reads import SettingsReads
from alerts.site.settings_store import SettingsStore
from rules import home_fold
from rules.book import Book, Rule
from rules.book_check import values_of
from rules.book_file import shipped_book
from rules.parameters import Values

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


def kept_book(store: SettingsReads) -> Book | None:
    """The book as it was saved last; None where there is none yet."""
    kept = store.get("book", BOOK_ID)
    return None if kept is None else msgspec.convert(kept["book"], Book)


def marks_rules(store: SettingsReads) -> bool:
    """Whether the book in force has rules on trial."""
    kept = store.get("book", BOOK_ID)
    return kept is not None and bool(kept["book"].get("shadow"))


class ServedBook:
    """The book in force, JSON-ready (api.http.services.RuleBookReader)."""

    def __init__(self, store: SettingsStore) -> None:
        self._store = store
        self._kept: tuple[int, list[dict[str, Any]]] = (-1, [])

    def rules(self) -> list[dict[str, Any]]:
        """Every rule as `shown_rule` has it."""
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
    """One rule, JSON-ready: names in both languages, kind, family, what it listens to, and what is in force of it.

    `on` and `parameters` (value as it is written, and `from`: book or site) are the site's; `wards` has what a ward
    says otherwise, by ward; `trial` the values it runs with on trial, None when it is not on trial.
    """
    values = _values(rule, book, None)
    heard = (*rule.at_once, *rule.enter, *rule.leave, *rule.extend, *rule.then)
    return {
        "id": rule.id,
        "name": rule.name,
        "family": family_of(rule),
        "kind": rule.kind,
        "code": rule.code,
        "priority": rule.priority,
        "version": rule.version,
        "alarm": rule.alarm,
        "measure": list(rule.measure),
        "needs": [need.what for need in rule.needs],
        "holds": list(rule.holds),
        "roles": sorted({role for match in heard for role in match.roles}),
        "events": sorted({name for match in heard for name in match.types}),
        "source": rule.source,
        "on": rule.id not in book.off and (rule.alarm or values.on),
        "trial": book.shadow.get(rule.id),
        "parameters": shown_parameters(values),
        "wards": {
            layer.ward: shown_parameters(_values(rule, book, layer.ward), layer.origin)
            for layer in book.layers
            if layer.ward is not None and layer.set.get(rule.id)
        },
    }


def shown_parameters(values: Values, origin: str | None = None) -> dict[str, dict[str, str]]:
    """{"for": {"value": "20 min", "from": "book"}}: all of them, or those that one layer says."""
    return {
        name: {"value": item.value, "from": item.origin}
        for name, item in values.shown.items()
        if origin is None or item.origin == origin
    }


def family_of(rule: Rule) -> str:
    """Under which heading a rule stands: "own" for a site's, "alarms", else the class of rules that a pause names."""
    return "own" if rule.id not in _shipped() else rule.group or "alarms"


@functools.cache
def _shipped() -> frozenset[str]:
    return frozenset(rule.id for rule in shipped_book().rules)


def _values(rule: Rule, book: Book, ward: str | None) -> Values:
    """Parameters in force for the site, or for one of its wards."""
    layers = [(layer.origin, layer.set[rule.id]) for layer in book.layers
              if layer.ward in (None, ward) and layer.set.get(rule.id)]  # fmt: skip
    return values_of(rule, [("book", rule.set), *layers])
