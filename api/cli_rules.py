"""`rules test|diff|backtest`: what a book does, tried before anybody depends on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from alerts.site_file import load
from api import backtest
from api.board.place import local_clock
from api.board.why import reason_line
from api.board.words import Words
from api.cli_files import AsJson, BookFile, open_store
from api.cli_groups import group
from api.cli_serve import DataDir, SettingsFile, kinds_of
from api.problem_lines import CannotRun
from api.settings_file import load_settings
from api.shadow import shadow_lines
from ingest.codecs import default_codecs
from ingest.wire_time import rfc3339_ms
from rules.backtest_run import Order
from rules.book import Book
from rules.book_diff import difference, line_of
from rules.book_file import book_for_site, shipped_book
from rules.effects import Reason
from rules.rule_test import ZONE, Case
from rules.rule_test_file import load_tests, shipped_tests, tests_beside
from rules.rule_test_report import as_json, failure, summary
from rules.rule_test_run import judge

Told = list[tuple[Case, Book]]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    rules = group(app, "rules")
    rules.command("test")(run_tests)
    rules.command("diff")(diff_books)
    rules.command("backtest")(backtest_rules)
    rules.command("shadow")(show_shadow)


def run_tests(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Test files (*.test.yaml). None: the shipped ones, and those beside the site's book."),
    ] = None,
    rules: BookFile = None,
    rule: Annotated[list[str] | None, typer.Option("--rule", help="Only cases of this rule, such as R05.")] = None,
    settings: SettingsFile = None,
    as_json_: AsJson = False,
) -> None:
    """Run rule tests: stories of one home in people's words, and what must come of them."""
    own = rules or load_settings(settings).rules.book_file
    chosen = set(rule or ())
    cases = [(case, book) for case, book in _cases(files or [], own) if not chosen or case.rule in chosen]
    if not cases:
        raise CannotRun(f"no rule test{' of ' + ', '.join(sorted(chosen)) if chosen else ''} found")
    verdicts = [judge(case, book) for case, book in cases]
    if as_json_:
        typer.echo(json.dumps([as_json(verdict) for verdict in verdicts], ensure_ascii=False))
    else:
        for verdict in verdicts:
            if not verdict.ok:
                typer.echo(failure(verdict, say) + "\n")
        typer.echo(summary(verdicts))
    if not all(verdict.ok for verdict in verdicts):
        raise typer.Exit(1)


def _cases(files: Sequence[Path], own: Path | None) -> Told:
    """What is to be run, each case under its book: shipped stories are told of the shipped book, whatever a site has
    made of it.
    """
    book = book_for_site(own)
    if files:
        return [(case, book) for path in files for case in load_tests(path, book)]
    shipped = shipped_book()
    told: Told = [(case, shipped) for case in shipped_tests(shipped)]
    beside = [] if own is None else tests_beside(own)
    return told + [(case, book) for path in beside for case in load_tests(path, book)]


def say(reason: Reason, rule: str | None, case: Case) -> str:
    """A reason in words, on the clock of the case."""
    words = Words("en", case.end_ms, local_clock(case.site.timezone))
    return reason_line({"code": reason.code, "args": reason.args}, words, rule)


def diff_books(
    old: Annotated[str, typer.Argument(help="A site's rule book (YAML), or `shipped`.")],
    new: Annotated[str, typer.Argument(help="The other one, or `shipped`.")],
    json_out: AsJson = False,
) -> None:
    """Which rules and parameters differ between two books. Exit 1 when some do."""
    found = difference(_book(old), _book(new))
    if json_out:
        typer.echo(json.dumps([msgspec.to_builtins(one) for one in found], ensure_ascii=False))
    else:
        for one in found:
            typer.echo(line_of(one))
        if not found:
            typer.echo("the books do not differ")
    if found:
        raise typer.Exit(1)


def _book(name: str) -> Book:
    return shipped_book() if name == "shipped" else book_for_site(Path(name))


def backtest_rules(
    book: Annotated[Path, typer.Option("--book", help="The book on trial: a site's rule book (YAML).")],
    recordings: Annotated[
        list[Path] | None, typer.Argument(help="Recordings, merged by time. None: the journal of the data folder.")
    ] = None,
    site: Annotated[Path | None, typer.Option(help="With recordings: who lives where with which devices.")] = None,
    against: Annotated[
        str | None, typer.Option(help="The book to compare with; without it the site's own, or `shipped`.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="RFC 3339 time: only alerts from then on count.")] = None,
    all_measures: Annotated[bool, typer.Option("--all-measures", help="Watch everybody's behaviour.")] = False,
    lenient: Annotated[bool, typer.Option("--lenient", help="Skip broken lines of recordings.")] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="Child processes; without it one a core.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many alerts of each kind to list.")] = 20,
    settings: SettingsFile = None,
    data: DataDir = None,
    json_out: AsJson = False,
) -> None:
    """Try a book on what has happened: which alerts would come, go and move, for whom and why."""
    given = load_settings(settings)
    own = given.rules.book_file
    old = _book(against) if against is not None else book_for_site(own)
    order = Order(
        "", old, book_for_site(book), "", processes or backtest.processes(),
        0 if since is None else _instant(since), all_measures,
    )  # fmt: skip
    if recordings:
        if site is None:
            raise CannotRun("--site is needed: without it nobody knows whose devices these are")
        known = load(site, kinds_of(order.new))
        timezone = str(getattr(known.items["site"][0], "timezone", ZONE))
        codecs = default_codecs(given.zigbee2mqtt.bases)
        found = backtest.of_recordings(recordings, known, codecs, order, _progress, lenient=lenient)
    else:
        folder = data or given.data.dir
        with open_store(folder, given.site.id, writing=False) as store:
            timezone = str((store.get("site", store.site_id) or {}).get("timezone") or ZONE)
            order = msgspec.structs.replace(order, site=store.site_id)
        found = backtest.of_journal(folder / "journal.db", order, _progress)
    if json_out:
        typer.echo(json.dumps(backtest.as_json(found, old, order.new), ensure_ascii=False))
        return
    for line in backtest.lines(found, old, order.new, timezone, limit):
        typer.echo(line)


def show_shadow(
    rule: Annotated[str | None, typer.Argument(help="Only this rule, such as R05.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=50_000, help="How many, newest first.")] = 50,
    settings: SettingsFile = None,
    data: DataDir = None,
    json_out: AsJson = False,
) -> None:
    """What rules on trial (`shadow:` in the site's book) would have told. Works beside a running service."""
    found = shadow_lines(data or load_settings(settings).data.dir, rule, limit)
    if json_out:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for one in found:
        ended = f", {one['ended']} {one['cleared_at']}" if one["ended"] else ""
        typer.echo(f"{one['opened_at']}  {one['rule']} {one['priority']} {one['subject_id']} ({one['home_id']}){ended}")
    typer.echo(f"{len(found)} alerts of rules on trial")


def _instant(text: str) -> int:
    at_ms = rfc3339_ms(text)
    if at_ms is None:
        raise CannotRun(f"{text!r} is no time; write it like 2026-03-01T22:00:00Z")
    return at_ms


def _progress(count: int, what: str) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    sys.stderr.write(f"{count} {what}{end}")
