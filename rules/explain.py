"""Why a rule did, or did not, tell anybody: its home folded again from the log, with a witness beside it. Pure.

`explain` is given the inputs of one home (and the settings of the site) in their order, up to any instant, and runs
them through the production fold; nothing in here decides anything. It notes each call of the one (rule, subject) that
is asked about, and what the fold said of it, and reads off how things stand at the end: watched or not and until
when, held or not, the kind's own state, its next timer, the parameters in force with their origin.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import msgspec

from ingest.event import Event
from ingest.record import CLOCK, Input
from rules import watch
from rules.book import Book, Rule
from rules.effects import Clear, Effect, Observe, Parameter, Raise, Reason, Update
from rules.facts import Facts
from rules.home_fold import HomeFold
from rules.home_state import Home, Instance, due_ms_of, kept
from rules.kinds import KINDS
from rules.kinds.kind import Context

KEPT_MAX = 50  # newest calls and sayings that are kept

# What it comes to, in the order in which they are looked at. Words: `explain.<code>` of api/words.
CONCLUSIONS = (
    "before_log", "no_rule", "switched_off", "not_in_home", "lacks", "not_watched", "set_aside", "open", "held",
    "waiting", "told", "seen_nothing", "quiet",
)  # fmt: skip


class Seen(msgspec.Struct, frozen=True):
    """The rule was asked: an event that met one of its conditions, or a timer of its own."""

    at_ms: int
    role: str  # enter | leave | extend | then | at_once | timer
    event_id: str | None = None
    type: str | None = None
    effective_at_ms: int | None = None
    device: str | None = None


class Said(msgspec.Struct, frozen=True):
    """What the fold told of it."""

    at_ms: int
    what: str  # raise | update | clear | held | disarmed | recorded_only | quarantined | …
    reason: Reason
    alert_id: str | None = None


class Explanation(msgspec.Struct, frozen=True):
    """The answer. `state` is the kind's own, as data; `conclusion` one of CONCLUSIONS."""

    rule: str
    subject: str
    home: str
    at_ms: int
    conclusion: str
    version: str = ""
    kind: str = ""
    watched_until_ms: int | None = None
    hold: Reason | None = None
    parameters: dict[str, Parameter] = {}
    state: dict[str, object] = {}
    next_due_ms: int | None = None
    open_alerts: tuple[str, ...] = ()
    seen: tuple[Seen, ...] = ()
    said: tuple[Said, ...] = ()
    lacks: tuple[dict[str, str], ...] = ()  # devices that the rule needs and the home has not: {nb, en}


class _Witness:
    """Notes what concerns one (rule, subject)."""

    def __init__(self, rule: str, subject: str) -> None:
        self.key, self.rule, self.subject = f"{rule}/{subject}", rule, subject
        self.seen: deque[Seen] = deque(maxlen=KEPT_MAX)
        self.said: deque[Said] = deque(maxlen=KEPT_MAX)
        self._alerts: set[str] = set()  # asked only whether an id is in it

    def call(self, key: str, now_ms: int, event: Event | None, role: str) -> None:
        if key != self.key:
            return
        if event is None:
            self.seen.append(Seen(now_ms, role))
        else:
            self.seen.append(Seen(now_ms, role, event.event_id, event.type, event.effective_at_ms, event.device))

    def hear(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Raise):
                if effect.rule == self.rule and self.subject in (effect.subject, effect.resident):
                    self._alerts.add(effect.alert_id)
                    self.said.append(Said(effect.at_ms, "raise", effect.reason, effect.alert_id))
            elif isinstance(effect, Observe):
                if effect.rule == self.rule and effect.subject == self.subject:
                    self.said.append(Said(effect.at_ms, effect.kind, effect.reason))
            elif effect.alert_id in self._alerts:
                what = "clear" if isinstance(effect, Clear) else "update"
                assert isinstance(effect, Clear | Update), "the four kinds of effects"
                self.said.append(Said(effect.at_ms, what, effect.reason, effect.alert_id))


def explain(
    inputs: Iterable[Input],
    book: Book,
    site: str,
    subject: str,
    rule_id: str,
    at_ms: int,
    *,
    all_measures: bool = False,
    begun: HomeFold | None = None,
) -> Explanation:
    """What `rule_id` knew of `subject` at `at_ms`. `inputs`: those of its home and of the whole site, in order.

    `book` is in force until an input brings another. Inputs after `at_ms` are not looked at. `begun`: a fold of this
    home alone from a base, where the log before it was cut; a time before that base has no answer.
    """
    fold = HomeFold(book, site, all_measures=all_measures) if begun is None else begun
    witness = _Witness(rule_id, subject)
    fold.witness(witness.call)
    home_id = next(iter(fold.state.homes), "")
    if home_id and at_ms < fold.state.homes[home_id].now_ms:
        return Explanation(rule_id, subject, home_id, at_ms, "before_log")
    for given in inputs:
        if given.received_at_ms > at_ms:
            break
        home_id = given.home or home_id
        witness.hear(fold.apply(given))
    witness.hear(fold.apply(Input(CLOCK, at_ms)))
    return _concluded(fold, witness, home_id, at_ms, all_measures=all_measures)


