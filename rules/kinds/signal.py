"""Signal: an event means an alert, after an optional cancel window.

Theory of operation. Momentary: it never clears and never comes back. What may be cancelled (a suspected fall)
waits for `cancel_window` from its arrival; a cancel in time ends it, a confirmation (at_once) replaces it. Which of
them is heard first does not matter: they are about what the same device said at most `cancel_window` and a settle
before them, by effective time, and are kept for what may yet come. What is no person alarm and came late settles first.
A message that arrived with the retain flag is no signal, but an alarm kind (and what is at_once) is one all the same: a
person may have pressed while nobody listened (design §4). A rule with `episode_per_subject` raises once a subject and
local day, but for what is at_once.
A watch begins over nothing (`initial`): what happened before it has been told, or was for nobody.

| state      | input                        | next    | outcome                         |
|------------|------------------------------|---------|---------------------------------|
| any        | enter, no window             | same    | Fire                            |
| any        | enter, window w or settle s  | waiting | - (timer now + w or s)          |
| any        | at_once                      | without older pendings of that device | Fire |
| waiting    | leave (cancel), same device  | removed | Note recorded_only              |
| any        | enter, cancelled already     | same    | Note recorded_only              |
| any        | enter, confirmed already     | same    | -                               |
| waiting    | timer                        | removed | Fire                            |
| any        | held (no person alarm)       | removed | Note held                       |
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ingest.event import Event
from rules.effects import Reason
from rules.kinds.kind import (
    SETTLE_MS,
    Context,
    Fire,
    Note,
    Outcome,
    State,
    Step,
    came_late,
    cause,
    is_signal,
    takes_back,
)  # fmt: skip
from rules.local_time import local_date
from rules.parameters import Duration, Values

PENDING_MAX = 50
ANSWERS_MAX = 8
ANSWER_KEEP_MS = 48 * 3_600_000  # a suspicion that is heard later than this is asked for again


class Pending(msgspec.Struct, frozen=True, gc=False, array_like=True):
    event: Event
    due_ms: int
    episode: str


class Answer(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What the device said of a suspicion; kept, as the suspicion may be heard later."""

    event: Event
    cancels: bool = False  # else it confirms


class SignalState(State, frozen=True, gc=False, tag="signal"):
    pending: tuple[Pending, ...] = ()
    last: str = ""  # the episode that was raised last, for rules with one a subject and day
    answers: tuple[Answer, ...] = ()  # newest last, of rules with a cancel window


class SignalValues(Values, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    cancel_window_ms: Duration = 0


class Signal:
    """See the module's text."""

    name: ClassVar[str] = "signal"
    state_type: ClassVar[type[State]] = SignalState
    values_type: ClassVar[type[Values]] = SignalValues
    stands: ClassVar[bool] = False
    nobodys: ClassVar[str] = "subject"

    def step(self, state: State | None, event: Event, role: str, context: Context[SignalValues]) -> Step:
        known = state if isinstance(state, SignalState) else SignalState()
        if role == "leave":
            return _cancel(known, event, context)
        if role == "at_once":
            kept = tuple(waiting for waiting in known.pending if not _about(waiting.event, event, context))
            answers = _answers(known, event, context, cancels=False)
            return _state(kept, known.last, answers), [_fired(event, context, None, event.event_id)]
        if not context.rule.alarm and not is_signal(event):
            return state, []
        said = next((answer for answer in known.answers if _about(event, answer.event, context)), None)
        if said is not None:
            return known, [_cancelled(event, said.event)] if said.cancels else []
        last, episode = known.last, event.event_id
        if context.rule.episode_per_subject:
            episode = f"{context.subject}/{local_date(context.now_ms, context.facts.timezone)}"
            if episode == last:
                return state, []
            last = episode
        wait_ms = context.values.cancel_window_ms
        if not context.rule.alarm and came_late(event, context.facts):
            wait_ms = max(wait_ms, SETTLE_MS)
        if wait_ms == 0 or len(known.pending) >= PENDING_MAX:
            return _state(known.pending, last, known.answers), [_fired(event, context, None, episode)]
        pending = (*known.pending, Pending(event, context.now_ms + wait_ms, episode))
        return _state(pending, last, known.answers), []

    def fire(self, state: State, context: Context[SignalValues]) -> Step:
        assert isinstance(state, SignalState)
        due = [waiting for waiting in state.pending if waiting.due_ms <= context.now_ms]
        kept = tuple(waiting for waiting in state.pending if waiting.due_ms > context.now_ms)
        fired = [_fired(waiting.event, context, waiting.due_ms, waiting.episode) for waiting in due]
        return _state(kept, state.last, state.answers), fired

    def rearm(self, state: State, context: Context[SignalValues]) -> State | None:
        return state

    def initial(self, context: Context[SignalValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[SignalValues]) -> State:
        return state


def _state(pending: tuple[Pending, ...], last: str, answers: tuple[Answer, ...]) -> SignalState | None:
    if not pending and not last and not answers:
        return None
    return SignalState(min((waiting.due_ms for waiting in pending), default=None), pending, last, answers)


def _fired(event: Event, context: Context[SignalValues], due_ms: int | None, episode: str) -> Outcome:
    hold = context.hold
    if hold is not None:
        return Note("held", hold, (cause(event),), event.event_id)
    args: dict[str, object] = {"type": event.type, "at_ms": event.effective_at_ms}
    waited_ms = context.values.cancel_window_ms if due_ms is not None else 0
    return Fire(
        episode, Reason("signal.waited" if waited_ms else "signal", args), (cause(event),), event.effective_at_ms,
        due_ms, event, device=event.device, momentary=True, waited_ms=waited_ms,
    )  # fmt: skip


def _about(said: Event, answer: Event, context: Context[SignalValues]) -> bool:
    """Whether a cancel or confirmation is about what was said."""
    return takes_back(answer, said, context.values.cancel_window_ms)


def _answers(
    known: SignalState, event: Event, context: Context[SignalValues], *, cancels: bool
) -> tuple[Answer, ...]:  # fmt: skip
    if not context.values.cancel_window_ms:
        return ()
    kept = [each for each in known.answers if each.event.effective_at_ms > context.now_ms - ANSWER_KEEP_MS]
    return (*kept, Answer(event, cancels))[-ANSWERS_MAX:]


def _cancelled(said: Event, cancel: Event) -> Note:
    return Note("recorded_only", Reason("signal.cancelled"), (cause(said), cause(cancel)), said.event_id)


def _cancel(known: SignalState, event: Event, context: Context[SignalValues]) -> Step:
    """A cancel ends what waits at the same device and began before it."""
    ended = [waiting for waiting in known.pending if _about(waiting.event, event, context)]
    kept = tuple(waiting for waiting in known.pending if waiting not in ended)
    notes: list[Outcome] = [_cancelled(waiting.event, event) for waiting in ended]
    return _state(kept, known.last, _answers(known, event, context, cancels=True)), notes
