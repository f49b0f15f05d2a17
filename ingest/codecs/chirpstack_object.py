"""ChirpStack: the decoded `object` of one uplink, compared with the last sight of the device, as drafts.

Pure. Which field means what stands in `chirpstack_models.py`; what is written out here are the shapes that no table
can hold: a text that names a test, a radar's list of conclusions, a position under four spellings, a history.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingest.bounds import MAX_TEXT, bounded_extra
from ingest.codec import MAX_ITEMS, Decoded
from ingest.codecs.chirpstack_models import (
    BROWAN_PORTS,
    POSITIONS,
    SMOKE_WORDS,
    TRACKER_FIELDS,
    VS373_ALARMS,
    Battery,
    Held,
    Press,
    Quiet,
    Rule,
    rules_for,
)
from ingest.codecs.readings import LAPSED, NEVER, Flag, Measure, Reading, Words, number, truth, word_of
from ingest.event import Nothing, Rejected, Value
from ingest.roles import press_trigger
from ingest.vocabulary import UNKNOWN_WORDS
from ingest.wire_time import epoch_ms

State = dict[str, object]
_SEEN_AT = "@"  # "<field>@" of the state: when a call for help in that field was last heard
_GESTURES = frozenset({"short", "long", "double", "short_press", "long_press", "double_press", "single_press"})
_ALARM_WORDS = ("alarm", "sos", "emergency", "panic", "fall", "smoke")

_MAX_STATE = 200  # fields remembered of one device; our own tables name far fewer

_UNCHANGED = Nothing("unchanged")
_NO_EVENT = Nothing("no_event")
_NOT_CARE = Nothing("not_care")


def read_object(
    state: State, report: dict[str, object], reading: Reading, port: object, now_ms: int, role: str | None,
) -> tuple[State, Decoded]:  # fmt: skip
    """One decoded object against the last sight of the device: new state and at least one entry. Never raises."""
    fresh: State = {}
    rules = _rules(report, port, role)
    understood = read_fields(state, fresh, report, rules, reading, now_ms)
    understood = _smoke(state, fresh, report, reading, now_ms) or understood
    understood = _radar_events(report, reading) or understood
    understood = _position(state, fresh, report, reading) or understood
    understood = _history(report, rules, reading, now_ms) or understood
    if not understood:
        _stranger(state, fresh, report, reading, role)
    if fresh:
        return {**state, **fresh}, reading.items or [_NO_EVENT]
    return state, reading.items or [_UNCHANGED if understood else _NOT_CARE]


def _rules(report: Mapping[str, object], port: object, role: str | None) -> Mapping[str, Rule]:
    rules = rules_for(role)
    if not TRACKER_FIELDS.isdisjoint(report):
        return {**rules, "temperature": Quiet("of a thing that is carried about, not of a room")}
    if "temperatureBoard" not in report:
        return rules
    # Browan: one name for everything, volts instead of per cent, and the minutes since it happened
    browan: dict[str, Rule] = {**rules, "battery": Battery("volts")}
    kind = BROWAN_PORTS.get(int(port)) if isinstance(port, int | float) else None
    browan["status"] = kind if kind is not None else Quiet("unknown port")
    return browan


def read_fields(
    state: State, fresh: State, report: Mapping[str, object], rules: Mapping[str, Rule], reading: Reading, now_ms: int,
) -> bool:  # fmt: skip
    understood = False
    for field, value in report.items():
        rule = rules.get(field)
        if rule is None or value is None:
            continue
        understood = True
        if isinstance(rule, Press):
            _press(field, rule, value, reading)
            continue
        if isinstance(rule, Quiet):
            continue
        last = state.get(field, NEVER)
        lapse_ms = rule.lapse_ms if isinstance(rule, Flag | Words | Held) else 0
        if lapse_ms and _calls(rule, value):
            seen_at = state.get(field + _SEEN_AT)
            if last is not NEVER and isinstance(seen_at, int) and now_ms - seen_at >= lapse_ms:
                last = LAPSED
            fresh[field + _SEEN_AT] = now_ms
        stored = _read(field, rule, last, value, reading, report)
        if stored is not NEVER and stored != state.get(field, NEVER):
            fresh[field] = stored
    return understood


def _calls(rule: Rule, value: object) -> bool:
    """Whether this value is the one that calls for help."""
    if isinstance(rule, Words):
        return word_of(rule, value) in rule.urgent
    return truth(value) is True


def _read(
    field: str, rule: Rule, last: object, value: object, reading: Reading, report: Mapping[str, object],
) -> object:  # fmt: skip
    if isinstance(rule, Flag):
        return reading.flag(field, rule, last, value)
    if isinstance(rule, Words):
        if "motion.detected" in rule.events.values():
            return _motion(field, rule, last, value, reading, report)
        return reading.words(field, rule, last, value)
    if isinstance(rule, Measure):
        return reading.measure(field, rule, last, value)
    if isinstance(rule, Held):
        return _held(field, rule, last, value, reading)
    assert isinstance(rule, Battery), "every other kind of rule has been read above"
    amount = number(value, 0, 100)
    if amount is None:
        return reading.bad(field, "wrong_type", value, last, urgent=False)
    if value != last:
        reading.add("battery.level", {rule.unit: amount}, state=last is NEVER)
    return value


def _motion(
    field: str, rule: Words, last: object, value: object, reading: Reading, report: Mapping[str, object],
) -> object:  # fmt: skip
    """Radio loses the "idle" between two movements, so each message that says movement is movement.

    Browan repeats it in every keep-alive: there the running counter tells, and `time` how many minutes ago it was.
    """
    count = report.get("count")
    if not isinstance(count, int | float) or isinstance(count, bool):
        return reading.words(field, rule, NEVER if last is NEVER else LAPSED, value)
    stored = f"{value!s}/{count!s}"[:100]
    if stored != last and truth(value) is True:
        minutes = number(report.get("time"), 0, 100_000)
        observed = reading.observed
        if observed is not None and minutes is not None:
            reading.observed = observed - int(minutes) * 60_000
        reading.add("motion.detected", {}, state=last is NEVER)
        reading.observed = observed
    return stored


def _press(field: str, rule: Press, value: object, reading: Reading) -> None:
    """A press, whatever the gesture is called: an unknown word is kept and reported, the call still goes out."""
    gesture = value.get(rule.nested) if rule.nested and isinstance(value, dict) else value
    extra: dict[str, object] = {"action": gesture}
    if not isinstance(gesture, str) or gesture.casefold().replace(" ", "_") not in _GESTURES:
        extra[UNKNOWN_WORDS] = [field]
    reading.add("alarm.pressed", {"trigger": rule.trigger}, extra=bounded_extra(extra))


def _held(field: str, rule: Held, last: object, value: object, reading: Reading) -> object:
    active = truth(value)
    if active is None:
        return reading.bad(field, "unknown_word", value, last, urgent=True)
    content: dict[str, Value] = {"trigger": rule.trigger}
    if active and (rule.every or last is not True):
        reading.add("alarm.pressed", content)
    elif not active and last is True and not rule.every:
        reading.add("alarm.reset", content)
    return active


def _smoke(state: State, fresh: State, report: Mapping[str, object], reading: Reading, now_ms: int) -> bool:
    """Milesight GS524N: a text in `event`. "testing alarm …" is not an alarm."""
    text = report.get("event")
    if report.get("type") != "smoke sensor" or text is None:
        return False
    if isinstance(text, str) and text.casefold().startswith("testing"):
        reading.add("test.passed", {}, test=True, extra={"event": text[:MAX_TEXT]})
        return True
    read_fields(state, fresh, {"event": text}, {"event": SMOKE_WORDS}, reading, now_ms)
    return True


def _radar_events(report: Mapping[str, object], reading: Reading) -> bool:
    """Milesight VS373 `events`: what the radar itself concluded, each entry once."""
    events = report.get("events")
    if not isinstance(events, list):
        return False
    for entry in events[:MAX_ITEMS]:
        kind = entry.get("alarm_type") if isinstance(entry, dict) else None
        if not isinstance(kind, str):
            reading.items.append(Rejected("wrong_type", "events", reading.may_alarm))
            continue
        word = kind.strip().casefold().replace(" ", "_")[:100]
        status = str(entry.get("alarm_status", "")).casefold().replace(" ", "_")
        if status in {"alarm_deactivated", "alarm_ignored"}:  # anything else counts as triggered
            if word == "fall":
                reading.add("fall.cancelled", {"source": "radar"}, extra=bounded_extra(entry))
            else:
                reading.items.append(_NO_EVENT)
            continue
        event, content = VS373_ALARMS.get(word, ("condition.reported", {"code": word, "severity": 30}))
        reading.add(event, content, extra=bounded_extra(entry))
    return True


def _position(state: State, fresh: State, report: Mapping[str, object], reading: Reading) -> bool:
    """A fix under any of the names in use; 0/0 is a tracker without one. Said again only when it changed."""
    for names in POSITIONS:
        latitude, longitude = number(report.get(names[0]), -90, 90), number(report.get(names[1]), -180, 180)
        if latitude is None or longitude is None:
            continue
        if latitude == 0 and longitude == 0:
            return True
        content: dict[str, Value] = {"latitude": latitude, "longitude": longitude, "source": "gnss"}
        accuracy = number(report.get(names[2]), 0, 1e7) if names[2] else None
        if accuracy is not None:
            content["accuracy_metres"] = accuracy
        age = number(report.get("age"), 0, 1e7)  # Abeeway: seconds since the fix
        observed = reading.observed
        if age is not None and observed is not None:
            reading.observed = observed - int(age * 1000)
        reading.add("position.fixed", content)
        reading.observed = observed
        return True
    return False


def _history(report: Mapping[str, object], rules: Mapping[str, Rule], reading: Reading, now_ms: int) -> bool:
    """Milesight's `history`: values hours old with their own epoch seconds, read beside the present, never into it."""
    entries = report.get("history")
    if not isinstance(entries, list):
        return False
    past: State = {}
    aged: list[tuple[int, dict[str, object]]] = []
    for entry in entries[:MAX_ITEMS]:
        stamp = entry.get("timestamp") if isinstance(entry, dict) else None
        at_ms = epoch_ms(stamp) if isinstance(stamp, int | float) else None
        if at_ms is None or not isinstance(entry, dict):
            reading.items.append(Rejected("wrong_type", "history", reading.may_alarm))
        else:
            aged.append((at_ms, entry))
    for at_ms, entry in sorted(aged, key=lambda pair: pair[0]):
        then = Reading(
            may_alarm=reading.may_alarm, observed=at_ms, buffered=True,
            key=None if reading.key is None else f"{reading.key}/{at_ms}",
        )  # fmt: skip
        fresh: State = {}
        read_fields(past, fresh, entry, rules, then, now_ms)
        past.update(fresh)
        reading.items.extend(then.items)
    return True


def _stranger(
    state: State, fresh: State, report: Mapping[str, object], reading: Reading, role: str | None,
) -> None:  # fmt: skip
    """Nothing in the object is known. What a trigger says always goes to a person, of other devices a field that is
    named like an alarm and is true, once.
    """
    if press_trigger(role) is not None:
        reading.items.append(Rejected("unknown_word", "no field of a trigger's message is known", reading.may_alarm))
        return
    for field, value in report.items():
        if (value is True or value == "TRUE") and any(word in field.casefold() for word in _ALARM_WORDS):
            name = field[:100]
            if state.get(name) is not True and len(state) + len(fresh) < _MAX_STATE:
                reading.items.append(Rejected("unknown_word", name, reading.may_alarm))
                fresh[name] = True
        elif field in state and state[field] is True:
            fresh[field] = False
