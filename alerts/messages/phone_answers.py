"""Edge: "I take it" and "I cannot" from a phone, by a one-time link or an SMS.

For: who it is that answers, which alert they mean, and doing it as the desk does everything. A link asks before it
acts: looking changes nothing, and only `use` acts, once. Everything is written down; a stranger, a code for an alert
that somebody else has, a used or altered link get an answer, and nothing changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, and_, func, insert, or_, select, update

from alerts.channels.reach import ANSWER, Reach
from alerts.channels.wording import ANSWERABLE, reference
from alerts.desk import Desk
from alerts.device_tests import proof as test_proof
from alerts.handling import acts
from alerts.handling.acts import Actor, Refused
from alerts.handling.lifecycle import HELD
from alerts.messages.addresses import phone_number
from alerts.messages.links import is_genuine, read_token
from alerts.messages.phone_targets import actor_of, holder_name, targets_of
from alerts.messages.receipts import count_refusal
from alerts.messages.sms_replies import CANNOT, TAKE, normal_ref, parse_reply
from alerts.schema.alerts import incidents, outbox
from alerts.schema.channels import phone_answers
from alerts.statements import add_returning

log = structlog.get_logger()

ANSWERABLE_FOR_MS = 24 * 3_600_000
MESSAGES_MAX = 200
ANSWERS_MAX, ANSWERS_WITHIN_MS = 5, 10 * 60_000  # two machines must not answer each other for ever
BEGUN, DONE = "begun", "done"
TAKEN_WORDS = {"first": "take_two", "second": "take_second"}  # where two must go
DID = frozenset({TAKE, CANNOT, "coming", "not_coming", "tested", *TAKEN_WORDS.values()})

Row = Mapping[str, Any]


class Looked(msgspec.Struct, frozen=True):
    """What a link is: `state` open | used | expired | altered | over, and the message it speaks for."""

    state: str
    priority: str = ""
    ref: str = ""
    target_name: str = ""
    target_kind: str = ""
    kind: str = ""


class PhoneAnswers:
    """The desk's ear for phones. Every method may be called from any thread."""

    def __init__(self, desk: Desk, reach: Reach) -> None:
        self._desk, self._reach = desk, reach
        self._database, self._site = desk.database, desk.site_id

    # -- links ------------------------------------------------------------------------------------------------

    def look(self, token: str, now_ms: int) -> Looked:
        """What a link stands for, changing nothing."""
        found = self._genuine(token, now_ms)
        return found if isinstance(found, Looked) else self._looked(found)

    def use(self, token: str, answer: str, now_ms: int) -> str:
        """Act by a link, once: done | used | expired | altered | over | taken | refused."""
        found = self._genuine(token, now_ms)
        if isinstance(found, Looked):
            count_refusal(self._database, self._site, "link", f"link_{found.state}", now_ms)
            return found.state
        key = str(found["id"])
        answer_id = self._begin("link", key, None, found, answer, now_ms)
        if answer_id is None:
            count_refusal(self._database, self._site, "link", "link_used", now_ms)
            return "used"
        outcome = self._act(found, answer, f"link:{key}", now_ms)
        self._end(answer_id, outcome)
        return DONE if outcome in DID else outcome

    def _genuine(self, token: str, now_ms: int) -> Row | Looked:
        claims = read_token(token)
        if claims is None or not self._reach.link_key:
            return Looked("altered")
        with self._database.reader.connect() as conn:
            query = select(outbox).where(outbox.c.id == claims.message_id, outbox.c.site_id == self._site)
            row = conn.execute(query).mappings().first()
        if row is None or not is_genuine(self._reach.link_key, claims, self._site, row["alert_id"], row["target"]):
            return Looked("altered")
        return Looked("expired") if now_ms >= claims.until_ms else {**row}

    def _looked(self, row: Row) -> Looked:
        rows = phone_answers.c
        used_rows = select(rows.id).where(
            rows.site_id == self._site, rows.via == "link", rows.key == str(row["id"]), rows.outcome != BEGUN
        )
        open_rows = select(incidents.c.open).where(incidents.c.incident_id == row["incident_id"])
        with self._database.reader.connect() as conn:
            used, is_open = conn.execute(used_rows).scalar(), conn.execute(open_rows).scalar()
        state = "used" if used is not None else "open" if is_open or row["kind"] == "test" else "over"
        ref = reference(row["key_tag"], row["id"])
        return Looked(state, row["priority"], ref, row["target_name"], row["target_kind"], row["kind"])

    # -- SMS --------------------------------------------------------------------------------------------------

    def reply(self, channel: str, sender: str, text: str, provider_id: str, now_ms: int) -> str:
        """An SMS came back: what became of it (a word of `texts`, "reply.…"). The sender is told over `channel`."""
        phone = phone_number(sender)
        key = provider_id or hashlib.sha256(f"{phone}|{text}|{now_ms // 60_000}".encode()).hexdigest()
        with self._database.reader.connect() as conn:
            targets = targets_of(conn, self._site, phone, self._reach.fixed)
            said = parse_reply(text)
            row = None if said is None else self._meant(conn, targets, said.ref, now_ms)
        answer = None if said is None else said.answer
        answer_id = self._begin("sms", f"{channel}:{key}"[:200], phone, row, answer, now_ms)
        if answer_id is None:
            return "seen"
        if not targets:
            outcome = "stranger"
            count_refusal(self._database, self._site, channel, "reply_stranger", now_ms)
        elif said is None:
            outcome = "unreadable"
        elif row is None:
            outcome = "no_such"
        else:
            outcome = self._act(row, said.answer, f"sms:{answer_id}", now_ms)
        self._end(answer_id, outcome)
        self._tell(channel, answer_id, phone, row, outcome, now_ms)
        log.info("sms_reply", channel=channel, outcome=outcome)
        return outcome

    def _meant(self, conn: Connection, targets: list[tuple[str, str]], ref: str, now_ms: int) -> Row | None:
        """The newest message to this phone that the answer can mean; of an open alert before one that is over."""
        if not targets:
            return None
        mine = or_(*(and_(outbox.c.target_kind == kind, outbox.c.target == target) for kind, target in targets))
        query = (
            select(outbox, func.coalesce(incidents.c.open, False).label("is_open"))
            .outerjoin(incidents, incidents.c.incident_id == outbox.c.incident_id)
            .where(
                outbox.c.site_id == self._site,
                mine,
                outbox.c.kind.in_(sorted(ANSWERABLE)),
                outbox.c.created_ms > now_ms - ANSWERABLE_FOR_MS,
            )
            .order_by(outbox.c.id.desc())
            .limit(MESSAGES_MAX)
        )
        rows = [{**row} for row in conn.execute(query).mappings()]
        if ref:
            named = [row for row in rows if normal_ref(reference(row["key_tag"], row["id"])) == ref]
            return next((row for row in named if row["is_open"]), named[0] if named else None)
        standing = [row for row in rows if row["is_open"]]
        return standing[0] if len({row["incident_id"] for row in standing}) == 1 else None

    def _tell(self, channel: str, answer_id: int, phone: str, row: Row | None, outcome: str, now_ms: int) -> None:
        """What became of it, back to the phone it came from."""
        with self._database.writer.begin() as conn:
            lately = (phone_answers.c.phone == phone, phone_answers.c.at_ms > now_ms - ANSWERS_WITHIN_MS)
            many = conn.execute(select(func.count()).select_from(phone_answers).where(*lately)).scalar_one()
            if not phone or many > ANSWERS_MAX:
                return
            holder = holder_name(conn, row["incident_id"]) if row is not None else None
            values = {
                "site_id": self._site, "incident_id": "", "alert_id": "" if row is None else row["alert_id"],
                "priority": "P2", "kind": ANSWER, "target_kind": "reply", "target": str(answer_id),
                "target_name": "reply", "key_tag": None if row is None else reference(row["key_tag"], row["id"]),
                "step": 0, "state": "pending", "created_ms": now_ms, "due_ms": now_ms, "only_channel": channel,
                "args": {"say": outcome} | ({"holder": holder} if holder else {}),
            }  # fmt: skip
            conn.execute(insert(outbox).values(values))

    # -- what both do -----------------------------------------------------------------------------------------

    def _begin(
        self, via: str, key: str, phone: str | None, row: Row | None, answer: str | None, now_ms: int
    ) -> int | None:
        """Write the answer down before it is done; None when it was done before."""
        values = {
            "site_id": self._site, "at_ms": now_ms, "via": via, "key": key, "phone": phone, "answer": answer,
            "outcome": BEGUN,
        }  # fmt: skip
        if row is not None:
            names = ("target_kind", "target", "alert_id")
            values |= {name: row[name] for name in names} | {"message_id": row["id"]}
        with self._database.writer.begin() as conn:
            made = add_returning(conn, phone_answers, values, phone_answers.c.id)
            if made is not None:
                return int(made)
            # we died between writing it down and doing it: whoever tries again does it, under the same key
            known = (phone_answers.c.site_id == self._site, phone_answers.c.via == via, phone_answers.c.key == key)
            again = select(phone_answers.c.id).where(
                *known, phone_answers.c.outcome == BEGUN, phone_answers.c.answer == answer
            )
            return conn.execute(again).scalar()

    def _end(self, answer_id: int, outcome: str) -> None:
        with self._database.writer.begin() as conn:
            conn.execute(update(phone_answers).where(phone_answers.c.id == answer_id).values(outcome=outcome))

    def _act(self, row: Row, answer: str, key: str, now_ms: int) -> str:
        """Do what was answered: take | cannot | coming | not_coming | tested, or why not: taken | over | refused."""
        if row["kind"] == "test":
            return self._tested(row, key.partition(":")[0], now_ms)
        with self._database.reader.connect() as conn:
            actor = actor_of(conn, self._site, row["target_kind"], row["target"], row["target_name"])
        try:
            return self._said(row, answer, actor, key, now_ms)
        except Refused as refused:
            return _why_not(refused)

    def _tested(self, row: Row, via: str, now_ms: int) -> str:
        """The test is back from the phone."""
        self._desk.transact(now_ms, lambda tx: test_proof.note(tx, row, test_proof.ANSWERED, via=via))
        return "tested"

    def _said(self, row: Row, answer: str, actor: Actor, key: str, now_ms: int) -> str:
        alert_id, takes = row["alert_id"], answer == TAKE
        if row["target_kind"] == "responder":
            self._desk.responder_says(alert_id, row["target"], "coming" if takes else "cannot", now_ms)
            return "coming" if takes else "not_coming"
        if row["target_kind"] == "centre":
            self._desk.centre_says(alert_id, "received" if takes else "returned", now_ms, actor)
            return answer
        act = _act_of(row["kind"], answer)
        if act == acts.DECLINE and self._has_it(row, actor):
            act = acts.RELEASE
        after = self._desk.act(alert_id, act, actor, now_ms, f"{key}:{answer}"[:200], {})
        return TAKEN_WORDS.get(_as_which(after, actor), answer) if takes else answer

    def _has_it(self, row: Row, actor: Actor) -> bool:
        """Whoever cannot has taken it before, alone or as the second: they give it back."""
        query = select(incidents.c.claimed_by, incidents.c.second_by, incidents.c.handling)
        with self._database.reader.connect() as conn:
            one = conn.execute(query.where(incidents.c.incident_id == row["incident_id"])).first()
        return one is not None and one.handling in HELD and actor.holder in {one.claimed_by, one.second_by}


def _as_which(alert: Row, actor: Actor) -> str:
    """As whom of two somebody has it now: "first" who must wait, "second", or "" where nobody waits."""
    two = alert["two"]
    if not two or not two["wait_outside"]:
        return ""
    second = two["second"]
    return "second" if second is not None and second["staff"] == actor.holder else "first"


def _act_of(kind: str, answer: str) -> str:
    if answer == CANNOT:
        return acts.DECLINE
    return acts.ACCEPT if kind == "hand_over" else acts.CLAIM


def _why_not(refused: Refused) -> str:
    words = {"already_claimed": "taken", "already_ended": "over", "not_asked": "taken", "not_handed_over": "taken"}
    return words.get(refused.code, "refused")
