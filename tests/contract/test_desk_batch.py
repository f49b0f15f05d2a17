"""A batch of effects: fewer statements, the same rows, and nothing hidden from who asks in between."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, event, func, insert, select, update

from alerts.schema import people as schema_people
from alerts.schema.alerts import alerts, changes, incidents, outbox, timeline
from alerts.schema.quiet import outages
from alerts.schema.tables import metadata
from alerts.transaction import Transaction
from rules.effects import Effect, Reason
from tests.support.desk import (
    NIGHT_MS,
    SITE,
    Duty,
    as_floor,
    cleared,
    out_of_bed,
    pressed,
    updated,
    way_back,
    way_gone,
)
from tests.support.shift_people import planned

HOMES = 40
A_HOME = 8  # statements for a home more in an outage that is open
A_BATCH = 30  # besides, whatever it holds


@pytest.fixture
def duty(tmp_path):
    return _duty(tmp_path)


def test_a_home_more_of_an_outage_costs_few_statements(duty):
    """Each statement is time in which an act waits; a home's two effects once cost 31."""
    duty.apply(*_gone(range(10)))
    seen: list[str] = []
    event.listen(duty.database.writer, "before_cursor_execute", lambda *args: seen.append(args[2]))
    duty.apply(*_gone(range(10, 30)))
    assert len(seen) <= 20 * A_HOME + A_BATCH


def test_a_batch_writes_the_same_rows_as_its_effects_one_by_one(tmp_path):
    """Homes go, come back, go again; somebody presses meanwhile; one effect is said twice."""
    together, alone = _duty(tmp_path / "together"), _duty(tmp_path / "alone")
    for duty, size in ((together, 20), (alone, 1)):
        for said in _a_bad_night():
            for first in range(0, len(said), size):
                duty.apply(*said[first : first + size])
            duty.wait(20_000)
    assert _rows(together) == _rows(alone)


def test_alarms_in_one_batch_are_as_one_by_one(tmp_path):
    """What is new and changes in the same transaction is written as it is in the end: a press that is named, pressed
    again, staff's or a test; a sensor's that rises, is over at once, or comes too often.
    """
    found = []
    for name, size in (("together", 100), ("alone", 1)):
        duty = _duty(tmp_path / name)
        seen = []
        for said in (_a_busy_minute(0), _a_busy_minute(20_000)):
            duty.sends = False  # what waits for its turn may be replaced by what is newer
            for first in range(0, len(said), size):
                duty.apply(*said[first : first + size])
            seen.append(_rows(duty))
            duty.sends = True
            duty.wait(20_000)
        duty.act(_a_busy_minute(0)[0].alert_id, "claim")
        duty.wait(10 * 60_000)
        found.append([*seen, _rows(duty)])
    assert found[0] == found[1]


@pytest.mark.expected_errors("an effect that no table can keep")
def test_an_effect_that_breaks_writes_nothing_of_its_batch_twice(duty, error_logs):
    """The others are done one by one, with the same rows as ever."""
    good, bad = duty.press("e1"), duty.press("e2", subject="r2", resident="r2", trigger="t2")
    broken = msgspec.structs.replace(bad, reason=Reason("x", {"at": object()}), alarm=False)
    duty.apply(good, broken)
    assert [line["rule"] for line in duty.alerts()] == ["R01"]
    with duty.database.reader.connect() as conn:
        assert conn.execute(select(func.count()).select_from(outbox)).scalar_one() == 1
        assert conn.execute(select(func.count()).select_from(incidents)).scalar_one() == 1
    assert [line.split()[0] for line in error_logs] == ["effects_one_by_one", "effect_raised"]


def test_a_batch_over_a_change_of_shift_rings_who_is_there_each_time(duty):
    """Who is on duty is read once, and again from the minute in which the rota says otherwise."""
    change_ms, end_ms = NIGHT_MS + 30_000, NIGHT_MS + 3_600_000
    planned(duty, "s1", "natt-1", NIGHT_MS - 1, change_ms)
    planned(duty, "s2", "natt-2", change_ms, end_ms)
    times = (NIGHT_MS, change_ms - 1, change_ms, change_ms + 1, NIGHT_MS)
    duty.apply(*(out_of_bed(str(n), at_ms, subject=f"p{n}", resident=f"p{n}") for n, at_ms in enumerate(times)))
    with duty.database.reader.connect() as conn:
        rung = conn.execute(select(outbox.c.target).order_by(outbox.c.id)).scalars().all()
    assert rung == ["natt-1", "natt-1", "natt-2", "natt-2", "natt-1"]


def test_an_effect_that_nobody_expected_is_done_once_too(duty):
    """What the desk itself raises amid a batch was not asked for at its beginning."""
    with duty.database.writer.begin() as conn:
        tx = Transaction(conn, SITE, NIGHT_MS)
        tx.batch.begin()
        tx.batch.expect("home", [duty.press("e1")])
        assert [tx.batch.first_time("desk", "x", NIGHT_MS) for _ in range(2)] == [True, False]


def test_who_takes_the_connection_sees_all_that_waits(duty):
    """Code that knows nothing of batches reads and changes rows amid one as if there were none."""
    duty.apply(duty.press("e1"))
    with duty.database.writer.begin() as conn:
        tx = Transaction(conn, SITE, NIGHT_MS)
        press = duty.press("e2", subject="r2", resident="r2")
        tx.batch.begin()
        tx.batch.expect("home", [press])
        before = _alert_id(conn)
        row = tx.alert(before)
        assert row is not None
        tx.line(row, "noted_in_test")
        assert "noted_in_test" not in conn.execute(select(timeline.c.kind)).scalars().all(), "else nothing waits"
        assert "noted_in_test" in tx.conn.execute(select(timeline.c.kind)).scalars().all()
        tx.alert(before)
        tx.conn.execute(update(alerts).where(alerts.c.alert_id == before).values(presses=7))
        changed = tx.alert(before)
        assert changed is not None
        assert changed["presses"] == 7


