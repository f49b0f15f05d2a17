"""Edge: numbers from the timeline. How fast people were told, came and were done; what came of it; what is noise.

For: reports that leaders read and inspectors ask for. Counted in the database over `moments` (a projection of the
timeline) and the alerts' own codes, by pseudonym only. Nothing here is a judgement of a person: groups are wards,
priorities, hours, days, shifts and rules.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Integer, case, cast, func, literal, or_, select

from alerts.database import Database
from alerts.handling.lifecycle import DOCUMENTED
from alerts.quiet.pipeline import OUTAGE
from alerts.reads.reading import leads
from alerts.schema.alerts import alerts
from alerts.schema.checks import moments
from alerts.schema.people import wards as ward_rows

MEASURES = ("told", "claimed", "arrived", "ended")
GROUPS = ("ward", "priority", "hour", "day", "shift", "rule")
NIGHT, DAY, EVENING = "night", "day", "evening"
SHIFT_HOURS = {DAY: (8, 15), EVENING: (15, 22)}  # the rest is night
GOALS_S = {"told": 10, "claimed": 180, "arrived": 2_400}
"""Seconds: told within 10 s, claimed within 3 min, on the spot within the ward's goal (40 min where it has none)."""
DOSE_RULES = ("R22", "R23", "R25", "R26", "R27", "R57")
FALSE_CAUSES = ("accidental", "technical", "no_finding", "test")
ROWS_MAX = 2_000


class Period(msgspec.Struct, frozen=True):
    """What is counted: incidents that opened in [from, until), of these wards (None = all)."""

    site_id: str
    from_ms: int
    until_ms: int
    wards: Collection[str] | None = None


def response_times(db: Database, period: Period, by: tuple[str, ...] = ("ward", "priority")) -> list[dict[str, Any]]:
    """Per group: how many incidents, and for each measure {count, p50, p90, goal, within} in seconds and percent.

    A percentile is the smallest number of whole seconds that at least that share took at most.
    """
    with db.reader.connect() as conn:
        found: dict[tuple[Any, ...], dict[str, Any]] = {}
        goals = _arrival_goals(conn, period.site_id)
        for measure in MEASURES:
            for group, histogram in _histograms(conn, period, by, measure).items():
                found.setdefault(group, {"count": sum(count for _, count in histogram)})
                pairs = [(seconds, count) for seconds, count in histogram if seconds is not None]
                if not pairs:  # it has happened to none of them yet
                    continue
                ward = group[by.index("ward")] if "ward" in by else None
                goal = goals.get(ward, GOALS_S["arrived"]) if measure == "arrived" else GOALS_S.get(measure)
                found[group][measure] = _summary(pairs, goal)
    return [{**dict(zip(by, group, strict=True)), **values} for group, values in sorted(found.items(), key=_in_order)][
        :ROWS_MAX
    ]


def outcomes(db: Database, period: Period) -> list[dict[str, Any]]:
    """Per rule, the noisiest first: how many alerts, how many resolved by themselves, were documented as false, and the
    share of the documented that was false, in percent (None: none was documented).
    """
    documented = alerts.c.handling == DOCUMENTED
    query = (
        select(
            alerts.c.rule,
            func.count().label("alerts"),
            func.count(func.distinct(alerts.c.subject_id)).label("people"),
            _count(alerts.c.outcome == "self_resolved").label("self_resolved"),
            _count(documented).label("documented"),
            _count(documented & alerts.c.cause_code.in_(FALSE_CAUSES)).label("false"),
        )
        .where(*_of_alerts(period), alerts.c.rule != OUTAGE)
        .group_by(alerts.c.rule)
        .order_by(func.count().desc(), alerts.c.rule)
        .limit(ROWS_MAX)
    )
    with db.reader.connect() as conn:
        rows = [dict(row) for row in conn.execute(query).mappings()]
    return [
        row | {"false_percent": round(100 * row["false"] / row["documented"]) if row["documented"] else None}
        for row in rows
    ]


def causes(db: Database, period: Period) -> list[dict[str, Any]]:
    """What incidents were about and what was done, as documented: {rule, cause, action, contact, count}. A fall with
    three presses is one fall.
    """
    columns = (alerts.c.rule, alerts.c.cause_code, alerts.c.action_code, alerts.c.contact_code)
    query = (
        select(*columns, func.count().label("count"))
        .where(*_of_alerts(period), alerts.c.handling == DOCUMENTED, alerts.c.cause_code.is_not(None), leads())
        .group_by(*columns)
        .order_by(func.count().desc(), *columns)
        .limit(ROWS_MAX)
    )
    with db.reader.connect() as conn:
        rows = conn.execute(query).all()
    return [dict(zip(("rule", "cause", "action", "contact", "count"), row, strict=True)) for row in rows]


