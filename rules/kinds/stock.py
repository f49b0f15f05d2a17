"""Stock: what lies in a dispenser will not last until somebody fills it, or is used up (R26).

Theory of operation. A dispenser says how many days or doses are left (the newest by effective time counts); doses last
until the first that would not be there, by the doses that are announced or expected (`rules/doses.py`). It is *low*
when that is before the end of one working day (`work_days`, holidays are none) after the next planned refill: the next
of `refill_days`, or `refill_every` after the last refill; where nobody plans, the next working day. Where nothing is
known of its doses, it is low at `doses` or fewer. It is *empty* at 0, or when it says so. Looked at again each local
midnight. A watch begins over its last word.

| stock      | input                        | next   | outcome                              |
|------------|------------------------------|--------|--------------------------------------|
| any        | stock, fault "empty", refill | by what is known | - (timer now, or after settle if late) |
| any        | timer, level as told         | same   | - (timer midnight)                   |
| ok         | timer, low or empty          | low / empty | Fire, or Note held              |
| low        | timer, empty                 | empty  | Over, Fire                           |
| empty      | timer, low                   | low    | Over, Fire                           |
| low empty  | timer, enough                | ok     | Over                                 |
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

import msgspec

from ingest.event import Event
from rules.doses import DAY_MS, upcoming
from rules.effects import Cause, Reason
from rules.facts import NEVER_MS
from rules.kinds.kind import SETTLE_MS, Context, Fire, Note, Outcome, Over, State, Step, came_late, cause
from rules.local_time import instant_ms, local_date
from rules.parameters import WEEKDAYS, Count, Days, Duration, LastingValues, Values
from rules.staffed import staffed_day

DISPENSERS_MAX = 8
DOSES_LOOKED_MAX = 200
SAMPLE_MS = 6 * DAY_MS  # doses are looked at one by one so far ahead; further ahead they come as often


class Stock(msgspec.Struct, frozen=True, gc=False, array_like=True):
    at_ms: int = NEVER_MS  # effective time of the last word
    doses: int | None = None
    days_ms: int | None = None  # what lasts for so long from then
    empty: bool = False  # it says so
    told: str = ""  # low | empty: what stands
    episode: str = ""
    due_ms: int | None = None
    cause: Cause | None = None
    late: bool = False


class StockState(State, frozen=True, gc=False, tag="stock"):
    dispensers: dict[str, Stock] = msgspec.field(default_factory=dict)


class StockValues(LastingValues, frozen=True, gc=False, omit_defaults=True, kw_only=True):
    doses: Count = 0
    work_days: Days = ()
    refill_days: Days = ()
    refill_every_ms: Duration = 0


class DispenserStock:
    """See the module's text."""

    name: ClassVar[str] = "stock"
    state_type: ClassVar[type[State]] = StockState
    values_type: ClassVar[type[Values]] = StockValues
    stands: ClassVar[bool] = True
    nobodys: ClassVar[str] = "device"

    def step(self, state: State | None, event: Event, role: str, context: Context[StockValues]) -> Step:
        known = dict(state.dispensers) if isinstance(state, StockState) else {}
        device = event.device or event.address
        old = known.get(device, Stock())
        if event.effective_at_ms < old.at_ms:
            return state, []
        late = came_late(event, context.facts)
        due_ms = context.now_ms + (SETTLE_MS if late else 0)
        doses, days = event.content.get("doses_left"), event.content.get("days_left")
        known[device] = msgspec.structs.replace(
            old,
            at_ms=event.effective_at_ms,
            doses=doses if isinstance(doses, int) else None,
            days_ms=round(days * DAY_MS) if isinstance(days, int | float) else None,
            empty=role == "enter" and event.type == "dispenser.fault",
            due_ms=due_ms,
            cause=cause(event),
            late=late,
        )
        return _state(known), []

    def fire(self, state: State, context: Context[StockValues]) -> Step:
        assert isinstance(state, StockState)
        known = dict(state.dispensers)
        outcomes: list[Outcome] = []
        for device in sorted(known):
            stock = known[device]
            if stock.due_ms is not None and stock.due_ms <= context.now_ms:
                known[device] = _looked(device, stock, outcomes, context)
        return _state(known), outcomes

    def rearm(self, state: State, context: Context[StockValues]) -> State | None:
        assert isinstance(state, StockState)
        return _state({
            device: stock if stock.late and stock.due_ms is not None else msgspec.structs.replace(
                stock, due_ms=context.now_ms
            )
            for device, stock in state.dispensers.items()
        })  # fmt: skip

    def initial(self, context: Context[StockValues]) -> State | None:
        return None

    def begun(self, state: State, context: Context[StockValues]) -> State:
        return state