def _concluded(fold: HomeFold, witness: _Witness, home_id: str, at_ms: int, *, all_measures: bool) -> Explanation:
    book = fold.in_force
    rule, home = book.rules.get(witness.rule), fold.state.homes.get(home_id)
    seen, said = tuple(witness.seen), tuple(witness.said)
    answer = Explanation(witness.rule, witness.subject, home_id, at_ms, "no_rule", seen=seen, said=said)
    if rule is None:
        known = any(each.id == witness.rule for each in book.book.rules)
        return msgspec.structs.replace(answer, conclusion="switched_off" if known else "no_rule")
    if home is None:
        return msgspec.structs.replace(answer, conclusion="not_in_home", version=rule.version, kind=rule.kind)
    resident = _resident(home.facts, witness.subject)
    values = book.values(home.facts, rule, resident, home.now_ms)
    _, until_ms, inside = book.watch_window(home.facts, rule, resident, home.now_ms, all_measures=all_measures)
    instance = home.instances.get(witness.key)
    hold = watch.hold(home.facts, rule, resident, home.now_ms)
    lacks = book.lacking(home.facts, rule, resident) if rule.needs else ()
    told = any(said.what == "raise" for said in witness.said)
    if instance is not None and instance.state is not None and hold is None and not instance.quarantined:
        # a kind may leave its timer early and ask its law then (`absence.py`): who asks is told what the law says
        context = Context(home.now_ms, rule, values, witness.subject, home.facts, instance.resident)
        law = kept(KINDS[rule.kind].rearm(instance.state, context))
        instance = msgspec.structs.replace(instance, state=law)
    state = instance.state if instance is not None else None
    return msgspec.structs.replace(
        answer,
        conclusion=_conclusion(
            rule,
            home,
            witness,
            instance,
            on=values.on,
            lacks=bool(lacks),
            watched=inside,
            held=hold is not None,
            told=told,
        ),
        version=rule.version,
        kind=rule.kind,
        lacks=lacks,
        watched_until_ms=until_ms if until_ms < watch.FOREVER_MS else None,
        hold=hold,
        parameters=values.shown,
        state=_named(state) if state is not None else {},
        next_due_ms=_next_due_ms(instance),
        open_alerts=() if instance is None else tuple(instance.open_ids),
    )


def _conclusion(
    rule: Rule,
    home: Home,
    witness: _Witness,
    instance: Instance | None,
    *,
    on: bool,
    lacks: bool,
    watched: bool,
    held: bool,
    told: bool,
) -> str:
    if not on and not rule.alarm:
        return "switched_off"
    if rule.per == "resident" and witness.subject not in home.facts.residents and not witness.seen:
        return "not_in_home"
    if lacks:
        return "lacks"
    if not watched:
        return "not_watched"
    if instance is not None and instance.quarantined:
        return "set_aside"
    if instance is not None and instance.open_ids:
        return "open"
    if instance is not None and held:
        return "held"
    if _next_due_ms(instance) is not None:
        return "waiting"
    if told:
        return "told"
    return "quiet" if witness.seen else "seen_nothing"


def _named(state: msgspec.Struct) -> dict[str, object]:
    """A state as data with the names of its fields, but for what stands at its default; it is saved without names."""
    tag = state.__struct_config__.tag
    named: dict[str, object] = {} if tag is None else {"type": tag}
    for field in msgspec.structs.fields(state):
        value = getattr(state, field.name)
        usual = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        if value != usual:
            named[field.name] = _plain(value)
    return named


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return _named(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _next_due_ms(instance: Instance | None) -> int | None:
    """When the rule looks again by itself; that its measure ends one day is another matter (`watched_until_ms`)."""
    if instance is None:
        return None
    return due_ms_of(msgspec.structs.replace(instance, watch_check_ms=None))


def _resident(facts: Facts, subject: str) -> str | None:
    """Whom a subject is about: a resident, or the one whose device it is."""
    if subject in facts.residents:
        return subject
    device = facts.devices.get(subject)
    return None if device is None else device.resident
