"""What a rule kind is: a pure machine with a frozen state, one instance per rule and subject.

`step` takes an event that the rule listens to, `fire` a timer of its own that is due, `rearm` the end of a hold or
new parameters, `initial` the beginning of a watch. Each answers (state, outcomes) or a state; state None = nothing to
remember. A kind never sees other rules, other homes, other alerts or the clock: `context.now_ms` is the fold's time.
Holds are asked through `context.hold`, so that every kind withholds in the same words.

To begin over what is known already, the engine calls `initial` and then `step` with the home's standing events, oldest
first, and takes no outcome of these; `begun` marks the state, so that an episode told in an earlier watch is a new one.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar

import msgspec

from ingest.event import RETAINED, TEST, Event, Value
from rules import watch
from rules.book import Rule
from rules.effects import Cause, Reason
from rules.facts import NEVER_MS, Facts
from rules.parameters import Values
from rules.sign import Sign

SETTLE_MS = 30_000  # design §4: what comes late waits for its disproof before it may raise


V = TypeVar("V", bound=Values)


class Context(msgspec.Struct, Generic[V], gc=False):
    """What one call of a kind may know; `values` are the parameters of that kind, in force now for this subject."""

    now_ms: int
    rule: Rule
    values: V
    subject: str
    facts: Facts
    resident: str | None = None

    @property
    def hold(self) -> Reason | None:
        """Why an effect must be withheld now; always None for person alarms."""
        return watch.hold(self.facts, self.rule, self.resident, self.now_ms)

    @property
    def hold_end_ms(self) -> int:
        """When the last hold ended; NEVER_MS if there was none."""
        if not self.rule.holds:
            return NEVER_MS
        return watch.last_hold_end_ms(self.facts, self.rule, self.resident, self.now_ms)


class Fire(msgspec.Struct, frozen=True, gc=False):
    """The rule's condition is met: an alert for this episode."""

    episode: str
    reason: Reason
    causes: tuple[Cause, ...]
    since_ms: int  # when it happened, or when it should have been told
    due_ms: int | None = None
    event: Event | None = None  # of signals: decides variant, trigger and device
    content: dict[str, Value] = {}  # of the others: decides the variant
    device: str | None = None
    momentary: bool = False
    late: bool = True  # a delay since then is the way's; not that of a hold, or of how silence is found
    waited_ms: int = 0  # … nor of the rule's own cancel window
    begun_ms: int | None = None  # when the condition began, if that was before `since_ms`: severity grows from there
    priority: str | None = None  # at least so urgent, whatever the rule says
    shelves: bool = False  # other alerts of the same device are kept back while it stands


class Grow(msgspec.Struct, frozen=True, gc=False):
    """It lasts: a higher priority."""

    episode: str
    priority: str
    reason: Reason


class More(msgspec.Struct, frozen=True, gc=False):
    """Another cause of the alert of this episode."""

    episode: str
    reason: Reason
    causes: tuple[Cause, ...]
    alarm: str | None = None  # the event whose person alarm is meant instead, whichever rule has raised that


class Over(msgspec.Struct, frozen=True, gc=False):
    """The condition ended; `retracted` when it had ended before the alert was due."""

    episode: str
    reason: Reason
    causes: tuple[Cause, ...] = ()
    retracted: bool = False
    alarm: str | None = None  # the event whose person alarm it was


class Note(msgspec.Struct, frozen=True, gc=False):
    """Not an alert, but it will be asked for: withheld, disarmed, recorded only."""

    kind: str
    reason: Reason
    causes: tuple[Cause, ...] = ()
    episode: str = ""


class Tell(msgspec.Struct, frozen=True, gc=False):
    """An occurrence of the fold's own, for other rules of this home and the same subject. No effect by itself."""

    type: str
    episode: str
    content: dict[str, Value] = {}


Outcome = Fire | Grow | More | Over | Note | Tell
Step = tuple["State | None", list[Outcome]]


class State(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What every kind's state has. `due_ms` is the one timer it asks for."""

    due_ms: int | None = None


class Kind(Protocol):
    """Port of the engine; each file of this folder offers these functions."""

    @property
    def name(self) -> str: ...
    @property
    def state_type(self) -> type[State]: ...
    @property
    def values_type(self) -> type[Values]: ...
    @property
    def stands(self) -> bool:
        """Whether it looks at states that stand, so that it can begin over what is known of the home."""
        ...

    @property
    def nobodys(self) -> str:
        """Whom an event of nobody's device in a shared home is for.

        "subject": itself; "all": each who lives there; "only": the only one, else nobody, since guessing would watch
        the wrong person (a rule may say `everyone`); "device": the only one, else itself.
        """
        ...

    def step(self, state: State | None, event: Event, role: str, context: Context[Any]) -> Step:
        """`role` is which condition the event met: enter, leave, extend, then or at_once."""
        ...

    def fire(self, state: State, context: Context[Any]) -> Step:
        """Its timer is due, or was: `context.now_ms` is not before it."""
        ...

    def rearm(self, state: State, context: Context[Any]) -> State | None:
        """A hold has ended, or parameters have changed: the timer by the law. Without either it changes nothing."""
        ...

    def initial(self, context: Context[Any]) -> State | None:
        """The state to begin with: a new person, measure or rule."""
        ...

    def begun(self, state: State, context: Context[Any]) -> State | None:
        """Marks a state that was just built over what was known before, and drops what of it says nothing now."""
        ...


def cause(event: Event | Sign) -> Cause:
    """An event as evidence."""
    return Cause(
        event.event_id,
        event.type,
        event.received_at_ms,
        event.observed_at_ms,
        event.effective_at_ms,
        event.device,
        event.quality,
        dict(event.content),
    )


def came_late(event: Event, facts: Facts) -> bool:
    """Late by over 60 s, buffered, or inside a feed gap: settles before it may raise."""
    return facts.came_late(event)


def is_signal(event: Event) -> bool:
    """Whether it just happened; what arrived with the retain flag only says how things stand."""
    return RETAINED not in event.quality and not event.state


def takes_back(answer: Event, said: Event, window_ms: int) -> bool:
    """Whether a device's cancel or confirmation is about what it said: not before it, and within its time.

    By effective time, so that it does not matter which of them is heard first. A settle more than the window, for
    clocks in whole seconds and ways that are slow; what is further back was not what somebody cancelled just now.
    """
    if (TEST in answer.quality) != (TEST in said.quality) or (
        RETAINED in answer.quality and answer.observed_at_ms is None
    ):
        return False
    after_ms = answer.effective_at_ms - said.effective_at_ms
    return answer.address == said.address and 0 <= after_ms <= window_ms + SETTLE_MS
