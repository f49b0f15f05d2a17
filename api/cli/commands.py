"""The command line put together. Thin: each command reads its files, calls one function, prints what came.

Exit 0 = as asked, 1 = it ran and the answer is no, 2 = it could not run, with one line saying what and where
(contracts §5). Known errors become that line here; anything else is a bug and keeps its trace.
"""

from __future__ import annotations

import typer

from api.cli import (
    backup,
    bases,
    book,
    certificates,
    demo,
    desk,
    doctor,
    explain,
    files,
    gateways,
    logs,
    recordings,
    rules,
    serve,
    users,
)
from api.cli.problem_lines import KNOWN_ERRORS, line_of

app = typer.Typer(
    help="Vardevakt: gateways' messages in, alerts to the people on duty out.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain lines everywhere: the same on a terminal, in a log and in CI
    pretty_exceptions_enable=False,
)
for part in (
    serve,
    doctor,
    demo,
    files,
    book,
    explain,
    bases,
    backup,
    logs,
    desk,
    recordings,
    gateways,
    certificates,
    rules,
    users,
):
    part.add_to(app)


def run(arguments: list[str] | None = None) -> int:
    """Run one command line (default: the process's own); its exit code."""
    try:
        app(arguments)
    except SystemExit as leaving:  # typer's own way out: its usage errors are 2, Ctrl-C is 130
        return leaving.code if isinstance(leaving.code, int) else 0
    except KNOWN_ERRORS as error:
        return _refused(line_of(error))
    return 0


def _refused(line: str) -> int:
    typer.echo(f"vardevakt: {line}", err=True)
    return 2
