"""`gateways explain`: what the service would make of one message. For the installer beside a new gateway."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from api.cli.groups import group
from api.settings.file import load_settings
from ingest.codecs import default_codecs
from ingest.event import Draft, Nothing, Rejected

SettingsFile = Annotated[Path | None, typer.Option("--settings", help="Settings file (TOML).")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    group(app, "gateways").command("explain")(explain)


def explain(
    topic: Annotated[str, typer.Argument(help="MQTT topic.")],
    payload: Annotated[str, typer.Argument(help="Payload; - reads standard input.")] = "-",
    model: Annotated[str | None, typer.Option(help="The device's model, as in the site file.")] = None,
    role: Annotated[str | None, typer.Option(help="The device's role, as in the site file.")] = None,
    settings: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say which convention claims a topic, whose message it is, and what events come of it. Exit 1: none claims it."""
    content = sys.stdin.buffer.read() if payload == "-" else payload.encode()
    for codec in default_codecs(load_settings(settings).zigbee2mqtt.bases):
        route = codec.route(topic)
        if route is None:
            continue
        _, items = codec.decode(None, topic, content, time.time_ns() // 1_000_000, model, role)
        told = {
            "convention": codec.name,
            "address": route.address,
            "gateway": route.gateway,
            "items": [_item(item) for item in items],
        }
        typer.echo(json.dumps(told, ensure_ascii=False) if as_json else _lines(told))
        return
    typer.echo("no convention claims this topic; it would become a dead letter (no_codec), and a P1 to the duty centre")
    raise typer.Exit(1)


def _item(item: Draft | Rejected | Nothing) -> dict[str, Any]:
    word = {Draft: "event", Rejected: "rejected", Nothing: "nothing"}[type(item)]
    return {"becomes": word, **msgspec.to_builtins(item)}


def _lines(told: dict[str, Any]) -> str:
    lines = [f"{told['convention']}: address {told['address']}, gateway {told['gateway'] or '-'}"]
    for item in told["items"]:
        rest = {key: value for key, value in item.items() if key != "becomes"}
        lines.append(f"  {item['becomes']}: {json.dumps(rest, ensure_ascii=False)}")
    return "\n".join(lines)
