"""Presence: whether somebody who lives alone is probably out, as far as doors and sensors can tell. Pure.

What may live here: the machine that guesses, its evidence, and what it will not guess. What a person or a gateway
*said* (`away.started`) is `fact_events.py`'s and needs no guess, but for its forgotten end (below).

Theory of operation. An empty home is not silent (ecosystem §7: in three days of absence single PIR pulses of a second,
two or three a day), and a quiet home is not empty: whoever sits reading moves no PIR for an hour, whoever has fallen
none at all. So silence alone never means "out", and one pulse never means "home".

- A *way out* opens the question: the exit door closes behind a sign of life. Where there is no exit door sensor at
  all, a motion detector that a site has given the role `entry_motion` stands for it, with twice the patience.
- *Silence indoors* answers it: SILENCE_MS after the door, nobody seen. Motion in the door's own room in the first
  minute is the leaving itself. A single pulse does not answer it, it asks for as long a silence again.
- *Proof of life* takes the answer back by effective time, however late it is heard (`late_signs.py`): two different
  sensors, or three pulses of one, within PROOF_MS (the exit door counts as one of the two); or one act that no draught
  makes: bed, chair, a cupboard door, a dose fetched, a button.
- An exit door that moves again after LEAVING_MS is *somebody who came in*, seen further in or not: "out" is over. From
  there only a sign of life and a new way out lead to "out" again; that the same door closes behind them is none.
  Whoever falls on the mat when they come home is watched.

| phase   | what is seen                                     | next    | away   |
|---------|--------------------------------------------------|---------|--------|
| home    | exit door closes (not staff's), or entry motion  | leaving | -      |
| leaving | the same again within LEAVING_MS                 | leaving | -      |
| leaving | exit door opens later, staff arrive              | entered | -      |
| leaving | proof of life                                    | home    | -      |
| leaving | a single pulse                                   | leaving | - (waits as long again) |
| leaving | timer, nothing speaks against it                 | out     | begins |
| leaving | timer, and bed or chair maybe taken, way broken, sensors dead, staff there, not alone, R12 off | home | - |
| out     | exit door moves, entry motion borne out, staff arrive | entered | ends |
| out     | proof of life                                    | home    | ends   |
| out     | a single pulse                                   | out     | -      |
| entered | any sign of life                                 | home    | -      |
| home, entered | the door that was opened from outside closes | same | -      |
| any     | away said or ended by somebody                   | home    | theirs |

Why it cannot hide a fall. It is never guessed for more than one resident (one may lie silent where the other left),
not in a care home, not while bed or chair says occupied or cannot say, not over a broken way, not behind a visit.
A visitor who leaves a sitting person behind gives a wrong guess; so a guess holds back only rules on silence (hold
`out`: R16, R17 and the like), never R05, R09, doses or alarms, and from the same moment R12 (`home.left`: not back
within 60 min by night, 4 h by day) counts from the door. R17 would have waited 4 h from the same silence: no time lost.
Where R12 is switched off, paused or has no measure, nobody is taken to be out.

A said "away" that nobody ended would leave somebody unwatched for good. Where proof of life goes on for BACK_MS with no
gap over PROOF_GAP_MS and no staff there, it ends by itself and says so: relatives who fetch clothes stay shorter.
"""

from __future__ import annotations

import msgspec

from ingest.event import RETAINED, Event
from rules.facts import ENTERED, HOME, LEAVING, NEVER_MS, OUT, Facts, Presence

