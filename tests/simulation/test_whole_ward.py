"""Twenty residents in three conventions, a normal day long, through the production folds on a virtual clock."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import msgspec
import pytest

from alerts.site.items import settings_of
from ingest.codecs import default_codecs
from ingest.record import SETTING, RawRecord
from ingest.source_fold import SourceFold
from simulators import faults
from simulators.doings import BED_ENTERED, BED_LEFT
from simulators.furniture import make_ward
from simulators.life import messages_in, sightings_in
from simulators.message import record_of
from simulators.oracle import person_alarms, verdict
from tests.support.simulated import DAY_MS, oslo, replayed, site_file

BED = {BED_LEFT, BED_ENTERED}
SEED = 5  # a day with a confirmed fall, presses said twice, and stumbles that were cancelled
WARD = make_ward(SEED)
FROM_MS = oslo(date(2026, 3, 1), 12 * 60)
TO_MS = FROM_MS + DAY_MS
MORNING_MS = TO_MS - 7 * 3_600_000


@pytest.fixture(scope="module")
def messages():
    """The day on the wire."""
    return list(messages_in(WARD, FROM_MS, TO_MS, oslo))


@pytest.fixture(scope="module")
def truth():
    """The person alarms of the day, by the oracle."""
    return person_alarms(one for one in sightings_in(WARD, FROM_MS, TO_MS, oslo) if one.at_ms < TO_MS)


@pytest.fixture(scope="module")
def morning(messages):
    """Seven hours of it, in which most of its alarms lie: enough for faults."""
    return [one for one in messages if one.at_ms >= MORNING_MS]


@pytest.fixture(scope="module")
def alarms_of_morning(morning, tmp_path_factory):
    """Whom the morning calls for when all goes well."""
    return alarms_of(replayed(WARD, morning, tmp_path_factory.mktemp("morning")).alerts)


@pytest.fixture(scope="module")
def truth_of_morning(truth):
    """The alarms of the morning."""
    return [one for one in truth if one.at_ms >= MORNING_MS]


@pytest.fixture(scope="module")
def day(messages, tmp_path_factory):
    """The day through the folds."""
    return replayed(WARD, messages, tmp_path_factory.mktemp("day"))


def alarms_of(alerts):
    """What a person is called for: whom and what for, presses that were merged left out."""
    return sorted(
        (alert["subject_id"], alert["rule"], alert["device_id"])
        for alert in alerts
        if alert["priority"] == "P1" and alert["merged_into"] is None
    )


def test_a_normal_day_has_no_dead_letter(day, messages):
    """Everything that simulated devices say is understood."""
    assert day.dead_letters == 0
    assert day.records >= len(messages) > 5_000


def test_every_message_ends_in_exactly_one_place(messages):
    """Each item of each raw message is one input, one dead letter or one verdict, and none is two of them."""
    site = site_file(WARD)
    fold = SourceFold(site.site_id, default_codecs())
    for number, setting in enumerate(settings_of(site), 1):
        fold.apply(RawRecord(FROM_MS, SETTING, setting.setting_id, msgspec.json.encode(setting), seq=number))
    for number, message in enumerate(messages, 100_000):
        folded = fold.apply(msgspec.structs.replace(record_of(message), seq=number))
        own = [one.item for one in folded.inputs if not one.derived]
        items = sorted([*own, *(one.item for one in folded.dead_letters), *(one.item for one in folded.verdicts)])
        assert items == list(range(len(items))), message.topic
        assert items, message.topic


def test_every_alarm_of_the_day_is_a_p1_and_no_other(day, truth):
    """Each press and fall that happened has its P1, and no P1 speaks of what did not happen."""
    missing, unexpected = verdict(truth, day.alerts)

    assert len(truth) >= 4
    assert missing == []
    assert unexpected == []


def test_a_normal_day_is_quiet(day):
    """Twenty residents give a handful of alerts a day, so that whoever watches goes on looking."""
    assert 1 <= sum(alert["merged_into"] is None for alert in day.alerts) <= 14


@pytest.mark.parametrize("seed", [1, 7, 11])
def test_nobody_is_missed_who_lives_as_usual(seed, tmp_path):
    """Two ordinary days of twenty: no silence, bathroom or door calls anybody; the bed only where they were up."""
    ward, from_ms = make_ward(seed), oslo(date(2026, 3, 2), 0)
    seen = sightings_in(ward, from_ms, from_ms + 2 * DAY_MS, oslo)
    found = replayed(ward, messages_in(ward, from_ms, from_ms + 2 * DAY_MS, oslo), tmp_path)

    told = [alert for alert in found.alerts if alert["rule"] in {"R09", "R10", "R12", "R16", "R17", "R18", "R41"}]
    assert [(alert["rule"], alert["subject_id"], alert["opened_at"]) for alert in told] == []
    for alert in (alert for alert in found.alerts if alert["rule"] == "R05"):
        assert longest_time_out_of_bed_s(seen, alert["device_id"]) > 1_200
    missing, unexpected = verdict(person_alarms(seen), found.alerts)
    assert (missing, unexpected) == ([], [])


def longest_time_out_of_bed_s(seen, device):
    """Of a night."""
    beds = [one for one in seen if one.thing is not None and one.thing.id == device and one.what in BED]
    return max(
        (two.at_ms - one.at_ms) // 1_000
        for one, two in pairwise(beds)
        if one.what == BED_LEFT and two.at_ms - one.at_ms < 4 * 3_600_000
    )


def test_the_same_seed_gives_the_same_bytes(messages, day, tmp_path):
    """Ward, day and alerts can be told again byte for byte; another seed is another day."""
    again = list(messages_in(make_ward(SEED), FROM_MS, TO_MS, oslo))

    assert [msgspec.structs.astuple(one) for one in again] == [msgspec.structs.astuple(one) for one in messages]
    assert msgspec.json.encode(replayed(WARD, again, tmp_path).alerts) == msgspec.json.encode(day.alerts)
    other = messages_in(make_ward(SEED + 1), FROM_MS, FROM_MS + DAY_MS // 24, oslo)
    assert {one.payload for one in other}.isdisjoint(one.payload for one in messages if b"alarm" in one.payload)


@pytest.mark.parametrize(
    "trouble",
    [
        lambda messages: faults.duplicated(messages, SEED, 200),
        lambda messages: faults.redelivered(messages, SEED, 200),
        lambda messages: faults.reordered(messages, SEED, 20_000),
        lambda messages: faults.late(messages, SEED, 100, 900_000),
    ],
    ids=["duplicates", "redelivery", "disorder", "delay"],
)
def test_faults_on_the_way_change_no_alarm(trouble, morning, truth_of_morning, alarms_of_morning, tmp_path):
    """Duplicates, redelivery, disorder within 20 s and delays give the same people the same alarms."""
    found = replayed(WARD, trouble(morning), tmp_path / "faulty")

    missing, unexpected = verdict(truth_of_morning, found.alerts)
    assert (missing, unexpected) == ([], [])
    assert alarms_of(found.alerts) == alarms_of_morning


def test_a_press_during_an_outage_comes_late_and_says_so(morning, truth_of_morning, tmp_path):
    """What a gateway had to keep for an hour is an alarm when it arrives, with its delay."""
    press = next(one for one in truth_of_morning if one.type == "alarm.pressed" and one.subject == "r2")
    gateway = next(thing.gateway for thing in WARD.things if thing.id == press.device)
    cut = faults.outage(morning, gateway, press.at_ms - 60_000, press.at_ms + 3_600_000)

    found = replayed(WARD, cut, tmp_path)

    late = [
        alert["late_seconds"] for alert in found.alerts if alert["subject_id"] == "r2" and alert["priority"] == "P1"
    ]
    assert verdict(truth_of_morning, found.alerts)[0] == []
    assert late
    assert max(late) >= 3_540


def test_the_oracle_sees_an_alarm_that_got_lost(morning, truth_of_morning, tmp_path):
    """A message that never arrives is found missing: the check has teeth."""
    press = truth_of_morning[0]
    gateway = next(thing.gateway for thing in WARD.things if thing.id == press.device)

    found = replayed(WARD, faults.dropped(morning, gateway, press.at_ms, press.at_ms + 5_000), tmp_path)

    assert verdict(truth_of_morning, found.alerts)[0] == [press]
