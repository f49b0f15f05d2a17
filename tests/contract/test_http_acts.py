"""Acts on alerts over HTTP: done once and only once, and what a refusal says."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.support.http import HttpStack, http_stack, slug


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        yield made


def act(client, alert_id, name, key=None, **body):
    headers = {} if key is None else {"idempotency-key": key}
    return client.post(f"/api/v1/alerts/{alert_id}/{name}", json=body, headers=headers)


def test_an_act_needs_a_key(stack):
    """Without Idempotency-Key: 400, and nothing happened."""
    alert_id = stack.press()
    client = stack.machine()
    for headers in ({}, {"idempotency-key": ""}, {"idempotency-key": "   "}):
        answer = client.post(f"/api/v1/alerts/{alert_id}/claim", json={"staff": "s1"}, headers=headers)
        assert (answer.status_code, slug(answer)) == (400, "idempotency-key-missing")

    assert client.get(f"/api/v1/alerts/{alert_id}").json()["handling"] == "new"


def test_the_same_key_answers_the_same_and_does_it_once(stack):
    """A repeated act is answered alike, byte for byte; the key for another act is refused."""
    alert_id = stack.press()
    client = stack.machine()
    first = act(client, alert_id, "note", "k1", staff="s1", text="on my way soon")
    stack.now_ms += 5000
    again = act(client, alert_id, "note", "k1", staff="s1", text="on my way soon")
    other = act(client, alert_id, "note", "k1", staff="s1", text="something else")

    assert first.status_code == 200
    assert first.content == again.content
    assert [line["kind"] for line in first.json()["timeline"]].count("note") == 1
    assert (other.status_code, slug(other)) == (409, "key-reused")


def test_keys_of_two_senders_do_not_collide(stack):
    """Two integrations that both count from 1 act independently."""
    alert_id = stack.press()
    one, two = stack.machine(), stack.machine()

    assert act(one, alert_id, "note", "1", staff="s1", text="a").status_code == 200
    assert act(two, alert_id, "note", "1", staff="s2", text="b").status_code == 200


def test_of_two_who_claim_at_once_one_gets_it(stack):
    """Two browsers in a race: one 200, one 409 that says who has it and carries the alert as it is."""
    alert_id = stack.press()
    clients = {"Ola": stack.person("ola", "s1"), "Ida": stack.person("ida", "s2")}
    barrier = threading.Barrier(2)
    answers = {}

    def claim(name):
        barrier.wait()
        answers[name] = act(clients[name], alert_id, "claim", f"key-{name}")

    threads = [threading.Thread(target=claim, args=(name,)) for name in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    winner = next(name for name, answer in answers.items() if answer.status_code == 200)
    loser = answers["Ida" if winner == "Ola" else "Ola"]

    assert (loser.status_code, slug(loser)) == (409, "claimed-by-other")
    assert loser.json()["detail"].startswith(f"{winner} tok den")
    assert loser.json()["alert"]["claimed_by"]["name"] == winner
    assert act(clients[winner], alert_id, "claim", "again").status_code == 200


def test_p1_ends_only_with_contact(stack):
    """`end` before contact is 409 `contact-first`; nobody having answered is no contact; after contact it ends."""
    alert_id = stack.press()
    client = stack.machine()
    act(client, alert_id, "claim", "1", staff="s1")

    assert slug(act(client, alert_id, "end", "2", staff="s1")) == "contact-first"
    wrong = act(client, alert_id, "contact", "3", staff="s1", outcome="maybe")
    assert (slug(wrong), wrong.json()["field"]) == ("bad-field", "outcome")
    assert act(client, alert_id, "contact", "4", staff="s1", outcome="no_answer").status_code == 200
    assert slug(act(client, alert_id, "end", "5", staff="s1")) == "contact-first"
    assert act(client, alert_id, "contact", "6", staff="s1", outcome="spoke").status_code == 200
    assert act(client, alert_id, "end", "7", staff="s1").json()["handling"] == "ended"
    done = act(client, alert_id, "document", "8", staff="s1", cause="a", action="b", contact="c").json()
    assert (done["handling"], done["cause_code"]) == ("documented", "a")


def test_every_refusal_of_the_lifecycle_has_its_problem(stack):
    """What the table of transitions refuses is a 409 with a type of its own and the code of the reason."""
    alert_id = stack.press()
    client = stack.machine()

    def refused(name, staff="s1", **body):
        answer = act(client, alert_id, name, f"{name}-{staff}", staff=staff, **body)
        assert answer.status_code == 409, answer.text
        assert answer.json()["alert"]["alert_id"] == alert_id
        return slug(answer), answer.json()["reason"]

    assert refused("release") == ("not-claimed", "not_claimed")
    assert refused("document", cause="a", action="b", contact="c")[0] == "not-ended"
    assert refused("accept") == ("not-handed-over", "not_handed_over")
    act(client, alert_id, "claim", "1", staff="s1")
    assert refused("en-route", "s2")[0] == "not-yours"
    act(client, alert_id, "hand-over", "2", staff="s1", to="natt-2")
    assert refused("accept", "s1")[0] == "yours-already"
    act(client, alert_id, "accept", "3", staff="s2")
    act(client, alert_id, "on-site", "4", staff="s2")
    assert refused("hand-over", "s1", to="natt-1")[0] == "not-yours"
    act(client, alert_id, "end", "5", staff="s2")
    assert refused("release", "s2")[0] == "already-ended"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "unknown-staff", "staff")),
        ({"staff": ""}, (422, "unknown-staff", "staff")),
        ({"staff": "s99"}, (422, "unknown-staff", "staff")),
        ({"staff": ["s1"]}, (422, "unknown-staff", "staff")),
        ({"staff": "s1", "text": 7}, (422, "bad-field", "text")),
        ({"staff": "s1", "text": "x" * 3000}, (422, "bad-field", "text")),
        ({"staff": "s1"}, (422, "bad-field", "text")),
    ],
)
def test_bad_bodies_name_the_field(stack, body, expected):
    """A machine names whom it acts for, and each field is checked; the problem names the one at fault."""
    alert_id = stack.press()
    answer = act(stack.machine(), alert_id, "note", "k", **body)

    assert (answer.status_code, slug(answer), answer.json()["field"]) == expected


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "bad-request"),
        (b'{"text": NaN}', "bad-request"),
        (b'{"text": "\\ud800"}', "bad-request"),
        (b"[" * 5000, "bad-request"),
        (b"[1]", "bad-field"),
        (b'"text"', "bad-field"),
        (b"\xff", "bad-request"),
        (b'{"text": "' + b"x" * 300_000 + b'"}', "too-large"),
    ],
)
def test_bodies_that_are_no_object_are_refused(stack, content, kind):
    """Not JSON, NaN, lone surrogates, endless nesting, too large: a problem each, and nothing is done."""
    alert_id = stack.press()
    headers = {"idempotency-key": "k", "content-type": "application/json"}

    answer = stack.machine().post(f"/api/v1/alerts/{alert_id}/note", content=content, headers=headers)

    assert slug(answer) == kind


def test_a_person_acts_as_nobody_else(stack):
    """`staff` of another is refused for whoever is signed in; an account that is no staff cannot act."""
    alert_id = stack.press()
    assert slug(act(stack.person(), alert_id, "claim", "1", staff="s2")) == "wrong-role"
    assert act(stack.person(), alert_id, "claim", "2").json()["claimed_by"]["staff"] == "s1"
    assert slug(act(stack.person("nils", None), alert_id, "note", "3", text="x")) == "wrong-role"


def test_unknown_acts_and_methods_are_problems(stack):
    """A verb nobody knows is 422, a method nobody takes is 405, both as problems."""
    alert_id = stack.press()
    client = stack.machine()

    assert slug(act(client, alert_id, "explode", "k", staff="s1")) == "bad-field"
    assert slug(client.patch(f"/api/v1/alerts/{alert_id}")) == "method-not-allowed"
    assert slug(client.get("/api/v1/nothing")) == "not-found"
