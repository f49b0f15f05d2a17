from rules.book_file import shipped_book
from simulators.real_homes import convert
from simulators.real_rows import ON, Label, Row
from tests.realhomes.collapse import Collapse, draw_moments
from tests.realhomes.judge import Said, in_book, judge_away, judge_collapses, judge_silence
from tests.realhomes.truth import ASLEEP, OUT, UNLABELLED, UP, Span, Truth, longest_absence, waking_spans

BOOK = shipped_book()
MINUTE_MS, HOUR_MS = 60_000, 3_600_000


def home(*told, labels=None):
    """A home in which (minute, sensor, label) was seen; labels are the rows' own unless given."""
    rows = [Row(round(minute * MINUTE_MS), sensor, ON, label) for minute, sensor, label in told]
    own = [Label(row.label, row.at_ms, row.at_ms) for row in rows]
    return convert("here", "Europe/Oslo", rows, own if labels is None else labels)


BED, HALL, KITCHEN = "Bedroom/Bedroom", "OutsideDoor/Entry", "Kitchen/Kitchen"
DAY = home(
    *((0, BED, "Sleep"), (400, KITCHEN, "Cook"), (420, HALL, "Other")),
    *((520, HALL, "Other"), (520.5, HALL, "Enter_Home"), (530, BED, "Read")),
)


def said(rule, state=UP):
    return Said(rule, "P2", 0, "2011-06-15", "06-15 02:00", state)


def test_labels_tell_who_is_out_asleep_or_up():
    """A silence that ends with coming home was an absence, whatever its beginning was called; sleep is no waking."""
    truth = Truth(DAY)

    assert [truth.state(minute * MINUTE_MS) for minute in (10, 410, 430, 525)] == [ASLEEP, UP, OUT, UP]
    assert truth.absences == [Span(420 * MINUTE_MS, 520 * MINUTE_MS)]
    assert sum(span.length_ms for span in waking_spans(DAY, truth)) == 30 * MINUTE_MS


def test_few_labels_count_only_as_long_as_they_last():
    """Where only some doings are labelled, nothing is known of the rest."""
    sparse = home((0, BED, ""), (5, HALL, ""), (400, HALL, ""), labels=[Label("Going-out-to-work", 0, 6 * MINUTE_MS)])
    truth = Truth(sparse)

    assert [truth.state(minute * MINUTE_MS) for minute in (1, 60, 401)] == [UP, OUT, UNLABELLED]


def test_pulses_of_one_sensor_do_not_end_an_absence():
    """An empty home pulses; only two sensors within minutes are a person."""
    told = [(0, KITCHEN, ""), (1, HALL, ""), (700, BED, ""), (704, BED, ""), (2_000, HALL, ""), (2_001, KITCHEN, "")]

    assert longest_absence(home(*told).sensed) == Span(1 * MINUTE_MS, 2_000 * MINUTE_MS)


def test_draws_lie_in_waking_time_and_repeat():
    """Every draw is an instant in which somebody was up; the same seed draws the same, another seed others."""
    spans = [Span(0, 10), Span(1_000, 1_010)]
    moments = draw_moments(spans, 50, 1)

    assert moments == draw_moments(spans, 50, 1) != draw_moments(spans, 50, 2)
    assert all(any(span.from_ms <= at_ms < span.to_ms for span in spans) for at_ms in moments)
    assert {at_ms < 10 for at_ms in moments} == {True, False}
    assert draw_moments([], 50, 1) == []


def test_a_false_alarm_too_many_misses_the_aim():
    """One R16 in a month without a collapse is one too many; none meets it."""
    assert judge_silence(BOOK, [])[0].met is True
    assert judge_silence(BOOK, [said("R16")])[0].met is False


def test_a_rule_that_is_not_there_is_said_so_and_not_judged():
    """Without R17 in the book nothing is called met."""
    small = type(BOOK)(tuple(rule for rule in BOOK.rules if rule.id != "R17"))
    finding = judge_silence(small, [])[1]

    assert not in_book(small, "R17")
    assert in_book(small, "R16")
    assert (finding.value, finding.met) == ("not in the book", None)


def test_away_is_held_against_labelled_absences():
    """Away twenty minutes after leaving is known with its delay; away while at home is counted against the service."""
    known, wrong = judge_away(Truth(DAY), [Span(440 * MINUTE_MS, 640 * MINUTE_MS)])

    assert known.value == "1 of 1, median 20 min after leaving"
    assert wrong.value.startswith("2.0 h")


def test_somebody_who_is_never_found_is_not_left_out_of_the_aim():
    """All must be found: one that lies there for good misses it, one with an alert open already does not."""
    found = Collapse(0, away=False, found={"R16": 12 * HOUR_MS})
    never, standing = Collapse(0, away=True, found={}), Collapse(0, away=False, found={}, standing=("R16",))

    def all_by_r16(*draws):
        return next(one.met for one in judge_collapses(DAY, BOOK, draws) if one.name.endswith("by R16"))

    assert all_by_r16(found, standing) is True
    assert all_by_r16(found, never) is False
