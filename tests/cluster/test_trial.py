"""Rules on trial on many machines: real Kafka and PostgreSQL, and the same recording through one box."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from alerts.database import Server, migrate
from alerts.schema.folds import bases
from alerts.shadow_sql import LANE
from alerts.site.settings_store import SettingsStore
from alerts.snapshots_sql import SqlSnapshots
from api.cli.commands import run
from api.cluster.connections import Connections
from api.cluster.options import ClusterOptions
from api.cluster.trial import TrialRole
from api.running.rule_book import engine_version, settle_book
from api.running.shadow import FILE, shadow_lines
from ingest.kafka_access import KafkaAccess
from ingest.record import SETTING, Input, Setting
from ingest.topics import INPUTS
from rules.book import Book, with_versions
from rules.book_file import shipped_book
from rules.effects import LIVE
from rules.generation import GenerationSnapshots
from rules.home_fold import HomeFold
from rules.lanes import InputRows, Stored
from rules.shadow import ShadowFold
from rules.shadow_follower import ShadowFollower
from rules.shadow_store import ShadowStore
from tests.support.journals import folded, sqlite_journal
from tests.support.postgres import Postgres
from tests.support.ward_inputs import SITE, ward_inputs
from tests.support.worker_process import Logs

PARTITIONS = 4
TRIED = {"R01": {}, "R05": {"for": "5 min"}, "R16": {"for": "2 h"}, "R10": {}}
MARKED = with_versions(msgspec.structs.replace(shipped_book(), shadow=TRIED))


@pytest.fixture
def logs(kafka: str) -> Iterator[Logs]:
    """Empty topics of this test's own."""
    made = Logs(kafka, SITE, PARTITIONS)
    yield made
    made.close()


class Machine:
    """A process with the role trial; left without `stop` it is as after kill -9."""

    def __init__(self, logs: Logs, desk: Server, data: Path) -> None:
        options = ClusterOptions(kafka=KafkaAccess(logs.servers), layout=logs.layout, desk=desk)
        self.common = Connections(options, SITE, (), data, None)
        self.common.start()
        self.role = TrialRole(self.common)

    def book(self, book: Book) -> None:
        """What the desk has in force from now on; the logs hear of it later."""
        settle_book(SettingsStore(self.common.database, SITE), book, 1)

    def catch_up(self) -> None:
        while self.role.run_once() is not None:
            pass

    def figures(self) -> dict[str, float]:
        return {one.name: one.samples[0].value for one in self.role.figures()}

    def lines(self) -> list[dict[str, Any]]:
        return by_time(shadow_lines(self.common.database, None, 1_000))

    def states(self) -> set[str]:
        """Lanes that keep any."""
        with self.common.database.reader.connect() as conn:
            return {row.lane for row in conn.execute(select(bases.c.lane))}


@pytest.fixture
def start(logs: Logs, postgres: Postgres, tmp_path: Path) -> Iterator[Callable[[str], Machine]]:
    """Processes on one desk, by the names of their folders."""
    desk, made = postgres.new(), list[Machine]()
    migrate(desk)

    def start_one(name: str) -> Machine:
        made.append(Machine(logs, desk, tmp_path / name))
        return made[-1]

    yield start_one
    for one in made:
        one.common.close()


