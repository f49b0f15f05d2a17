"""One recorded home after the other through the production path, and what came of it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from api.replay import ReplayResult, replay
from ingest.codecs import default_codecs
from rules.book import Book
from rules.local_time import instant_ms
from simulators.days import Instant
from simulators.play import write_recording
from simulators.real_files import HOMES, read_home
from simulators.real_homes import DOSE_LABELS, RealHome, messages_of, site_yaml, with_doses
from tests.realhomes import judge
from tests.realhomes.collapse import FINDERS, collapses, draw_moments
from tests.realhomes.judge import Finding, Progress, Said
from tests.realhomes.telling import Telling, away_spans, site_file
from tests.realhomes.truth import Truth, waking_spans

LABELLED, ABSENCE, INACTIVE = HOMES[0], HOMES[1], HOMES[2]
NAMES = (*HOMES, f"{LABELLED}_doses")
TAIL_MS = {INACTIVE: 14 * judge.HOUR_MS}  # so that the silence after the morning can be seen too
DAY_MS = 24 * judge.HOUR_MS


class Options(msgspec.Struct, frozen=True):
    """`keep`: folder for recordings and site files, for `vardevakt replay`."""

    shared: Path
    draws: int = 200
    seed: int = 20_261_123
    keep: Path | None = None


class HomeReport(msgspec.Struct, frozen=True):
    """What one home gave."""

    home: str
    zone: str
    first_ms: int
    last_ms: int
    rows: int
    events: int
    left_out: dict[str, int]
    dead_letters: int
    alerts: list[Said]
    findings: list[Finding]


def report(name: str, book: Book, options: Options, progress: Progress) -> HomeReport:
    """Convert, replay, judge. OSError, BadRow or ValueError where the recording cannot be read."""
    home = with_doses(read_home(options.shared, LABELLED, zoned)) if name.endswith("_doses") else read_home(
        options.shared, name, zoned
    )  # fmt: skip
    progress(f"{name}: {len(home.sensed)} events of {home.rows} rows")
    truth = Truth(home)
    result = _replayed(home, book, options.keep, progress)
    alerts = judge.said(home, truth, result.alerts)
    findings = _judged(name, home, truth, book, alerts, options, progress)
    return HomeReport(
        name, home.zone, home.first_ms, home.last_ms, home.rows, len(home.sensed), home.left_out, result.dead_letters,
        alerts, findings,
    )  # fmt: skip


def zoned(zone: str) -> Instant:
    """Local time of a zone, for the importer."""
    return lambda day, minutes: instant_ms(day, minutes, zone)


def _replayed(home: RealHome, book: Book, keep: Path | None, progress: Progress) -> ReplayResult:
    """As `vardevakt replay --offline --all-measures` does, from a file."""
    with tempfile.TemporaryDirectory(prefix="vardevakt-realhomes-") as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{home.id}.jsonl.gz"
        write_recording(messages_of(home, TAIL_MS.get(home.id, 0)), path)
        (folder / f"{home.id}.site.yaml").write_text(site_yaml(home), "utf-8")
        return replay(
            [path], site_file(home, book), book, default_codecs(), all_measures=True,
            progress=lambda records: progress(f"{home.id}: {records} records replayed"),
        )  # fmt: skip


def _judged(
    name: str, home: RealHome, truth: Truth, book: Book, alerts: Sequence[Said], options: Options, progress: Progress
) -> list[Finding]:
    if home.doses:
        return judge.judge_doses(book, alerts, sum(one.activity in DOSE_LABELS for one in home.labels))
    away = away_spans(_begun(home, book), messages_of(home))
    if name == ABSENCE:
        return judge.judge_absence(home, book, alerts, away)
    if name == INACTIVE:
        return judge.judge_end(home, book, alerts)
    if name != LABELLED:
        return [*judge.count_silence(book, alerts), *judge.judge_away(truth, away)]
    moments = draw_moments(waking_spans(home, truth), options.draws, options.seed)
    finders = [rule for rule in FINDERS if judge.in_book(book, rule)]
    silent, pulsing = collapses(
        home, _begun(home, book), moments, finders, options.seed,
        lambda done: progress(f"{name}: {done} of {len(moments)} collapses") if done % 20 == 0 else None,
    )  # fmt: skip
    return [
        *judge.judge_silence(book, alerts),
        *judge.judge_away(truth, away),
        *judge.judge_collapses(home, book, silent),
        *judge.count_pulsing(book, pulsing),
    ]


def _begun(home: RealHome, book: Book) -> Telling:
    telling = Telling(site_file(home, book), book)
    telling.begin(home.first_ms - 1_000)
    return telling
