"""The rule book for one person: what is in force for them now, and whose word each value is. Edge: reads the settings.

The values come from where the fold has them: `rules/in_force.py`, asked with the facts that follow from the settings.
A plan, measure or pause that was saved and that the folds have not seen yet is not in force, and does not count here.
"""

from __future__ import annotations

from typing import Any

from alerts.site.projection import setting_id
from alerts.site.settings_reads import SettingsReads
from api.http.wire import utc_text
from api.running.rule_book import kept_book, shown_parameters, shown_rule
from ingest.record import Setting
from rules import watch
from rules.book import Book, Rule
from rules.fact_settings import take_setting
from rules.facts import Facts
from rules.in_force import InForce

OFF, LACKS, NO_MEASURE, PAUSED, ON = "off", "lacks", "no_measure", "paused", "on"
STANDINGS = (ON, OFF, LACKS, NO_MEASURE, PAUSED)


def rules_of(store: SettingsReads, resident: str, now_ms: int) -> list[dict[str, Any]] | None:
    """Every rule as `shown_rule` has it, with `standing` (one of STANDINGS), `until` (when that ends by itself, else
    None), `lacks` (devices that it needs and the home has not, each {nb, en}), `on` and `parameters` as they are for
    them. None when there is nobody of that id.
    """
    book, facts = kept_book(store), _facts(store, resident, now_ms)
    if facts is None:
        return None
    index = InForce(book or Book(()))
    return [_for_person(rule, index, facts, resident, now_ms) for rule in index.book.rules]


def _for_person(rule: Rule, index: InForce, facts: Facts, resident: str, now_ms: int) -> dict[str, Any]:
    values = index.values(facts, rule, resident, now_ms)
    on = rule.id not in index.book.off and (rule.alarm or values.on)
    _, until_ms, watched = index.watch_window(facts, rule, resident, now_ms, all_measures=False)
    pause = watch.paused(facts, rule, resident, now_ms) if "pause" in rule.holds else None
    lacks = index.lacking(facts, rule, resident)
    if not on:
        standing, until_ms = OFF, watch.FOREVER_MS
    elif lacks:
        standing = LACKS
    elif not watched:
        standing = NO_MEASURE
    elif pause is not None:
        standing, until_ms = PAUSED, pause.until_ms
    else:
        standing = ON
    own = {"on": on, "standing": standing, "lacks": list(lacks), "parameters": shown_parameters(values)}
    return shown_rule(rule, index.book) | own | {"until": None if until_ms >= watch.FOREVER_MS else utc_text(until_ms)}


def _facts(store: SettingsReads, resident: str, now_ms: int) -> Facts | None:
    """What the rules know of a person from the settings alone."""
    person = store.get("resident", resident)
    if person is None:
        return None
    facts = Facts(str(person["home"]), store.site_id)
    facts.timezone = str((store.get("site", store.site_id) or {}).get("timezone") or facts.timezone)
    _take(facts, "home", facts.home, store.get("home", facts.home), now_ms)
    _take(facts, "resident", resident, person, now_ms)
    for kind in ("plan", "measure", "pause"):
        for item in store.list(kind, resident=resident):
            _take(facts, kind, str(item["id"]), _seen(store, kind, str(item["id"])), now_ms)
    _take_devices(facts, store, resident, now_ms)
    return facts


def _take_devices(facts: Facts, store: SettingsReads, resident: str, now_ms: int) -> None:
    """Those of the person, of the home, and of its gateways: a device needs to say only one of them."""
    found = [*store.list("device", resident=resident), *store.list("device", home=facts.home)]
    for gateway in store.list("gateway", home=facts.home):
        _take(facts, "gateway", str(gateway["id"]), gateway, now_ms)
        found += store.list("device", gateway=gateway["id"])
    for device in found:
        _take(facts, "device", str(device["id"]), device, now_ms)


def _take(facts: Facts, kind: str, item_id: str, value: dict[str, Any] | None, now_ms: int) -> None:
    if value is not None:
        take_setting(facts, Setting(setting_id(kind, item_id), 1, kind, value), now_ms)


def _seen(store: SettingsReads, kind: str, item_id: str) -> dict[str, Any] | None:
    """The newest version that the folds have seen, as they see it."""
    return next((one["value"] for one in store.history(kind, item_id) if one["in_force_at"] is not None), None)
