"""The floor: every alarm-class input gets an alert. A few lines that nothing can configure. Pure.

It reads floor rows of INPUTS only, on a cursor of its own, ahead of any backlog, and needs no rule book, plan, pause,
measure or registry. A suspected fall waits its cancel window here too, and is over when its device has
cancelled or confirmed it, whichever is heard first. The rules later say what the alert *is*, under
the same id (`alarm_alert_id`); if they never do, a person still comes.
"""

from __future__ import annotations

import msgspec

from ingest.event import LATE_AFTER_MS, TEST, UNASSIGNED, Event
from ingest.record import EVENT, Input
from rules.effects import Effect, Raise, Reason, alarm_alert_id, effect_id
from rules.kinds.kind import cause, takes_back
from rules.outcomes import trigger_of

SUSPECTED_WAIT_MS = 30_000
ANSWERS_MAX = 256  # of all homes together: a suspicion that is heard so much later than its cancel is raised
PENDING_MAX = 10_000  # of all homes together; beyond it a suspected fall is raised without waiting
VERSION = "floor-1"
_NAMES = {  # a first guess, so that the board says something useful at once: (rule, VKP code)
    "alarm": ("R01", "3"),
    "fall": ("R03", "4.1"),
    "smoke": ("R29", "4.11"),
    "heat": ("R29", "4.11"),
    "co": ("R29", "4.11"),
    "gas": ("R29", "4.11"),
    "epilepsy": ("R32", "4.24"),
    "nursecall": ("R56", "7"),
    "staff": ("R53", "3"),
    "zone": ("R13", "2"),
    "condition": ("R51", ""),
}


class FloorState(msgspec.Struct, omit_defaults=True):
    """Suspected falls that may still be cancelled, by event id: (due, event)."""

    pending: dict[str, tuple[int, Event]] = {}
    answers: list[Event] = []  # cancels and confirmations, newest last: their suspicion may be heard later


class Floor:
    """See the module's text. `site` is part of the alert's id."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.state = FloorState()
        self._due_ms: int | None = None  # of the first that waits

    def apply(self, given: Input) -> list[Effect]:
        """Raise what has waited long enough, then what is new."""
        effects = self._fire_due(given.received_at_ms)
        event = given.event
        if given.kind != EVENT or event is None or given.floor == 0:
            return effects
        if given.floor == 1:
            if event.type == "fall.confirmed":
                self._answered(event)
            return [*effects, self._raise(event, given.received_at_ms)]
        if event.type == "fall.cancelled":
            self._answered(event)
        elif any(takes_back(answer, event, SUSPECTED_WAIT_MS) for answer in self.state.answers):
            pass  # the device has cancelled it, or what confirmed it is an alert of its own
        elif len(self.state.pending) < PENDING_MAX:
            due_ms = given.received_at_ms + SUSPECTED_WAIT_MS
            self.state.pending[event.event_id] = (due_ms, event)
            self._due_ms = due_ms if self._due_ms is None else min(due_ms, self._due_ms)
        else:
            effects.append(self._raise(event, given.received_at_ms))
        return effects

    def next_due_ms(self) -> int | None:
        """When a suspected fall is raised unless cancelled."""
        return self._due_ms

    def quarantined(self) -> list[dict[str, str]]:
        """Nothing here can be set aside."""
        return []

    @property
    def skipped(self) -> int:
        """Nor can an input."""
        return 0

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode(self.state, order="sorted")

    def restore(self, state: bytes) -> None:
        self.state = _decoder.decode(state)
        self._look()

    def _look(self) -> None:
        self._due_ms = min((due_ms for due_ms, _ in self.state.pending.values()), default=None)

    def _fire_due(self, now_ms: int) -> list[Effect]:
        if self._due_ms is None or now_ms < self._due_ms:
            return []
        due = sorted((due_ms, key) for key, (due_ms, _) in self.state.pending.items() if due_ms <= now_ms)
        raised: list[Effect] = [self._raise(self.state.pending.pop(key)[1], due_ms) for due_ms, key in due]
        self._look()
        return raised

    def _answered(self, event: Event) -> None:
        pending = self.state.pending
        for key in [key for key, (_, waiting) in pending.items() if takes_back(event, waiting, SUSPECTED_WAIT_MS)]:
            del pending[key]
        self.state.answers = [*self.state.answers, event][-ANSWERS_MAX:]
        self._look()

    def _raise(self, event: Event, now_ms: int) -> Raise:
        alert_id = alarm_alert_id(self.site, event.event_id)
        rule, code = _NAMES.get(event.type.partition(".")[0], ("R43", ""))
        if UNASSIGNED in event.quality:
            rule, code = "R43", ""
        late_ms = now_ms - event.effective_at_ms
        waited_ms = SUSPECTED_WAIT_MS if event.type == "fall.suspected" else 0
        return Raise(
            effect_id=effect_id(alert_id, "raise", "floor"),
            alert_id=alert_id,
            at_ms=now_ms,
            site=self.site,
            home=event.home,
            subject=event.subject,
            rule=rule,
            rule_version=VERSION,
            code=code,
            priority="P1",
            episode=event.event_id,
            condition="momentary",
            reason=Reason("floor", {"type": event.type, "at_ms": event.effective_at_ms}),
            causes=(cause(event),),
            resident=event.resident,
            device=event.device,
            alarm=True,
            trigger=trigger_of(event),
            staff_alarm=event.type == "staff.alarm",
            late_ms=late_ms if late_ms - waited_ms > LATE_AFTER_MS else 0,
            test=TEST in event.quality,
            source="floor",
        )


_decoder = msgspec.msgpack.Decoder(FloorState)
