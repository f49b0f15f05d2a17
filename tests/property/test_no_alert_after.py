"""No alert after its condition is over, and none missing that lasted: the whole shipped book against simple oracles.

The oracles know two words a rule, a limit, and when each word was heard (`tests/support/spans.py`); nothing of kinds,
states or timers. What was over before it was due is never told, or taken back; what is known to be over is not raised;
what lasted past its limit and was not known to be over then is told, once; and all that is over is cleared.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from rules.effects import Clear, Raise
from tests.support.home_story import BOOK, HomeStory, changed
from tests.support.spans import DAILY, DAY, HEAPS, MIN, NOTHING_TO_BE_OVER, SPANS, S, Span, Word

SETTLE_MS, LATE_MS = 30 * S, 60 * S
EXAMPLES = 5
NEVER_MS = 2**60


class Told(NamedTuple):
    """One span of a story: when it began and ended, when each was heard, and the ids of what began it."""

    begin_ms: int
    begin_heard_ms: int
    end_ms: int
    end_heard_ms: int


def story_of(rule: str, on: dict[str, object], risks: tuple[str, ...] = ()) -> HomeStory:
    """A home of one with every measure in force."""
    known = next(one for one in BOOK.rules if one.id == rule)
    story = HomeStory(book=changed(rule, set={**known.set, **on}) if on else BOOK, risks=risks)
    bathroom = {"resident": "r1", "role": "bathroom_motion", "room": "bathroom", "gateway": "gw-1"}
    story.set("device", "d-bathroom_motion", bathroom)
    story.set("device", "d-camera", {"resident": "r1", "role": "camera", "room": "bedroom", "gateway": "gw-1"})
    for service in ("localisation", "home_monitoring"):
        story.set("measure", service, {"resident": "r1", "service": service, "from": "2020-01-01"})
    return story


def say(story: HomeStory, words: tuple[Word, ...], at_ms: int, heard_ms: int, number: int) -> set[str]:
    """Each word at one instant; the ids of its events."""
    ids = set()
    for word in words:
        content = {**word.content, **({word.own: f"{word.own}-{number}"} if word.own else {})}
        story.event(word.type, at_ms, heard_ms=heard_ms, role=word.role, **content)
        event = story.inputs[-1].event
        assert event is not None
        ids.add(event.event_id)
    return ids


@pytest.mark.parametrize("rule", sorted(SPANS))
@settings(max_examples=EXAMPLES, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.data())
def test_no_alert_after_its_condition_is_over(rule: str, data: st.DataObject) -> None:
    """A state that begins and ends, heard in time, late or the wrong way round, and perhaps a pause in it."""
    span = SPANS[rule]
    story = story_of(rule, span.on, span.risks)
    now_ms = story.at(span.start)
    say(story, span.setup, now_ms, now_ms, 0)
    pause_ms = data.draw(st.sampled_from((None, None, 20 * MIN, 3 * 60 * MIN)))
    if pause_ms is not None:
        pause = {"resident": "r1", "from_ms": now_ms + 10 * MIN, "until_ms": now_ms + pause_ms}
        story.set("pause", "p1", pause, now_ms)
    spans = drawn_spans(span, now_ms, data)
    words = [(one.begin_heard_ms, one.begin_ms, span.begin, number) for number, one in enumerate(spans)]
    if not span.again:
        words += [(one.end_heard_ms, one.end_ms, span.end, number) for number, one in enumerate(spans)]
        words += [(one.begin_ms - MIN, one.begin_ms - MIN, span.before, number) for number, one in enumerate(spans)]
    for heard_ms, at_ms, said, number in sorted(words, key=lambda word: word[:2]):
        say(story, said, at_ms, heard_ms, number)
    story.until(max(spans[-1].begin_heard_ms + span.limit_ms, spans[-1].end_heard_ms if not span.again else 0) + DAY)
    assert faults(story, rule, span, spans, held=pause_ms is not None) == []


def drawn_spans(span: Span, now_ms: int, data: st.DataObject) -> list[Told]:
    """Each begins when all of the one before was heard; lengths lie about the limit, words come late or not."""
    limit_ms, found = span.limit_ms, list[Told]()
    lengths = [ms for ms in (S, limit_ms - S, limit_ms, limit_ms + S, limit_ms + 10 * MIN) if ms > 0]
    delays = (0, 0, 5 * S, 90 * S, limit_ms + 5 * MIN)
    for _ in range(data.draw(st.integers(1, span.most))):
        begin_ms = now_ms + data.draw(st.sampled_from((15 * MIN, 60 * MIN)))
        if span.again and found:
            begin_ms = found[-1].end_ms
        end_ms = begin_ms + data.draw(st.sampled_from(lengths))
        begin_heard_ms = begin_ms + (0 if span.again else data.draw(st.sampled_from(delays)))
        if span.again and found:
            begin_heard_ms = found[-1].end_heard_ms
        end_heard_ms = end_ms + data.draw(st.sampled_from(delays))
        if span.again:
            end_heard_ms = max(end_heard_ms, begin_heard_ms)
        if span.derived:
            end_ms = end_heard_ms = max(end_ms, begin_heard_ms)
        found.append(Told(begin_ms, begin_heard_ms, end_ms, end_heard_ms))
        now_ms = max(found[-1])
    if span.again:  # nothing comes after the last sign of life
        found.append(Told(found[-1].end_ms, found[-1].end_heard_ms, NEVER_MS, NEVER_MS))
    return found


def faults(story: HomeStory, rule: str, span: Span, spans: list[Told], *, held: bool) -> list[str]:
    """What the oracle has against each alert of the rule, and against each span that has none."""
    alerts = [one for one in story.raised(rule) if not one.episode.endswith("/task")]
    taken_back = {one.alert_id for one in story.effects if isinstance(one, Clear) and one.retracted}
    cleared = {one.alert_id for one in story.effects if isinstance(one, Clear)}
    stood: dict[Told, list[Raise]] = {one: [] for one in spans}
    found = []
    for alert in alerts:
        begun = [one for one in spans if max(one.begin_heard_ms, one.begin_ms + span.limit_ms) <= alert.at_ms]
        one = begun[-1] if begun else spans[0]
        due_ms = one.begin_ms + span.limit_ms
        if not due_ms <= alert.at_ms <= one.end_heard_ms:
            found.append("raised before it was due, or known to be over")
        if one.end_ms < due_ms and alert.alert_id not in taken_back:
            found.append("over before it was due, and not taken back")
        if one.end_ms != NEVER_MS and alert.alert_id not in cleared:
            found.append("over, and still open")
        stood[one].append(alert)
    for one, told in stood.items():
        late = one.begin_heard_ms - one.begin_ms > LATE_MS
        tell_ms = max(one.begin_ms + span.limit_ms, one.begin_heard_ms + (SETTLE_MS if late else 0))
        lasted = one.end_ms > one.begin_ms + span.limit_ms and one.end_heard_ms > tell_ms
        if len(told) > 1:
            found.append("told twice")
        if lasted and not held and [alert.alert_id not in taken_back for alert in told] != [True]:
            found.append("not told")
    return found


def minutes_of(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


@pytest.mark.parametrize("rule", sorted(DAILY))
@settings(max_examples=EXAMPLES, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.data())
def test_no_alert_for_what_was_done_by_its_time(rule: str, data: st.DataObject) -> None:
    """Done in time, late, undone again, or heard of late: told only where it was not done by its time."""
    daily = DAILY[rule]
    story = story_of(rule, daily.on)
    midnight_ms = story.at("00:00", 1)
    since_ms, by_ms = (midnight_ms + minutes_of(clock) * MIN for clock in (daily.since, daily.by))
    near = st.sampled_from((since_ms - 61 * MIN, since_ms + 7 * MIN, (since_ms + by_ms) // 2, by_ms - S, by_ms + S))
    times = sorted(data.draw(st.lists(near, max_size=4, unique=True)))
    words = [(at_ms, data.draw(st.sampled_from((0, 0, 90 * S, 40 * MIN)))) for at_ms in times]
    say(story, (daily.done,), since_ms - DAY + MIN, since_ms - DAY + MIN, 0)  # the day before, so that it is watched
    if daily.undone is not None:
        say(story, (daily.undone,), since_ms - 150 * MIN, since_ms - 150 * MIN, 0)
    turns = [daily.done if daily.undone is None or number % 2 == 0 else daily.undone for number in range(len(words))]
    for heard_ms, at_ms, word in sorted(
        ((at_ms + delay_ms, at_ms, word) for (at_ms, delay_ms), word in zip(words, turns, strict=True)),
        key=lambda told: told[:2],
    ):
        say(story, (word,), at_ms, heard_ms, 0)
    story.until(by_ms + 90 * MIN)
    turned = [(at_ms, at_ms + delay_ms, word) for (at_ms, delay_ms), word in zip(words, turns, strict=True)]
    in_time = [heard_ms for at_ms, heard_ms, word in turned if word is daily.done and since_ms <= at_ms <= by_ms]
    before = [word for at_ms, _, word in turned if at_ms < since_ms]
    stood = daily.undone is not None and bool(before) and before[-1] is daily.done
    over = {one.alert_id: one for one in story.cleared(rule)}
    told = [one for one in story.raised(rule) if one.at_ms >= by_ms and not retracted(over.get(one.alert_id))]
    if not in_time and not stood:
        assert len(told) == 1, "not told, or taken back"
        assert (told[0].alert_id in over) == any(word is daily.done and at_ms > by_ms for at_ms, _, word in turned)
    elif told:  # what was done after its time was heard first, and the alert is over since then: the rest is history
        assert not stood, "done before, and told"
        assert over[told[0].alert_id].at_ms < min(in_time), "done by its time, and not taken back"


def retracted(over: Clear | None) -> bool:
    return over is not None and over.retracted


@pytest.mark.parametrize("rule", sorted(HEAPS))
@settings(max_examples=EXAMPLES, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(st.data())
def test_no_alert_for_a_count_that_is_over(rule: str, data: st.DataObject) -> None:
    """So many words within a time, some heard late: told while they still count, and only then."""
    heap = HEAPS[rule]
    story = story_of(rule, heap.on)
    now_ms = story.at(heap.start)
    say(story, heap.setup, now_ms, now_ms, 0)
    many, share_ms = heap.needed > 20, heap.within_ms // heap.needed
    gaps = (
        (MIN, share_ms - S, share_ms, share_ms + S) if many else (10 * S, share_ms, heap.within_ms // 2, heap.within_ms)
    )
    same_ms = data.draw(st.sampled_from(gaps)) if many else None
    times, now_ms = list[tuple[int, int]](), now_ms + MIN
    for _ in range(data.draw(st.integers(heap.needed - 1, heap.needed + 3))):
        now_ms += same_ms or data.draw(st.sampled_from(gaps))
        times.append((now_ms, now_ms + (0 if many else data.draw(st.sampled_from((0, 0, 0, 10 * MIN))))))
    for heard_ms, at_ms, number in sorted((heard, at, number) for number, (at, heard) in enumerate(times)):
        say(story, (heap.words[number % len(heap.words)],), at_ms, heard_ms, number)
    story.until(now_ms + 10 * MIN + heap.within_ms + heap.rest_ms + MIN)
    for alert in story.raised(rule):
        if alert.episode.endswith("/task"):
            continue
        known = sorted(at_ms for at_ms, heard_ms in times if heard_ms <= alert.at_ms)
        full = [(known[place], known[place + heap.needed - 1]) for place in range(len(known) - heap.needed + 1)]
        counts = [
            max(first + heap.within_ms, last + heap.rest_ms) for first, last in full if last - first < heap.within_ms
        ]
        assert max(counts, default=0) > alert.at_ms, "told of a count that is over"
        assert any(alert.alert_id == one.alert_id for one in story.cleared(rule)), "over, and still open"
    in_time = all(at_ms == heard_ms for at_ms, heard_ms in times)
    reached = any(
        times[place + heap.needed - 1][0] - times[place][0] < heap.within_ms
        for place in range(len(times) - heap.needed + 1)
    )
    assert not in_time or bool(story.raised(rule)) == reached


def test_no_rule_of_the_book_is_left_out() -> None:
    """Each rule has an oracle here, or nothing that could be over, and says which."""
    judged_here = [*SPANS, *DAILY, *HEAPS]
    without = [rule for rules in NOTHING_TO_BE_OVER.values() for rule in rules]
    assert sorted([*judged_here, *without]) == sorted(rule.id for rule in BOOK.rules)
