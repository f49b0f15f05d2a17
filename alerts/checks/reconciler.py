"""Edge: promise 5, checked from outside. Independent of `rules`: it believes rows, not the code that wrote them.

For: questions asked all day in indexed queries, and what is done when an answer is no.

| question | if not |
|---|---|
| has each alarm input older than 10 s an alert that names its event, or a verdict? | raise it, as the floor would |
| has each open alert an open incident, and each of those a next action? | start its chain again |
| is the next action of each fired within a minute of being due? | said: the clock of the desk stands |
| has each try of a message a result within 5 min? | `unknown`; a P1 goes again, marked |
| has each message been tried within 5 min of being due? | said: the outbox stands |
| does what should follow really come? (`next_steps.py`) | it comes now |

A finding is logged, counted, kept (`findings`) and shown as health. On doubt it alarms: an alert twice under one id is
the same alert.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from sqlalchemy import Select, insert, select, text

from alerts.checks import next_steps
from alerts.desk import Desk
from alerts.handling.lifecycle import MOMENTARY, NEW
from alerts.incidents import incident_flow
from alerts.incidents.alert_moves import NOBODY
from alerts.messages.outbox import settle_unfinished
from alerts.schema.alerts import UNFINISHED, WAITING, alerts, attempts, causes, incidents, outbox, timers
from alerts.schema.upkeep import findings
from alerts.transaction import Transaction
from ingest.event import TEST, Event
from ingest.journal import InputPages, InputReader
from ingest.record import EVENT, Input
from rules.effects import Cause, Raise, Reason, alarm_alert_id, effect_id

log = structlog.get_logger()

LANE = "reconciler"
SETTLED_MS = 10_000
TIMER_LATE_MS = 60_000
RESULT_WITHIN_MS = 5 * 60_000
PAGE = 500
PAGES_PER_RUN = 20
MOST_FINDINGS = 100  # per question and run: more of one kind say nothing new
SAY_AGAIN_MS = 10 * 60_000
REMEMBERED = 10_000

ALARM_WITHOUT_ALERT = "alarm_without_alert"
WITHOUT_NEXT_ACTION = "without_next_action"
WITHOUT_INCIDENT = "without_incident"
TIMER_LATE = "timer_late"
ATTEMPT_WITHOUT_RESULT = "attempt_without_result"
MESSAGE_STUCK = "message_stuck"

EXCUSES = ("duplicate", "redelivered", "test")  # verdicts that say why an alarm has no alert of its own


class Finding(msgspec.Struct, frozen=True):
    """A promise that was not kept: what, about which row, and whether it has been mended."""

    kind: str
    ref: str
    repaired: bool


class Reconciler:
    """Call `run_once` every few seconds from one thread. `counts` and `last_run_ms` are for those who watch it."""

    def __init__(self, desk: Desk, partitions: Mapping[int, InputReader], pages: InputPages) -> None:
        """`partitions`: every partition of INPUTS, or of what the floor reads; embedded there is one, 0."""
        self._desk, self._partitions, self._pages = desk, partitions, pages
        self._said: dict[tuple[str, str], int] = {}
        self.counts: Counter[str] = Counter()
        self.last_run_ms = 0

    def run_once(self, now_ms: int, up_to: Mapping[int, int] | None = None) -> list[Finding]:
        """Ask everything once; what was found. Bounded, whatever the backlog.

        `up_to`: rows of a partition beyond it are too young to judge, whenever they were received. After an outage they
        are written late, and the floor needs its moment.
        """
        found = [
            *(
                one
                for partition in self._partitions
                for one in self._alarms_without_alert(partition, now_ms, None if up_to is None else up_to[partition])
            ),
            *self._alerts_without_incident(now_ms),
            *self._incidents_without_next_action(now_ms),
            *self._late_timers(now_ms),
            *self._attempts_without_result(now_ms),
            *self._stuck_messages(now_ms),
            *(Finding(*found) for found in next_steps.check(self._desk, now_ms)),
        ]
        self._report(found, now_ms)
        self.last_run_ms = now_ms
        return found

    # -- alarms -----------------------------------------------------------------------------------------------

    def _alarms_without_alert(self, partition: int, now_ms: int, up_to: int | None) -> list[Finding]:
        found: list[Finding] = []
        position, rows = self._desk.applied(LANE, partition), self._partitions[partition]
        if up_to is not None and position >= up_to:
            return found
        for _ in range(PAGES_PER_RUN):
            page = rows.read(position, PAGE, floor_only=True)
            settled = [
                row for row in page if row.received_at_ms <= now_ms - SETTLED_MS and (up_to is None or row.seq <= up_to)
            ]
            # rows come in the order of arrival: the first that is too young ends what can be judged now
            for row in self._missing(settled):
                assert row.event is not None, "only events are alarms"
                self._desk.raise_missing(_as_floor(self._desk.site_id, row.event, row.received_at_ms), now_ms)
                found.append(Finding(ALARM_WITHOUT_ALERT, row.event.event_id, repaired=True))
            if settled:
                self._desk.apply(LANE, partition, position, settled[-1].seq, ())
                position = settled[-1].seq
            if len(settled) < PAGE:
                break
        return found

    def _missing(self, rows: Sequence[Input]) -> list[Input]:
        alarms = {row.event.event_id: row for row in rows if row.kind == EVENT and row.floor == 1 and row.event}
        if not alarms:
            return []
        query = select(causes.c.event_id).where(causes.c.event_id.in_(list(alarms)))
        with self._desk.database.reader.connect() as conn:
            known = set(conn.execute(query).scalars())
        return [row for event_id, row in alarms.items() if event_id not in known and not self._excused(row)]

    def _excused(self, row: Input) -> bool:
        return any(
            verdict.reason in EXCUSES and row.event is not None and verdict.event_id == row.event.event_id
            for verdict in self._pages.verdicts(row.raw_seq)
        )

    # -- alerts -----------------------------------------------------------------------------------------------

    def _alerts_without_incident(self, now_ms: int) -> list[Finding]:
        """Open alerts whose incident is closed: nobody would ever be told about them."""
        query = (
            select(alerts.c.incident_id)
            .join(incidents, incidents.c.incident_id == alerts.c.incident_id)
            .where(alerts.c.open, incidents.c.open.is_(False))
            .distinct()
            .limit(MOST_FINDINGS)
        )
        return [Finding(WITHOUT_INCIDENT, ref, self._restart(ref, now_ms)) for ref in self._column(query)]

    def _incidents_without_next_action(self, now_ms: int) -> list[Finding]:
        waits = select(timers.c.incident_id).where(
            timers.c.incident_id == incidents.c.incident_id, timers.c.alert_id == ""
        )
        query = select(incidents.c.incident_id).where(incidents.c.open, ~waits.exists()).limit(MOST_FINDINGS)
        return [Finding(WITHOUT_NEXT_ACTION, ref, self._restart(ref, now_ms)) for ref in self._column(query)]

    def _restart(self, incident_id: str, now_ms: int) -> bool:
        """Give an incident its next action back. An incident without open alerts is closed instead."""
        with self._desk.database.writer.begin() as conn:
            tx = Transaction(conn, self._desk.site_id, now_ms)
            incident = tx.incident(incident_id)
            open_alerts = tx.alerts_of(incident_id)
            if not open_alerts:
                incident_flow.settle(tx, incident_id)
                return True
            if not incident["open"]:
                if tx.open_incident(incident["key"]) is not None:
                    return False
                tx.set_incident(incident_id, **NOBODY, open=True, handling=NEW, ended_ms=None)
                incident = tx.incident(incident_id)
            tx.line(incident, "restarted_by_reconciler")
            if incident["handling"] == NEW:
                incident_flow.start_chain(tx, incident, open_alerts[0]["alert_id"])
            else:
                incident_flow.set_lease(tx, incident)
            tx.changed_incident(incident_id)
        return True

    # -- things that stand still ------------------------------------------------------------------------------

    def _late_timers(self, now_ms: int) -> list[Finding]:
        query = select(timers.c.incident_id).where(timers.c.due_ms < now_ms - TIMER_LATE_MS).limit(MOST_FINDINGS)
        return [Finding(TIMER_LATE, ref, repaired=False) for ref in self._column(query)]

    def _attempts_without_result(self, now_ms: int) -> list[Finding]:
        before_ms = now_ms - RESULT_WITHIN_MS
        query = select(attempts.c.id).where(text(UNFINISHED), attempts.c.started_ms < before_ms).limit(MOST_FINDINGS)
        found = [Finding(ATTEMPT_WITHOUT_RESULT, str(ref), repaired=True) for ref in self._column(query)]
        if found:
            settle_unfinished(self._desk.database, now_ms, started_before_ms=before_ms)
        return found

    def _stuck_messages(self, now_ms: int) -> list[Finding]:
        query = (
            select(outbox.c.id)
            .where(text(WAITING), outbox.c.state == "pending", outbox.c.due_ms < now_ms - RESULT_WITHIN_MS)
            .limit(MOST_FINDINGS)
        )
        return [Finding(MESSAGE_STUCK, str(ref), repaired=False) for ref in self._column(query)]

    def _column(self, query: Select[Any]) -> list[str]:
        with self._desk.database.reader.connect() as conn:
            return list(conn.execute(query).scalars())

    # -- saying it --------------------------------------------------------------------------------------------

    def _report(self, found: Sequence[Finding], now_ms: int) -> None:
        """Log, count, keep and show each finding; one that lasts is said again every ten minutes."""
        fresh = [
            finding
            for finding in found
            if now_ms - self._said.get((finding.kind, finding.ref), -SAY_AGAIN_MS) >= SAY_AGAIN_MS
        ]
        self.counts.update(finding.kind for finding in fresh)
        if not fresh:
            return
        if len(self._said) > REMEMBERED:
            self._said.clear()
        with self._desk.database.writer.begin() as conn:
            tx = Transaction(conn, self._desk.site_id, now_ms)
            for finding in fresh:
                self._said[finding.kind, finding.ref] = now_ms
                conn.execute(
                    insert(findings).values(at_ms=now_ms, kind=finding.kind, ref=finding.ref, repaired=finding.repaired)
                )
                tx.change("health", finding.kind)
        for finding in fresh:
            log.error("reconciler_finding", kind=finding.kind, ref=finding.ref, repaired=finding.repaired)


def _as_floor(site: str, event: Event, now_ms: int) -> Raise:
    """An alarm input as the floor would raise it, written down again here so that one fault cannot stop both.

    Without a trigger, so that it never merges into another alarm.
    """
    alert_id = alarm_alert_id(site, event.event_id)
    return Raise(
        effect_id=effect_id(alert_id, "raise", LANE),
        alert_id=alert_id,
        at_ms=now_ms,
        site=site,
        home=event.home,
        subject=event.subject,
        resident=event.resident,
        device=event.device,
        rule="R43",
        rule_version="reconciler",
        code="",
        priority="P1",
        episode=event.event_id,
        condition=MOMENTARY,
        reason=Reason("alarm_without_alert", {"type": event.type, "at_ms": event.effective_at_ms}),
        causes=(
            Cause(
                event_id=event.event_id,
                type=event.type,
                received_at_ms=event.received_at_ms,
                observed_at_ms=event.observed_at_ms,
                effective_at_ms=event.effective_at_ms,
                device_id=event.device,
                quality=event.quality,
                content=dict(event.content),
            ),
        ),
        alarm=True,
        staff_alarm=event.type == "staff.alarm",
        test=TEST in event.quality,
        late_ms=max(0, event.received_at_ms - event.effective_at_ms),
        source="reconciler",
    )
