"""The reconciler finds each planted fault, mends what it may, and finds nothing where all is well."""

from __future__ import annotations

import pytest

from alerts.channels import FAILED, Result
from alerts.checks.reconciler import Reconciler
from alerts.messages.outbox import Outbox
from alerts.reads import queries
from ingest.event import TEST, Event
from ingest.journal_sqlite import open_journal
from ingest.record import CLOCK, EVENT, Folded, Input, RawRecord, Verdict
from rules.effects import alarm_alert_id
from tests.support.desk import MINUTE, SECOND, SITE, Duty, open_without_next_action
from tests.support.query_plans import plans_of_reads, whole_tables

pytestmark = pytest.mark.expected_errors("a finding is an error")


class Watched:
    """A desk beside a real journal, and the reconciler that looks at both."""

    def __init__(self, folder):
        self.duty = Duty(folder)
        self.journal = open_journal(folder / "journal.db", SITE)
        self.reconciler = Reconciler(self.duty.desk, {0: self.journal.inputs}, self.journal.inputs)

    def record(self, *inputs, verdicts=()):
        seq = self.journal.raw.append([RawRecord(self.duty.now_ms) for _ in (*inputs, *verdicts)]).result(10)
        position = self.journal.inputs.position()
        self.journal.inputs.write(seq, [Folded(inputs=tuple(inputs), verdicts=tuple(verdicts))], position)

    def alarm(self, event_id, floor=1, **fields):
        values = {
            "event_id": event_id, "type": "alarm.pressed", "site": SITE, "address": "vardevakt:gw-1/pendant-7",
            "home": "h1", "subject": "r1", "resident": "r1", "device": "d1", "received_at_ms": self.duty.now_ms,
            "effective_at_ms": self.duty.now_ms,
        }  # fmt: skip
        event = Event(**(values | fields))
        return Input(kind=EVENT, received_at_ms=self.duty.now_ms, home="h1", event=event, floor=floor, raw_seq=1)

    def found(self):
        """(kind, repaired) of what is found now."""
        return [(finding.kind, finding.repaired) for finding in self.reconciler.run_once(self.duty.now_ms)]

    def sql(self, statement):
        with self.duty.database.writer.begin() as conn:
            conn.exec_driver_sql(statement)


@pytest.fixture
def watched(tmp_path):
    """An empty desk and an empty journal."""
    watched = Watched(tmp_path)
    yield watched
    watched.journal.close()


def test_where_all_is_well_nothing_is_found(watched):
    """A press with its alert, a claimed one, an ended one, and an hour of ringing."""
    duty = watched.duty
    watched.record(watched.alarm("p1"), Input(kind=CLOCK, received_at_ms=duty.now_ms))
    duty.apply(duty.press("p1"), duty.out_of_bed(resident="r2", subject="r2"))
    for _ in range(6):
        duty.wait(10 * MINUTE)
        assert watched.found() == []
    duty.act(duty.press("p1").alert_id, "claim")
    duty.act(duty.press("p1").alert_id, "on-site")
    duty.act(duty.press("p1").alert_id, "end")
    assert watched.found() == []
    assert queries.recent_findings(duty.database) == []


def test_an_alarm_without_an_alert_is_raised_after_ten_seconds(watched):
    """Floor and rules both failed: somebody is rung all the same, and it is the alert they would have raised."""
    duty = watched.duty
    watched.record(watched.alarm("p1"), watched.alarm("b1", floor=0, type="bed.left"))
    duty.now_ms += 9_999
    assert watched.found() == []
    duty.now_ms += 1
    assert watched.found() == [("alarm_without_alert", True)]

    duty.wait(0)
    alert_id = alarm_alert_id(SITE, "p1")
    assert duty.sent(alert_id) == [("ring", "natt-1")]
    assert duty.alert(alert_id)["rule"] == "R43"
    assert watched.found() == []

    duty.apply(duty.press("p1"))  # the rules come to it after all
    assert duty.alert(alert_id)["rule"] == "R01"
    assert len(duty.queue()) == 1
    assert watched.reconciler.counts == {"alarm_without_alert": 1}


def test_a_young_alarm_behind_an_old_one_is_judged_when_its_time_comes(watched):
    """The position never passes a row that was too young to be judged."""
    duty = watched.duty
    watched.record(watched.alarm("p1"))
    duty.now_ms += 8 * SECOND
    watched.record(watched.alarm("p2", subject="r2", resident="r2"))
    duty.now_ms += 8 * SECOND
    assert watched.found() == [("alarm_without_alert", True)]
    duty.now_ms += 2 * SECOND
    assert watched.found() == [("alarm_without_alert", True)]
    assert {row["subject_id"] for row in duty.queue()} == {"r1", "r2"}


def test_a_press_that_merged_or_was_a_test_has_its_alert(watched):
    """Named as a cause is enough, wherever it stands."""
    duty = watched.duty
    watched.record(watched.alarm("p1"), watched.alarm("p2"), watched.alarm("p3", quality=(TEST,)))
    duty.apply(duty.press("p1"), duty.press("p2"), duty.press("p3", test=True))
    duty.now_ms += MINUTE

    assert watched.found() == []


