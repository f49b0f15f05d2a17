"""Which rules and parameters differ between two books, in lines that people read in a review. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rules.book import Book, Rule
from rules.book_check import parameters_of_kind
from rules.parameters import Written, as_written, parse_parameter

ADDED, REMOVED, ON, OFF, CHANGED = "added", "removed", "on", "off", "changed"
TRIED, UNTRIED = "tried", "untried"
_SAID = {
    ADDED: "is new", REMOVED: "is gone", ON: "switched on", OFF: "switched off", TRIED: "goes on trial",
    UNTRIED: "is no longer on trial",
}  # fmt: skip
_OWN = ("version", "set", "id")


class Difference(msgspec.Struct, frozen=True):
    """One thing that differs. `where`: "book", "site", "ward nord" or "shadow"; `what`: a parameter or field."""

    rule: str
    kind: str  # added | removed | on | off | changed | tried | untried
    where: str = "book"
    what: str = ""
    old: str = ""
    new: str = ""


def difference(old: Book, new: Book) -> list[Difference]:
    """Everything that differs, in the order of the new book; the same books give none."""
    before, after = {rule.id: rule for rule in old.rules}, {rule.id: rule for rule in new.rules}
    found: list[Difference] = []
    for rule_id in dict.fromkeys((*after, *before)):
        if rule_id not in before:
            found.append(Difference(rule_id, ADDED))
        elif rule_id not in after:
            found.append(Difference(rule_id, REMOVED))
        else:
            found += _fields(before[rule_id], after[rule_id])
            found += _settings(rule_id, old, new, before[rule_id], after[rule_id])
            if (rule_id in old.off) != (rule_id in new.off):
                found.append(Difference(rule_id, OFF if rule_id in new.off else ON))
            if (rule_id in old.shadow) != (rule_id in new.shadow):
                found.append(Difference(rule_id, TRIED if rule_id in new.shadow else UNTRIED))
    return found


def _fields(old: Rule, new: Rule) -> Iterator[Difference]:
    for field in Rule.__struct_fields__:
        one, other = getattr(old, field), getattr(new, field)
        if field not in _OWN and one != other:
            yield Difference(new.id, CHANGED, "book", field, _text(one), _text(other))


def _settings(rule_id: str, old: Book, new: Book, before: Rule, after: Rule) -> Iterator[Difference]:
    layers = _layers(old, before), _layers(new, after)
    for where in dict.fromkeys((*layers[0], *layers[1])):
        one, other = layers[0].get(where, {}), layers[1].get(where, {})
        for name in dict.fromkeys((*one, *other)):
            was = _shown(before, name, _counting(layers[0], where, name))
            now = _shown(after, name, _counting(layers[1], where, name))
            if was != now:
                yield Difference(rule_id, CHANGED, where, name, was, now)


def _layers(book: Book, rule: Rule) -> dict[str, dict[str, Written]]:
    found: dict[str, dict[str, Written]] = {"book": rule.set}
    for layer in book.layers:
        if rule.id in layer.set:
            found[layer.origin] = {**found.get(layer.origin, {}), **layer.set[rule.id]}
    if rule.id in book.shadow:
        found["shadow"] = book.shadow[rule.id]
    return found


def _counting(layers: dict[str, dict[str, Written]], where: str, name: str) -> Written | None:
    """What counts there: its own, else the site's, else the book's."""
    return next((layers[layer][name] for layer in (where, "site", "book") if name in layers.get(layer, {})), None)


def _shown(rule: Rule, name: str, value: Written | None) -> str:
    """A value the one way it is written, so that 60 min and 1 h are the same; "" where it is not said."""
    if value is None:
        return ""
    known = parameters_of_kind(rule.kind).get(name)
    return str(value) if known is None else as_written(known[1], parse_parameter(known[1], value))


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def line_of(one: Difference) -> str:
    """ "R05 for (site): 20 min -> 30 min"."""
    if one.kind == CHANGED:
        return f"{one.rule} {one.what} ({one.where}): {one.old or 'not set'} -> {one.new or 'not set'}"
    return f"{one.rule} {_SAID[one.kind]}"