def by_time(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of one instant each side has an order of its own."""
    return sorted(lines, key=lambda one: (one["opened_at"], one["home_id"], one["rule"], one["subject_id"]))


def book_input(book: Book, version: int, at_ms: int) -> Input:
    value: dict[str, object] = {"id": "current", "book": msgspec.to_builtins(book)}
    return Input(SETTING, at_ms, setting=Setting("book/current", version, "book", value))


def recording() -> tuple[list[Input], int]:
    """Some hours of a ward, and in it, at that index, a book that marks rules."""
    inputs = ward_inputs(residents=16)
    at = len(inputs) // 4
    return [*inputs[:at], book_input(MARKED, 2, inputs[at].received_at_ms), *inputs[at:]], at


def one_box(inputs: Sequence[Input], folder: Path) -> list[dict[str, Any]]:
    """What the single machine would have told."""
    with sqlite_journal(folder) as journal:
        journal.inputs.write(1, folded(inputs), 0)
        follower = ShadowFollower(
            journal.inputs, lambda: ShadowFold(SITE), lambda: ShadowStore(folder / FILE), lambda _: None, "1",
            lambda: True,
        )  # fmt: skip
        while follower() is not None:
            pass
        follower.close()
    return by_time(shadow_lines(folder, None, 1_000))


def keep_live(logs: Logs, machine: Machine) -> dict[int, int]:
    """The live lanes keep their states, as they do now and then; how far each partition is."""
    layout, ends = logs.layout, logs.ends(INPUTS)
    kept = GenerationSnapshots(SqlSnapshots(machine.common.database), layout)
    for partition, end in ends.items():
        rows = InputRows(LIVE, partition, HomeFold(Book(()), SITE), layout.generation)
        for row in logs.reader.read(layout.topic(INPUTS), partition, 0, end):
            rows.apply(Stored(row.offset + 1, row.value))
        kept.save(f"{LIVE}/{partition}", end, engine_version(), rows.snapshot())
    return ends


def test_many_machines_tell_what_one_box_tells(
    logs: Logs, start: Callable[[str], Machine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site marks rules in the middle of a day, and the process is killed after that: field by field the same alerts,
    each once, though a quarter of the rows came before the marks and was read by the live lanes alone.
    """
    inputs, marked_at = recording()
    half, late = (marked_at + (len(inputs) - marked_at) * parts // 3 for parts in (1, 2))
    first = start("one")
    first.book(shipped_book())
    logs.write(inputs[:marked_at])
    first.catch_up()
    assert first.states() == set(), "nothing is marked: nothing is read"
    assert first.figures()["vardevakt_trial_lag_rows"] == 0, "and nothing is late"
    assert min(keep_live(logs, first).values()) > 20

    first.book(MARKED)
    logs.write(inputs[marked_at:half])
    keep_live(logs, first)  # younger than the marks: not where a trial begins
    first.catch_up()
    told_early = first.lines()
    logs.write(inputs[half:late])
    keep_live(logs, first)  # now the live lanes know nothing of before the marks: the trial has a state of its own
    logs.write(inputs[late:])
    second = start("one")  # the first is dead: what it had not kept is folded again
    monkeypatch.setattr("rules.shadow_follower.BATCH", 10)
    monkeypatch.setattr("api.cluster.trial.BEHIND_ROWS", 100)
    second.role.run_once()
    behind = second.figures()["vardevakt_trial_lag_rows"]
    assert [one.code for one in second.role.ready()] == ["trial_behind"]
    second.role.run_once()
    assert 0 < second.figures()["vardevakt_trial_lag_rows"] < behind < sum(logs.ends(INPUTS).values())
    monkeypatch.undo()
    second.catch_up()
    assert (second.figures()["vardevakt_trial_lag_rows"], list(second.role.ready())) == (0, [])

    alone = one_box(inputs, tmp_path)
    assert second.lines() == alone
    assert {one["rule"] for one in alone} >= {"R01", "R05", "R16"}
    assert any(one["cleared_at"] for one in alone)
    assert 3 < len(told_early) < len(alone)


def test_one_process_tries_and_keeps_nothing_when_the_trial_is_over(
    logs: Logs, start: Callable[[str], Machine], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second one waits for the lease; what was told stays when the marks are gone, the states of the homes do not.
    The command line reads it with the settings of any process.
    """
    inputs, _ = recording()
    one, other = start("one"), start("other")
    one.book(MARKED)
    logs.write(inputs)
    one.catch_up()
    other.catch_up()
    assert (one.figures()["vardevakt_trial_leads"], other.figures()["vardevakt_trial_leads"]) == (1, 0)
    assert one.states() == {LANE}
    told = one.lines()
    assert other.lines() == told != []
    assert not other.role.followers

    one.book(shipped_book())
    logs.write([book_input(shipped_book(), 3, inputs[-1].received_at_ms), *ward_inputs(residents=16)[-3:]])
    one.catch_up()
    assert one.states() == set()
    assert one.lines() == told

    place = one.common.database.place
    assert isinstance(place, Server)
    settings, key = tmp_path / "vardevakt.toml", tmp_path / "link.key"
    key.write_text("k" * 40)
    settings.write_text(
        f'[site]\nid = "{SITE}"\n[logs]\nkind = "kafka"\nkafka_servers = "{logs.servers}"\n'
        f'[desk]\ndatabase_url = "{place.url}"\nlink_key_file = "{key}"\n'
    )
    capsys.readouterr()
    assert run(["rules", "shadow", "R16", "--settings", str(settings), "--json", "--limit", "1000"]) == 0
    assert by_time(json.loads(capsys.readouterr().out)) == [line for line in told if line["rule"] == "R16"]
