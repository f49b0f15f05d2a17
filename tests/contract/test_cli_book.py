"""`vardevakt rules list|show|explain|shadow` over a data folder: for one person, in words, and slips of the pen."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from alerts.database import migrate, open_database
from alerts.site.settings_store import SettingsStore, mark_in_force
from api.cli.commands import run
from api.running.rule_book import settle_book
from ingest.record import SETTING, Input, Setting
from rules.book_file import shipped_book
from tests.support.home_story import HomeStory
from tests.support.journals import folded, sqlite_journal

SITE = "solbakken"
ITEMS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("site", SITE, {"name": "S"}), ("ward", "nord", {"name": "Nord"}), ("home", "h1", {"ward": "nord"}),
    ("resident", "r1", {"home": "h1", "name": "Kari Nordmann"}),
    ("measure", "m1", {"resident": "r1", "service": "digital_supervision", "from": "2026-01-01"}),
    ("plan", "p1", {"resident": "r1", "rule": "R05", "set": {"for": "35 min"}, "from": "2026-01-01"}),
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A service's folder at rest: a night out of bed in its log, Kari's own limit in its settings."""
    folder = tmp_path_factory.mktemp("data")
    story = HomeStory()
    story.event("bed.occupied", story.at("22:00"))
    story.event("bed.left", story.at("02:00", 1))
    story.event("bed.occupied", story.at("02:40", 1))
    book: dict[str, object] = {"id": "current", "book": msgspec.to_builtins(shipped_book())}
    begun_ms = story.inputs[0].received_at_ms
    inputs = [Input(SETTING, begun_ms, setting=Setting("book/current", 1, "book", book)), *story.inputs]
    kept = sqlite_journal(folder)
    kept.inputs.write(len(inputs), folded(inputs), 0)
    kept.close()
    migrate(folder / "desk.db")
    database = open_database(folder / "desk.db")
    store = SettingsStore(database, SITE)
    for kind, key, value in ITEMS:
        version = store.save(kind, key, value, None, 0)
        with database.writer.begin() as conn:
            mark_in_force(conn, SITE, f"{kind}/{key}", version)
    settle_book(store, shipped_book(), 0)
    database.close()
    return str(folder)


def test_a_persons_values_with_whose_word_each_is(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    """`--resident` on list and show: the plan's value, and what does not stand for them and why."""
    assert run(["rules", "show", "R05", "--resident", "r1", "--data", data]) == 0
    shown = capsys.readouterr().out
    assert run(["rules", "list", "--resident", "r1", "--data", data, "--json"]) == 0
    standing = {rule["id"]: rule["standing"] for rule in json.loads(capsys.readouterr().out)}

    assert "  for                35 min         from plan r1" in shown
    assert "  for r1: on" in shown
    assert [standing[rule] for rule in ("R01", "R05", "R06", "R13")] == ["on", "on", "off", "no_measure"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "R5"], "no rule R5; did you mean R05?"),
        (["show", "R05", "--resident", "r9"], "no resident r9"),
        (["explain", "--rule", "R5", "--subject", "r1"], "no rule R5; did you mean R05?"),
        (["explain", "--rule", "R05", "--subject", "r1", "--at", "2026-03-02T02:30:00"], "is no time with its offset"),
        (["shadow", "r05"], "no rule r05; did you mean R05?"),
        (["test", "--rule", "R5"], "no rule test of R5 found; did you mean R05?"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_the_right_word(
    data: str, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    """Exit 2 and one line."""
    folder = [] if arguments[0] == "test" else ["--data", data]
    assert run(["rules", *arguments, *folder]) == 2
    told = capsys.readouterr().err
    assert says in told
    assert told.count("\n") == 1


def test_a_wrong_folder_is_told_and_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever only wants to read leaves nothing behind where there is nothing."""
    for command in (["shadow"], ["show", "R05", "--resident", "r1"], ["backtest", "--book", "x.yaml"]):
        (tmp_path / "x.yaml").write_text("off: [R37]\n")
        told = [str(tmp_path / word) if word == "x.yaml" else word for word in command]
        assert run(["rules", *told, "--data", str(tmp_path / "nothing")]) == 2
        assert "is not there: say the data folder with --data" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_an_explanation_speaks_in_words_on_the_sites_clock(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What it said, as the page says it; before the log begins it says that, and not that there was no rule."""
    ask = ["rules", "explain", "--rule", "R05", "--subject", "r1", "--data", data]
    assert run([*ask, "--at", "2026-03-02T02:30:00+01:00"]) == 0
    told = capsys.readouterr().out
    assert run([*ask, "--at", "2025-03-02T02:30:00+01:00"]) == 0

    assert "2026-03-02 02:20:00  said  raise: Out of bed since 02:00" in told
    assert "the log does not reach back to that time" in capsys.readouterr().out


def test_a_ward_that_the_site_does_not_have_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Limits for a misspelt ward would apply to nobody, and nobody would notice."""
    (tmp_path / "book.yaml").write_text("wards: {nordd: {R05: {for: 30 min}}}\n")
    (tmp_path / "site.yaml").write_text(
        "site: {id: s, name: S, timezone: Europe/Oslo, language: nb}\nwards: [{id: nord, name: Nord}]\n"
    )

    assert run(["check", "--rules", str(tmp_path / "book.yaml"), "--site", str(tmp_path / "site.yaml")]) == 2
    assert "the site has no ward 'nordd'; did you mean nord?" in capsys.readouterr().err
