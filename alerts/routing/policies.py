"""Pure: who is rung, as data. What a policy may say, and which ones cannot be saved.

Theory of operation. A policy is a chain (`alerts/routing/profiles.py`) with the alerts it is for: ward, person, rules
or VKP codes, priorities, local hours. Everything that is left out is "any". Which one holds for an alert is
`alerts/routing/policy_choice.py`.

A policy that could end in silence is not saved (`silence`), nor one that names nobody (`nobody`). Each reason has a
code and arguments of its own, for the pages (words `policy_problem.<code>`):

| refused | because |
|---|---|
| the first step of a P1 later than at once, of a P2 later than 5 min | nobody would be told |
| a last step without `fallback` (P1, P2), without `all` or `fallback` (else) | it could end with nobody |
| a list (`by_day`, `workday`) where it may be a P1 or P2 | an alarm does not wait for the morning |
| repeats further apart than 10 min (P1), 1 h (P2), 1 d | it would fall silent |
| a step that tells nobody, or relatives alone | a relative may help, staff must know |
| a function that is not there, or that nobody has and no telephone belongs to | it would ring in an empty room |
| R53 without `all` in its first step, or with a centre as owner | a colleague in need rings everybody |
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Literal

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from alerts.routing.profiles import BY_DAY, HOUR, MINUTE, RING, WORKDAY, Chain
from alerts.site.model import PLANNED, Item
from alerts.site.problems import Problem, meant, problems_of, shown, wrong
from alerts.site.types import Duration, Id, Label
from ingest.quantities import format_duration, format_window, parse_duration_ms, parse_window
from rules.local_time import Window

US = "us"
STEPS_MAX = 20
POLICIES_MAX = 500  # of one site; more is a mistake of a program
PRIORITIES = ("P1", "P2", "P3", "P4", "P5")
RINGING = ("P1", "P2")  # what no policy may put on a list
MODES = {"any_hour": RING, "by_day": BY_DAY, "workday": WORKDAY}
FIRST_BY_MS = {"P1": 0, "P2": 5 * MINUTE, "P3": HOUR}
LAST_BY_MS = {"P1": 15 * MINUTE, "P2": HOUR, "P3": 24 * HOUR}
REPEAT_BY_MS = {"P1": 10 * MINUTE, "P2": HOUR, "P3": 24 * HOUR}
REPEAT_FROM_MS = 30_000
FUNCTION_WORD = "function:"
STAFF_ALARM_RULE = "R53"
_WORD = re.compile(r"[1-9]\d?|all|fallback|responders|centre|function:[A-Za-z0-9][A-Za-z0-9._-]{0,47}")
_CODE = re.compile(r"[1-7](\.\d{1,2}){0,2}")


def _list(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        words = "the place of a function (1, 2 …), all, fallback, responders, centre or function:<id>"
        raise wrong("unknown_word", f"{shown(text)} names nobody; write {words}")
    return text


def _rule(text: str) -> str:
    if not PLANNED.fullmatch(text):
        raise wrong("unknown_word", f"{shown(text)} is no rule; write R01 to R60")
    return text


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise wrong("unknown_word", f"{shown(text)} is no alert code; write 4 for a group or 4.11 for one")
    return text


def _after(value: object) -> object:
    try:
        return parse_duration_ms(value)
    except ValueError as error:
        raise wrong("bad_duration", str(error)[:200]) from error


def _window(value: object) -> object:
    try:
        return parse_window(value)
    except ValueError as error:
        raise wrong("bad_window", str(error)[:200]) from error


Hours = Annotated[Window, BeforeValidator(_window), PlainSerializer(format_window, when_used="json")]
After = Annotated[int, BeforeValidator(_after), PlainSerializer(format_duration, when_used="json")]
Words = Annotated[tuple[Annotated[str, AfterValidator(_word)], ...], Field(max_length=20), BeforeValidator(_list)]
Rules = Annotated[tuple[Annotated[str, AfterValidator(_rule)], ...], Field(max_length=60), BeforeValidator(_list)]
Codes = Annotated[tuple[Annotated[str, AfterValidator(_code)], ...], Field(max_length=60), BeforeValidator(_list)]
Priorities = Annotated[tuple[Literal["P1", "P2", "P3", "P4", "P5"], ...], BeforeValidator(_list), Field(max_length=5)]


class PolicyStep(BaseModel):
    """So long after the beginning these are told."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    after_ms: After = Field(alias="after")
    tell: Words = ()


