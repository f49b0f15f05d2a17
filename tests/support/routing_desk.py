"""Short words for tests of routing on `tests/support/desk.py`: risks, relatives, policies, what rules add."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert, update

from alerts.handling.acts import Actor
from alerts.routing.policy_store import Policies
from alerts.schema import people as schema_people
from rules.effects import Raise, Reason, Update, effect_id
from tests.support.desk import SITE, Duty, cause, out_of_bed

LEDER = Actor(staff="s3", name="Ali", function="leder")


def risk(duty: Duty, *risks: str, resident: str = "r1") -> None:
    with duty.database.writer.begin() as conn:
        table = schema_people.residents
        conn.execute(update(table).where(table.c.id == resident).values(risks=list(risks)))


def ward(duty: Duty, **values: Any) -> None:
    with duty.database.writer.begin() as conn:
        conn.execute(update(schema_people.wards).values(**values))


def contact(duty: Duty, contact_id: str = "c1", **values: Any) -> None:
    row = {"site_id": SITE, "version": 1, "saved_ms": 0, "id": contact_id, "resident": "r1", "name": "Per"}
    with duty.database.writer.begin() as conn:
        conn.execute(insert(schema_people.contacts).values(row | {"responder": True, "position": 0} | values))


def policy(duty: Duty, policy_id: str = "own", **value: Any) -> int:
    usual: dict[str, Any] = {"steps": [{"after": "0 s", "tell": ["1", "fallback"]}], "repeat": "1 min"}
    return Policies(duty.database, SITE).save(policy_id, usual | value, "s9", duty.now_ms)


def more(alert: Raise, rule: str, at_ms: int, code: str, type: str = "voice.failed") -> Update:
    """What R02 and R58 add to an alarm."""
    return Update(
        effect_id=effect_id(alert.alert_id, "update", f"{rule}-{at_ms}"), alert_id=alert.alert_id, at_ms=at_ms,
        reason=Reason(code), causes=(cause(f"{rule}-{at_ms}", at_ms, type),), rule=rule,
    )  # fmt: skip


def wandering(duty: Duty, **fields: Any) -> Raise:
    return out_of_bed("door", duty.now_ms, rule="R10", code="4.21", priority="P1", self_resolves=False, **fields)


def cards(duty: Duty, alert_id: str) -> list[tuple[str, str]]:
    lines = duty.alert(alert_id)["timeline"]
    return [(line["args"]["card"], line["at"]) for line in lines if line["kind"] == "card_offered"]
