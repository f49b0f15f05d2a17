"""The reports as people read them: per home alerts by rule and day, then the verdicts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from rules.local_time import local_date
from tests.realhomes.homes import HomeReport

LISTED = 12  # alerts told one by one


def lines_of(reports: Sequence[HomeReport]) -> Iterator[str]:
    """Everything, line by line."""
    for report in reports:
        yield ""
        yield from _home(report)
    missed = [f"{report.home}: {one.name}" for report in reports for one in report.findings if one.met is False]
    met = sum(one.met is True for report in reports for one in report.findings)
    yield ""
    yield f"aims: {met} met, {len(missed)} missed" + "".join(f"\n  missed: {one}" for one in missed)


def _home(report: HomeReport) -> Iterator[str]:
    first, last = local_date(report.first_ms, report.zone), local_date(report.last_ms, report.zone)
    days = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 2)]
    told = {one.day for one in report.alerts}
    days = days if days[-1] in told else days[:-1]  # a tail of silence may reach into the next day
    left = ", ".join(f"{count} {why}" for why, count in report.left_out.items()) or "nothing"
    yield f"== {report.home}: {first} to {last} {report.zone}"
    yield f"   {report.rows} rows, {report.events} events, left out {left}; dead letters {report.dead_letters}"
    by_rule = Counter((one.rule, one.priority) for one in report.alerts)
    if not by_rule:
        yield "   no alert"
    else:
        yield f"   {'rule':<5}{'':<4}{'alerts':>6}  a day from {days[0]}"
    for (rule, priority), count in sorted(by_rule.items()):
        each = Counter(one.day for one in report.alerts if (one.rule, one.priority) == (rule, priority))
        yield f"   {rule:<5}{priority:<4}{count:>6}  " + "".join(_digit(each[day]) for day in days)
    for one in report.alerts[:LISTED]:
        yield f"     {one.local} {one.rule} {one.priority} {one.state} {one.about or ''}".rstrip()
    if len(report.alerts) > LISTED:
        yield f"     … and {len(report.alerts) - LISTED} more (--json has all)"
    width = max(len(one.name) for one in report.findings)
    for finding in report.findings:
        verdict = {None: "", True: "met", False: "MISSED"}[finding.met]
        aim = f"aim {finding.aim}: {verdict}" if finding.aim else ""
        yield f"   {finding.name:<{width}}  {finding.value}  {aim}".rstrip()


def _digit(count: int) -> str:
    return "." if count == 0 else str(count) if count < 10 else "+"