MINUTE_MS = 60_000
SILENCE_MS = 30 * MINUTE_MS  # after the door; R12 counts from the door, so patience costs nothing
SILENCE_ENTRY_MS = 60 * MINUTE_MS  # where only motion at the entrance says that somebody went
DEPARTING_MS = 1 * MINUTE_MS  # in the door's own room, motion so soon after it is the leaving
LEAVING_MS = 2 * MINUTE_MS  # a door that moves again so soon is still the same leaving: keys, lock, a bag
SETTLE_MS = 30_000  # a door that is heard late waits for what came after it
STAFF_DOOR_MS = 15 * MINUTE_MS  # staff check out before they close the door behind them
PROOF_MS, PROOF_PULSES = 5 * MINUTE_MS, 3
BACK_MS = PROOF_GAP_MS = 60 * MINUTE_MS

EXIT_ROLES = ("front_door", "back_door", "exit_door")
EXIT_DOORS = ("front", "back", "exit", "main", "entrance")  # what a door may call itself where no role says it
ENTRY_ROLE = "entry_motion"
DOORS = ("door.opened", "door.closed")
AT_REST = "door.closed"
_TWO_STATES = ("bed", "chair", "door", "presence")
PULSES = ("motion.detected", "room.entered", "room.left")
ACTS = frozenset({
    "bed.occupied", "bed.left", "bed.sitting", "chair.occupied", "chair.left", "presence.started", "person.lying",
    "person.still", "dose.taken", "alarm.pressed", "contact.requested", "answered", "stove.rearmed", *DOORS,
})  # fmt: skip
SIGNS = ACTS.union(PULSES)
"""Events by which presence may change."""

Recent = tuple[tuple[int, str], ...]


def is_exit(event: Event) -> bool:
    """Whether this door leads out of the home."""
    if event.role in EXIT_ROLES:
        return True
    return event.role in (None, "door") and event.content.get("door") in EXIT_DOORS


def is_news(facts: Facts, event: Event) -> bool:
    """Whether it tells of a change; gateways repeat how bed and door stand. What is no state of two is always news."""
    if not event.state:
        return True
    family = event.type.partition(".")[0]
    if family not in _TWO_STATES:
        return True
    trace = facts.trace(family, event.address)
    if trace is None or len(trace.runs) == 1:
        return event.type != AT_REST  # the first word of a door is how it stands: it has not just been closed
    return any(one.event_id == event.event_id for one in trace.runs)


def proven(recent: Recent, at_ms: int, sensor: str, within_ms: int = PROOF_MS) -> bool:
    """Whether a pulse is somebody and no draught: another sensor near it in time, or the third of one."""
    near = [other for seen_ms, other in recent if abs(seen_ms - at_ms) <= within_ms]
    return len(near) >= PROOF_PULSES - 1 or near.count(sensor) < len(near)


def noted(recent: Recent, at_ms: int, sensor: str, within_ms: int = PROOF_MS) -> Recent:
    """The pulses that may yet bear out another, this one included."""
    kept = [one for one in recent if abs(one[0] - at_ms) <= within_ms and one != (at_ms, sensor)]
    return tuple(sorted([*kept, (at_ms, sensor)])[-PROOF_PULSES:])


def tells(facts: Facts, event: Event) -> bool:
    """Whether an event of SIGNS is news."""
    return RETAINED not in event.quality and (event.type not in ACTS or is_news(facts, event))


def take_sign(facts: Facts, event: Event, now_ms: int) -> bool:
    """One event that tells something, its trace kept; whether it is now known otherwise whether somebody is away."""
    if event.type in DOORS and is_exit(event):
        return _door(facts, event, now_ms)
    if event.type in ACTS:
        return _life(facts, event, now_ms, act=True)
    if event.role == ENTRY_ROLE and not _exit_sensor(facts):
        return _entrance(facts, event, now_ms)
    return _life(facts, event, now_ms, act=False)


def take_staff(facts: Facts, at_ms: int, now_ms: int) -> bool:
    """Staff have arrived: they see for themselves."""
    before = facts.presence
    if before.phase in (LEAVING, OUT) and at_ms > before.since_ms:
        facts.presence = Presence(ENTERED, at_ms)
    return _over(facts, before, now_ms)


