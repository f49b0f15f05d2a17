"""Bases: a state made a second time in another process, and the logs that may be cut behind it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from alerts.site.settings_store import SettingsStore
from api.backup.bases import FOLDS, prove
from api.explanations import explanation
from api.running.rule_book import engine_version
from ingest.base_files import BaseFolder, SnapshotsAndBases, new_base
from ingest.codecs import default_codecs
from ingest.journal import JournalError
from ingest.journal_sqlite import open_journal
from ingest.record import SETTING, Input, Setting
from rules.book import Book
from rules.effects import LIVE
from rules.fold_runner import FoldRunner
from rules.home_fold import HomeFold
from tests.contract.test_as_an_outsider import SITE_FILE
from tests.support.fold_place import Place, a_day
from tests.support.home_story import BOOK
from tests.support.journals import SMALL
from tests.support.running_service import SITE, RunningService, running_service

FOREVER_MS = 2**61


@pytest.fixture
def service(tmp_path: Path) -> Iterator[RunningService]:
    """A service that has heard a press, a bed and a door."""
    with running_service(tmp_path) as running:
        running.import_site(SITE_FILE)
        running.publish("vardevakt/1/gw-1/pendant-7/event", {"type": "alarm.pressed", "id": "1"})
        running.publish("vardevakt/1/gw-1/mat/event", {"type": "bed.left", "id": "2"})
        yield running


def with_book() -> list[Input]:
    """A day whose log brings the book too, as the service's does."""
    day = a_day()
    value: dict[str, object] = {"id": "current", "book": msgspec.to_builtins(BOOK)}
    return [Input(SETTING, day[0].received_at_ms, setting=Setting("book/current", 1, "book", value)), *day]


def live(place: Place) -> FoldRunner:
    runner = place.runner(make=lambda: HomeFold(Book(()), SITE))
    runner.engine = engine_version()
    return runner


def night(service: RunningService) -> dict[str, str]:
    proofs = service.up.service.nightly.run(service.up.services.clock())
    return {proof.fold: proof.outcome for proof in proofs}


def test_a_night_proves_every_fold_and_the_next_goes_on_from_there(service: RunningService) -> None:
    """All three folds, made again in a child process; the second night refolds only what came since."""
    assert night(service) == dict.fromkeys(FOLDS, "base")
    data = service.parts.database.path.parent
    first = BaseFolder(data / "bases").newest(LIVE)
    service.publish("vardevakt/1/gw-1/mat/event", {"type": "bed.occupied", "id": "3"})
    assert night(service)[LIVE] == "base"
    again = BaseFolder(data / "bases").newest(LIVE)
    assert first is not None
    assert again is not None
    assert again.proved_from == first.position < again.position
    assert service.up.service.nightly.nightly.problem is None