def _state(known: dict[str, Stock]) -> StockState | None:
    left = {device: known[device] for device in sorted(known)[:DISPENSERS_MAX]}
    if not left:
        return None
    dues = [stock.due_ms for stock in left.values() if stock.due_ms is not None]
    return StockState(min(dues) if dues else None, left)


def _looked(device: str, stock: Stock, outcomes: list[Outcome], context: Context[StockValues]) -> Stock:
    level, lasts_ms, needed_ms = _level(device, stock, context)
    zone = context.facts.timezone
    midnight_ms = instant_ms(local_date(context.now_ms, zone) + timedelta(days=1), 0, zone)
    stock = msgspec.structs.replace(stock, due_ms=midnight_ms, late=False)
    if level == stock.told:
        return stock
    causes = () if stock.cause is None else (stock.cause,)
    args: dict[str, object] = {"doses": stock.doses, "until_ms": lasts_ms, "needed_ms": needed_ms}
    if level:
        hold = context.hold
        if hold is not None:
            outcomes.append(Note("held", hold, causes, f"{level}/{device}"))
            return msgspec.structs.replace(stock, due_ms=None)
    if stock.told:
        outcomes.append(Over(stock.episode, Reason("stock.changed" if level else "stock.over", args), causes))
    if not level:
        return msgspec.structs.replace(stock, told="", episode="")
    name = stock.cause.event_id if stock.cause is not None else device
    episode = f"{level}/{name}/{context.now_ms}"
    outcomes.append(
        Fire(
            episode, Reason("stock.empty" if level == "empty" else "stock.low", args), causes, context.now_ms,
            content={"empty": level == "empty"}, device=device if device in context.facts.devices else None, late=False,
        )
    )  # fmt: skip
    return msgspec.structs.replace(stock, told=level, episode=episode)


def _level(device: str, stock: Stock, context: Context[StockValues]) -> tuple[str, int | None, int | None]:
    """("", low or empty; until when it lasts, until when it must), None where nobody can say."""
    if stock.empty or stock.doses == 0 or stock.days_ms == 0:
        return "empty", None, None
    lasts = [] if stock.days_ms is None else [stock.at_ms + stock.days_ms]
    doses_ms = None if stock.doses is None else _doses_last_ms(device, stock.at_ms, stock.doses, context)
    if doses_ms is not None:
        lasts.append(doses_ms)
    if lasts:
        needed_ms = _needed_ms(device, context)
        return "low" if min(lasts) < needed_ms else "", min(lasts), needed_ms
    few = stock.doses is not None and stock.doses <= context.values.doses
    return "low" if few else "", None, None


def _doses_last_ms(device: str, from_ms: int, doses: int, context: Context[StockValues]) -> int | None:
    """When the first dose falls due that is not there any more; None when its doses are not known."""
    times: list[int] = []
    at_ms: int | None = from_ms
    while at_ms is not None and len(times) <= min(doses, DOSES_LOOKED_MAX):
        dose = upcoming(context.facts, device, at_ms + 1, from_ms + SAMPLE_MS)
        at_ms = None if dose is None else dose.at_ms
        if at_ms is not None:
            times.append(at_ms)
    if not times:
        return None
    return times[doses] if len(times) > doses else from_ms + (doses + 1) * SAMPLE_MS // len(times)


def _needed_ms(device: str, context: Context[StockValues]) -> int:
    """The end of one working day after the next planned refill."""
    values, facts = context.values, context.facts
    today = local_date(context.now_ms, facts.timezone)
    known = facts.dispensers.get(device)
    planned = today + timedelta(days=1)
    if values.refill_days:
        week = (today + timedelta(days=offset) for offset in range(7))
        planned = next(day for day in week if WEEKDAYS[day.weekday()] in values.refill_days)
    elif values.refill_every_ms and known is not None and known.refilled_ms is not None:
        planned = max(today, local_date(known.refilled_ms + values.refill_every_ms, facts.timezone))
    after = staffed_day(staffed_day(planned, values.work_days) + timedelta(days=1), values.work_days)
    return instant_ms(after + timedelta(days=1), 0, facts.timezone)
