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

import functools

import msgspec

from ingest.event import Event
from ingest.record import CLOCK, EVENT, SETTING, Input, Setting
from rules import late_signs, presence, watch
from rules.book import Book
from rules.book_check import runnable
from rules.effects import LIVE, Effect, Observe, Reason, effect_id
from rules.fact_events import take_event
from rules.fact_settings import take_setting
from rules.facts import OUT, Facts
from rules.home_state import HOME_KEY, FoldState, Home, first_timer
from rules.homes import AWAKE_MAX, Homes, decoded
from rules.in_force import InForce
from rules.instance_changes import after_book, after_setting
from rules.instances import Instances, Witness
from rules.local_time import zone
from rules.outcomes import not_run, skipped
from rules.situations import LEFT, tell_situations
from rules.timers import First, Timers

ENGINE = 8  # version of fold and kinds; part of a snapshot's name. Each reads the states of all from 6 on
DAY_MS = 86_400_000
UNKNOWN_IDLE_MS = 3 * DAY_MS  # a device nobody registered is forgotten after this silence
TOLD_MAX = 256  # what rules tell each other over one input or timer
UNKNOWN_MAX = 10_000  # … and of more than this many, those heard of longest ago
UNKNOWN_SLACK = 1_000  # looked at only when there are so many more, so that it costs little


