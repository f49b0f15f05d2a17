"""The tables in alerts/README.md and in the lifecycle's own text are the ones the code runs on."""

from __future__ import annotations

from alerts.handling import lifecycle
from alerts.handling.lifecycle import HANDLINGS, transitions
from alerts.routing import escalation
from alerts.routing.profiles import escalation_table
from alerts.shifts import shift as shifts
from tests.support.tree import ROOT

README = ROOT / "alerts" / "README.md"
MODES = {"ring": "at any hour", "by_day": "07:30-22:00, else the 07:30 list", "workday": "list of the next workday"}


def lifecycle_lines():
    """The table of transitions as Markdown rows."""
    rows = ["| act | from | to | who |", "|---|---|---|---|"]
    for move in transitions():
        origin = "every state" if tuple(move["from"]) == HANDLINGS else ", ".join(move["from"])
        rows.append(f"| {move['act']} | {origin} | {move['to']} | {move['who']} |")
    return rows


def escalation_lines():
    """The two profiles as Markdown rows: seconds and whom."""
    rows = ["| profile | for | rings | steps (seconds: whom) | then every |", "|---|---|---|---|---|"]
    for row in escalation_table():
        steps = "; ".join(
            f"{step['after_seconds']}: {' + '.join(step['targets']) or 'listed'}" for step in row["steps"]
        )
        mode = MODES[row["mode"]]
        rows.append(f"| {row['profile']} | {row['priority']} | {mode} | {steps} | {row['repeat_seconds']} s |")
    return rows


def test_the_readme_shows_the_lifecycle_that_runs():
    """The published table of acts equals the data."""
    assert "\n".join(lifecycle_lines()) in README.read_text()


def test_the_modules_own_text_shows_the_lifecycle_that_runs():
    """A state machine opens with its transition table, and the table is true."""
    assert "\n".join(lifecycle_lines()) in (lifecycle.__doc__ or "")


def test_the_readme_shows_the_escalation_that_runs():
    """The two profiles stand there with their delays and targets."""
    assert "\n".join(escalation_lines()) in README.read_text()


def test_the_night_of_the_readme_is_the_night_of_the_code():
    """Quiet hours are said where people look for them."""
    start, end = escalation.NIGHT

    assert (start, end) == (22 * 60, 7 * 60 + 30)
    assert "07:30-22:00" in README.read_text()


def test_readme_and_module_show_the_shifts_that_run():
    """Both tables of a shift equal the data."""
    rows = ["| state | event | to | claims |", "|---|---|---|---|"]
    rows += [f"| {one.origin} | {one.event} | {one.to} | {one.claims} |" for one in shifts.TABLE]
    assert "\n".join(rows) in README.read_text()
    assert "\n".join(rows) in (shifts.__doc__ or "")
