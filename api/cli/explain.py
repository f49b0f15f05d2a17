"""`rules explain`: why a rule did or did not tell anybody, from the log of a data folder, also beside its service."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from alerts.site.settings_store import SettingsStore
from api.board.place import local_clock
from api.board.why import reason_line
from api.board.words import Words
from api.cli.book import rule_named
from api.cli.files import AsJson, open_store
from api.cli.groups import group
from api.cli.problem_lines import CannotRun
from api.cli.serve import DataDir, SettingsFile
from api.explanations import TooLong, explanation, shown_explanation
from api.http.wire import milliseconds
from api.running.desk_place import desk_place
from api.running.rule_book import kept_book
from api.settings.file import load_settings
from ingest.journal_file import ReaderPool
from ingest.journal_sqlite import SqliteInputReader
from ingest.wire_time import rfc3339_ms
from rules.explain import Explanation
from rules.rule_test import ZONE

CONCLUSIONS = {
    "before_log": "the log does not reach back to that time",
    "no_rule": "the book in force then had no such rule",
    "switched_off": "the rule was switched off for them",
    "not_in_home": "nobody of that name was in the home then",
    "lacks": "the rule is not applicable here: the home lacks a device that it needs",
    "not_watched": "no measure allowed the rule to watch them then",
    "set_aside": "the rule had failed for them and was set aside: it did not watch",
    "open": "it has told, and the condition still holds",
    "held": "its alert is withheld",
    "waiting": "it counts; its next timer says when it looks again",
    "told": "it has told; the condition is over",
    "seen_nothing": "nothing that this rule listens to has happened",
    "quiet": "it has looked at what happened, and nothing is pending",
}


def add_to(app: typer.Typer) -> None:
    """Register the command of this file."""
    group(app, "rules").command("explain")(explain_rule)


def explain_rule(
    rule: Annotated[str, typer.Option("--rule", help="Number of the rule, such as R05.")],
    subject: Annotated[str, typer.Option("--subject", help="Resident, device or gateway, by id.")],
    at: Annotated[str | None, typer.Option("--at", help="When, as 2026-03-01T02:30:00+01:00; else now.")] = None,
    settings: SettingsFile = None,
    data: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Why a rule did or did not fire. What it saw, its state and next timer, what held it; reads the log only."""
    given = load_settings(settings)
    folder = data or given.data.dir
    journal = folder / "journal.db"
    if not journal.is_file():
        raise CannotRun(f"{journal} is not there: say the data folder with --data")
    at_ms = time.time_ns() // 1_000_000 if at is None else instant_given("--at", at)
    with open_store(desk_place(given, data), given.site.id, writing=False) as store:
        found = shown_explanation(_ask(folder, journal, store, rule, subject, at_ms))
        timezone = str((store.get("site", store.site_id) or {}).get("timezone") or ZONE)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in _lines(found, Words("en", at_ms, local_clock(timezone)), timezone):
        typer.echo(line)


def _ask(folder: Path, journal: Path, store: SettingsStore, rule: str, subject: str, at_ms: int) -> Explanation:
    readers = ReaderPool(journal)
    try:
        answer = explanation(SqliteInputReader(readers), store, folder, rule, subject, at_ms)
    except TooLong as error:
        raise CannotRun(f"the log of home {error} is too long to be folded here") from error
    finally:
        readers.close()
    if answer is None:
        raise CannotRun(f"no resident, device or gateway {subject}")
    book = kept_book(store)
    if answer.conclusion == "no_rule" and book is not None:
        rule_named(rule, [{"id": one.id} for one in book.rules])  # a slip of the pen is told as one
    return answer


def instant_given(option: str, text: str) -> int:
    """An instant as it is typed; CannotRun says how to write one."""
    at_ms = rfc3339_ms(text)
    if at_ms is None:
        raise CannotRun(f"{option} {text}: is no time with its offset; write it as 2026-03-01T02:30:00+01:00")
    return at_ms


def _lines(found: dict[str, Any], words: Words, timezone: str) -> list[str]:
    """For a terminal, on the site's clock: the conclusion first."""

    def clock(text: str) -> str:
        return f"{words.local(milliseconds(datetime.fromisoformat(text))):%Y-%m-%d %H:%M:%S}"

    rule = found["rule"]
    head = f"{rule} for {found['subject_id']} at {clock(found['at'])} ({timezone})"
    lines = [f"{head}: {CONCLUSIONS[found['conclusion']]}"]
    lines += [f"  lacks       {one['en']}" for one in found["lacks"]]
    if found["hold"] is not None:
        lines.append(f"  held        {reason_line(found['hold'], words, rule)}")
    if found["next_timer"] is not None:
        lines.append(f"  next timer  {clock(found['next_timer'])}")
    if found["watched_until"] is not None:
        lines.append(f"  so until    {clock(found['watched_until'])}")
    lines += [f"  {name:<18} {item['value']:<14} from {item['from']}" for name, item in found["parameters"].items()]
    for seen in found["seen"]:
        what = f"{seen['type']} ({seen['role']}) of {seen['device_id'] or 'the home'}" if seen["type"] else "its timer"
        happened = f", happened {clock(seen['happened_at'])}" if seen["happened_at"] not in (None, seen["at"]) else ""
        lines.append(f"  {clock(seen['at'])}  saw   {what}{happened}")
    for said in found["said"]:
        lines.append(f"  {clock(said['at'])}  said  {said['what']}: {reason_line(said['reason'], words, rule)}")
    return lines
