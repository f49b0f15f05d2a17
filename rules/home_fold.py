"""The home fold: inputs in, effects out, one state per home. Pure; live, replay and backtest run this and nothing else.

Theory of operation (design §4).
- `now` of a home is the running maximum of `received_at_ms` of what it was given.
- Before an input is applied, every timer with due <= its received_at fires, in the order (due, home, rule, subject),
  each with now = due. A `clock` input only carries time on. So it does not matter when a loop happened to run.
- An event first changes the facts, then goes to each rule that listens to its type. A kind answers with outcomes; in
  `instances.py` they get ids, parameters with origin, priority, and become effects.
- A hold that ends is a timer or an event like any other: whoever was withheld is asked again.
- If a kind raises, that (rule, subject) alone is quarantined. If anything else raises, that input alone is skipped,
  counted and told: no input can stop the fold, since an alarm in it is the floor's anyway.
- A floor alarm needs none of this (`floor.py`); rules then say what it *is*, under the same alert id.
"""

from __future__ import annotations

import msgspec

from ingest.event import TEST, Event
from ingest.record import CLOCK, EVENT, SETTING, Input, Setting
from rules.book import Book
from rules.book_check import check_book
from rules.effects import LIVE, Effect, Observe, Reason, effect_id
from rules.fact_events import take_event
from rules.fact_settings import take_setting
from rules.facts import Facts, Situation
from rules.home_state import FoldState, Home, belongs, due_ms_of, forget_idle, subjects
from rules.in_force import InForce
from rules.instances import Instances
from rules.kinds import KINDS
from rules.local_time import zone
from rules.protection import occurrence, why_unwatched
from rules.timers import Timers

ENGINE = 3  # version of fold and kinds; part of a snapshot's name
DAY_MS = 86_400_000
UNKNOWN_IDLE_MS = 3 * DAY_MS  # a device nobody registered is forgotten after this silence
UNKNOWN_MAX = 10_000  # … and of more than this many, those heard of longest ago
UNKNOWN_SLACK = 1_000  # looked at only when there are so many more, so that it costs little
_encoder = msgspec.msgpack.Encoder(order="sorted")


