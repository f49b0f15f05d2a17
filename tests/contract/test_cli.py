"""The command line as a person or a script meets it: exit codes, one clear line, the same bytes twice."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from api.cli.commands import run

SITE = """
site: {id: solbakken, name: Solbakken, timezone: Europe/Oslo, language: nb}
wards: [{id: nord, name: Nord, arrival_goal: 30 min}]
homes: [{id: h1, ward: nord, kind: own_home}]
residents: [{id: r1, home: h1, name: Kari Nordmann}]
gateways: [{id: gw-1, home: h1, address: "vardevakt:gw-1", interval: 5 min}]
devices: [{id: d1, address: "vardevakt:gw-1/pendant-7", role: pendant, resident: r1, gateway: gw-1}]
"""
PRESS = (
    '{"at": "2026-03-01T21:14:05.300Z", "topic": "vardevakt/1/gw-1/pendant-7/event",'
    ' "payload": "{\\"type\\": \\"alarm.pressed\\", \\"id\\": \\"7-1\\"}", "qos": 1}\n'
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A small site file."""
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """One press, and a minute of silence."""
    path = tmp_path / "night.jsonl"
    path.write_text(PRESS + '{"at": "2026-03-01T21:15:05Z"}\n')
    return path


def test_replay_writes_the_alerts_and_twice_the_same_bytes(tmp_path: Path, site: Path, recording: Path) -> None:
    """A press becomes one alert of contracts §4; a second replay gives the same bytes."""
    outs = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    for out in outs:
        assert run(["replay", str(recording), "--site", str(site), "--alerts", str(out)]) == 0
    (line,) = outs[0].read_text().splitlines()
    alert = json.loads(line)
    assert (alert["rule"], alert["priority"], alert["subject_id"]) == ("R01", "P1", "r1")
    assert alert["opened_at"] == "2026-03-01T21:14:05.300Z"
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_an_expectation_not_met_is_exit_1(
    tmp_path: Path, site: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--expect with other alerts says where they differ and ends with 1; with the right ones 0."""
    expected = tmp_path / "expected.jsonl"
    assert run(["replay", str(recording), "--site", str(site), "--alerts", str(expected)]) == 0
    assert run(["replay", str(recording), "--site", str(site), "--expect", str(expected)]) == 0
    expected.write_text(expected.read_text().replace("P1", "P2"))
    assert run(["replay", str(recording), "--site", str(site), "--expect", str(expected)]) == 1
    assert "line 1" in capsys.readouterr().out


def test_a_broken_recording_is_named_with_its_line(
    site: Path, recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line that is no JSON: exit 2 with file and number; --lenient counts it and goes on."""
    recording.write_text(PRESS + "nonsense\n")
    assert run(["replay", str(recording), "--site", str(site)]) == 2
    assert "line 2" in capsys.readouterr().err
    assert run(["replay", str(recording), "--site", str(site), "--lenient", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["skipped_lines"] == 1


def test_importing_twice_changes_nothing(tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first import adds, the second says 0 changes, and a dry run changes nothing at all."""
    data = str(tmp_path / "data")
    assert run(["site", "import", str(site), "--data", data, "--dry-run"]) == 0
    assert "would add resident r1" in capsys.readouterr().out
    assert run(["site", "import", str(site), "--data", data]) == 0
    assert "add resident r1" in capsys.readouterr().out
    assert run(["site", "import", str(site), "--data", data]) == 0
    assert capsys.readouterr().out == "0 changes\n"


def test_what_was_exported_imports_without_a_change(
    tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What `site export` prints is a file that site import takes."""
    data = str(tmp_path / "data")
    run(["site", "import", str(site), "--data", data])
    capsys.readouterr()
    assert run(["site", "export", "--data", data]) == 0
    copy = tmp_path / "copy.yaml"
    copy.write_text(capsys.readouterr().out)
    assert run(["site", "import", str(copy), "--data", data]) == 0
    assert capsys.readouterr().out == "0 changes\n"


@pytest.mark.parametrize(
    ("wrong", "right_word"),
    [("residents", "resident"), ("own_home", "own_hom")],
)
def test_a_bad_site_file_names_line_and_the_right_word(
    site: Path, capsys: pytest.CaptureFixture[str], wrong: str, right_word: str
) -> None:
    """A misspelt word: exit 2, the line, the word that was meant; nothing is imported."""
    site.write_text(SITE.replace(wrong, right_word, 1))
    assert run(["check", "--site", str(site)]) == 2
    said = capsys.readouterr().err
    assert str(site) in said
    assert wrong in said


def test_serve_without_a_site_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty data folder is exit 2 with the command that fills it."""
    assert run(["serve", "--data", str(tmp_path / "empty")]) == 2
    assert "site import" in capsys.readouterr().err


def test_gateways_explain_shows_what_becomes_of_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    """An installer sees address and events; a topic of nobody is exit 1."""
    assert run(["gateways", "explain", "zigbee2mqtt/leak", '{"water_leak": true}', "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["address"], told["items"][0]["type"]) == ("zigbee2mqtt:leak", "water.detected")
    assert run(["gateways", "explain", "nobody/knows", "x"]) == 1


def test_rules_show_says_where_a_value_comes_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A site's own book stands over the shipped one, and each value names its layer."""
    book = tmp_path / "book.yaml"
    book.write_text("set: {R05: {for: 25 min}}\n")
    assert run(["rules", "show", "R05", "--rules", str(book), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["parameters"]["for"] == {"value": "25 min", "from": "site"}
    assert shown["parameters"]["window"]["from"] == "book"
    book.write_text("set: {R05: {fro: 25 min}}\n")
    assert run(["rules", "show", "R05", "--rules", str(book)]) == 2
    assert "did you mean for?" in capsys.readouterr().err


def test_an_unknown_command_is_exit_2() -> None:
    """Usage errors are 2, as everything that could not run."""
    assert run(["nope"]) == 2


def test_a_user_is_added_with_a_password_from_a_file(
    tmp_path: Path, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The password is never an argument; a short one is refused with exit 2."""
    data, secret = str(tmp_path / "data"), tmp_path / "password"
    run(["site", "import", str(site), "--data", data])
    secret.write_text("a long enough secret\n")
    add = [
        "user",
        "add",
        "kari.carer",
        "--name",
        "Kari",
        "--role",
        "carer",
        "--data",
        data,
        "--password-file",
        str(secret),
    ]
    assert run(add) == 0
    capsys.readouterr()
    assert run(["user", "list", "--data", data]) == 0
    assert "kari.carer" in capsys.readouterr().out
    secret.write_text("short")
    assert run([*add[:2], "other", *add[3:]]) == 2


def test_a_simulated_day_replays_without_a_dead_letter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`simulate` writes a recording and its site file, twice the same bytes; `replay` understands them."""
    out, again, site = tmp_path / "day.jsonl.gz", tmp_path / "again.jsonl.gz", tmp_path / "ward.yaml"
    for path in (out, again):
        assert run(["simulate", str(path), "--site", str(site), "--hours", "3", "--seed", "7"]) == 0
    assert out.read_bytes() == again.read_bytes()
    capsys.readouterr()
    alerts = tmp_path / "alerts.jsonl"
    assert run(["replay", str(out), "--site", str(site), "--alerts", str(alerts), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["records"] > 100
    assert told["dead_letters"] == 0
    silent = [line for line in alerts.read_text().splitlines() if json.loads(line)["rule"] in ("R36", "R37", "R52")]
    assert silent == [], "its site says how often its gateways report"
