"""`record`, `replay`, `simulate`: messages into files, and files through the rules."""

from __future__ import annotations

import gzip
import heapq
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from alerts.site.file import load
from api.cli.problem_lines import CannotRun
from api.cli.serve import DataDir, SettingsFile, kinds_of
from api.replay import ReplayResult, first_difference, replay, write_alerts
from api.settings.file import load_settings
from ingest.codecs import default_codecs
from ingest.journal_file import ReaderPool
from ingest.journal_sqlite import SqliteRawReader
from ingest.recording import RecordingReader, record_lines
from ingest.wire_time import rfc3339_ms
from rules.book_file import book_for_site


def add_to(app: typer.Typer) -> None:
    """Register the commands of this file."""
    app.command("record")(record)
    app.command("replay")(replay_recordings)
    app.command("simulate")(simulate)


def record(
    out: Annotated[Path, typer.Argument(help="File to write (.jsonl or .jsonl.gz).")],
    since: Annotated[str, typer.Option(help="RFC 3339 time, included.")],
    until: Annotated[str, typer.Option(help="RFC 3339 time, not included.")],
    settings: SettingsFile = None,
    data: DataDir = None,
) -> None:
    """Write what arrived in a span of time as a recording. Works beside a running service."""
    from_ms, to_ms = _instant(since), _instant(until)
    path = (data or load_settings(settings).data.dir) / "journal.db"
    if not path.exists():
        raise CannotRun(f"{path}: there is no journal")
    readers = ReaderPool(path)
    lines = 0
    with gzip.open(out, "wb") if out.suffix == ".gz" else out.open("wb") as file:
        for line in record_lines(SqliteRawReader(readers), from_ms, to_ms):
            file.write(line)
            lines += 1
    readers.close()
    typer.echo(f"{lines} lines in {out}")


def replay_recordings(
    recordings: Annotated[list[Path], typer.Argument(help="Recordings, merged by time.")],
    site: Annotated[Path | None, typer.Option(help="Site file: who lives where with which devices.")] = None,
    rules: Annotated[Path | None, typer.Option(help="A site's rule book over the shipped one.")] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Through the rules on a virtual clock (the default).")
    ] = False,
    broker: Annotated[str | None, typer.Option(help="Publish to this broker instead: mqtt://host:1883.")] = None,
    speed: Annotated[float, typer.Option(help="With --broker: how many times as fast as it was.")] = 1.0,
    alerts: Annotated[Path | None, typer.Option(help="Write the alerts here, one JSON object a line.")] = None,
    expect: Annotated[Path | None, typer.Option(help="Alerts that must come out, byte for byte.")] = None,
    lenient: Annotated[bool, typer.Option("--lenient", help="Skip broken lines, and count them.")] = False,
    all_measures: Annotated[bool, typer.Option("--all-measures", help="Watch everybody's behaviour.")] = False,
    settings: SettingsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Run recordings through the production path, or to a broker. Exit 1 when an expectation is not met."""
    if broker is not None:
        if offline:
            raise CannotRun("--offline and --broker exclude each other")
        typer.echo(f"{_to_broker(recordings, broker, speed, lenient=lenient)} messages published")
        return
    if site is None:
        raise CannotRun("--site is needed: without it nobody knows whose devices these are")
    book, given = book_for_site(rules), load_settings(settings)
    found = replay(
        recordings,
        load(site, kinds_of(book)),
        book,
        default_codecs(given.zigbee2mqtt.bases),
        all_measures=all_measures,
        lenient=lenient,
        progress=_progress,
    )
    if alerts is not None:
        write_alerts(found.alerts, alerts)
    typer.echo(json.dumps(_summary(found)) if as_json else _words(found))
    if expect is not None:
        difference = first_difference(found.alerts, expect)
        if difference is not None:
            typer.echo(f"not as expected: {difference}")
            raise typer.Exit(1)


def simulate(
    out: Annotated[Path, typer.Argument(help="Recording to write (.jsonl or .jsonl.gz).")],
    site_out: Annotated[Path, typer.Option("--site", help="Site file of the same ward to write.")],
    since: Annotated[str, typer.Option(help="RFC 3339 time at which it begins.")] = "2026-03-01T11:00:00Z",
    hours: Annotated[int, typer.Option(min=1, max=24 * 62, help="How long.")] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same ward and the same bytes.")] = 1,
) -> None:
    """Write the life of an invented ward as a recording, with its site file: something to try rules on."""
    from api.demo import local_instant  # brings the simulators; only needed here
    from simulators.furniture import make_ward
    from simulators.life import messages_in
    from simulators.play import write_recording
    from simulators.site import site_yaml

    ward = make_ward(seed)
    from_ms = _instant(since)
    site_out.write_text(site_yaml(ward), "utf-8")
    lines = write_recording(messages_in(ward, from_ms, from_ms + hours * 3_600_000, local_instant), out)
    typer.echo(f"{lines} lines in {out}, their site in {site_out}")


def _to_broker(recordings: list[Path], broker: str, speed: float, *, lenient: bool) -> int:
    from simulators.play import play  # brings its own MQTT client; only needed here

    readers = [RecordingReader(path, lenient=lenient) for path in recordings]
    return play(heapq.merge(*readers, key=lambda one: one.received_at_ms), broker, speed)


def _instant(text: str) -> int:
    at_ms = rfc3339_ms(text)
    if at_ms is None:
        raise CannotRun(f"{text!r} is no time; write it like 2026-03-01T22:00:00Z")
    return at_ms


def _progress(records: int) -> None:
    end = "\r" if sys.stderr.isatty() else "\n"
    sys.stderr.write(f"{records} records{end}")


def _summary(found: ReplayResult) -> dict[str, Any]:
    rules: dict[str, int] = {}
    for alert in found.alerts:
        rules[alert["rule"]] = rules.get(alert["rule"], 0) + 1
    return {
        "records": found.records,
        "inputs": found.inputs,
        "dead_letters": found.dead_letters,
        "verdicts": found.verdicts,
        "skipped_lines": found.skipped_lines,
        "alerts": len(found.alerts),
        "alerts_by_rule": dict(sorted(rules.items())),
    }


def _words(found: ReplayResult) -> str:
    told = _summary(found)
    by_rule = ", ".join(f"{rule} {count}" for rule, count in told.pop("alerts_by_rule").items())
    line = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in told.items())
    return f"{line}{': ' + by_rule if by_rule else ''}"
