"""Numbers of what people did, against what they did: percentiles, goals, noise, doses, hand-over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select

from alerts.numbers import handover, moments, reports
from alerts.numbers.reports import Period
from alerts.schema.checks import handovers
from alerts.schema.checks import moments as moment_rows
from api.routes.reports import as_csv
from tests.support.desk import HOUR, MINUTE, NIGHT_MS, SECOND, SITE, Duty, cleared, out_of_bed, pressed
from tests.support.http import HttpStack, http_stack

DAY = 24 * HOUR


def a_night(folder):
    """Five presses, claimed after 30, 60, 90, 120 and 400 s, on site a quarter of an hour later, one "accidental"."""
    duty = Duty(folder)
    for number, wait in enumerate((30, 60, 90, 120, 400)):
        press = pressed(f"p{number}", duty.now_ms)
        duty.apply(press)
        duty.wait(wait * SECOND)
        duty.act(press.alert_id, "claim")
        duty.wait(15 * MINUTE)
        duty.act(press.alert_id, "on-site")
        duty.act(press.alert_id, "end")
        cause = "accidental" if number == 0 else "toilet"
        duty.act(press.alert_id, "document", cause=cause, action="visit", contact="on_site")
        duty.wait(HOUR)
    return duty


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Such a night, to be read."""
    duty = a_night(tmp_path_factory.mktemp("night"))
    yield duty
    duty.database.close()


@pytest.fixture
def going_on(tmp_path):
    """Such a night, in which more happens."""
    duty = a_night(tmp_path)
    yield duty
    duty.database.close()


def whole(duty, **more):
    return Period(SITE, NIGHT_MS - DAY, duty.now_ms + 1, **more)


def test_percentiles_are_those_of_what_happened(night):
    """The third of five is the median, the fifth the 90th percentile; four of five within three minutes."""
    [row] = reports.response_times(night.database, whole(night))

    assert (row["ward"], row["priority"], row["count"]) == ("nord", "P1", 5)
    assert row["claimed"] == {"count": 5, "p50": 90, "p90": 400, "goal": 180, "within_percent": 80}
    assert (row["told"]["p90"], row["told"]["within_percent"]) == (0, 100)
    assert (row["arrived"]["p50"], row["arrived"]["goal"]) == (15 * 60 + 90, 2_400)


def test_groups_are_hours_days_shifts_and_rules_of_local_time(going_on):
    """02:30 in March is hour 2 of the night shift; ten hours later it is day."""
    going_on.wait(5 * HOUR)
    going_on.apply(pressed("late", going_on.now_ms))
    shifts = reports.response_times(going_on.database, whole(going_on), ("shift",))
    hours = reports.response_times(going_on.database, whole(going_on), ("hour", "rule"))

    assert [(row["shift"], row["count"]) for row in shifts] == [("day", 1), ("night", 5)]
    assert [(row["hour"], row["rule"]) for row in hours] == [
        (2, "R01"),
        (3, "R01"),
        (5, "R01"),
        (6, "R01"),
        (7, "R01"),
        (13, "R01"),
    ]


def test_noise_is_what_was_documented_as_false(going_on):
    """One of five "accidental": a fifth false; a P2 that went over by itself counts apart."""
    bed = out_of_bed("b1", going_on.now_ms)
    going_on.apply(bed)
    going_on.apply(cleared(bed, going_on.now_ms + MINUTE))
    rows = {row["rule"]: row for row in reports.outcomes(going_on.database, whole(going_on))}

    assert (rows["R01"]["alerts"], rows["R01"]["false"], rows["R01"]["false_percent"]) == (5, 1, 20)
    assert (rows["R05"]["self_resolved"], rows["R05"]["false_percent"]) == (1, None)
    told = reports.causes(going_on.database, whole(going_on))
    assert told[0] == {"rule": "R01", "cause": "toilet", "action": "visit", "contact": "on_site", "count": 4}


def test_moments_are_the_timeline_and_nothing_else(night):
    """Made anew from the timeline they are the same rows."""
    with night.database.writer.begin() as conn:
        before = conn.execute(select(moment_rows).order_by(moment_rows.c.incident_id)).all()
        assert moments.rebuild(conn, SITE) == 5
        assert conn.execute(select(moment_rows).order_by(moment_rows.c.incident_id)).all() == before