def take_word(facts: Facts, at_ms: int, now_ms: int) -> None:
    """Somebody said that the person went or came: no guess beside it."""
    before = facts.presence
    facts.presence = Presence(HOME, at_ms)
    _over(facts, before, now_ms)


def give_up(facts: Facts, now_ms: int) -> None:
    """Nobody waits for their return any more: a guess would leave them unwatched."""
    before = facts.presence
    facts.presence = Presence(HOME, now_ms)
    _over(facts, before, now_ms)


def fire(facts: Facts, now_ms: int, *, awaited: bool) -> bool:
    """The silence has lasted; whether the person is taken to be out from now on. `awaited`: a rule like R12 counts."""
    presence = facts.presence
    if presence.phase != LEAVING or presence.due_ms is None or presence.due_ms > now_ms:
        return False
    if not awaited or not _may_guess(facts, now_ms):
        facts.presence = Presence()
        return False
    facts.presence = msgspec.structs.replace(presence, phase=OUT, due_ms=None)
    return True


def occupied_since_ms(facts: Facts, resident: str, family: str = "bed") -> int | None:
    """Since when this person's bed (or chair) says that somebody is in it; None when it does not, or is not heard."""
    since_ms = None
    for trace in facts.traces(family):
        if trace.last.type not in (f"{family}.occupied", f"{family}.sitting"):
            continue
        last = trace.last
        mine = last.resident == resident or (last.resident is None and len(facts.residents) == 1)
        if mine and last.device not in facts.offline_since_ms:
            since_ms = max(since_ms or NEVER_MS, trace.runs[-1].effective_at_ms)
    return since_ms


def _may_guess(facts: Facts, now_ms: int) -> bool:
    if len(facts.residents) != 1 or facts.kind != "own_home" or facts.staff_present(now_ms):
        return False
    (resident,) = facts.residents
    if resident in facts.away_since_ms or facts.broken_way(resident) is not None:
        return False
    return all(not _may_be_in(facts, resident, family) for family in ("bed", "chair"))


def _may_be_in(facts: Facts, resident: str, family: str) -> bool:
    """Whether this person's bed (or chair) says occupied, or cannot say: it is silent, or a bed that was never heard.

    A chair that was never heard is one in which nobody has sat yet; in a bed they sleep.
    """
    if occupied_since_ms(facts, resident, family) is not None:
        return True
    mine = [one for one in facts.devices.values() if one.role == family and one.resident in (None, resident)]
    told = {trace.last.device for trace in facts.traces(family)}
    silent = facts.offline_since_ms
    return any((family == "bed" and one.id not in told) or {one.id, one.gateway} & silent.keys() for one in mine)


def _exit_sensor(facts: Facts) -> bool:
    return any(device.role in EXIT_ROLES for device in facts.devices.values())


def _door(facts: Facts, event: Event, now_ms: int) -> bool:
    before, at_ms = facts.presence, event.effective_at_ms
    if at_ms <= before.since_ms:
        return False
    soon = at_ms - before.since_ms <= LEAVING_MS
    if before.phase == OUT or (before.phase == LEAVING and event.type == "door.opened" and not soon):
        facts.presence = Presence(ENTERED, at_ms, inward=event.type == "door.opened")
    elif before.inward:
        facts.presence = msgspec.structs.replace(before, inward=event.type == "door.opened" and before.phase == ENTERED)
    elif event.type == "door.closed" and before.phase in (HOME, LEAVING) and not _stayed(facts, at_ms):
        facts.presence = _leaving(event, "door", SILENCE_MS, now_ms)
    return _over(facts, before, now_ms)


