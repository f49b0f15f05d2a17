"""Edge: who is on duty for a home, from the tables of people, shifts and phones.

For: the look-up the desk makes when a chain begins, and when whoever is on duty ends. Who counts as on duty is decided
in `alerts/shifts/coverage.py`. A home nobody knows (an unassigned device) belongs to every function of the site: better
rung twice than not at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, Table, bindparam, select

from alerts.batch import ward_key
from alerts.routing.escalation import ARRIVAL_GOAL_MS, FUNCTION, Duty, Target
from alerts.schema.people import functions, homes, keys, sites, wards
from alerts.schema.shifts import rota, shifts
from alerts.shifts import coverage, phones
from alerts.transaction import Transaction

DEFAULT_TIMEZONE = "Europe/Oslo"
WARD = "ward:"  # what is about a ward and no home in it has this and the ward's id for its home
MOST_FUNCTIONS = 50  # a chain over more than these would be a mistake in the site file

_WARD_OF = select(homes.c.ward).where(homes.c.site_id == bindparam("the_site"), homes.c.id == bindparam("the_home"))


def duty_of(conn: Connection, site_id: str, home_id: str, now_ms: int) -> Duty:
    """Ward, profile, key tag and the chain of a home as it is on duty now. Never fails: what is unknown gets the safe
    default.
    """
    timezone = conn.execute(select(sites.c.timezone).where(sites.c.id == site_id)).scalar()
    query = select(wards.c.id, wards.c.profile, wards.c.arrival_goal_ms).where(wards.c.site_id == site_id)
    if home_id.startswith(WARD):
        query = query.where(wards.c.id == home_id.removeprefix(WARD))
    else:
        same = (homes.c.ward == wards.c.id) & (homes.c.site_id == wards.c.site_id)
        query = query.join(homes, same).where(homes.c.id == home_id)
    ward = conn.execute(query).first()
    key_tag = conn.execute(
        select(keys.c.tag)
        .where(keys.c.site_id == site_id, keys.c.home == home_id, keys.c.tag.is_not(None))
        .order_by(keys.c.id)
        .limit(1)
    ).scalar()
    return Duty(
        ward_id=None if ward is None else ward.id,
        profile="on_foot" if ward is None else ward.profile,
        functions=functions_on_duty(conn, site_id, None if ward is None else ward.id, now_ms),
        arrival_goal_ms=ARRIVAL_GOAL_MS if ward is None or ward.arrival_goal_ms is None else ward.arrival_goal_ms,
        timezone=timezone or DEFAULT_TIMEZONE,
        key_tag=key_tag,
    )


def ward_of(tx: Transaction, home_id: str) -> str | None:
    """The ward that a home is in; None for one nobody knows."""
    asked = {"the_site": tx.site_id, "the_home": home_id}
    return tx.batch.once(ward_key(home_id), lambda: tx.direct.execute(_WARD_OF, asked).scalar(), kept=True)


def known_function(conn: Connection, site_id: str, function_id: str) -> Target | None:
    """A function of this site, or None."""
    row = conn.execute(
        select(functions.c.id, functions.c.name).where(functions.c.site_id == site_id, functions.c.id == function_id)
    ).first()
    return None if row is None else Target(FUNCTION, row.id, row.name)


def functions_on_duty(conn: Connection, site_id: str, ward_id: str | None, now_ms: int) -> tuple[Target, ...]:
    """The functions on duty now of a ward, or of the whole site, in the order of their chains."""
    query = select(functions.c.id, functions.c.name, functions.c.ward).where(functions.c.site_id == site_id)
    if ward_id is not None:
        query = query.where(functions.c.ward == ward_id)
    chains: dict[str, list[Target]] = defaultdict(list)
    for row in conn.execute(
        query.order_by(functions.c.ward, functions.c.position, functions.c.id).limit(MOST_FUNCTIONS)
    ):
        chains[row.ward].append(Target(FUNCTION, row.id, row.name))
    return on_duty_of(conn, site_id, chains, now_ms)


def on_duty_of(
    conn: Connection, site_id: str, chains: Mapping[str, Sequence[Target]], now_ms: int
) -> tuple[Target, ...]:
    """Those on duty now of several wards' chains (ward -> all its functions), in their order."""
    ids = [target.id for chain in chains.values() for target in chain]
    there, expected = attended(conn, site_id, ids), planned(conn, site_id, ids, now_ms)
    silent = phones.silent_functions(conn, site_id, ids, now_ms)
    checking_in, with_rota = _wards_ever(conn, shifts, site_id), _wards_ever(conn, rota, site_id)
    found: list[Target] = []
    for ward, chain in chains.items():
        situation = coverage.Situation(
            used=ward in checking_in or ward in with_rota, checks_in=ward in checking_in, attended=there,
            planned=expected, silent=silent,
        )  # fmt: skip
        found += coverage.on_duty(chain, situation)
    return tuple(found)


def attended(conn: Connection, site_id: str, ids: Collection[str]) -> frozenset[str]:
    """Those of the functions that somebody is checked in to."""
    here = (shifts.c.site_id == site_id, shifts.c.function_id.in_(sorted(ids)), shifts.c.ended_ms.is_(None))
    return frozenset(conn.execute(select(shifts.c.function_id).where(*here)).scalars())


def planned(conn: Connection, site_id: str, ids: Collection[str], now_ms: int) -> frozenset[str]:
    """Those of the functions that the rota gives to somebody now."""
    here = (rota.c.site_id == site_id, rota.c.function_id.in_(sorted(ids)))
    now = (rota.c.from_ms <= now_ms, rota.c.until_ms > now_ms)
    return frozenset(conn.execute(select(rota.c.function_id).where(*here, *now)).scalars())


def shift_end_ms(conn: Connection, site_id: str, function_id: str, now_ms: int) -> int | None:
    """When the shift in a function ends: of who is checked in, else as planned; None when nobody is there."""
    here = (shifts.c.site_id == site_id, shifts.c.function_id == function_id, shifts.c.ended_ms.is_(None))
    found = conn.execute(select(shifts.c.until_ms).where(*here)).scalar()
    if found is None:
        plan = (rota.c.site_id == site_id, rota.c.function_id == function_id)
        now = (rota.c.from_ms <= now_ms, rota.c.until_ms > now_ms)
        found = conn.execute(select(rota.c.until_ms).where(*plan, *now).order_by(rota.c.until_ms.desc())).scalar()
    return None if found is None else int(found)


def _wards_ever(conn: Connection, table: Table, site_id: str) -> frozenset[str]:
    """Wards of whose functions the table has ever had a row."""
    row = select(table.c.id).where(table.c.site_id == functions.c.site_id, table.c.function_id == functions.c.id)
    query = select(functions.c.ward).where(functions.c.site_id == site_id, row.exists()).distinct()
    return frozenset(conn.execute(query).scalars())
