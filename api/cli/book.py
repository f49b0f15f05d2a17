"""`rules list|show|schema`: the book as the site's file makes it, or as it is in force for one person."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.files import AsJson, BookFile, open_store
from api.cli.groups import group
from api.cli.problem_lines import CannotRun
from api.cli.serve import DataDir, SettingsFile
from api.person_rules import rules_of
from api.running.desk_place import desk_place
from api.running.rule_book import shown_rule
from api.settings.file import load_settings
from rules.book_file import book_for_site, near_rule
from rules.book_schema import book_schema

Resident = Annotated[
    str | None, typer.Option("--resident", help="As it is in force for this person; asks the data folder.")
]
STANDINGS = {"on": "on", "off": "off", "lacks": "not applicable here", "no_measure": "no measure", "paused": "paused"}


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    rules = group(app, "rules")
    rules.command("list")(list_rules)
    rules.command("show")(show_rule)
    rules.command("schema")(print_schema)


def list_rules(
    rules: BookFile = None,
    resident: Resident = None,
    settings: SettingsFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Every rule of the book. Of each: number, kind, priority, code, name, and how it stands."""
    found = _asked(rules, resident, settings, data)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for rule in found:
        notes = "".join(f"  ({note})" for note in _notes(rule))
        head = f"{rule['id']:<4}  {rule['kind']:<9}  {rule['priority']}  {rule['code'] or '-':<5}"
        typer.echo(f"{head}  {rule['name']['en']}{notes}")


def show_rule(
    rule: Annotated[str, typer.Argument(help="Number of the rule, such as R05.")],
    rules: BookFile = None,
    resident: Resident = None,
    settings: SettingsFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """One rule whole. Its parameters with where each value comes from, what it listens to, needs and is held by."""
    known = _asked(rules, resident, settings, data)
    found = rule_named(rule, known)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in _lines(found, resident):
        typer.echo(line)


def print_schema() -> None:
    """The JSON Schema of a site's rule book, for editors."""
    typer.echo(json.dumps(book_schema(), indent=2))


def rule_named(rule_id: str, known: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The rule of that id; CannotRun with the nearest right word."""
    found = next((one for one in known if one["id"] == rule_id), None)
    if found is None:
        near = near_rule(rule_id, [str(one["id"]) for one in known])
        raise CannotRun(f"no rule {rule_id}{near or '; `vardevakt rules list` names them'}")
    return found


def _asked(
    rules: Path | None, resident: str | None, settings: Path | None, data: Path | None
) -> Sequence[Mapping[str, Any]]:
    """The rules of a book file, else the site's own, or those of one person from the data folder."""
    given = load_settings(settings)
    if resident is None:
        book = book_for_site(rules or given.rules.book_file)
        return [shown_rule(rule, book) for rule in book.rules]
    if rules is not None:
        raise CannotRun("--rules and --resident do not go together: a person's values are those of the book in force")
    with open_store(desk_place(given, data), given.site.id, writing=False) as store:
        found = rules_of(store, resident, time.time_ns() // 1_000_000)
    if found is None:
        raise CannotRun(f"no resident {resident}")
    return found


def _notes(rule: Mapping[str, Any]) -> Iterator[str]:
    """How it stands, where that is not simply on."""
    standing = rule.get("standing", "on" if rule["on"] else "off")
    if standing != "on":
        yield STANDINGS[standing]
    if rule["trial"] is not None:
        yield "on trial"


def _lines(rule: Mapping[str, Any], resident: str | None) -> Iterator[str]:
    yield f"{rule['id']}  {rule['name']['en']} / {rule['name']['nb']}"
    yield f"  kind {rule['kind']}, priority {rule['priority']}, code {rule['code'] or '-'}, {rule['family']}"
    yield f"  {rule['source']}"
    if resident is not None:
        until = f" until {rule['until']}" if rule["until"] else ""
        yield f"  for {resident}: {STANDINGS[rule['standing']]}{until}"
        yield from (f"  {'lacks':<18} {one['en']}" for one in rule["lacks"])
    elif not rule["on"]:
        yield "  switched off"
    for need in rule["needs"]:
        yield f"  {'needs':<18} {need['en']}"
    for what, words in (("listens to", "events"), ("devices", "roles"), ("measure", "measure"), ("held by", "holds")):
        if rule[words]:
            yield f"  {what:<18} {', '.join(rule[words])}"
    yield from (f"  {name:<18} {item['value']:<14} from {item['from']}" for name, item in rule["parameters"].items())
    if resident is None:
        for values in rule["wards"].values():
            yield from (f"  {name:<18} {item['value']:<14} from {item['from']}" for name, item in values.items())
    if rule["trial"] is not None:
        tried = ", ".join(f"{name}: {value}" for name, value in rule["trial"].items())
        yield f"  {'on trial':<18} {tried or 'as it is'}"
