"""How a field of a device's report becomes events: kinds of fields as data, and one reading of one message.

Pure; shared by the codecs whose devices publish named fields (Zigbee2MQTT, ChirpStack). What the fields of one
convention are called, and how its messages are wrapped, stays in that convention's own files.

A report says how things are, an event says that they changed. So a field is compared with its last sight, and
the first sight of it is a draft with state=True, unless it is urgent.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingest.bounds import bounded
from ingest.codec import Decoded
from ingest.event import Draft, Rejected, Value

NEVER = object()
"""Instead of a field's last value: it was never seen. As a result: nothing to remember."""
LAPSED = object()
"""Instead of a field's last value: it was seen so long ago that the same value is news again."""
TESTING = "test"
"""Remembered instead of True while the device says that its alarm is only a test."""


class Flag(msgspec.Struct, frozen=True):
    """A boolean. `on`/`off`: event types, "" = nothing worth an event.

    urgent: true means somebody may need help now, so the very first sight of it is a real event, not a state.
    calm: false at first sight is no news (a cover that is shut, a battery that is not low).
    metric: some models send a number in the same field; then it is measured instead, in `unit`.
    lapse_ms: where messages get lost: after so long the same true is news again. 0 = never.
    """

    on: str
    off: str = ""
    content: Mapping[str, Value] = {}
    urgent: bool = False
    calm: bool = False
    metric: str = ""
    unit: str = ""
    lapse_ms: int = 0


class Words(msgspec.Struct, frozen=True):
    """A list of words (small letters, "_" for a space). `events`: word → event type; `quiet`: known, but no event.

    numbers: what other versions of the same decoder send instead; between: (old word, new word) → an event that comes
    before the new word's own; urgent: words that are never a mere state; contents: event type → its content;
    strict: whether a word on neither list is reported (False where makers share one field name); lapse_ms: as
    in Flag, for urgent words.
    """

    events: Mapping[str, str]
    quiet: frozenset[str] = frozenset()
    numbers: Mapping[int, str] = {}
    between: Mapping[tuple[str, str], str] = {}
    urgent: frozenset[str] = frozenset()
    contents: Mapping[str, Mapping[str, Value]] = {}
    strict: bool = True
    lapse_ms: int = 0


class Measure(msgspec.Struct, frozen=True):
    """A number: metric and UCUM unit of `measured`, and the range outside which it is a fault of the sensor."""

    metric: str
    unit: str
    low: float
    high: float


class Reading:
    """One message that holds something new: what its drafts share, and how each kind of field is read.

    The reading methods append drafts to `items` and give what to remember of the field (NEVER = nothing).
    """

    __slots__ = ("address", "buffered", "items", "key", "may_alarm", "observed", "test")

    def __init__(
        self, *, may_alarm: bool, observed: int | None = None, test: bool = False, address: str | None = None,
        key: str | None = None, buffered: bool = False,
    ) -> None:  # fmt: skip
        self.items: Decoded = []
        self.may_alarm = may_alarm
        self.observed = observed
        self.test = test
        self.address = address
        self.key = key  # of the whole message; each draft's own key adds its type
        self.buffered = buffered

    def add(
        self, kind: str, content: Mapping[str, Value], *, state: bool = False, test: bool = False,
        extra: dict[str, object] | None = None, suffix: str = "",
    ) -> None:  # fmt: skip
        key = None if self.key is None else f"{self.key}/{kind}{suffix}"
        self.items.append(
            Draft(kind, dict(content), key, self.observed, self.buffered, test, state, extra or {}, (), self.address),
        )

    def bad(self, field: str, reason: str, value: object, last: object, *, urgent: bool) -> object:
        """A value that cannot be meant: reported once, until it changes."""
        stored = f"?{bounded(value)!s}"[:100]
        if stored != last:
            self.items.append(Rejected(reason, f"{field}: {stored[1:]}"[:200], urgent and self.may_alarm))
        return stored

    def flag(self, field: str, rule: Flag, last: object, value: object) -> object:
        if rule.metric and not isinstance(value, bool) and number(value, 0, 1e6) is not None:
            return self.measure(field, Measure(rule.metric, rule.unit, 0, 1e6), last, value)
        active = truth(value)
        if active is None:
            return self.bad(field, "wrong_type", value, last, urgent=rule.urgent)
        stored: object = TESTING if active and self.test and rule.urgent else active
        # a number that became a word, or 1 that became true, is no change; nor is an alarm that turns into a test
        if stored == last or (stored == TESTING and last is True):
            return stored
        kind = rule.on if active else rule.off
        first = last is NEVER and not (active and rule.urgent)
        if kind and not (first and rule.calm and not active):
            self.add(kind, rule.content, state=first, test=stored == TESTING or kind == "test.passed")
        return stored

    def words(self, field: str, rule: Words, last: object, value: object) -> object:
        word = word_of(rule, value)
        if word is None or (word not in rule.events and word not in rule.quiet):
            if rule.strict:
                return self.bad(field, "unknown_word", value, last, urgent=bool(rule.urgent))
            return NEVER if word is None else word[:100]
        if word == last:  # written otherwise, meant the same
            return word
        between = rule.between.get((last, word)) if isinstance(last, str) else None
        if between:
            self.add(between, rule.contents.get(between, {}))
        kind = rule.events.get(word)
        if kind:
            urgent = word in rule.urgent
            self.add(
                kind, rule.contents.get(kind, {}), state=last is NEVER and not urgent, test=self.test and urgent,
            )  # fmt: skip
        return word

    def measure(self, field: str, rule: Measure, last: object, value: object, scaled: float | None = None) -> object:
        """`scaled`: the value in the rule's unit, where the message had another."""
        amount = number(value if scaled is None else scaled, rule.low, rule.high)
        if amount is None:
            return self.bad(field, "wrong_type", value, last, urgent=False)
        if value != last:
            content: dict[str, Value] = {"metric": rule.metric, "value": amount, "unit": rule.unit}
            self.add("measured", content, state=last is NEVER, suffix=f"/{rule.metric}")
        return value


def word_of(rule: Words, value: object) -> str | None:
    """The word in the table's spelling, also where another version of the decoder sent its number; None = neither."""
    if isinstance(value, str):
        return value.strip().casefold().replace(" ", "_")
    if isinstance(value, int | float) and not isinstance(value, bool) and value in rule.numbers:
        return rule.numbers[int(value)]
    return None


_TRUTHS = {"true": True, "false": False, "1": True, "0": False, "on": True, "off": False}


def truth(value: object) -> bool | None:
    """True, false, or None when it is neither: "FALSE" is false, and a word nobody agreed on is neither."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in {0, 1}:
        return value == 1
    return _TRUTHS.get(value.strip().casefold()) if isinstance(value, str) else None


def number(value: object, low: float, high: float) -> float | None:
    """The number as a float when it is one and low <= number <= high; bool is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        return None
    return float(value)
