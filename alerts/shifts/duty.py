"""Edge: who is on duty for a home, from the tables of people, shifts and phones.

For: the look-up the desk makes when a chain begins, and when whoever is on duty ends. Who counts as on duty is decided
in `alerts/shifts/coverage.py`. A home nobody knows (an unassigned device) belongs to every function of the site: better
rung twice than not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select, String, bindparam, func, select, true

from alerts.batch import alert_key
from alerts.routing.escalation import ARRIVAL_GOAL_MS, FUNCTION, Duty, Target
from alerts.rows import DEFAULT_TIMEZONE, TIMEZONE
from alerts.schema.people import functions, homes, keys, sites, wards
from alerts.schema.shifts import phones, rota, shifts
from alerts.shifts import coverage
from alerts.transaction import Transaction
from rules.effects import Effect, Observe, Raise

WARD = "ward:"  # what is about a ward and no home in it has this and the ward's id for its home
THESE: BindParameter[Any] = bindparam("the_ids", expanding=True)
MOST_FUNCTIONS = 50  # a chain over more than these would be a mistake in the site file


def _facts(ward: Any, *, home: Any) -> Select[Any]:
    """Of a ward what a chain needs, with the site's time and the tag of a home's first key."""
    tag = (
        select(keys.c.tag)
        .where(keys.c.site_id == bindparam("the_site"), keys.c.home == home, keys.c.tag.is_not(None))
        .order_by(keys.c.id)
        .limit(1)
    )
    return select(
        home.label("home"), wards.c.id.label("ward"), wards.c.profile, wards.c.arrival_goal_ms,
        tag.scalar_subquery().label("key_tag"),
        select(sites.c.timezone).where(sites.c.id == bindparam("the_site")).scalar_subquery().label("timezone"),
    ).where(wards.c.site_id == bindparam("the_site"), ward)  # fmt: skip


def _functions(where: ColumnElement[bool]) -> Select[Any]:
    """Functions in the order of their chains, each with all that is known of it now, and until when that holds."""
    shift = (shifts.c.site_id == functions.c.site_id, shifts.c.function_id == functions.c.id)
    plan = (rota.c.site_id == functions.c.site_id, rota.c.function_id == functions.c.id)
    now = (rota.c.from_ms <= bindparam("the_ms"), rota.c.until_ms > bindparam("the_ms"))
    later = rota.c.from_ms > bindparam("the_ms")
    on, working = shifts.c.ended_ms.is_(None), (phones.c.site_id == functions.c.site_id, phones.c.revoked_ms.is_(None))
    carries = (shifts.c.site_id == phones.c.site_id, shifts.c.phone_id == phones.c.id, on)
    until = func.max(phones.c.heard_ms + phones.c.limit_ms)
    carried = select(until).where(*working, *carries, shifts.c.function_id == functions.c.id)
    registered = select(until).where(
        *working, phones.c.function_id == functions.c.id, ~select(shifts.c.id).where(*carries).exists()
    )
    return (
        select(
            functions.c.id, functions.c.name, functions.c.ward,
            select(shifts.c.id).where(*shift, on).exists().label("attended"),
            select(func.max(rota.c.until_ms)).where(*plan, *now).scalar_subquery().label("planned_until_ms"),
            select(func.min(rota.c.from_ms)).where(*plan, later).scalar_subquery().label("planned_from_ms"),
            select(shifts.c.id).where(*shift).exists().label("checks_in"),
            select(rota.c.id).where(*plan).exists().label("with_rota"),
            func.coalesce(carried.scalar_subquery(), registered.scalar_subquery()).label("heard_until_ms"),
        )
        .where(functions.c.site_id == bindparam("the_site"), where)
        .order_by(functions.c.ward, functions.c.position, functions.c.id)
    )  # fmt: skip


_HOMES = _facts(
    (homes.c.ward == wards.c.id) & (homes.c.site_id == wards.c.site_id) & homes.c.id.in_(THESE), home=homes.c.id
)
_WARD = _facts(wards.c.id == bindparam("the_ward"), home=bindparam("the_home", type_=String))
_OF_SITE = _functions(true())
_OF_WARD = _functions(functions.c.ward == bindparam("the_ward"))


def duty_of(conn: Connection, site_id: str, home_id: str, now_ms: int) -> Duty:
    """`duty_now` outside a transaction of the desk."""
    return duty_now(Transaction(conn, site_id, now_ms), home_id)


def duty_now(tx: Transaction, home_id: str) -> Duty:
    """Ward, profile, key tag and the chain of a home as it is on duty now. Never fails: what is unknown gets the safe
    default.
    """
    home = _home(tx, home_id)
    return Duty(
        ward_id=None if home is None else home.ward,
        profile="on_foot" if home is None else home.profile,
        functions=functions_now(tx, None if home is None else home.ward),
        arrival_goal_ms=ARRIVAL_GOAL_MS if home is None or home.arrival_goal_ms is None else home.arrival_goal_ms,
        timezone=tx.timezone,
        key_tag=None if home is None else home.key_tag,
    )


def expect_homes(tx: Transaction, said: Sequence[Effect]) -> None:
    """These effects come now: read at once what a new alert or an outage asks of its home."""
    new = [
        one.home
        for one in said
        if isinstance(one, Observe) or (isinstance(one, Raise) and tx.batch.known(alert_key(one.alert_id)) is None)
    ]
    for home_id, home in _read_homes(tx, sorted(set(new))).items():
        tx.batch.keep(_home_key(home_id), home)


def ward_of(tx: Transaction, home_id: str) -> str | None:
    """The ward that a home is in; None for one nobody knows."""
    home = _home(tx, home_id)
    return None if home is None or home_id.startswith(WARD) else str(home.ward)


def _home(tx: Transaction, home_id: str) -> Row[Any] | None:
    return tx.batch.once(_home_key(home_id), lambda: _read_homes(tx, [home_id])[home_id], kept=True)


def _read_homes(tx: Transaction, ids: Sequence[str]) -> dict[str, Row[Any] | None]:
    """Of each home what `_facts` says, None of one nobody knows."""
    found: dict[str, Row[Any] | None] = dict.fromkeys(ids)
    plain = [one for one in ids if not one.startswith(WARD)]
    if plain:
        for row in tx.direct.execute(_HOMES, {"the_site": tx.site_id, "the_ids": plain}):
            found[row.home] = row
            tx.batch.keep(TIMEZONE, row.timezone or DEFAULT_TIMEZONE)
    for one in ids:
        if one.startswith(WARD):
            asked = {"the_site": tx.site_id, "the_ward": one.removeprefix(WARD), "the_home": one}
            found[one] = tx.direct.execute(_WARD, asked).first()
    return found


def _home_key(home_id: str) -> Hashable:
    return "home", home_id


def known_function(conn: Connection, site_id: str, function_id: str) -> Target | None:
    """A function of this site, or None."""
    row = conn.execute(
        select(functions.c.id, functions.c.name).where(functions.c.site_id == site_id, functions.c.id == function_id)
    ).first()
    return None if row is None else Target(FUNCTION, row.id, row.name)


def functions_now(tx: Transaction, ward_id: str | None) -> tuple[Target, ...]:
    """The functions on duty now of a ward, or of the whole site, in the order of their chains."""
    rows = _rows_now(tx, ward_id)
    chains: dict[str, list[Target]] = defaultdict(list)
    for row in rows[:MOST_FUNCTIONS]:
        chains[row.ward].append(Target(FUNCTION, row.id, row.name))
    return _on_duty(chains, rows, tx.now_ms)


def _rows_now(tx: Transaction, ward_id: str | None) -> Sequence[Row[Any]]:
    """Read once in a batch, whose effects are of many moments, while the rota says the same."""

    def read() -> tuple[int, int | None, Sequence[Row[Any]]]:
        rows = _rows(tx.direct, tx.site_id, ward_id, tx.now_ms)
        turns = (at_ms for row in rows for at_ms in (row.planned_until_ms, row.planned_from_ms) if at_ms is not None)
        return tx.now_ms, min(turns, default=None), rows

    key = ("on duty", ward_id)
    from_ms, until_ms, rows = tx.batch.once(key, read, kept=True)
    if from_ms <= tx.now_ms and (until_ms is None or tx.now_ms < until_ms):
        return rows
    found = read()
    tx.batch.keep(key, found)
    return found[2]


def on_duty_of(
    conn: Connection, site_id: str, chains: Mapping[str, Sequence[Target]], now_ms: int
) -> tuple[Target, ...]:
    """Those on duty now of several wards' chains (ward -> all its functions), in their order."""
    return _on_duty(chains, _rows(conn, site_id, None, now_ms), now_ms)


