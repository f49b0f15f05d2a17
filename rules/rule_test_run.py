"""Runs a case through the production fold and judges what came. Pure.

Every alert of a judged rule must be expected, with everything that becomes of it; notes are looked for one by one.
"""

from __future__ import annotations

import msgspec

from rules.book import Book
from rules.effects import Clear, Effect, Observe, Raise, Reason, Update
from rules.home_fold import HomeFold
from rules.rule_test import Case, Expected, ExpectedNote, Fate
from rules.rule_test_home import SITE_ID, all_measures, book_of, inputs_of

ADDED = "added"  # what is said of another rule's alert


class Came(msgspec.Struct):
    """An alert that came, and what became of it."""

    raised: Raise
    fates: list[Fate] = []


class Problem(msgspec.Struct, frozen=True):
    """One thing that differs. `expected`: the line that was not met; `came`: what came instead or besides, in words."""

    at_ms: int
    expected: str | None
    came: str | None
    why: Reason | None = None  # the reason of what came
    rule: str | None = None


class Judged(msgspec.Struct, frozen=True):
    """A case and its verdict; `met` are lines of `expect` that were met, with their times."""

    case: Case
    problems: tuple[Problem, ...]
    met: tuple[tuple[int, str], ...]

    @property
    def ok(self) -> bool:
        return not self.problems


def run(case: Case, book: Book) -> list[Effect]:
    """All effects of the story under a book and what the case's site says of it."""
    own = book_of(case.site, book)
    fold = HomeFold(own, SITE_ID, all_measures=all_measures(case))
    return [effect for given in inputs_of(case, own) for effect in fold.apply(given)]


def judge(case: Case, book: Book) -> Judged:
    """Run a case and say what differs."""
    return judged(case, run(case, book))


def judged(case: Case, effects: list[Effect]) -> Judged:
    """What differs in the effects of a case, whoever has run it."""
    problems: list[Problem] = []
    met: list[tuple[int, str]] = []
    left = [came for came in alerts_of(effects) if not case.judged or came.raised.rule in case.judged]
    for wanted in case.alerts:
        found = next((came for came in left if _same(wanted, came.raised)), None)
        if found is None:
            problems.append(Problem(wanted.at_ms, wanted.text, None))
            continue
        left.remove(found)
        if (told := _differs(wanted, found)) is not None:
            instead = f"{described(found, case)} ({told})"
            problems.append(Problem(wanted.at_ms, wanted.text, instead, found.raised.reason, wanted.rule))
        else:
            met.append((wanted.at_ms, wanted.text))
    for came in left:
        raised = came.raised
        problems.append(Problem(raised.at_ms, None, described(came, case), raised.reason, raised.rule))
    observed = [effect for effect in effects if isinstance(effect, Observe)] + _added(effects, case, problems)
    for note in case.notes:
        _judge_note(note, observed, case, problems, met)
    problems += _broken(case, observed)
    return Judged(case, tuple(sorted(problems, key=lambda one: one.at_ms)), tuple(sorted(met)))


def alerts_of(effects: list[Effect]) -> list[Came]:
    """Every alert with its fate, in the order in which they came."""
    alerts: list[Came] = []
    by_id: dict[str, Came] = {}
    for effect in effects:
        if isinstance(effect, Raise):
            alerts.append(Came(effect))
            by_id[effect.alert_id] = alerts[-1]
        elif isinstance(effect, Update) and effect.alert_id in by_id and effect.priority is not None:
            by_id[effect.alert_id].fates.append(Fate(effect.at_ms, effect.priority))
        elif isinstance(effect, Clear) and effect.alert_id in by_id:
            what = "left" if effect.stays else "retracted" if effect.retracted else "cleared"
            by_id[effect.alert_id].fates.append(Fate(effect.at_ms, what))
    return alerts


def _same(wanted: Expected, raised: Raise) -> bool:
    return (raised.rule, raised.at_ms) == (wanted.rule, wanted.at_ms) and wanted.subject in (None, raised.subject)


