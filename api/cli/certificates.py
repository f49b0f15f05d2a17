"""`gateways broker|enrol|revoke|list`: who may speak to the broker, proved by certificates of an authority of our own.

Offline: a folder of files that the broker reads (deploy/mosquitto/). After enrol and revoke the broker must read them
again: SIGHUP, `systemctl reload mosquitto`.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from api.cli.files import AsJson
from api.cli.groups import group
from api.gateway_list import GatewayList

Folder = Annotated[Path, typer.Option("--folder", help="Where authority, certificates, ACL and list lie.")]
Days = Annotated[int, typer.Option(min=1, max=3_650, help="How long the certificate is good for.")]
Name = Annotated[str, typer.Argument(help="The gateway's name, as in its topics.")]
FOLDER = Path("/etc/vardevakt/gateways")
RELOAD = "then let the broker read it: `systemctl reload mosquitto`, or SIGHUP"
DAY_MS = 86_400_000


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    gateways = group(app, "gateways")
    gateways.command("broker")(certify_broker)
    gateways.command("enrol")(enrol)
    gateways.command("revoke")(revoke)
    gateways.command("list")(list_gateways)


def certify_broker(
    hosts: Annotated[list[str], typer.Argument(help="Names and addresses by which the broker is reached.")],
    folder: Folder = FOLDER,
    days: Days = 825,
) -> None:
    """Certificates for broker and service, and the authority the first time. Again: renewed ones."""
    GatewayList(folder, _now_ms()).certify_broker(hosts, days)
    typer.echo(f"{folder}: ca.pem, broker/, vardevakt/, acl and crl.pem; keep ca.key off the network")
    typer.echo(f"broker/key.pem must be readable by the broker's user, vardevakt/key.pem by the service's; {RELOAD}")


def enrol(
    name: Name,
    topic: Annotated[
        list[str] | None,
        typer.Option(help="Beginning of its topics, such as zigbee2mqtt/h1; without it vardevakt/1/NAME."),
    ] = None,
    folder: Folder = FOLDER,
    days: Days = 825,
) -> None:
    """A certificate for a gateway and the right to its own topics."""
    made = GatewayList(folder, _now_ms()).enrol(name, topic or [f"vardevakt/1/{name}"], days)
    typer.echo(f"{made}: cert.pem, key.pem and ca.pem for the gateway; remove key.pem here once it is there; {RELOAD}")


def revoke(name: Name, folder: Folder = FOLDER) -> None:
    """Shut a gateway out for good; the same name may be enrolled anew. Exit 1: nobody of that name is enrolled."""
    found = GatewayList(folder, _now_ms()).revoke(name)
    typer.echo(f"{name} is revoked; {RELOAD}" if found else f"no gateway {name} is enrolled")
    raise typer.Exit(0 if found else 1)


def list_gateways(folder: Folder = FOLDER, as_json: AsJson = False) -> None:
    """Every certificate given to a gateway, with its topics and when it ends."""
    now_ms = _now_ms()
    found = GatewayList(folder, now_ms).all()
    if as_json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    for one in found:
        days = (one.ends_ms - now_ms) // DAY_MS
        stands = f"revoked {one.revoked_at}" if one.revoked_at else f"ends in {days} days" if days >= 0 else "has ended"
        typer.echo(f"{one.name:<20}  {stands:<32}  {' '.join(f'{topic}/#' for topic in one.topics)}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