def dose_follow_up(db: Database, period: Period) -> list[dict[str, Any]]:
    """Per ward: alerts about doses and dispensers, how many were ended by somebody within their deadline ("act by", the
    priority's own hour where there is none), late, or by nobody yet (supervisors ask for this: Helsetilsynet 2025).
    """
    limit_s = case((moments.c.priority == "P2", 3_600), else_=4 * 3_600)
    in_time = moments.c.ended_s.is_not(None) & (moments.c.ended_s <= limit_s)
    query = (
        select(
            moments.c.ward_id,
            func.count().label("count"),
            _count(in_time).label("in_time"),
            _count(moments.c.ended_s.is_not(None) & (moments.c.ended_s > limit_s)).label("late"),
            _count(moments.c.ended_s.is_(None)).label("open"),
        )
        .where(*_of_moments(period), moments.c.rule.in_(DOSE_RULES), moments.c.priority.in_(("P2", "P3")))
        .group_by(moments.c.ward_id)
        .order_by(moments.c.ward_id.nulls_first())
    )
    with db.reader.connect() as conn:
        rows = conn.execute(query).all()
    return [dict(zip(("ward", "count", "in_time", "late", "open"), row, strict=True)) for row in rows]


def _histograms(
    conn: Connection, period: Period, by: tuple[str, ...], measure: str
) -> dict[tuple[Any, ...], list[tuple[int | None, int]]]:
    """(seconds, how many) in order, per group; seconds of None: it has not happened to these yet."""
    groups, seconds = [_group(name) for name in by], moments.c[f"{measure}_s"]
    query = (
        select(*groups, seconds, func.count())
        .where(*_of_moments(period))
        .group_by(*groups, seconds)
        .order_by(*groups, seconds)
    )
    found: dict[tuple[Any, ...], list[tuple[int | None, int]]] = defaultdict(list)
    for row in conn.execute(query):
        found[tuple(row[:-2])].append((row[-2], row[-1]))
    return found


def _summary(pairs: list[tuple[int, int]], goal_s: int | None) -> dict[str, Any]:
    """Of (seconds, how many) in order."""
    total = sum(count for _, count in pairs)
    within = None
    if goal_s is not None:
        within = round(100 * sum(count for seconds, count in pairs if seconds <= goal_s) / total)
    return {
        "count": total, "p50": _percentile(pairs, total, 50), "p90": _percentile(pairs, total, 90), "goal": goal_s,
        "within_percent": within,
    }  # fmt: skip


def _percentile(pairs: list[tuple[int, int]], total: int, percent: int) -> int:
    passed = 0
    for seconds, count in pairs:
        passed += count
        if passed * 100 >= total * percent:
            return seconds
    raise AssertionError("a group has at least one row")


def _group(name: str) -> ColumnElement[Any]:
    if name == "shift":
        hour = moments.c.local_hour
        named = [((hour >= first) & (hour < last), literal(shift)) for shift, (first, last) in SHIFT_HOURS.items()]
        return case(*named, else_=literal(NIGHT))
    columns: Mapping[str, ColumnElement[Any]] = {
        "ward": moments.c.ward_id, "priority": moments.c.priority, "hour": moments.c.local_hour,
        "day": moments.c.local_day, "rule": moments.c.rule,
    }  # fmt: skip
    return columns[name]


def _of_moments(period: Period) -> list[ColumnElement[bool]]:
    found = [
        moments.c.site_id == period.site_id,
        moments.c.opened_ms >= period.from_ms,
        moments.c.opened_ms < period.until_ms,
    ]
    if period.wards is not None:
        found.append(or_(moments.c.ward_id.in_(sorted(period.wards)), moments.c.ward_id.is_(None)))
    return found


def _of_alerts(period: Period) -> list[ColumnElement[bool]]:
    found = [
        alerts.c.site_id == period.site_id,
        alerts.c.opened_ms >= period.from_ms,
        alerts.c.opened_ms < period.until_ms,
        alerts.c.merged_into.is_(None),
        alerts.c.test.is_(False),
    ]
    if period.wards is not None:
        found.append(or_(alerts.c.ward_id.in_(sorted(period.wards)), alerts.c.ward_id.is_(None)))
    return found


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(cast(case((condition, 1), else_=0), Integer)), 0)


def _arrival_goals(conn: Connection, site_id: str) -> dict[str | None, int]:
    query = select(ward_rows.c.id, ward_rows.c.arrival_goal_ms).where(
        ward_rows.c.site_id == site_id, ward_rows.c.arrival_goal_ms.is_not(None)
    )
    return {row.id: row.arrival_goal_ms // 1_000 for row in conn.execute(query)}


def _in_order(pair: tuple[tuple[Any, ...], Any]) -> list[tuple[bool, str]]:
    return [(value is None, f"{value:09d}" if isinstance(value, int) else str(value)) for value in pair[0]]
