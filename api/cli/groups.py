"""Groups of commands (`site …`, `rules …`) that several files add to."""

from __future__ import annotations

import typer

_HELP = {
    "gateways": "Who may speak to the broker, and what their messages become.",
    "site": "Who lives where with which devices.",
    "rules": "The rule book: what is in force, tried, tested, explained.",
}


def group(app: typer.Typer, name: str) -> typer.Typer:
    """The group of that name, made when the first asks for it."""
    for known in app.registered_groups:
        if known.name == name and known.typer_instance is not None:
            return known.typer_instance
    made = typer.Typer(help=_HELP[name], no_args_is_help=True)
    app.add_typer(made, name=name)
    return made