def _differs(wanted: Expected, came: Came) -> str | None:
    """The first thing that is not as expected, in words."""
    raised = came.raised
    if raised.priority != wanted.priority:
        return f"priority {raised.priority}, not {wanted.priority}"
    if wanted.code is not None and raised.code != wanted.code:
        return f"code {raised.code or 'none'}, not {wanted.code}"
    if sorted(came.fates) != list(wanted.fates):
        return "another end" if came.fates else "it does not end so"
    if raised.late_ms != wanted.late_ms:
        return "late" if raised.late_ms and not wanted.late_ms else "another delay"
    if wanted.never_clears and raised.condition != "momentary":
        return "it is not momentary"
    if wanted.until_end and (raised.condition == "momentary" or _over(came)):
        return "it is not open at the end"
    if raised.test != wanted.test:
        return "as a test" if raised.test else "not as a test"
    if wanted.because is not None and raised.reason.code != wanted.because:
        return f"because {raised.reason.code}"
    return None


def _over(came: Came) -> bool:
    return any(fate.what in ("cleared", "retracted", "left") for fate in came.fates)


def described(came: Came, case: Case) -> str:
    """An alert as a line of `expect` would say it."""
    raised = came.raised
    head = " ".join(part for part in (raised.rule, raised.priority, raised.code, raised.subject) if part)
    said = [f"{case.told(raised.at_ms)} {head}"]
    if raised.late_ms:
        said.append(f"late {_span(raised.late_ms)}")
    if raised.test:
        said.append("as a test")
    for fate in came.fates:
        at = case.told(fate.at_ms)
        said.append({"left": f"left to a person {at}"}.get(fate.what, f"{fate.what} {at}")
                    if not fate.what.startswith("P") else f"{fate.what} at {at}")  # fmt: skip
    if raised.condition == "momentary":
        said.append("never clears")
    elif not _over(came):
        said.append("until the end")
    return ", ".join(said)


def _span(late_ms: int) -> str:
    hours, seconds = divmod(late_ms // 1_000, 3_600)
    parts = ((hours, "h"), (seconds // 60, "min"), (seconds % 60, "s"))
    return " ".join(f"{count} {unit}" for count, unit in parts if count)


def _judge_note(
    note: ExpectedNote, observed: list[Observe], case: Case, problems: list[Problem], met: list[tuple[int, str]]
) -> None:
    alike = [one for one in observed if _is_note(note, one)]
    if note.absent:
        problems.extend(Problem(one.at_ms, note.text, _told(one, case), one.reason, one.rule) for one in alike)
        if not alike:
            met.append((note.at_ms, note.text))
        return
    if any(one.at_ms == note.at_ms for one in alike):
        met.append((note.at_ms, note.text))
        return
    near = sorted((one for one in observed if one.kind == note.kind and note.rule in (None, one.rule)),
                  key=lambda one: abs(one.at_ms - note.at_ms))  # fmt: skip
    came = near[0] if near else None
    problems.append(
        Problem(
            note.at_ms,
            note.text,
            None if came is None else _told(came, case),
            None if came is None else came.reason,
            note.rule,
        )
    )


def _added(effects: list[Effect], case: Case, problems: list[Problem]) -> list[Observe]:
    """What a rule without an alert of its own says of an alarm, as notes; each of a judged rule must be expected."""
    told = [
        Observe(one.effect_id, one.at_ms, "", "", ADDED, one.reason, one.rule, one.causes)
        for one in effects
        if isinstance(one, Update) and one.rule is not None
    ]
    wanted = {(note.at_ms, note.rule) for note in case.notes if note.kind == ADDED and not note.absent}
    problems += [
        Problem(one.at_ms, None, _told(one, case), one.reason, one.rule)
        for one in told
        if (not case.judged or one.rule in case.judged) and (one.at_ms, one.rule) not in wanted
    ]
    return told


def _is_note(note: ExpectedNote, one: Observe) -> bool:
    return (
        one.kind == note.kind
        and note.rule in (None, one.rule)
        and note.subject in (None, one.subject)
        and note.code in (None, one.reason.code)
    )


def _told(one: Observe, case: Case) -> str:
    who = one.rule or one.subject
    return f"{case.told(one.at_ms)} {who} {one.kind.replace('_', ' ')} {one.reason.code}"


def _broken(case: Case, observed: list[Observe]) -> list[Problem]:
    """A rule that raised, or an input that could not be folded, fails every case that does not expect it."""
    wanted = {note.kind for note in case.notes}
    return [
        Problem(one.at_ms, None, _told(one, case), one.reason, one.rule)
        for one in observed
        if one.kind in ("quarantined", "skipped") and one.kind not in wanted
    ]