class Policy(Item):
    """One policy as people write it."""

    ward: Id | None = None
    resident: Id | None = None  # this person's own plan
    rules: Rules = ()
    codes: Codes = ()
    priorities: Priorities = ()
    hours: Hours | None = None
    rings: Literal["any_hour", "by_day", "workday"] = "any_hour"
    steps: Annotated[tuple[PolicyStep, ...], BeforeValidator(_list), Field(min_length=1, max_length=STEPS_MAX)]
    repeat_ms: Duration = Field(alias="repeat")
    two: bool = False  # two must go
    owner: Id = US  # us, or the outside centre that has it first
    why: Label | None = None

    @model_validator(mode="after")
    def _never_silent(self) -> Policy:
        found = silence(self)
        if found is not None:
            raise wrong(found.code, found.message, found.field, args=found.args)
        return self

    def worst(self) -> str:
        """The most urgent priority that it may be asked about."""
        return min(self.priorities, default="P1")

    def chain(self) -> Chain:
        """What an incident takes over of it."""
        steps = tuple((step.after_ms, step.tell) for step in self.steps)
        return Chain(MODES[self.rings], steps, self.repeat_ms)


class Known(msgspec.Struct, frozen=True):
    """What stands at the desk: wards with their functions in order, functions that reach somebody, residents' wards."""

    wards: Mapping[str, tuple[str, ...]]
    manned: Collection[str]
    residents: Mapping[str, str]


def parse(policy_id: str, value: Mapping[str, Any], known: Known) -> Policy | list[Problem]:
    """The policy, or everything that is wrong with it. `value` as people write it, without its id."""
    names = [Policy.model_fields[field].alias or field for field in Policy.model_fields]
    try:
        policy = Policy.model_validate({**value, "id": policy_id})
    except ValidationError as error:
        return problems_of(error, [*names, "after", "tell"])
    return nobody(policy, known) or policy


def silence(policy: Policy) -> Problem | None:
    """The first way in which this could end with nobody being told; None when there is none."""
    worst = policy.worst()
    if policy.rings != "any_hour" and worst in RINGING:
        said = f"{policy.rings} would let a {worst} wait; name priorities P3 to P5, or ring at any_hour"
        return Problem("waits", "rings", said, args={"priority": worst})
    return _step_at_fault(policy) or (None if policy.rings == "workday" else _chain_at_fault(policy, worst))


def _step_at_fault(policy: Policy) -> Problem | None:
    for place, step in enumerate(policy.steps):
        field = f"steps[{place}]"
        if place and step.after_ms <= policy.steps[place - 1].after_ms:
            return Problem("not_later", f"{field}.after", "must come later than the step before it")
        if not step.tell and policy.rings != "workday":
            return Problem("tells_nobody", f"{field}.tell", "names nobody")
        if step.tell and set(step.tell) <= {"responders"}:
            said = "relatives are never the only ones; name a function, all or fallback as well"
            return Problem("relatives_alone", f"{field}.tell", said)
    return None