def _entrance(facts: Facts, event: Event, now_ms: int) -> bool:
    before, at_ms = facts.presence, event.effective_at_ms
    if at_ms <= before.since_ms:
        return False
    if before.phase == OUT:
        if not proven(before.recent, at_ms, event.address):
            facts.presence = msgspec.structs.replace(before, recent=noted(before.recent, at_ms, event.address))
        elif any(sensor != event.address for _, sensor in before.recent):
            facts.presence = Presence(HOME, at_ms)
        else:
            facts.presence = Presence(ENTERED, at_ms)
    elif before.phase in (HOME, LEAVING) and not _stayed(facts, at_ms):
        facts.presence = _leaving(event, "entrance", SILENCE_ENTRY_MS, now_ms)
    return _over(facts, before, now_ms)


def _leaving(event: Event, by: str, silence_ms: int, now_ms: int) -> Presence:
    at_ms, pulses = event.effective_at_ms, ((event.effective_at_ms, event.address),)
    due_ms = max(at_ms + silence_ms, now_ms + SETTLE_MS)
    return Presence(LEAVING, at_ms, by, event.device, event.room, due_ms, pulses)


def _life(facts: Facts, event: Event, now_ms: int, *, act: bool) -> bool:
    before = facts.presence
    if before.phase == HOME:
        return bool(facts.away_since_ms) and _back(facts, event, now_ms, act=act)
    at_ms = event.effective_at_ms
    if at_ms <= before.since_ms:
        return False
    if before.phase == LEAVING and not act and at_ms <= before.since_ms + DEPARTING_MS and _by_door(event, before):
        return False
    if act or before.phase == ENTERED or proven(before.recent, at_ms, event.address):
        facts.presence = Presence(HOME, at_ms, inward=before.inward)
        return _over(facts, before, now_ms)
    due_ms = before.due_ms
    if due_ms is not None:
        due_ms = max(due_ms, at_ms + (SILENCE_MS if before.by == "door" else SILENCE_ENTRY_MS))
    facts.presence = msgspec.structs.replace(before, due_ms=due_ms, recent=noted(before.recent, at_ms, event.address))
    return False


def _by_door(event: Event, presence: Presence) -> bool:
    """Whether this detector sees who goes through the door: it hangs in its room, or a site says so."""
    return event.role == ENTRY_ROLE or (event.room is not None and event.room == presence.room)


def _back(facts: Facts, event: Event, now_ms: int, *, act: bool) -> bool:
    """Life goes on at home of one who was said to be away, and nobody is there for their work."""
    if len(facts.residents) != 1 or facts.staff_present(now_ms):
        return False
    (resident,) = facts.residents
    known, at_ms = facts.presence, event.effective_at_ms
    if at_ms <= facts.away_since_ms.get(resident, NEVER_MS):
        return False
    if not act and not proven(known.recent, at_ms, event.address):
        facts.presence = msgspec.structs.replace(known, recent=noted(known.recent, at_ms, event.address))
        return False
    first_ms = known.back_ms if at_ms - known.seen_ms <= PROOF_GAP_MS else at_ms
    facts.presence = Presence(
        HOME, known.since_ms, recent=noted(known.recent, at_ms, event.address),
        back_ms=first_ms, seen_ms=max(at_ms, known.seen_ms),
    )  # fmt: skip
    if at_ms - first_ms < BACK_MS:
        return False
    facts.presence = Presence(HOME, at_ms)
    facts.away_since_ms.pop(resident, None)
    facts.away_reasons.pop(resident, None)
    facts.away_end_ms[resident] = now_ms
    return True


def _stayed(facts: Facts, at_ms: int) -> bool:
    """Whether the door is staff's (there, or just checked out), or life after it was heard before it."""
    staffs = facts.staff_present(at_ms) or 0 <= at_ms - facts.staff_end_ms <= STAFF_DOOR_MS
    return staffs or facts.lived_after(at_ms + DEPARTING_MS)


def _over(facts: Facts, before: Presence, now_ms: int) -> bool:
    """Note the end of "out"; whether it has ended."""
    if before.phase != OUT or facts.presence.phase == OUT:
        return False
    facts.out_end_ms = now_ms
    return True