def test_a_period_and_other_wards_are_left_out(night):
    """Half-open in time; a ward that had nothing has no row."""
    assert reports.response_times(night.database, Period(SITE, NIGHT_MS + 1, night.now_ms))[0]["count"] == 4
    assert reports.response_times(night.database, whole(night, wards=("sor",))) == []


def test_a_dose_is_followed_up_in_time_late_or_not_at_all(tmp_path):
    """P3 within four hours: one in time, one late, one that nobody ended."""
    duty = Duty(tmp_path, now_ms=NIGHT_MS + 8 * HOUR)
    for number, wait in enumerate((HOUR, 5 * HOUR, None)):
        dose = out_of_bed(
            f"d{number}", duty.now_ms, rule="R22", priority="P3", resident=f"r{number}", subject=f"r{number}"
        )
        duty.apply(dose)
        if wait is not None:
            duty.act(dose.alert_id, "claim")
            duty.wait(wait)
            duty.act(dose.alert_id, "end", ask_again_minutes=1_440)
    rows = reports.dose_follow_up(duty.database, Period(SITE, NIGHT_MS, duty.now_ms + 1))

    assert rows == [{"ward": "nord", "count": 3, "in_time": 1, "late": 1, "open": 1}]
    duty.database.close()


def test_a_restless_night_is_one_line_of_the_hand_over(tmp_path):
    """Four times out of bed and back, nobody needed: one line with how often; the open P1 stands above it."""
    duty = Duty(tmp_path)
    for number in range(4):
        bed = out_of_bed(f"b{number}", duty.now_ms)
        duty.apply(bed)
        duty.wait(4 * MINUTE)
        duty.apply(cleared(bed, duty.now_ms))
        duty.wait(30 * MINUTE)
    press = pressed("p1", duty.now_ms, resident="r2", subject="r2", trigger="vardevakt:gw-2/p|pendant")
    duty.apply(press)
    content = handover.handover(duty.database, SITE, "nord", NIGHT_MS, duty.now_ms)

    [line] = content["self_resolved"]
    assert (line["subject"], line["rule"], line["times"]) == ("r1", "R05", 4)
    assert [row["rule"] for row in content["open"]] == ["R01"]
    assert handover.handover(duty.database, SITE, "sor", NIGHT_MS, duty.now_ms)["open"] == []
    duty.database.close()


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        yield made


def test_a_hand_over_is_taken_by_a_named_person_and_begins_where_the_last_ended(stack):
    """What they saw is kept; the next one looks from there on and says who had it before."""
    ola = stack.person()
    stack.press()
    taken = ola.post("/api/v1/handover", json={"ward": "nord"})
    stack.now_ms += HOUR
    after = ola.get("/api/v1/handover?ward=nord").json()

    assert (taken.status_code, taken.json()["accepted_by"]["name"]) == (201, "Ola")
    assert (after["from"], after["before"]["accepted_by"]["staff"]) == (taken.json()["until"], "s1")
    assert len(after["open"]) == 1, "what is open stays, whoever took over"
    with stack.database.reader.connect() as conn:
        assert conn.execute(select(handovers.c.content)).scalar_one()["open"] == taken.json()["open"]


def test_reports_are_refused_with_the_field_at_fault_and_cut_to_the_readers_wards(stack):
    """A group that is none, a period that ends before it begins, another ward."""
    ola, bound = stack.person(), stack.person("siri", staff="s2", wards=("sor",))
    stack.press()
    bad = [
        "by=name",
        "by=ward,hour,day,rule",
        "from=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z",
        "from=2026-03-01",
    ]
    assert [ola.get(f"/api/v1/reports/response?{query}").status_code for query in bad] == [422] * 4
    assert bound.get("/api/v1/reports/response?ward=nord").status_code == 403
    assert bound.get("/api/v1/handover").status_code == 403
    assert bound.get("/api/v1/reports/outcomes").json()["items"] == []
    assert ola.get("/api/v1/reports/outcomes").json()["items"][0]["alerts"] == 1
    assert ola.get("/api/v1/reports/secrets").status_code == 422


def test_a_spreadsheet_gets_columns_and_no_formulas(stack):
    """CSV with one column per number; what could be a formula is text."""
    stack.press()
    answer = stack.person().get("/api/v1/reports/response?format=csv")

    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines()[0].startswith("ward;priority;count;told_count;told_p50")
    assert as_csv([{"rule": "=1+1", "count": 2}]) == "rule;count\r\n'=1+1;2\r\n"
