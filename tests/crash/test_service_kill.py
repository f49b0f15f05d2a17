"""`kill -9` of the whole service under load (200 rounds: `make crash`)."""

import pytest

from tests.crash.rounds import brokers, crash

ROUNDS = (3, 2)  # by broker, the first being Mosquitto where there is one


@pytest.mark.parametrize(("broker", "rounds"), zip(brokers(), ROUNDS, strict=False))
def test_nothing_acknowledged_is_lost_and_no_alert_missing_or_doubled(tmp_path, broker, rounds):
    """Killed at random under load, and the service has every acknowledged event in INPUTS, one alert for
    each press, every raw row accounted for once, a next action for every open alert, and a refold gives the same.
    """
    outcome = crash(tmp_path, rounds, seed=20261, rate=150.0, broker_name=broker)

    assert outcome.faults == []
    assert outcome.acknowledged > 0, "somebody heard something"
    assert outcome.presses > outcome.rounds[-1].number, "there was load"