def test_a_verdict_that_names_the_event_is_an_answer(watched):
    """What was deliberately not raised is not raised here either."""
    verdict = Verdict(raw_seq=1, item=0, reason="duplicate", event_id="p1")
    watched.record(watched.alarm("p1"), verdicts=[verdict])
    watched.duty.now_ms += MINUTE

    assert watched.found() == []


def test_a_backlog_is_worked_off_in_bounded_runs_and_each_row_once(watched):
    """Thousands of rows of the floor cost some runs, not one endless one."""
    duty = watched.duty
    watched.record(*[Input(kind=CLOCK, received_at_ms=duty.now_ms) for _ in range(12_000)], watched.alarm("p1"))
    duty.now_ms += MINUTE
    assert watched.found() == []
    assert duty.desk.applied("reconciler", 0) == 10_000
    assert watched.found() == [("alarm_without_alert", True)]


@pytest.mark.parametrize("handling", ["new", "claimed"])
def test_an_open_alert_without_a_next_action_gets_one(watched, handling):
    """Its timers were lost: the chain, or the lease of whoever has it, begins again."""
    duty = watched.duty
    duty.apply(duty.press("p1"))
    if handling == "claimed":
        duty.act(duty.press("p1").alert_id, "claim")
    watched.sql("DELETE FROM timers")
    assert len(open_without_next_action(duty.database)) == 1

    assert watched.found() == [("without_next_action", True)]
    assert open_without_next_action(duty.database) == []
    assert watched.found() == []
    assert duty.alert(duty.press("p1").alert_id)["handling"] == handling
    duty.wait(3 * MINUTE)
    assert duty.sent(duty.press("p1").alert_id)[-1][0] == ("ring" if handling == "new" else "ask")


def test_an_open_alert_in_a_closed_incident_is_brought_back(watched):
    """No timer would ever have fired for it."""
    duty = watched.duty
    duty.apply(duty.press("p1"))
    watched.sql("UPDATE incidents SET open = false")
    watched.sql("DELETE FROM timers")

    assert watched.found() == [("without_incident", True)]
    assert len(duty.queue()) == 1
    assert open_without_next_action(duty.database) == []


def test_a_desk_whose_clock_stands_is_noticed(watched):
    """Timers a minute overdue mean that nobody fires them: it cannot be mended from here, only said."""
    duty = watched.duty
    duty.apply(duty.press("p1"))
    duty.now_ms += 90 * SECOND + MINUTE
    assert watched.found() == []
    duty.now_ms += 1

    assert watched.found() == [("timer_late", False)]
    assert [row["kind"] for row in queries.recent_findings(duty.database)] == ["timer_late"]
    assert ("health", "timer_late") in {(c["kind"], c["ref"]) for c in queries.changes(duty.database, 0, 100)}


def test_a_try_without_a_result_for_five_minutes_is_unknown(watched):
    """The P1 goes again, marked."""
    duty = watched.duty
    duty.apply(duty.press("p1"))
    watched.sql("UPDATE attempts SET result = NULL, ended_ms = NULL")
    watched.sql("UPDATE outbox SET state = 'sending'")
    duty.now_ms += 5 * MINUTE
    assert "attempt_without_result" not in [kind for kind, _ in watched.found()]
    duty.now_ms += 1
    assert ("attempt_without_result", True) in watched.found()

    duty.outbox.run_once(duty.now_ms)
    assert [message.may_repeat for message in duty.phones.received] == [False, True]


def test_an_outbox_that_stands_is_noticed(watched):
    """Messages due for five minutes and never tried."""
    duty = watched.duty
    duty.sends = False
    duty.apply(duty.press("p1"))
    duty.now_ms += 5 * MINUTE + 1

    assert ("message_stuck", False) in watched.found()


def test_a_message_that_waits_for_its_next_try_is_no_finding(watched):
    """A channel that is down is the outbox's business as long as it tries."""
    duty = watched.duty
    duty.phones.results = [Result(FAILED)] * 3
    duty.outbox = Outbox(duty.database, {"phones": duty.phones})
    duty.apply(duty.press("p1"))
    duty.wait(10 * MINUTE)

    assert watched.found() == []


def test_a_finding_that_lasts_is_said_every_ten_minutes_not_every_run(watched):
    """The log and the table do not fill with one fault."""
    duty = watched.duty
    duty.apply(duty.press("p1"))
    duty.now_ms += 3 * MINUTE
    for _ in range(60):
        watched.found()
        duty.now_ms += 10 * SECOND

    assert watched.reconciler.counts == {"timer_late": 1}


def test_what_is_asked_all_day_is_asked_of_indexes(watched):
    """No question reads a whole table: a slow auditor gets switched off (lessons §3.2 row 23)."""
    duty = watched.duty
    duty.apply(duty.press("p1"))
    watched.record(watched.alarm("p1"))
    duty.now_ms += MINUTE
    with plans_of_reads(duty.database) as plans:
        watched.found()

    assert len(plans) >= 11
    assert whole_tables(plans) == []