class HomeFold:
    """The folds of one partition. `lane` is LIVE, or "shadow:<book>" for a rule book on trial."""

    def __init__(self, book: Book, site: str, lane: str = LIVE, *, all_measures: bool = False) -> None:
        self.lane = lane
        self.state = FoldState(site=site, book=book)
        self._all_measures = all_measures
        self._unknown = 0  # homes of unknown devices, at most
        self._begin()

    def apply(self, given: Input) -> list[Effect]:
        """Fire what is due, then apply one input."""
        instances = self._instances
        received_ms = given.received_at_ms
        self._fire_due(received_ms)
        try:
            if given.kind == EVENT and given.event is not None:
                if given.event.home:  # else it concerns the service; each home hears of it on its own
                    self._event(self._home(given.event.home, received_ms), given.event)
            elif given.kind == SETTING and given.setting is not None:
                self._setting(given, given.setting)
            else:
                assert given.kind == CLOCK, f"an input of kind {given.kind!r} without content"
        except Exception as error:  # noqa: BLE001 - the named quarantine of inputs: what nobody can fold stops nobody
            self._skip(given, error)
        self._fire_due(received_ms)  # what the input itself has made due
        effects = instances.effects
        if effects:
            instances.effects = []
        return effects

    def next_due_ms(self) -> int | None:
        """When the next timer wants to fire."""
        first = self._timers.first()
        return None if first is None else first[0]

    def snapshot(self) -> bytes:
        """All state as bytes; equal states give equal bytes on every machine."""
        return _encoder.encode(self.state)

    def restore(self, state: bytes) -> None:
        """Take a snapshot of the same engine and go on from it. ValueError when it is damaged or another's."""
        self.state = msgspec.msgpack.decode(state, type=FoldState)
        self._begin()

    def quarantined(self) -> list[dict[str, str]]:
        """Rules that raised and are set aside for one subject: {"rule", "subject"}."""
        return [
            dict(zip(("rule", "subject"), key.split("/", 1), strict=True))
            for _, home in sorted(self.state.homes.items())
            for key, instance in sorted(home.instances.items())
            if instance.quarantined
        ]

    @property
    def skipped(self) -> int:
        """Inputs that could not be folded, since the first."""
        return self.state.skipped

    def _begin(self) -> None:
        """What follows from the state and is not saved."""
        book = self.state.book
        assert book is not None, "a fold always has a book"
        self._timers = Timers(self._due_of)
        self._instances = Instances(
            InForce(book), self._timers, self.state.site, self.lane, all_measures=self._all_measures
        )
        self._unknown = len(self.state.homes)
        for home_id, home in self.state.homes.items():
            for key, instance in home.instances.items():
                self._timers.look(home_id, key, due_ms_of(instance))

    # -- timers ------------------------------------------------------------------------------------------------

    def _fire_due(self, until_ms: int) -> None:
        timers = self._timers
        while timers.first(until_ms) is not None:
            due_ms, home_id, key = timers.pop()
            home = self.state.homes[home_id]
            home.now_ms = max(home.now_ms, due_ms)
            self._instances.fire(home, key)
        if until_ms - self.state.swept_ms >= DAY_MS or self._unknown > UNKNOWN_MAX + UNKNOWN_SLACK:
            self.state.swept_ms = until_ms - until_ms % DAY_MS
            forget_idle(self.state, until_ms, UNKNOWN_IDLE_MS, UNKNOWN_MAX)
            self._unknown = len(self.state.homes)

    def _due_of(self, home_id: str, key: str) -> int | None:
        home = self.state.homes.get(home_id)
        instance = home.instances.get(key) if home is not None else None
        return None if instance is None else due_ms_of(instance)

    # -- events ------------------------------------------------------------------------------------------------

    def _event(self, home: Home, event: Event) -> None:
        moved = take_event(home.facts, event, home.now_ms)
        holds_changed = moved and self._tell_situations(home, event.event_id)
        self._to_rules(home, event)
        if holds_changed:
            for key in sorted(home.instances):
                self._instances.release(home, key)

    def _to_rules(self, home: Home, event: Event) -> None:
        instances, facts = self._instances, home.facts
        book = instances.book
        test = TEST in event.quality
        for listener in book.listeners(event):
            rule = listener.rule
            if test and rule.kind != "signal":
                continue  # a test of ours is shown as one; it is no sign of life, no state and no dose
            role = book.role_of(listener, event, facts, home.now_ms)
            if role is None:
                continue
            for subject, resident in subjects(facts, rule, event):
                if instances.watched(home, rule, resident):
                    instances.step(home, rule, subject, resident, event, role)

    def _tell_situations(self, home: Home, cause: str) -> bool:
        """Tell what has changed for whom: watched or not (promise 4), able to call or not (R52).

        Whether a hold may have begun or ended.
        """
        facts, holds_changed = home.facts, False
        for resident in sorted({**facts.situations, **facts.residents}):
            before = facts.situations.get(resident, Situation())
            gone = resident not in facts.residents
            after = Situation() if gone else facts.situation(resident, home.now_ms)
            if gone:
                facts.situations.pop(resident, None)
            else:
                facts.situations[resident] = after
            if after == before:
                continue
            if before.way is not None and after.way is None and not gone:
                facts.way_end_ms[resident] = home.now_ms
            self._tell_watch(home, resident, before, after, cause)
            if (before.lost is None) != (after.lost is None) and not gone:
                self._to_rules(home, occurrence(facts, resident, after, cause, home.now_ms))
            holds_changed = holds_changed or _holds(before) != _holds(after)
        return holds_changed

    def _tell_watch(self, home: Home, resident: str, before: Situation, after: Situation, cause: str) -> None:
        was, now = why_unwatched(before), why_unwatched(after)
        if now is not None and now != was:
            self._instances.observe(home, resident, "not_watched", now, None, cause)
        elif now is None and was is not None:
            self._instances.observe(home, resident, "watched", Reason("way.restored"), None, cause)

    # -- settings ----------------------------------------------------------------------------------------------

    def _setting(self, given: Input, setting: Setting) -> None:
        if given.home:
            self._home_setting(self._home(given.home, given.received_at_ms), setting)
        else:
            self._site_setting(setting, given.received_at_ms)
        args: dict[str, object] = {"setting_id": setting.setting_id, "version": setting.version}
        echo = effect_id("setting", setting.setting_id, f"{setting.version}/{given.home}")
        self._instances.effects.append(
            Observe(echo, given.received_at_ms, given.home, "", "in_force", Reason("in_force", args))
        )

    def _home_setting(self, home: Home, setting: Setting) -> None:
        if not take_setting(home.facts, setting, home.now_ms):
            return
        instances = self._instances
        instances.book.forget()
        self._tell_situations(home, f"{setting.setting_id}/{setting.version}")
        for key in sorted(home.instances):
            rule, subject = instances.rule_of(key)
            instance = home.instances[key]
            if not belongs(home.facts, rule, subject):
                instances.end(home, key, Reason("watch.moved_away"))
            elif instance.quarantined:
                plan = home.facts.plans.get(setting.setting_id.partition("/")[2])
                if setting.kind == "plan" and (plan is None or (plan.rule, plan.resident) == (rule.id, subject)):
                    instances.pick_up(home, key)
            else:
                instances.check_watch(home, key)
                instances.release(home, key)
        instances.begin(home)

    def _site_setting(self, setting: Setting, at_ms: int) -> None:
        """A setting of the site, or the book: it concerns every home."""
        if setting.version <= self.state.seen.get(setting.setting_id, 0):
            return
        if setting.kind == "site" and setting.value is not None:
            timezone = str(setting.value.get("timezone") or self.state.timezone)
            zone(timezone)  # ValueError for one that nobody knows
            self.state.timezone = timezone
        elif setting.kind == "book" and setting.value is not None:
            book = check_book(msgspec.convert(setting.value.get("book"), Book))
            self.state.book = book
            self._instances.book = InForce(book)
        self.state.seen[setting.setting_id] = setting.version
        self._instances.book.forget()
        if setting.kind in ("site", "book"):
            for home_id in sorted(self.state.homes):
                home = self._home(home_id, at_ms)
                home.facts.timezone = self.state.timezone
                self._changed_rules(home)
                self._instances.begin(home)

    def _changed_rules(self, home: Home) -> None:
        """A touched rule keeps its register and its open alert, and re-arms; what became another kind begins anew.

        A rule that is gone is ended: what it has open stays for a person to close.
        """
        instances = self._instances
        for key in sorted(home.instances):
            instance = home.instances[key]
            rule_id, _, subject = key.partition("/")
            rule = instances.book.rules.get(rule_id)
            if rule is None or (instance.state is not None and KINDS[rule.kind].state_type is not type(instance.state)):
                if instance.quarantined:
                    reason = Reason("rule.changed", {"rule": rule_id})
                    instances.observe(home, subject, "watched", reason, rule_id, str(home.now_ms))
                instances.end(home, key, Reason("rule.changed", {"rule": rule_id}))
            elif rule.version != instance.version and instance.quarantined:
                instances.pick_up(home, key)
            else:
                instance.version = rule.version
                if not instance.quarantined:
                    instances.check_watch(home, key)
                    instances.release(home, key)

    # -- small parts -------------------------------------------------------------------------------------------

    def _home(self, home_id: str, now_ms: int) -> Home:
        home = self.state.homes.get(home_id)
        if home is None:
            home = self.state.homes[home_id] = Home(
                Facts(home_id, site=self.state.site, timezone=self.state.timezone), now_ms
            )
            self._unknown += 1
        elif now_ms > home.now_ms:
            home.now_ms = now_ms
        return home

    def _skip(self, given: Input, error: Exception) -> None:
        """Tell of an input that could not be folded; what it had changed before it failed stays."""
        self.state.skipped += 1
        event, setting = given.event, given.setting
        what = event.type if event is not None else setting.setting_id if setting is not None else given.kind
        subject = event.subject if event is not None else ""
        cause = event.event_id if event is not None else f"{what}/{setting.version if setting is not None else 0}"
        args: dict[str, object] = {"error": type(error).__name__, "type": what, "seq": given.seq}
        name = effect_id(f"{given.home}/{subject}", "skipped", cause)
        self._instances.effects.append(
            Observe(name, given.received_at_ms, given.home, subject, "skipped", Reason("input.failed", args))
        )


def _holds(situation: Situation) -> tuple[bool, bool, str | None]:
    """What of a situation can withhold rules."""
    return situation.staff, situation.away, situation.way