def _rows(conn: Connection, site_id: str, ward_id: str | None, now_ms: int) -> Sequence[Row[Any]]:
    asked = {"the_site": site_id, "the_ms": now_ms}
    if ward_id is None:
        return conn.execute(_OF_SITE, asked).all()
    return conn.execute(_OF_WARD, {**asked, "the_ward": ward_id}).all()


def _on_duty(chains: Mapping[str, Sequence[Target]], rows: Iterable[Row[Any]], now_ms: int) -> tuple[Target, ...]:
    of_ward: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        of_ward[row.ward].append(row)
    found: list[Target] = []
    for ward, chain in chains.items():
        here = of_ward[ward]
        checks_in = any(one.checks_in for one in here)
        situation = coverage.Situation(
            used=checks_in or any(one.with_rota for one in here),
            checks_in=checks_in,
            attended=frozenset(one.id for one in here if one.attended),
            planned=frozenset(one.id for one in here if one.planned_until_ms is not None),
            silent=frozenset(one.id for one in here if one.heard_until_ms is not None and one.heard_until_ms < now_ms),
        )
        found += coverage.on_duty(chain, situation)
    return tuple(found)


def shift_end_ms(conn: Connection, site_id: str, function_id: str, now_ms: int) -> int | None:
    """When the shift in a function ends: of who is checked in, else as planned; None when nobody is there."""
    here = (shifts.c.site_id == site_id, shifts.c.function_id == function_id, shifts.c.ended_ms.is_(None))
    found = conn.execute(select(shifts.c.until_ms).where(*here)).scalar()
    if found is None:
        plan = (rota.c.site_id == site_id, rota.c.function_id == function_id)
        now = (rota.c.from_ms <= now_ms, rota.c.until_ms > now_ms)
        found = conn.execute(select(rota.c.until_ms).where(*plan, *now).order_by(rota.c.until_ms.desc())).scalar()
    return None if found is None else int(found)
