"""Why a rule did or did not tell anybody, answered from the log: for API, pages and `rules explain`. Edge: reads logs.

The log of one home, and the settings of the site, are folded again up to the instant that is asked for
(`rules/explain.py`), from the older base where the log was cut. One at a time, and never in the way of the folds.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec
import structlog

from alerts.site.settings_store import SettingsStore
from api.http.wire import utc_text
from ingest.base_files import BaseError, BaseFolder
from ingest.record import SETTING, Input
from rules.book import Book
from rules.effects import LIVE
from rules.explain import Explanation, Said, Seen, explain
from rules.home_fold import HomeFold

if TYPE_CHECKING:
    from api.http.services import Services

BEFORE_LOG = "before_log"  # one of rules.explain.CONCLUSIONS
log = structlog.get_logger()

ROWS_MAX = 300_000  # inputs of one home: a year of a home full of sensors


class TooLong(Exception):
    """The log of this home is longer than can be folded while somebody waits."""


class InputReader(Protocol):
    """INPUTS as they are looked up by home (ingest.journal.InputLog, or a reader beside a running service)."""

    def read(self, after_seq: int, limit: int) -> list[Input]: ...
    def find(self, home: str, from_ms: int, to_ms: int, limit: int) -> list[Input]: ...


class HomeHistory(Protocol):
    """INPUTS where each home's stand in a partition with others' (ingest.logs_kafka.KafkaPages)."""

    def history(self, home: str, to_ms: int, limit: int) -> list[Input]: ...


_one_at_a_time = threading.Lock()


def explained(services: Services, rule: str, subject: str, at_ms: int) -> Explanation | None:
    """The answer for one rule and subject of a running service; None when nobody of that name is known."""
    logs, store = services.input_log, services.settings_store
    if services.data is not None:
        return explanation(logs, store, services.data, rule, subject, at_ms)
    home = home_of(store, subject)
    if home is None:
        return None
    with _one_at_a_time:
        given = cast("HomeHistory", logs).history(home, at_ms + 1, ROWS_MAX)
        if len(given) >= ROWS_MAX:
            raise TooLong(home)
        if not given or given[0].received_at_ms > at_ms:
            return Explanation(rule, subject, home, at_ms, BEFORE_LOG)
        return explain(iter(given), Book(()), store.site_id, subject, rule, at_ms)


def explanation(
    inputs: InputReader, store: SettingsStore, data: Path, rule: str, subject: str, at_ms: int
) -> Explanation | None:
    """The same from the logs in a folder. `data`: the folder of the bases."""
    home = home_of(store, subject)
    if home is None:
        return None
    with _one_at_a_time:
        first = inputs.read(0, 1)
        if not first or at_ms < first[0].received_at_ms:
            return Explanation(rule, subject, home, at_ms, BEFORE_LOG)
        begun, position = (None, 0) if first[0].seq == 1 else _begun(BaseFolder(data / "bases"), store.site_id, home)
        if begun is None and first[0].seq > 1:
            return Explanation(rule, subject, home, at_ms, BEFORE_LOG)
        given = (one for one in _inputs(inputs, home, at_ms) if one.seq > position)
        return explain(given, Book(()), store.site_id, subject, rule, at_ms, begun=begun)


def _begun(bases: BaseFolder, site: str, home: str) -> tuple[HomeFold | None, int]:
    """Where the log was cut: the fold of this home as the older base has it, and that base's position; no fold where
    there is no base that can be read.
    """
    fold = HomeFold(Book(()), site)
    try:
        base = bases.oldest(LIVE)
        if base is None:
            return None, 0
        fold.restore(bases.state(base))
    except (BaseError, ValueError) as error:  # damaged, or of an engine that wrote another state
        log.warning("base_not_read", reason=str(error))
        return None, 0
    fold.keep_only(home)
    return fold, base.position


def home_of(store: SettingsStore, subject: str) -> str | None:
    """Home of a resident, device or gateway: its own, else its resident's, else its gateway's."""
    for kind in ("resident", "device", "gateway"):
        value = store.get(kind, subject)
        if value is None:
            continue
        if value.get("home"):
            return str(value["home"])
        for other in ("resident", "gateway"):
            named = store.get(other, str(value[other])) if value.get(other) else None
            if named is not None and named.get("home"):
                return str(named["home"])
    return None


def _inputs(inputs: InputReader, home: str, at_ms: int) -> Iterator[Input]:
    """Those of the home, and the settings of the whole site, in the order of the log."""
    own = inputs.find(home, 0, at_ms + 1, ROWS_MAX)
    if len(own) >= ROWS_MAX:
        raise TooLong(home)
    common = [each for each in inputs.find("", 0, at_ms + 1, ROWS_MAX) if each.kind == SETTING]
    return heapq.merge(own, common, key=lambda given: given.seq)


def shown_explanation(found: Explanation) -> dict[str, Any]:
    """JSON-ready; times with `Z`, reasons as code and arguments."""
    return {
        "rule": found.rule,
        "rule_version": found.version,
        "kind": found.kind,
        "subject_id": found.subject,
        "home_id": found.home,
        "at": utc_text(found.at_ms),
        "conclusion": found.conclusion,
        "lacks": list(found.lacks),
        "watched_until": None if found.watched_until_ms is None else utc_text(found.watched_until_ms),
        "hold": None if found.hold is None else msgspec.to_builtins(found.hold),
        "parameters": {name: {"value": item.value, "from": item.origin} for name, item in found.parameters.items()},
        "state": found.state,
        "next_timer": None if found.next_due_ms is None else utc_text(found.next_due_ms),
        "open_alerts": list(found.open_alerts),
        "seen": [_seen(one) for one in found.seen],
        "said": [_said(one) for one in found.said],
    }


def _seen(seen: Seen) -> dict[str, Any]:
    happened_ms = seen.effective_at_ms
    return {
        "at": utc_text(seen.at_ms),
        "role": seen.role,
        "event_id": seen.event_id,
        "type": seen.type,
        "happened_at": None if happened_ms is None else utc_text(happened_ms),
        "device_id": seen.device,
    }


def _said(said: Said) -> dict[str, Any]:
    return {
        "at": utc_text(said.at_ms),
        "what": said.what,
        "reason": msgspec.to_builtins(said.reason),
        "alert_id": said.alert_id,
    }
