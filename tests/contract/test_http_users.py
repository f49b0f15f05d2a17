"""Who may use the service, over HTTP: users and keys made, changed and ended while it runs, each with its row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from alerts.access import audit
from api.http.app import create_app
from tests.support.desk import SITE
from tests.support.http import PASSWORD, HttpStack, http_stack, slug

OPERATOR = {"roles": ("operator",), "staff": None}
IDA = {"user": "Ida", "name": "Ida Vik", "roles": ["carer"], "staff": "s2", "wards": ["nord"]}


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        yield made


def rows(stack):
    return [(row["who"], row["what"], row["about"]) for row in audit.newest(stack.database, SITE)][::-1]


def logs_in(stack, user, password):
    return stack.client().post("/api/v1/session", json={"user": user, "password": password}).status_code


def test_a_user_is_added_with_a_password_that_is_shown_once(stack):
    """The answer carries a password that opens a session at once; no later answer does."""
    operator = stack.person("drift", **OPERATOR)
    made = operator.post("/api/v1/users", json=IDA)

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert made.json()["wards"] == ["nord"]
    assert logs_in(stack, "ida", made.json()["password"]) == 200
    listed = operator.get("/api/v1/users")
    assert [one["user"] for one in listed.json()["items"]] == ["drift", "ida"]
    assert made.json()["password"] not in listed.text + operator.get("/api/v1/audit").text
    assert rows(stack)[-1] == ("drift", "user.added", "ida")


def test_a_password_of_ones_own_is_never_sent_back(stack):
    """Who chooses the password knows it: the answer holds none."""
    made = stack.person("drift", **OPERATOR).post("/api/v1/users", json={**IDA, "password": PASSWORD})

    assert made.json()["password"] is None
    assert PASSWORD not in made.text
    assert logs_in(stack, "ida", PASSWORD) == 200


def test_shutting_out_ends_sessions_and_letting_in_again_opens_the_door(stack):
    """A user that is shut out is a stranger with the next request; the old password counts again afterwards."""
    operator, ola = stack.person("drift", **OPERATOR), stack.person("ola")
    shut = operator.post("/api/v1/users/disable", json={"user": "OLA"})

    assert (shut.status_code, ola.get("/api/v1/session").status_code) == (200, 401)
    assert logs_in(stack, "ola", PASSWORD) == 401
    assert [one["user"] for one in operator.get("/api/v1/users").json()["items"] if one["disabled"]] == ["ola"]
    assert operator.post("/api/v1/users/enable", json={"user": "ola"}).status_code == 200
    assert logs_in(stack, "ola", PASSWORD) == 200
    assert slug(operator.post("/api/v1/users/disable", json={"user": "nobody"})) == "not-found"
    assert rows(stack)[-2:] == [("drift", "user.disabled", "ola"), ("drift", "user.enabled", "ola")]


def test_nobody_shuts_themselves_out(stack):
    """The last operator cannot lock the door from outside."""
    operator = stack.person("drift", **OPERATOR)
    answer = operator.post("/api/v1/users/disable", json={"user": "drift"})

    assert (slug(answer), answer.json()["errors"][0]["code"]) == ("bad-field", "own_account")
    assert operator.get("/api/v1/session").status_code == 200


def test_a_new_password_ends_every_session_and_the_old_password(stack):
    """Somebody who knows the old one is out at once."""
    operator, ola = stack.person("drift", **OPERATOR), stack.person("ola")
    password = operator.post("/api/v1/users/password", json={"user": "ola"}).json()["password"]

    assert ola.get("/api/v1/session").status_code == 401
    assert (logs_in(stack, "ola", PASSWORD), logs_in(stack, "ola", password)) == (401, 200)
    assert rows(stack)[-1] == ("drift", "user.password", "ola")


def test_a_key_works_until_it_is_revoked(stack):
    """The token stands in one answer; revoked, it is a stranger's with the next request."""
    operator = stack.person("drift", **OPERATOR)
    made = operator.post("/api/v1/keys", json={"label": "journal", "roles": ["carer"]})
    machine = stack.client(headers={"authorization": f"Bearer {made.json()['token']}"})

    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    assert machine.get("/api/v1/alerts").status_code == 200
    ((key_id, label),) = [(one["id"], one["label"]) for one in operator.get("/api/v1/keys").json()["items"]]
    assert label == "journal"
    assert operator.post("/api/v1/keys/revoke", json={"id": key_id}).status_code == 200
    assert machine.get("/api/v1/alerts").status_code == 401
    assert slug(operator.post("/api/v1/keys/revoke", json={"id": key_id})) == "not-found"
    assert [what for _, what, _ in rows(stack)][-2:] == ["key.added", "key.revoked"]


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"user": "Å"}, "bad_login", "user"),
        ({"roles": []}, "bad_role", "roles"),
        ({"roles": ["root"]}, "bad_role", "roles"),
        ({"staff": "s9"}, "unknown_staff", "staff"),
        ({"wards": ["vest"]}, "unknown_ward", "ward"),
        ({"password": "short"}, "password_length", "password"),
        ({"name": ""}, "bad_name", "name"),
        ({"user": "drift"}, "login_taken", "user"),
    ],
)
def test_what_is_wrong_with_an_account_is_named(stack, wrong, code, field):
    """A 422 with the field and a code, no account, and no row in the audit."""
    operator = stack.person("drift", **OPERATOR)
    before = rows(stack)
    answer = operator.post("/api/v1/users", json=IDA | wrong)

    assert (slug(answer), answer.json()["field"], answer.json()["errors"][0]["code"]) == ("bad-field", field, code)
    assert rows(stack) == before


def test_only_operators_of_the_whole_site_give_access(stack):
    """Not a carer, not a machine key (a stolen one would make itself successors), not who is bound to wards."""
    bound = stack.person("bundet", None, roles=("operator",), wards=["nord"])
    for client in (stack.person("ola"), stack.machine("operator", "carer"), bound):
        for method, path in (("get", "users"), ("get", "keys"), ("get", "audit"), ("post", "users"), ("post", "keys")):
            body = {"json": IDA} if method == "post" else {}
            assert slug(getattr(client, method)(f"/api/v1/{path}", **body)) == "wrong-role", path
    assert "ida" not in {account.user_id for account in stack.accounts.users()}


def test_giving_access_needs_the_csrf_token(stack):
    """Another site cannot make itself a user with an operator's cookie."""
    operator = stack.person("drift", **OPERATOR)
    del operator.headers["x-csrf-token"]

    assert slug(operator.post("/api/v1/users", json=IDA)) == "csrf"
    assert "ida" not in {account.user_id for account in stack.accounts.users()}


def test_the_token_of_this_machine_opens_the_accounts_and_nothing_of_people(stack):
    """The command line's token is an operator's: accounts yes, residents no; a service without one knows no token."""
    app = create_app(replace(stack.services(), local_token="t" * 43))
    local, before = {"authorization": "Bearer " + "t" * 43}, stack.client()
    stack.app = app
    client = stack.client(headers=local)

    assert client.post("/api/v1/users", json=IDA).status_code == 201
    assert rows(stack)[-1] == ("local", "user.added", "ida")
    assert slug(client.get("/api/v1/residents/r1")) == "wrong-role"
    assert before.get("/api/v1/users", headers=local).status_code == 401
    assert stack.client(headers={"authorization": "Bearer "}).get("/api/v1/users").status_code == 401