def test_a_start_goes_on_from_a_base_when_log_and_snapshots_are_gone(tmp_path: Path) -> None:
    """Two nights, the log cut behind the older base, snapshots lost: the fold stands where it stood."""
    place = Place(tmp_path / "place")
    day = with_book()
    data = tmp_path / "place"
    position = 0
    for part in (day[: len(day) // 2], day[len(day) // 2 :]):
        place.write(part)
        runner = live(place)
        runner.run_until(place.journal.inputs.last_seq())
        runner._save()
        position = runner.position
        assert [one.outcome for one in prove(data, "solbakken", default_codecs(), 1) if one.fold == LIVE] == ["base"]
    told, state = place.alerts(), runner.fold.snapshot()
    older = BaseFolder(data / "bases").oldest(LIVE)
    assert older is not None
    assert place.journal.cut(0, older.position, FOREVER_MS) == older.position
    _lose_snapshots(data)

    begun = live(place)
    begun._state._snapshots = SnapshotsAndBases(
        place.journal.snapshots, BaseFolder(data / "bases"), place.journal.first_seqs[1]
    )
    begun.run_until(position)
    assert begun.fold.snapshot() == state
    assert place.alerts() == told
    place.close()


def test_without_a_base_a_cut_log_is_refused(tmp_path: Path) -> None:
    """A fold that would begin in the middle of a log forgets who lies on the floor: it says so and does not start."""
    place = Place(tmp_path / "place")
    place.write(with_book())
    live(place).run_until(place.journal.inputs.last_seq())
    place.journal.cut(0, 5, FOREVER_MS)
    with pytest.raises(JournalError, match="begins at row 6"):
        live(place).run_until(place.journal.inputs.last_seq())
    place.close()


def test_after_an_update_a_cut_log_is_proved_from_the_base_before_it(tmp_path: Path) -> None:
    """What an earlier version left is what this one went on from, so that its states are proved from there too."""
    place = Place(tmp_path / "place")
    day, data = with_book(), tmp_path / "place"
    place.write(day[: len(day) // 2])
    runner = live(place)
    runner.run_until(place.journal.inputs.last_seq())
    state = runner.fold.snapshot()
    BaseFolder(data / "bases").save(new_base(LIVE, runner.position, "earlier", SITE, 1, 1, 0, state), state)
    place.write(day[len(day) // 2 :])
    place.journal.cut(0, runner.position, FOREVER_MS)

    begun = live(place)
    begun._state._snapshots = SnapshotsAndBases(
        place.journal.snapshots, BaseFolder(data / "bases"), place.journal.first_seqs[1]
    )
    begun.run_until(place.journal.inputs.last_seq())
    begun._save()
    (proof,) = [one for one in prove(data, SITE, default_codecs(), 2) if one.fold == LIVE]
    assert (proof.outcome, proof.position, proof.proved_from) == ("base", begun.position, runner.position)
    place.close()


def test_what_differs_is_no_base_and_nothing_is_cut(tmp_path: Path) -> None:
    """A snapshot that the log does not give (here: one bit of memory, or another version): told, and kept out."""
    place = Place(tmp_path / "place")
    place.write(with_book())
    other = HomeFold(BOOK, "solbakken")
    place.journal.snapshots.save(LIVE, place.journal.inputs.last_seq(), engine_version(), other.snapshot())
    proofs = {one.fold: one.outcome for one in prove(tmp_path / "place", "solbakken", default_codecs(), 1)}
    assert proofs[LIVE] == "differs"
    assert BaseFolder(tmp_path / "place" / "bases").newest(LIVE) is None
    place.close()


def test_the_newest_row_and_what_is_young_always_stay(tmp_path: Path) -> None:
    """Numbers go on counting after the deepest cut, and retention is by the time of arrival."""
    place = Place(tmp_path / "place")
    day = a_day()
    place.write(day)
    last = place.journal.inputs.last_seq()
    assert place.journal.cut(0, last, day[9].received_at_ms) == sum(
        row.received_at_ms < day[9].received_at_ms for row in day
    )
    assert place.journal.cut(0, last, FOREVER_MS) > 0
    assert place.journal.first_seqs[1] == last
    place.close()
    again = open_journal(tmp_path / "place" / "journal.db", SITE, SMALL)
    assert again.inputs.last_seq() == last
    again.close()


def test_a_damaged_base_is_not_believed(tmp_path: Path) -> None:
    """One byte is wrong: the older base, or the log, takes its place."""
    place = Place(tmp_path / "place")
    data = tmp_path / "place"
    place.write(with_book())
    runner = live(place)
    runner.run_until(place.journal.inputs.last_seq())
    runner._save()
    prove(data, "solbakken", default_codecs(), 1)
    (path,) = (data / "bases").glob("live-*.base")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    _lose_snapshots(data)
    store = SnapshotsAndBases(place.journal.snapshots, BaseFolder(data / "bases"), 1)
    assert store.load(LIVE, engine_version(), 2**60) is None
    place.close()


def _lose_snapshots(data: Path) -> None:
    with sqlite3.connect(data / "journal.db") as connection:
        connection.execute("DELETE FROM snapshots")


def test_where_the_log_was_cut_explanations_begin_at_the_base(tmp_path: Path) -> None:
    """The rule, its limits and its watch are known though their settings are cut; before the base is no answer."""
    place, data, day = Place(tmp_path / "place"), tmp_path / "place", with_book()
    store = SettingsStore(place.database, SITE)
    items: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("site", SITE, {"name": "S"}), ("ward", "nord", {"name": "Nord"}), ("home", "h1", {"ward": "nord"}),
        ("resident", "r1", {"home": "h1", "name": "Kari N"}),
    )  # fmt: skip
    for kind, key, value in items:
        store.save(kind, key, value, None, 0)
    for part in (day[: len(day) // 2], day[len(day) // 2 :]):
        place.write(part)
        runner = live(place)
        runner.run_until(place.journal.inputs.last_seq())
        runner._save()
        prove(data, "solbakken", default_codecs(), 1)
    now_ms = day[-1].received_at_ms
    whole = explanation(place.journal.inputs, store, data, "R16", "r1", now_ms)
    older = BaseFolder(data / "bases").oldest(LIVE)
    assert older is not None
    place.journal.cut(0, older.position, FOREVER_MS)
    cut = explanation(place.journal.inputs, store, data, "R16", "r1", now_ms)
    early = explanation(place.journal.inputs, store, data, "R16", "r1", day[0].received_at_ms)

    assert whole is not None
    assert cut is not None
    assert early is not None
    assert (cut.conclusion, cut.state, cut.parameters) == (whole.conclusion, whole.state, whole.parameters)
    assert early.conclusion == "before_log"
    place.close()
