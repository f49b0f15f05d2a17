"""One process checks, and that it does is checked; what should follow really comes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from alerts.channels import FAILED, Result
from alerts.checks import next_steps
from alerts.checks.auditor import LATE_MS, Auditor
from alerts.checks.reconciler import Finding, Reconciler
from alerts.schema.people import gateways, homes
from rules.effects import Raise
from tests.support.desk import (
    HOUR,
    IDA,
    MINUTE,
    NIGHT_MS,
    SECOND,
    SITE,
    Duty,
    open_without_next_action,
    way_back,
    way_gone,
)
from tests.support.journals import sqlite_journal
from tests.support.query_plans import plans_of_reads, whole_tables

pytestmark = pytest.mark.expected_errors("a finding is an error")


class Processes:
    """A desk whose checks several processes could do; time is the desk's."""

    def __init__(self, duty: Duty, journal: Any) -> None:
        self.duty, self._journal = duty, journal

    def auditor(self, name: str) -> Auditor:
        reconciler = Reconciler(self.duty.desk, {0: self._journal.inputs}, self._journal.inputs)
        return Auditor(reconciler, self.duty.database, name, lambda: self.duty.now_ms)


@pytest.fixture
def processes(tmp_path):
    """An empty desk and an empty journal."""
    duty, journal = Duty(tmp_path), sqlite_journal(tmp_path)
    yield Processes(duty, journal)
    journal.close()
    duty.database.close()


# -- one leader -----------------------------------------------------------------------------------------------


def test_one_of_two_checks_and_the_other_waits(processes):
    """As long as its checks end, it keeps the lease, however long the other has waited."""
    duty, first, second = processes.duty, processes.auditor("a"), processes.auditor("b")
    for _ in range(20):
        assert first.run_once(duty.now_ms) == []
        assert second.run_once(duty.now_ms) is None
        duty.now_ms += 10 * SECOND

    assert (first.state(duty.now_ms).leads, second.state(duty.now_ms).leads) == (True, False)
    assert not second.state(duty.now_ms).late


def test_who_dies_loses_it_after_a_minute_and_until_then_it_is_said(processes):
    """Every process knows from the row; a new check ends that."""
    duty, first, second = processes.duty, processes.auditor("a"), processes.auditor("b")
    first.run_once(duty.now_ms)
    duty.now_ms += LATE_MS - 1
    assert second.run_once(duty.now_ms) is None
    duty.now_ms += 2
    assert second.state(duty.now_ms).late
    assert second.run_once(duty.now_ms) == []

    assert not first.state(duty.now_ms).late
    assert first.run_once(duty.now_ms) is None
    assert second.state(duty.now_ms).holder == "b"


def test_a_check_that_ends_after_its_lease_has_gone_counts_for_nothing(processes):
    """It hung for longer than a minute: another has it, and keeps it."""
    duty, second = processes.duty, processes.auditor("b")
    first = processes.auditor("a")
    real = first.reconciler.run_once

    def hangs(now_ms: int, up_to: int | None = None) -> list[Finding]:
        duty.now_ms += 2 * LATE_MS
        assert second.run_once(duty.now_ms) == []
        answer: list[Finding] = real(now_ms, up_to)
        return answer

    first.reconciler.run_once = hangs
    first.run_once(duty.now_ms)
    state = second.state(duty.now_ms + SECOND)
    assert (state.holder, state.late, state.done_ms) == ("b", False, duty.now_ms)


def test_two_who_take_it_at_once_are_one(processes):
    """Both have seen that it is free: the compare-and-set lets one have it."""
    duty, first, second = processes.duty, processes.auditor("a"), processes.auditor("b")
    assert [first._take(duty.now_ms), second._take(duty.now_ms)] == [True, False]
    later_ms = duty.now_ms + LATE_MS
    assert [second._take(later_ms), first._take(later_ms)] == [True, False]


def test_a_process_that_has_just_begun_is_not_late(processes):
    """After a night's stop nothing has ended for hours; a minute later that is a fault."""
    duty = processes.duty
    processes.auditor("a").run_once(duty.now_ms)
    duty.now_ms += 8 * HOUR
    fresh = processes.auditor("a")
    assert not fresh.state(duty.now_ms).late
    assert fresh.state(duty.now_ms + LATE_MS + 1).late


# -- what should follow ---------------------------------------------------------------------------------------


def found(processes: Processes) -> list[tuple[str, bool]]:
    answer = processes.auditor("a").run_once(processes.duty.now_ms)
    assert answer is not None
    return [(one.kind, one.repaired) for one in answer]


def sql(duty: Duty, statement: str) -> None:
    with duty.database.writer.begin() as conn:
        conn.exec_driver_sql(statement)


