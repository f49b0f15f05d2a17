"""Who may ask: sessions with CSRF, machine keys, roles, and how often one may try."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from api.http.services import WebOptions
from tests.support.http import PASSWORD, HttpStack, http_stack, slug


@pytest.fixture
def stack(tmp_path) -> Iterator[HttpStack]:
    with http_stack(tmp_path) as made:
        yield made


def test_nobody_gets_nothing(stack):
    """Every route of the API but log-in refuses a stranger, as a problem, and says how to come in."""
    document = stack.app.openapi()
    client = stack.client()
    # a municipality's gateway signs what it says instead of signing in (tests/contract/test_channel_doors.py)
    doors = {("post", f"/api/v1/channels/{{channel_id}}/{door}") for door in ("receipts", "replies")}
    free = {("post", "/api/v1/session"), *doors}
    answers = {
        (method, path): client.request(method, path.replace("{act}", "claim").replace("{what}", "plan"))
        for path, methods in document["paths"].items()
        for method in methods
        if path.startswith("/api/v1") and (method, path) not in free
    }

    assert {key: (answer.status_code, slug(answer)) for key, answer in answers.items()} == dict.fromkeys(
        answers, (401, "not-signed-in")
    )
    assert all(answer.headers["www-authenticate"].startswith("Bearer") for answer in answers.values())


def test_log_in_sets_a_cookie_that_scripts_cannot_read(stack):
    """The session cookie is HttpOnly, SameSite=Lax and for every path; the answer carries the CSRF token."""
    stack.accounts.add_user("ola", PASSWORD, name="Ola", roles=("carer",), now_ms=stack.now_ms, staff_id="s1")
    client = stack.client()
    answer = client.post("/api/v1/session", json={"user": "ola", "password": PASSWORD})
    cookie = answer.headers["set-cookie"].lower()

    assert answer.status_code == 200
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/"))
    assert "secure" not in cookie
    assert answer.json() == {
        "user": "ola", "name": "Ola", "staff": "s1", "roles": ["carer"], "language": "nb",
        "csrf": client.get("/api/v1/session").json()["csrf"],
    }  # fmt: skip
    assert client.cookies.get("vardevakt") not in answer.text


def test_behind_tls_the_cookie_is_secure_and_bound_to_the_host(tmp_path):
    """With TLS in front the cookie is Secure with the __Host- prefix, and browsers are told to stay on TLS."""
    with http_stack(tmp_path, web=WebOptions(secure_cookies=True)) as stack:
        stack.accounts.add_user("ola", PASSWORD, name="Ola", roles=("carer",), now_ms=stack.now_ms)
        client = stack.client(base_url="https://testserver")
        answer = client.post("/api/v1/session", json={"user": "ola", "password": PASSWORD})

        assert answer.headers["set-cookie"].startswith("__Host-vardevakt=")
        assert "secure" in answer.headers["set-cookie"].lower()
        assert client.get("/api/v1/session").status_code == 200
        assert "strict-transport-security" in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-csrf-token": ""},
        {"x-csrf-token": "0" * 64},
        {"x-csrf-token": "ørret".encode("latin-1")},
    ],
)
def test_an_act_without_the_csrf_token_is_refused(stack, headers):
    """A cookie alone moves nothing: 403, and the alert stays as it was."""
    alert_id = stack.press()
    client = stack.person()
    del client.headers["x-csrf-token"]
    answer = client.post(f"/api/v1/alerts/{alert_id}/claim", headers={"idempotency-key": "k", **headers})

    assert (answer.status_code, slug(answer)) == (403, "csrf")
    assert client.get(f"/api/v1/alerts/{alert_id}").json()["handling"] == "new"


def test_the_token_of_another_session_is_refused(stack):
    """CSRF tokens are bound to their session."""
    ola, ida = stack.person(), stack.person("ida", "s2")
    ola.headers["x-csrf-token"] = ida.headers["x-csrf-token"]

    assert slug(ola.delete("/api/v1/session")) == "csrf"


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}]
)
def test_what_another_site_sends_is_refused(stack, headers):
    """A request that the browser marks as another site's is refused, even with the right token, and at log-in too."""
    client = stack.person()

    assert slug(client.delete("/api/v1/session", headers=headers)) == "csrf"
    answer = stack.client().post("/api/v1/session", json={"user": "ola", "password": PASSWORD}, headers=headers)
    assert slug(answer) == "csrf"