def test_an_outage_is_counted_once_in_a_batch(duty):
    """Ten homes join it in one transaction: pages hear of each and once of the sum, which is right."""
    duty.apply(*_gone(range(10)))
    with duty.database.reader.connect() as conn:
        outage = conn.execute(select(alerts.c.alert_id).where(alerts.c.rule == "OUTAGE")).scalar_one()
        before = _told(conn, outage)
    duty.apply(*_gone(range(10, 20)))
    with duty.database.reader.connect() as conn:
        assert _told(conn, outage) - before == 10 + 1
        assert conn.execute(select(outages.c.homes_gone, outages.c.homes_most)).one() == (20, 20)


def _duty(folder: Any) -> Duty:
    folder.mkdir(exist_ok=True)
    duty = Duty(folder)
    version = {"site_id": SITE, "version": 1, "saved_ms": 0}
    with duty.database.writer.begin() as conn:
        for number in range(HOMES):
            home = {"id": f"x{number}", "ward": "nord", "kind": "own_home"}
            person = {"id": f"p{number}", "home": f"x{number}", "name": "p", "risks": [], "protected": False}
            conn.execute(insert(schema_people.homes), version | home)
            conn.execute(insert(schema_people.residents), version | person | {"critical": number % 5 == 0})
            gateway = {"id": f"g{number}", "home": f"x{number}", "address": f"vardevakt:g{number}"}
            conn.execute(insert(schema_people.gateways), version | gateway)
    return duty


def _gone(numbers: Any, at_ms: int = NIGHT_MS) -> list[Effect]:
    return [said for n in numbers for said in way_gone(f"x{n}", f"p{n}", f"g{n}", at_ms + n)]


def _back(numbers: Any, at_ms: int) -> list[Effect]:
    lost = {n: way_gone(f"x{n}", f"p{n}", f"g{n}", NIGHT_MS + n)[1] for n in numbers}
    return [said for n in numbers for said in way_back(lost[n], at_ms + n)]


def _a_bad_night() -> list[list[Effect]]:
    press = pressed("e1", NIGHT_MS + 5, home="h1", subject="r1", resident="r1", trigger="a|pendant")
    again = _gone(range(10))[::-1]
    return [
        [*_gone(range(12)), press, *_gone(range(12, 30)), _gone(range(1))[0]],
        [
            *_back(range(8), NIGHT_MS + 20_000),
            *_gone(range(5), NIGHT_MS + 21_000),
            *_back(range(8, 14), NIGHT_MS + 22_000),
        ],
        [*again, *_gone(range(30, HOMES), NIGHT_MS + 40_000)],
        _back(range(HOMES), NIGHT_MS + 60_000),
    ]


def _a_busy_minute(after_ms: int) -> list[Any]:
    at_ms, said = NIGHT_MS + after_ms, []
    for number in range(4):
        who = {"home": f"x{number}", "subject": f"p{number}", "resident": f"p{number}", "trigger": f"t{number}"}
        name = f"{number}-{after_ms}"
        press = pressed(f"e{name}", at_ms, **who)
        more = pressed(f"f{name}", at_ms + 10, **who, staff_alarm=number == 1, test=number == 2)
        said += [as_floor(press), press, more, updated(press, at_ms + 20)]
        del who["trigger"]
        fall = out_of_bed(f"a{name}", at_ms + 30, **who, priority="P3", rule="R34", causes=())
        bed = out_of_bed(f"b{name}", at_ms + 40, **who)
        alone = out_of_bed(f"c{name}", at_ms + 50, **who | {"subject": f"y{name}", "resident": f"y{name}"})
        said += [fall, bed, alone, updated(fall, at_ms + 60, priority="P1"), cleared(bed, at_ms + 70)]
        rises = out_of_bed(f"d{name}", at_ms + 55, **who | {"subject": f"z{name}", "resident": f"z{name}"})
        said += [rises, updated(rises, at_ms + 75, priority="P1")]
        said += [cleared(alone, at_ms + 80), *(_card(f"{name}-{n}", at_ms + 90 + n) for n in range(3))]
    return said


def _card(episode: str, at_ms: int) -> Any:
    return out_of_bed(episode, at_ms, subject="p9", resident="p9", home="x9", priority="P4", rule="R40")


def _rows(duty: Duty) -> dict[str, list[str]]:
    """All there is, but for how often pages were told and how many positions there were."""
    found = {}
    with duty.database.reader.connect() as conn:
        for table in metadata.tables.values():
            rows = [dict(row) for row in conn.execute(select(table)).mappings() if table.name != "applied"]
            if table is changes:
                rows = [{"told": about} for about in {(row["kind"], row["ref"]) for row in rows}]
            found[table.name] = sorted(json.dumps(row, default=str, sort_keys=True) for row in rows)
    return found


def _alert_id(conn: Connection) -> str:
    return str(conn.execute(select(alerts.c.alert_id)).scalar_one())


def _told(conn: Connection, alert_id: str) -> int:
    return len(conn.execute(select(changes.c.id).where(changes.c.ref == alert_id)).all())
