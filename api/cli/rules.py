"""`rules test|diff|backtest`: what a book does, tried before anybody depends on it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from alerts.site.file import load
from api import backtest
from api.board.format import to_ms
from api.board.place import local_clock
from api.board.why import reason_line
from api.board.words import Words
from api.cli.book import rule_named
from api.cli.explain import instant_given
from api.cli.files import AsJson, BookFile, open_store
from api.cli.groups import group
from api.cli.problem_lines import CannotRun
from api.cli.serve import DataDir, SettingsFile, kinds_of
from api.running.desk_place import desk_place
from api.running.rule_book import kept_book
from api.running.shadow import shadow_lines
from api.settings.file import load_settings
from ingest.codecs import default_codecs
from rules.backtest_run import Order
from rules.book import Book
from rules.book_diff import difference, line_of
from rules.book_file import book_for_site, near_rule, shipped_book
from rules.effects import Reason
from rules.rule_test import ZONE, Case
from rules.rule_test_file import load_tests, shipped_tests, tests_beside
from rules.rule_test_report import as_json, failure, summary
from rules.rule_test_run import judge

CASES_SHOWN = 200  # rule tests between two words of progress
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
    """Run rule tests. Stories of one home in people's words, and what must come of them; exit 1 when one fails."""
    own = rules or load_settings(settings).rules.book_file
    chosen = list(dict.fromkeys(rule or ()))
    told = _cases(files or [], own)
    for one in chosen:
        if all(case.rule != one for case, _ in told):
            raise CannotRun(f"no rule test of {one} found{near_rule(one, {case.rule for case, _ in told})}")
    cases = [(case, book) for case, book in told if not chosen or case.rule in chosen]
    if not cases:
        raise CannotRun("no rule test found")
    verdicts = []
    for count, (case, book) in enumerate(cases, 1):
        verdicts.append(judge(case, book))
        if count % CASES_SHOWN == 0 and count < len(cases):
            _progress(count, f"of {len(cases)} rule tests")
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
    """What differs between two books. Rules and parameters, in lines for a review; exit 1 when some do."""
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
    """Try a book on what has happened. Which alerts would come, go and move, for whom and why; where the log was cut
    it begins at a base and says from when it counts.
    """
    given = load_settings(settings)
    own = given.rules.book_file
    old = _book(against) if against is not None else book_for_site(own)
    order = Order(
        "", old, book_for_site(book), "", processes or backtest.processes(),
        0 if since is None else instant_given("--since", since), all_measures,
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
        with open_store(desk_place(given, data), given.site.id, writing=False) as store:
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
    """What rules on trial would have told. On trial is what the site's book names under `shadow:`; works beside a
    running service.
    """
    given = load_settings(settings)
    folder = data or given.data.dir
    with open_store(desk_place(given, data), given.site.id, writing=False) as store:
        book = kept_book(store) or book_for_site(given.rules.book_file)
        timezone = str((store.get("site", store.site_id) or {}).get("timezone") or ZONE)
        if rule is not None:
            rule_named(rule, [{"id": one.id} for one in book.rules])
        found = shadow_lines(store.database if given.logs.kind == "kafka" else folder, rule, limit)
    if json_out:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for line in _shadow_lines(found, timezone):
        typer.echo(line)
    tried = ", ".join(book.shadow) or "none"
    typer.echo(f"{counted(len(found), 'alert')} of rules on trial; on trial now: {tried}")


def _shadow_lines(found: Sequence[Mapping[str, Any]], timezone: str) -> Iterator[str]:
    """On the site's clock, each with its why."""
    words = Words("en", 0, local_clock(timezone))
    for one in found:
        opened_ms, cleared_ms = to_ms(one["opened_at"]), to_ms(one["cleared_at"])
        ended = f", {one['ended']} {words.local(cleared_ms):%Y-%m-%d %H:%M}" if cleared_ms is not None else ""
        who = f"{one['rule']} {one['priority']} {one['subject_id']} ({one['home_id']}){ended}"
        yield f"{words.local(opened_ms or 0):%Y-%m-%d %H:%M}  {who}  {reason_line(one['reason'], words, one['rule'])}"


def counted(count: int, what: str) -> str:
    """ "1 alert", "3 alerts"."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def _progress(count: int, what: str) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    sys.stderr.write(f"{count} {what}{end}")
