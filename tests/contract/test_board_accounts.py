"""The page of accounts and keys: what an operator does on it, in both languages, and what is shown once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from alerts.access import audit
from tests.support.board import board_stack
from tests.support.desk import SITE
from tests.support.http import PASSWORD, HttpStack

FORM = {"user": "ida", "name": "Ida Vik", "role": ["carer"], "staff": "s2", "ward": ["nord"], "language": "nb"}


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with board_stack(tmp_path) as made:
        yield made


def secret_of(html):
    found = re.search(r'id="secret">([^<]+)<', html)
    assert found is not None, "a secret is shown"
    return found[1]


@pytest.mark.parametrize(("lang", "word"), [("nb", "Kontoer"), ("en", "Accounts")])
def test_the_page_stands_in_both_languages_for_operators_alone(stack, lang, word):
    """It is in the menu of those who may open it; a carer neither sees nor opens it."""
    operator, carer = stack.person("drift", None, roles=("operator",)), stack.person("ola")
    page = operator.get("/accounts", params={"lang": lang})

    assert (page.status_code, page.text.count(f">{word}<") > 1) == (200, True)
    assert not re.search(r">\s*(?:accounts|account_role|audit)\.[a-z_]+\s*<", page.text)
    assert carer.get("/accounts").status_code == 403
    assert 'href="/accounts"' not in carer.get("/").text


def test_an_account_made_on_the_page_logs_in_with_the_password_it_shows(stack):
    """The password stands on the answer, in no cache, and on no page after it; the audit names who made it."""
    operator = stack.person("drift", None, roles=("operator",))
    made = operator.post("/accounts", data=FORM)
    password = secret_of(made.text)

    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    login = stack.client().post("/api/v1/session", json={"user": "ida", "password": password})
    assert login.status_code == 200
    after = operator.get("/accounts")
    assert "Ida Vik" in after.text
    assert password not in after.text
    row = audit.newest(stack.database, SITE)[0]
    assert (row["who"], row["what"], row["about"], row["args"]["wards"]) == ("drift", "user.added", "ida", ["nord"])


def test_password_shut_out_let_in_and_keys_by_plain_forms(stack):
    """Each button does what it says, and nothing without the CSRF token."""
    stack.person("ola")
    operator = stack.person("drift", None, roles=("operator",))
    password = secret_of(operator.post("/accounts/password", data={"user": "ola"}).text)
    assert stack.client().post("/api/v1/session", json={"user": "ola", "password": PASSWORD}).status_code == 401
    assert stack.client().post("/api/v1/session", json={"user": "ola", "password": password}).status_code == 200
    assert "Det er gjort." in operator.post("/accounts/disable", data={"user": "ola"}).text
    assert "ola" not in {one.user_id for one in stack.accounts.users()}
    operator.post("/accounts/enable", data={"user": "ola"})
    assert "ola" in {one.user_id for one in stack.accounts.users()}

    token = secret_of(operator.post("/accounts/keys", data={"label": "journal", "role": ["carer"]}).text)
    machine = stack.client(headers={"authorization": f"Bearer {token}"})
    assert machine.get("/api/v1/alerts").status_code == 200
    ((key_id, _, _),) = stack.accounts.machine_keys()
    del operator.headers["x-csrf-token"]
    assert operator.post("/accounts/keys/revoke", data={"key": key_id}).status_code == 403
    assert machine.get("/api/v1/alerts").status_code == 200


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        (FORM | {"user": "drift"}, "Den innloggingen er i bruk."),
        (FORM | {"role": []}, "Velg minst én rolle."),
        (FORM | {"user": "å"}, "Innloggingen kan ha bokstavene"),
    ],
)
def test_what_is_wrong_is_said_on_the_page(stack, form, sentence):
    """The page comes back with a sentence, and no account was made."""
    operator = stack.person("drift", None, roles=("operator",))
    answer = operator.post("/accounts", data=form)

    assert (answer.status_code, sentence in answer.text) == (422, True)
    assert [one.user_id for one in stack.accounts.users()] == ["drift"]
