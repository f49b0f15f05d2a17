"""The page of an alert about a dose: ending it, one may say what became of the dose, and that goes on to the rules."""

from __future__ import annotations

import json

from sqlalchemy import select

from alerts.schema.people import relay
from rules.effects import Reason
from tests.support.board import board_stack, key_of
from tests.support.desk import cause, out_of_bed


def test_what_became_of_the_dose_is_asked_when_ending_and_told_to_the_rules(tmp_path):
    """The choice stands on alerts of a dose alone; chosen, it leaves one fact of that dose, by the pseudonym of who did
    it.
    """
    with board_stack(tmp_path) as stack:
        told = cause("due-1", stack.now_ms, "dose.due", content={"dose_id": "evening"})
        dose = out_of_bed("dose", stack.now_ms, rule="R22", reason=Reason("deadline.not_done"), causes=(told,))
        stack.apply(dose, out_of_bed("bed", stack.now_ms, home="h2", subject="r2", resident="r2"))
        client = stack.person()
        for act in ("claim", "end"):
            page = client.get(f"/alerts/{dose.alert_id}").text
            if act == "end":
                assert "Dosen gitt for hånd" in page
            given = {"key": key_of(page), "action": "dose_given", "ask_again_minutes": "30"}
            assert client.post(f"/alerts/{dose.alert_id}/{act}", data=given).status_code == 200
        other = out_of_bed("bed", stack.now_ms, resident="r2").alert_id
        client.post(f"/alerts/{other}/claim", data={"key": "k" * 8})
        assert "Dosen gitt for hånd" not in client.get(f"/alerts/{other}").text

        with stack.database.reader.connect() as conn:
            facts = [
                json.loads(row)
                for row in conn.execute(select(relay.c.payload).where(relay.c.kind == "staff")).scalars()
            ]
        assert [(one["type"], one["dose_id"], one["actor"]) for one in facts] == [("dose.taken", "evening", "s1")]