def test_the_form_logs_in_and_goes_where_one_wanted(stack):
    """The page's form sets the cookie and goes on; the field `csrf` logs out."""
    stack.accounts.add_user("ola", PASSWORD, name="Ola", roles=("carer",), now_ms=stack.now_ms)
    client = stack.client(follow_redirects=False)
    form = {"user": "ola", "password": PASSWORD, "next": "/residents/r1"}
    answer = client.post("/login", data=form)

    assert (answer.status_code, answer.headers["location"]) == (303, "/residents/r1")
    csrf = client.get("/api/v1/session").json()["csrf"]
    assert client.post("/logout", data={"csrf": "wrong"}).status_code == 403
    assert client.post("/logout", data={"csrf": csrf}).headers["location"] == "/login"
    assert client.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "", "javascript:x"])
def test_the_form_never_leads_to_another_host(stack, target):
    """`next` is a path of ours or the first page."""
    stack.accounts.add_user("ola", PASSWORD, name="Ola", roles=("carer",), now_ms=stack.now_ms)
    client = stack.client(follow_redirects=False)

    answer = client.post("/login", data={"user": "ola", "password": PASSWORD, "next": target})

    assert answer.headers["location"] == "/"


def test_a_wrong_password_in_the_form_goes_back_to_the_page(stack):
    """The page is told what happened by a slug, never by what was typed."""
    answer = stack.client(follow_redirects=False).post("/login", data={"user": "ola", "password": "hunter2"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/login?problem=wrong-credentials")


def test_log_in_tries_are_limited(stack):
    """Wrong passwords end in 429 with Retry-After, also for the right one; time lets in again."""
    stack.accounts.add_user("ola", PASSWORD, name="Ola", roles=("carer",), now_ms=stack.now_ms)
    client = stack.client()
    wrong = {"user": "ola", "password": "wrong"}
    answers = [client.post("/api/v1/session", json=wrong) for _ in range(11)]

    assert slug(answers[0]) == "wrong-credentials"
    assert slug(answers[-1]) == "too-many-tries"
    assert int(answers[-1].headers["retry-after"]) > 0
    assert client.post("/api/v1/session", json=wrong | {"password": PASSWORD}).status_code == 429
    stack.now_ms += int(answers[-1].headers["retry-after"]) * 1000 + 1000
    assert client.post("/api/v1/session", json=wrong | {"password": PASSWORD}).status_code == 200


def test_a_session_ends_at_log_out_and_by_time(stack):
    """After log-out the old cookie is worth nothing, and unused sessions end by themselves."""
    client = stack.person()
    token = client.cookies["vardevakt"]
    assert client.delete("/api/v1/session").status_code == 204
    client.cookies.set("vardevakt", token)
    assert client.get("/api/v1/session").status_code == 401

    again = stack.person()
    stack.now_ms += 13 * 3_600_000
    assert again.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer ", "Bearer x", "Basic b2xhOng=", "Bearer " + "x" * 5000, "Bearer ø"]
)
def test_nonsense_credentials_are_strangers(stack, value):
    """Whatever stands in Authorization that is no key of ours gives 401, never an error."""
    answer = stack.client().get("/api/v1/alerts", headers={"authorization": value.encode("latin-1")})

    assert answer.status_code == 401


def test_a_key_that_is_wrong_does_not_fall_back_to_the_cookie(stack):
    """Bearer decides alone: a script that mistypes its key must not act as whoever is signed in."""
    client = stack.person()

    assert client.get("/api/v1/session", headers={"authorization": "Bearer wrong"}).status_code == 401


def test_roles_divide_people_from_operations(stack):
    """Carers read about people, operators about what could not be understood, neither the other's."""
    carer, operator = stack.machine("carer"), stack.machine("operator")

    assert carer.get("/api/v1/residents").status_code == 200
    assert slug(operator.get("/api/v1/residents")) == "wrong-role"
    assert operator.get("/api/v1/dead-letters").status_code == 200
    assert slug(carer.get("/api/v1/dead-letters")) == "wrong-role"


def test_a_user_of_one_ward_does_not_see_another(stack):
    """Wards of an account bound what it may read: card, alert, lists (which without a ward are those of its own)."""
    alert_id = stack.press()
    client = stack.person("sia", "s2", wards=("sor",))

    assert client.get("/api/v1/residents/r2").status_code == 200
    for path in ("residents/r1", "residents?ward=nord", "alerts?ward=nord", f"alerts/{alert_id}"):
        assert slug(client.get(f"/api/v1/{path}")) == "wrong-role", path
    for path in ("residents?ward=sor", "residents"):
        assert [item["id"] for item in client.get(f"/api/v1/{path}").json()["items"]] == ["r2"], path
    assert client.get("/api/v1/alerts").json()["items"] == []
