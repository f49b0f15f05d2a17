"""`rules explain`: why a rule did or did not tell anybody, from the log of a data folder, also beside its service."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli_files import AsJson, open_store
from api.cli_groups import group
from api.cli_serve import DataDir, SettingsFile
from api.explanations import TooLong, explanation, shown_explanation
from api.problem_lines import CannotRun
from api.settings_file import load_settings
from api.wire import milliseconds
from ingest.journal_file import ReaderPool
from ingest.journal_sqlite import SqliteInputReader

CONCLUSIONS = {
    "before_log": "the log no longer reaches back to that time",
    "no_rule": "the book in force then had no such rule",
    "switched_off": "the rule was switched off for them",
    "not_in_home": "nobody of that name was in the home then",
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
    """Why a rule did or did not fire: what it saw, its state and next timer, what held it. Reads the log only."""
    given = load_settings(settings)
    folder = data or given.data.dir
    journal = folder / "journal.db"
    if not journal.is_file():
        raise CannotRun(f"{journal} is not there: say the data folder with --data")
    found = shown_explanation(_ask(folder, journal, given.site.id, rule, subject, _instant_ms(at)))
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in _lines(found):
        typer.echo(line)


def _ask(folder: Path, journal: Path, site: str | None, rule: str, subject: str, at_ms: int) -> Any:
    readers = ReaderPool(journal)
    try:
        with open_store(folder, site, writing=False) as store:
            answer = explanation(SqliteInputReader(readers), store, folder, rule, subject, at_ms)
    except TooLong as error:
        raise CannotRun(f"the log of home {error} is too long to be folded here") from error
    finally:
        readers.close()
    if answer is None:
        raise CannotRun(f"no resident, device or gateway {subject}")
    return answer


def _instant_ms(text: str | None) -> int:
    try:
        return milliseconds(datetime.now(UTC) if text is None else datetime.fromisoformat(text))
    except ValueError as error:
        raise CannotRun(f"--at {text}: {error}; write it as 2026-03-01T02:30:00+01:00") from error


def _lines(found: dict[str, Any]) -> list[str]:
    """For a terminal: the conclusion first."""
    lines = [f"{found['rule']} for {found['subject_id']} at {found['at']}: {CONCLUSIONS[found['conclusion']]}"]
    if found["hold"] is not None:
        lines.append(f"  held        {_reason(found['hold'])}")
    if found["next_timer"] is not None:
        lines.append(f"  next timer  {found['next_timer']}")
    if found["watched_until"] is not None:
        lines.append(f"  so until    {found['watched_until']}")
    lines += [f"  {name:<18} {item['value']:<14} from {item['from']}" for name, item in found["parameters"].items()]
    for seen in found["seen"]:
        what = f"{seen['type']} ({seen['role']}) of {seen['device_id'] or 'the home'}" if seen["type"] else "its timer"
        happened = f", happened {seen['happened_at']}" if seen["happened_at"] not in (None, seen["at"]) else ""
        lines.append(f"  {seen['at']}  saw   {what}{happened}")
    lines += [f"  {said['at']}  said  {said['what']}: {_reason(said['reason'])}" for said in found["said"]]
    return lines


def _reason(reason: dict[str, Any]) -> str:
    args = ", ".join(f"{name} {value}" for name, value in reason.get("args", {}).items())
    return f"{reason['code']} ({args})" if args else str(reason["code"])