def test_a_message_that_reached_nobody_is_followed_by_the_next_step(processes):
    """The outbox moves it to now; where it did not, the check does, and Natt 2 is rung."""
    duty = processes.duty
    duty.phones.results = [Result(FAILED, refused=True)]
    press = duty.press("p1")
    duty.apply(press)
    duty.wait(30 * SECOND)
    assert ("ring", "natt-2") in duty.sent(press.alert_id)
    assert found(processes) == []

    duty.phones.results = [Result(FAILED, refused=True)]
    lost = duty.out_of_bed(resident="r2", subject="r2")
    duty.apply(lost)
    sql(duty, f"UPDATE timers SET due_ms = {duty.now_ms + HOUR}, step = 1 WHERE incident_id IN "
              f"(SELECT incident_id FROM alerts WHERE alert_id = '{lost.alert_id}')")  # fmt: skip
    duty.now_ms += MINUTE
    assert ("exhausted_without_next_step", True) in found(processes)
    duty.wait(0)
    assert ("ring", "natt-2") in duty.sent(lost.alert_id)


def test_the_last_step_of_a_dead_channel_is_not_hammered(processes):
    """It repeats at its own pace, and that is no finding."""
    duty = processes.duty
    duty.phones.results = [Result(FAILED, refused=True)] * 1_000
    duty.apply(duty.out_of_bed())
    for _ in range(30):
        duty.wait(MINUTE)
        assert found(processes) == []


def test_a_claim_without_a_timer_that_asks_gets_its_lease_back(processes):
    """Also when another timer of the incident stands: asking for a second helper is no lease."""
    duty = processes.duty
    press = duty.press("p1")
    duty.apply(press)
    duty.act(press.alert_id, "claim", IDA)
    sql(duty, "UPDATE timers SET kind = 'second'")
    assert found(processes) == [("claim_without_lease", True)]

    duty.wait(3 * MINUTE)
    assert duty.sent(press.alert_id)[-1][0] in {"ask", "ring"}
    assert "asked" in duty.kinds(press.alert_id)
    assert found(processes) == []


def test_what_waited_rings_when_its_time_is_over_whatever_became_of_its_timer(processes):
    """A silence or a list cannot outlive its end; nor is it a finding while it runs, or when somebody has taken it."""
    duty = processes.duty
    late = duty.out_of_bed(priority="P3", rule="R34")  # by night, so it waits for 07:30
    duty.apply(late)
    assert found(processes) == []
    (row,) = duty.queue()
    sql(duty, f"UPDATE timers SET due_ms = {duty.now_ms + 100 * HOUR}")
    duty.now_ms = NIGHT_MS + 5 * HOUR + MINUTE  # 07:31: not yet a minute late
    assert ("quiet_past_its_end", True) not in found(processes)
    duty.now_ms += MINUTE
    assert ("quiet_past_its_end", True) in found(processes)
    assert row["held"] is False
    assert ("ring", "natt-1") in [(m.kind, m.target) for m in sent(duty)]
    duty.act(late.alert_id, "claim")
    duty.now_ms += MINUTE
    assert found(processes) == []


def test_what_somebody_took_while_it_waited_is_no_finding(processes):
    """Claimed at night, before the morning's list: it has its lease, and nothing waits any more."""
    duty = processes.duty
    late = duty.out_of_bed(priority="P3", rule="R34")
    duty.apply(late)
    duty.act(late.alert_id, "claim")
    duty.act(late.alert_id, "on-site")
    for _ in range(8):
        duty.wait(HOUR)
        assert found(processes) == []


def sent(duty: Duty) -> list[Any]:
    duty.outbox.run_once(duty.now_ms)
    return duty.phones.received


def test_an_outage_is_over_when_all_are_back(processes):
    """Also where the desk was stopped between the last return and its end."""
    duty = processes.duty
    with duty.database.writer.begin() as conn:
        version = {"site_id": SITE, "version": 1, "saved_ms": 0}
        for n in range(5):
            conn.execute(insert(homes).values(version | {"id": f"x{n}", "ward": "nord", "kind": "own_home"}))
            conn.execute(insert(gateways).values(version | {"id": f"g{n}", "home": f"x{n}", "address": f"a:{n}"}))
    gone: list[Raise] = []
    for n in range(5):
        observe, lost = way_gone(f"x{n}", f"p{n}", f"g{n}", duty.now_ms)
        duty.apply(observe, lost)
        gone.append(lost)
    assert [one["lead"]["rule"] for one in duty.queue()] == ["OUTAGE"]
    duty.wait(2 * MINUTE)
    assert found(processes) == []
    sql(duty, f"UPDATE gateways_down SET back_ms = {duty.now_ms}")
    assert found(processes) == [("outage_past_its_end", True)]

    assert duty.queue() == []
    duty.apply(*way_back(gone[0], duty.now_ms))
    assert open_without_next_action(duty.database) == []


def test_every_question_is_asked_of_an_index(processes):
    """None of them reads a whole table."""
    with plans_of_reads(processes.duty.database) as plans:
        list(next_steps.check(processes.duty.desk, NIGHT_MS))

    assert len(plans) == len(next_steps.QUESTIONS)
    assert whole_tables(plans) == []
