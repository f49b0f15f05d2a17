"""Edge: the quarantine of effects. A batch in which one raised is done again, each effect behind a savepoint.

For: promise 3 against our own faults. An effect that raises would be said again and again, and everything behind it in
its lane would wait: on the floor's lane, every later alarm. Here it is left out, logged, kept as a finding and told as
health, and the lane goes on. An alarm is not left out: where the usual way fails (merging, quiet, policies), it is
raised plainly, as an incident of its own that rings.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from sqlalchemy import insert

from alerts.database import AWAY
from alerts.incidents.apply_effects import InForce, apply_effect
from alerts.incidents.raise_alert import raise_plainly
from alerts.schema.upkeep import findings
from alerts.transaction import Transaction
from rules.effects import Effect, Observe, Raise

log = structlog.get_logger()

EFFECT_RAISED = "effect_raised"  # kind of the finding; repaired = the alarm was raised plainly


def apply_alone(tx: Transaction, lane: str, effect: Effect, in_force: InForce | None) -> None:
    """Do one effect, or say that it could not be done. Raises what AWAY names (the disk, the server) alone."""
    if _tried(tx, lambda: apply_effect(tx, lane, effect, in_force), effect):
        return
    alarm = isinstance(effect, Raise) and effect.alarm and tx.alert(effect.alert_id) is None
    plain = isinstance(effect, Raise) and alarm and _tried(tx, lambda: raise_plainly(tx, effect), effect)
    ref = effect.effect_id if isinstance(effect, Observe) else effect.alert_id
    tx.conn.execute(insert(findings).values(at_ms=tx.now_ms, kind=EFFECT_RAISED, ref=ref, repaired=plain))
    tx.change("health", EFFECT_RAISED)


def _tried(tx: Transaction, work: Callable[[], None], effect: Effect) -> bool:
    """Whether it went well; if not, nothing of it is written."""
    try:
        with tx.conn.begin_nested():
            work()
    except AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - see the module: this is the quarantine
        log.error(EFFECT_RAISED, effect=type(effect).__name__, effect_id=effect.effect_id, error=type(error).__name__)
        return False
    return True