class HomeFold:
    """The folds of one partition. `lane` is LIVE, or "shadow:<book>" for a rule book on trial."""

    def __init__(
        self, book: Book, site: str, lane: str = LIVE, *, all_measures: bool = False, awake_max: int = AWAKE_MAX
    ) -> None:
        self.lane = lane
        self.state = FoldState(site=site, book=book)
        self._all_measures, self._awake_max = all_measures, awake_max
        self._unknown = 0  # homes of unknown devices, at most
        self._begin()

    def apply(self, given: Input) -> list[Effect]:
        """Fire what is due, then apply one input."""
        instances, timers = self._instances, self._timers
        received_ms = given.received_at_ms
        if timers.may_fire(received_ms) or received_ms >= self._sweep_ms:
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
        if instances.told:
            self._pass_on()
        if timers.may_fire(received_ms) or received_ms >= self._sweep_ms:  # what the input itself has made due
            self._fire_due(received_ms)
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
        return self._homes.snapshot(self.state)

    def restore(self, state: bytes) -> None:
        """Take a snapshot of the same engine and go on from it. ValueError when it is damaged or another's."""
        self.state, homes = decoded(state, self._awake_max)
        self._begin(homes)

    def rebuild(self) -> None:
        """Make anew what follows from the state, after somebody has put homes into it."""
        self._begin()

    def keep_only(self, home_id: str) -> None:
        """Forget every home but this one."""
        home = self._homes.get(home_id)
        self.state.homes = {} if home is None else {home_id: home}
        self._begin()

    @property
    def in_force(self) -> InForce:
        """The book as it is in force now."""
        return self._instances.book

    def witness(self, witness: Witness | None) -> None:
        """Have somebody told of every call of a rule from now on; for explanations."""
        self._instances.witness = witness

    def quarantined(self) -> list[dict[str, str]]:
        """Rules that raised and are set aside for one subject: {"rule", "subject"}."""
        return self._homes.set_aside()

    @property
    def skipped(self) -> int:
        """Inputs that could not be folded, since the first."""
        return self.state.skipped

    def _begin(self, asleep: dict[str, msgspec.Raw] | None = None) -> None:
        """What follows from the state and is not saved. `asleep`: homes that are not in it yet."""
        book = self.state.book
        assert book is not None, "a fold always has a book"
        self._timers = Timers(self._first_of)
        self._instances = Instances(
            InForce(book), self._timers, self.state.site, self.lane, all_measures=self._all_measures
        )
        self._homes = Homes(self.state.homes, self._awake_max)
        self._timers.fill(self._homes.timers() if asleep is None else self._homes.take(asleep))
        self._unknown = len(self._homes)
        self._sweep_ms = self.state.swept_ms + DAY_MS

    # -- timers ------------------------------------------------------------------------------------------------

    def _fire_due(self, until_ms: int) -> None:
        timers = self._timers
        while (found := timers.take(until_ms)) is not None:
            (due_ms, home_id, key), then_ms = found
            home = self._home(home_id, due_ms)
            if key == HOME_KEY:
                self._look(home)
            else:
                self._instances.fire(home, key)
            self._pass_on()
            timers.look(home_id, then_ms)
        if until_ms >= self._sweep_ms or self._unknown > UNKNOWN_MAX + UNKNOWN_SLACK:
            self.state.swept_ms = until_ms - until_ms % DAY_MS
            self._sweep_ms = self.state.swept_ms + DAY_MS
            self._homes.forget_idle(until_ms, UNKNOWN_IDLE_MS, UNKNOWN_MAX)
            self._unknown = len(self._homes)

    def _first_of(self, home_id: str) -> First | None:
        return None if (home := self._homes.get(home_id)) is None else first_timer(home)

    # -- events ------------------------------------------------------------------------------------------------

    def _event(self, home: Home, event: Event) -> None:
        device, heard = event.device, home.facts.heard
        new = device is not None and device not in heard
        moved = take_event(home.facts, event, home.now_ms)
        if new and device in heard:
            self._instances.begin_device(home, device)
        look_ms = home.facts.look_ms
        if look_ms is not None:
            self._timers.look(home.facts.home, look_ms)
        late = moved and event.type != "device.offline" and home.facts.came_late(event)  # silence is told in time
        holds_changed = moved and self._tell_situations(home, event.event_id, late=late)
        self._instances.to_rules(home, event)
        if holds_changed:
            self._release(home)

    def _pass_on(self) -> None:
        """What one rule has told the others, in the order in which it was told."""
        told = self._instances.told
        for _ in range(TOLD_MAX):
            if not told:
                return
            event = told.pop(0)
            self._instances.to_rules(self.state.homes[event.home], event)
        told.clear()

    def _look(self, home: Home) -> None:
        """Late signs have settled, or a silence has lasted: say whether somebody is taken to be out."""
        facts = home.facts
        moved = late_signs.settle(facts, home.now_ms)
        moved = presence.fire(facts, home.now_ms, awaited=self._awaited(home)) or moved
        if moved and self._tell_situations(home, str(home.now_ms)):
            self._release(home)
        self._timers.look(facts.home, facts.look_ms)

    def _awaited(self, home: Home) -> bool:
        """Whether a rule waits for who has left (R12); where none does, nobody is taken to be out."""
        instances, facts = self._instances, home.facts
        return any(
            instances.watched(home, rule, resident) and watch.paused(facts, rule, resident, home.now_ms) is None
            for rule in instances.book.begun_by(LEFT)
            for resident in facts.residents
        )

    def _release(self, home: Home) -> None:
        for key in sorted(home.instances):
            self._instances.release(home, key)

    def _tell_settings(self, home: Home, cause: str) -> None:
        """What a setting has changed in how things stand."""
        if home.facts.presence.phase == OUT and not self._awaited(home):
            presence.give_up(home.facts, home.now_ms)
        tell_situations(home, cause, self._instances.observe, functools.partial(self._instances.to_rules, anew=True))

    def _tell_situations(self, home: Home, cause: str, *, late: bool = False) -> bool:
        return tell_situations(home, cause, self._instances.observe, self._instances.to_rules, late=late)

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
        self._tell_settings(home, f"{setting.setting_id}/{setting.version}")
        after_setting(home, setting, instances)
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
            book, refused = runnable(msgspec.convert(setting.value.get("book"), Book))
            self.state.book = book
            self._instances.effects += [not_run(rule_id, setting, at_ms) for rule_id in refused]
            self._instances.book = InForce(book)
        self.state.seen[setting.setting_id] = setting.version
        self._instances.book.forget()
        if setting.kind in ("site", "book"):
            for home_id in self._homes.names():
                home = self._home(home_id, at_ms)
                home.facts.timezone = self.state.timezone
                self._tell_settings(home, f"{setting.setting_id}/{setting.version}")
                after_book(home, self._instances)
                self._instances.begin(home)

    # -- small parts -------------------------------------------------------------------------------------------

    def _home(self, home_id: str, now_ms: int) -> Home:
        home = self.state.homes.get(home_id) or self._homes.get(home_id)
        if home is None:
            facts = Facts(home_id, site=self.state.site, timezone=self.state.timezone)
            home = Home(now_ms, None, False, facts)
            self._homes.add(home_id, home)
            self._unknown += 1
            if self._unknown > UNKNOWN_MAX + UNKNOWN_SLACK:
                self._sweep_ms = now_ms
        elif now_ms > home.now_ms:
            home.now_ms = now_ms
        return home

    def _skip(self, given: Input, error: Exception) -> None:
        """Tell of an input that could not be folded; what it had changed before it failed stays."""
        self.state.skipped += 1
        self._instances.effects.append(skipped(given, error))
