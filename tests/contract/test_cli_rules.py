"""`vardevakt rules test|diff|backtest` as a person meets them: what is printed, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from alerts.database import migrate, open_database
from alerts.site.settings_store import SettingsStore
from api.cli.commands import run
from tests.support.home_story import HomeStory
from tests.support.journals import folded, sqlite_journal

CASE = """
R05:
  out of bed:
    timeline: |
      22:00 bed occupied
      02:10 bed left
    expect: |
      {at} R05 P2 4.7 r1
"""
SITE = """
site: {id: solbakken, name: Solbakken, timezone: Europe/Oslo, language: nb}
wards: [{id: nord, name: Nord, arrival_goal: 30 min}]
homes: [{id: h1, ward: nord, kind: own_home}, {id: h2, ward: nord, kind: own_home}]
residents: [{id: r1, home: h1, name: Kari Nordmann}, {id: r2, home: h2, name: Per Nordmann}]
gateways: [{id: gw-1, home: h1, address: "vardevakt:gw-1"}, {id: gw-2, home: h2, address: "vardevakt:gw-2"}]
devices:
  - {id: d1, address: "vardevakt:gw-1/bed", role: bed, room: bedroom, resident: r1, gateway: gw-1}
  - {id: d2, address: "vardevakt:gw-2/bed", role: bed, room: bedroom, resident: r2, gateway: gw-2}
"""
NIGHT = [  # UTC; local time is an hour later
    ("21:00:00", "gw-1", "bed.occupied"), ("21:00:00", "gw-2", "bed.occupied"), ("00:00:00", "gw-1", "bed.left"),
    ("00:17:00", "gw-1", "bed.occupied"), ("01:00:00", "gw-2", "bed.left"), ("01:40:00", "gw-2", "bed.occupied"),
]  # fmt: skip


@pytest.fixture
def night(tmp_path: Path) -> list[str]:
    """Arguments for a recording: Kari is up for 17 min, Per for 40."""
    lines = []
    for number, (clock, gateway, type_) in enumerate(NIGHT):
        day = "2026-03-01" if clock > "12" else "2026-03-02"
        payload = json.dumps({"type": type_, "id": str(number)})
        lines.append(
            {"at": f"{day}T{clock}Z", "topic": f"vardevakt/1/{gateway}/bed/event", "payload": payload, "qos": 1}
        )
    (tmp_path / "night.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    (tmp_path / "site.yaml").write_text(SITE)
    return [str(tmp_path / "night.jsonl"), "--site", str(tmp_path / "site.yaml"), "--all-measures"]


def test_a_story_that_comes_true_is_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file of one's own passes and is counted."""
    (tmp_path / "own.test.yaml").write_text(CASE.format(at="02:30"))

    assert run(["rules", "test", str(tmp_path / "own.test.yaml")]) == 0
    assert capsys.readouterr().out == "1 rule test passed\n"


def test_a_story_that_does_not_is_exit_1_and_tells_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The timeline with what was expected, what came and the reason in words; for programs as JSON."""
    file = tmp_path / "own.test.yaml"
    file.write_text(CASE.format(at="02:40"))

    assert run(["rules", "test", str(file)]) == 1
    told = capsys.readouterr().out
    assert f"FAILED  R05 out of bed  ({file}:3)" in told
    assert "  - 02:40 R05 P2 4.7 r1" in told
    assert "  + 02:30 R05 P2 4.7 r1, until the end   [Out of bed since 02:10" in told
    assert run(["rules", "test", str(file), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["ok"] is False


def test_a_file_that_cannot_be_meant_is_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with file, line and the nearest right word; also a rule nobody has told a story of."""
    (tmp_path / "own.test.yaml").write_text(CASE.format(at="02:30").replace("bed left", "bed leftt"))

    assert run(["rules", "test", str(tmp_path / "own.test.yaml")]) == 2
    assert "own.test.yaml:6: timeline: 'bed leftt' is no event of the vocabulary; did you mean bed left?" in (
        capsys.readouterr().err
    )
    assert run(["rules", "test", "--rule", "R99"]) == 2


def test_stories_beside_a_sites_book_are_told_under_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A municipality's own limit has its own story; the shipped ones are told of the shipped book."""
    (tmp_path / "book.yaml").write_text("set: {R05: {for: 30 min}}\n")
    (tmp_path / "book.test.yaml").write_text(CASE.format(at="02:40"))

    run(["rules", "test", "--rules", str(tmp_path / "book.yaml"), "--rule", "R05"])
    assert "FAILED  R05 out of bed " not in capsys.readouterr().out
    (tmp_path / "book.yaml").write_text("set: {R05: {for: 25 min}}\n")
    assert run(["rules", "test", "--rules", str(tmp_path / "book.yaml"), "--rule", "R05"]) == 1
    assert "FAILED  R05 out of bed  " in capsys.readouterr().out


