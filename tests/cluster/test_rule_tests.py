"""Both columns of the design's table: the shipped rule tests say the same through Kafka and Faust as in one process."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from alerts.database import Place, migrate, open_database
from alerts.desk import Desk
from rules.effects import LIVE, Effect, Raise
from rules.rule_test_file import shipped_cases
from rules.rule_test_report import failure
from rules.rule_test_run import judged
from tests.support.effect_store import EffectStore
from tests.support.postgres import Postgres
from tests.support.rule_test_town import Story, by_story, differences, on_one, rows, town
from tests.support.same_alerts import alert_differences, shown
from tests.support.waiting import wait_until
from tests.support.ward_inputs import SITE
from tests.support.worker_process import Logs, WorkerProcess, wait_folded

PARTITIONS = 16
WAIT_S = 60.0
EFFECTS_AT_ONCE = 100  # for a desk; alerts of several homes, as they come


class Told(msgspec.Struct, frozen=True):
    """The stories, and what each says: in one process, and through the lanes. `order`: all that the lanes said."""

    stories: list[Story]
    one: list[list[Effect]]
    many: list[list[Effect]]
    order: list[Effect]


@pytest.fixture(scope="module")
def told(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """All stories through INPUTS and two workers, of which one is killed in the middle of those that it has."""
    logs, folder = Logs(kafka, SITE, PARTITIONS), tmp_path_factory.mktemp("town")
    store, stories = EffectStore(folder), town(logs.layout)
    halves = [(part[: len(part) // 2], part[len(part) // 2 :]) for part in rows(stories, PARTITIONS)]
    for partition, (first, _) in enumerate(halves):
        logs.write(first, only=partition)
    with WorkerProcess(logs, folder, "one", LIVE) as killed, WorkerProcess(logs, folder, "two", LIVE) as other:
        wait_folded(logs, store)
        wait_until(lambda: killed.held(LIVE) and other.held(LIVE), "both at work", WAIT_S, 0.1)
        store.block(LIVE)
        for partition, (_, second) in enumerate(halves):
            logs.write(second, only=partition)
        wait_until(lambda: store.waiting(LIVE), "a worker amid a step", WAIT_S)
        killed.kill()
        store.unblock(LIVE)
        one = [on_one(story, SITE) for story in stories]
        wait_folded(logs, store)
        assert "refolded" in other.decisions(LIVE)
    logs.close()
    order = store.told(LIVE)
    return Told(stories, one, by_story(stories, order), order)


def test_every_rule_test_says_the_same_on_one_machine_and_on_many(told: Told) -> None:
    """Every effect of every story, field by field and in order, whatever partition and worker it went through."""
    assert len(told.stories) == len(shipped_cases()) > 600
    alerts = [{effect.alert_id for effect in each if isinstance(effect, Raise)} for each in told.one]
    assert sum(map(len, alerts)) == len(set().union(*alerts)) > 1_000, "no two stories meet"
    found = map(differences, told.stories, told.one, told.many)
    assert "\n".join(itertools.chain.from_iterable(found)) == ""


def test_every_rule_test_comes_true_on_many(told: Told) -> None:
    """What went through the lanes is what each story expects, as `vardevakt rules test` judges it."""
    verdicts = map(judged, (story.case for story in told.stories), told.many)
    assert "\n".join(failure(verdict) for verdict in verdicts if not verdict.ok) == ""


def test_their_alerts_are_the_same_at_both_desks(told: Told, postgres: Postgres, tmp_path: Path) -> None:
    """One story of each rule: as one process says it to a desk on SQLite, and as the lanes do to one on PostgreSQL."""
    of_rule = {story.case.rule: number for number, story in enumerate(told.stories)}
    of_rule |= {story.case.rule: number for number, story in enumerate(told.stories) if "clears" in story.case.shows}
    ours = {id(effect) for number in of_rule.values() for effect in told.many[number]}
    one = alerts_of([effect for number in of_rule.values() for effect in told.one[number]], tmp_path / "desk.db")
    many = alerts_of([effect for effect in told.order if id(effect) in ours], postgres.new())
    assert len(one) > 150
    assert len({alert["rule"] for alert in one.values()}) > 60
    assert "\n".join(alert_differences(one, many)) == ""


def alerts_of(effects: list[Effect], place: Place) -> dict[str, dict[str, Any]]:
    """What a desk shows that heard all this."""
    migrate(place)
    database = open_database(place)
    desk = Desk(database, SITE)
    for at in range(0, len(effects), EFFECTS_AT_ONCE):
        desk.apply(LIVE, 0, at, at + EFFECTS_AT_ONCE, effects[at : at + EFFECTS_AT_ONCE])
    found = shown(database)
    database.close()
    return found