def _chain_at_fault(policy: Policy, worst: str) -> Problem | None:
    last = len(policy.steps) - 1
    end = {"fallback"} if worst in RINGING else {"all", "fallback"}
    if not end & set(policy.steps[last].tell):
        code = "no_fallback" if worst in RINGING else "no_end"
        said = f"the last step goes on for ever; it must tell {' or '.join(sorted(end))}"
        return Problem(code, f"steps[{last}].tell", said)
    if STAFF_ALARM_RULE in policy.rules and "all" not in policy.steps[0].tell:
        return Problem(
            "not_all_at_once", "steps[0].tell", "R53 rings all on shift at once; the first step must tell all"
        )
    if STAFF_ALARM_RULE in policy.rules and policy.owner != US:
        return Problem("not_theirs", "owner", "R53 rings all on shift at once; no centre has it first")
    return _too_late(policy, worst)


def _too_late(policy: Policy, worst: str) -> Problem | None:
    day_ms = 24 * HOUR
    first_ms, last_ms = FIRST_BY_MS.get(worst, day_ms), LAST_BY_MS.get(worst, day_ms)
    until_ms = REPEAT_BY_MS.get(worst, day_ms)
    if policy.steps[0].after_ms > first_ms:
        said = f"a {worst} must begin within {format_duration(first_ms)}"
        code = "begins_late" if first_ms else "not_at_once"
        return Problem(code, "steps[0].after", said, args={"priority": worst, "within_ms": first_ms})
    if policy.steps[-1].after_ms > last_ms:
        said = f"the last step of a {worst} must come within {format_duration(last_ms)}"
        field = f"steps[{len(policy.steps) - 1}].after"
        return Problem("ends_late", field, said, args={"priority": worst, "within_ms": last_ms})
    if not REPEAT_FROM_MS <= policy.repeat_ms <= until_ms:
        said = f"must be between {format_duration(REPEAT_FROM_MS)} and {format_duration(until_ms)} for a {worst}"
        args = {"priority": worst, "from_ms": REPEAT_FROM_MS, "until_ms": until_ms}
        return Problem("bad_repeat", "repeat", said, args=args)
    return None


def nobody(policy: Policy, known: Known) -> list[Problem]:
    """What the policy names and is not there, or reaches nobody."""
    problems = []
    if policy.ward is not None and policy.ward not in known.wards:
        problems.append(_dangling("ward", policy.ward, known.wards))
    if policy.resident is not None and policy.resident not in known.residents:
        problems.append(_dangling("resident", policy.resident, ()))
    elif policy.resident is not None and policy.ward not in {None, known.residents[policy.resident]}:
        problems.append(Problem("dangling", "resident", f"{policy.resident} does not live in ward {policy.ward}"))
    ward = policy.ward or known.residents.get(policy.resident or "")
    places = known.wards.get(ward) if ward is not None else None
    everyone = [function for one in known.wards.values() for function in one]
    for number, step in enumerate(policy.steps):
        for word in step.tell:
            found = _reaches(word, places, everyone, known)
            if found is not None:
                code, said, args = found
                problems.append(Problem(code, f"steps[{number}].tell", said, args=args))
    return problems


def _reaches(
    word: str, places: tuple[str, ...] | None, everyone: list[str], known: Known
) -> tuple[str, str, dict[str, Any]] | None:
    """(code, sentence, arguments) of why a word reaches nobody."""
    if word.startswith(FUNCTION_WORD):
        function = word.removeprefix(FUNCTION_WORD)
        if function not in everyone:
            said = meant(everyone, function)[0] if everyone else "make one first"
            return "no_function", f"there is no function {function}; {said}", {"function": function}
        if function not in known.manned:
            said = f"function {function} is empty: nobody of the staff has it, and no telephone belongs to it"
            return "empty_function", said, {"function": function}
    elif places is not None and not places and (word == "all" or word.isdecimal()):
        return "no_functions", "the ward has no functions", {}
    elif places is not None and word.isdecimal() and int(word) > len(places):
        return "few_functions", f"the ward has only {len(places)} functions", {"n": len(places)}
    return None


def _dangling(field: str, wanted: str, choices: Collection[str]) -> Problem:
    sentence, near = meant(choices, wanted) if choices else ("look it up first", None)
    return Problem("dangling", field, f"there is no {field} {wanted}; {sentence}", nearest=near)