def test_diff_says_what_a_book_changes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Old and new value, and whose it is; 60 min and 1 h are the same; exit 1 when something differs."""
    (tmp_path / "new.yaml").write_text(
        "set: {R05: {for: 25 min}}\nwards: {nord: {R05: {for: 1 h}}}\noff: [R37]\nshadow: {R01: {}}\n"
    )
    (tmp_path / "same.yaml").write_text(
        "set: {R05: {for: 25 min}}\nwards: {nord: {R05: {for: 60 min}}}\noff: [R37]\nshadow: {R01: {}}\n"
    )

    assert run(["rules", "diff", "shipped", str(tmp_path / "new.yaml")]) == 1
    told = capsys.readouterr().out
    assert told.splitlines() == [
        "R01 goes on trial",
        "R05 for (site): 20 min -> 25 min",
        "R05 for (ward nord): 20 min -> 1 h",
        "R37 switched off",
    ]
    assert run(["rules", "diff", str(tmp_path / "new.yaml"), str(tmp_path / "same.yaml")]) == 0


def test_backtest_tells_what_would_come_go_and_move(
    tmp_path: Path, night: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """A shorter limit: one alert more for Kari, Per's comes earlier; a rule switched off: his goes."""
    (tmp_path / "short.yaml").write_text("set: {R05: {for: 15 min}}\n")
    (tmp_path / "off.yaml").write_text("off: [R05]\n")

    assert run(["rules", "backtest", *night, "--book", str(tmp_path / "short.yaml"), "--processes", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["rules"]["R05"] == {"old": 1, "new": 2, "come": 1, "go": 0, "move": 1}
    came, moved = told["changes"]
    assert (came["kind"], came["new"]["subject_id"], came["new"]["opened_at"]) == (
        "come",
        "r1",
        "2026-03-02T00:15:00Z",
    )
    assert (moved["old"]["opened_at"], moved["new"]["opened_at"]) == (
        "2026-03-02T01:20:00Z",
        "2026-03-02T01:15:00Z",
    )
    assert told["days"]["2026-03-02"]["P2"] == {"old": 1, "new": 2}

    assert run(["rules", "backtest", *night, "--book", str(tmp_path / "off.yaml"), "--processes", "1"]) == 0
    words = capsys.readouterr().out
    assert "  R05 switched off" in words
    assert "1 goes:\n  2026-03-02 02:20 R05 P2 r2 (h2)  Out of bed since 02:00" in words


def test_alerts_before_since_do_not_count(tmp_path: Path, night: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What was before is folded, so that the state is right, and not counted."""
    (tmp_path / "short.yaml").write_text("set: {R05: {for: 15 min}}\n")
    arguments = [*night, "--book", str(tmp_path / "short.yaml"), "--processes", "1", "--since", "2026-03-02T01:00:00Z"]

    assert run(["rules", "backtest", *arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rules"]["R05"] == {"old": 1, "new": 1, "come": 0, "go": 0, "move": 1}


def test_backtest_reads_the_journal_beside_its_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a recording the log of the data folder is tried, while somebody else holds it open."""
    story = HomeStory()
    story.event("bed.occupied", story.at("22:00"))
    story.event("bed.left", story.at("02:00", 1))
    story.event("bed.occupied", story.at("02:17", 1))
    kept = sqlite_journal(tmp_path)
    kept.inputs.write(len(story.inputs), folded(story.inputs), 0)
    migrate(tmp_path / "desk.db")
    database = open_database(tmp_path / "desk.db")
    SettingsStore(database, "solbakken").save("site", "solbakken", {"id": "solbakken", "name": "S"}, None, 0)
    (tmp_path / "short.yaml").write_text("set: {R05: {for: 15 min}}\n")
    try:
        arguments = ["--data", str(tmp_path), "--book", str(tmp_path / "short.yaml"), "--processes", "1", "--json"]
        assert run(["rules", "backtest", *arguments]) == 0
    finally:
        database.close()
        kept.close()

    told = json.loads(capsys.readouterr().out.splitlines()[-1])  # the journal's own log lines stand before it
    assert told["rules"]["R05"] == {"old": 0, "new": 1, "come": 1, "go": 0, "move": 0}
