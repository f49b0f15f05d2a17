"""Accounts: no default user, slow passwords, sessions that end, keys shown once, and a limit on guessing."""

import importlib.util

import pytest
from sqlalchemy import func, select

from alerts.access import login_limit
from alerts.access.accounts import AccountRefused, Accounts, LogInRefused, ensure_demo_accounts
from alerts.access.login_limit import PER_SOURCE, PER_USER, WINDOW_MS
from alerts.access.passwords import AT_ONCE, WAITING_MAX, Busy, Passwords
from alerts.schema.people import login_attempts, machine_keys, sessions, users
from tests.support.people import NOW_MS, SITE, filled_store

PASSWORD = "tre små bjørner"
HOUR_MS = 3_600_000
HERE, THERE = "10.0.0.1", "10.0.0.2"


@pytest.fixture
def accounts(tmp_path):
    """Accounts of a desk with one user, `ola`, who is the staff s1."""
    found = Accounts(filled_store(tmp_path).database, SITE)
    found.add_user("Ola", PASSWORD, name="Ola Nes", roles={"carer"}, staff_id="s1", now_ms=NOW_MS)
    return found


def refused(accounts, login, password, source=HERE, now_ms=NOW_MS):
    """The code and waiting time with which a log-in is refused."""
    with pytest.raises(LogInRefused) as error:
        accounts.log_in(login, password, source, now_ms)
    return error.value.code, error.value.retry_after_seconds


def test_a_new_desk_has_no_user(tmp_path):
    """Nobody can log in before somebody was added, whatever password they guess."""
    accounts = Accounts(filled_store(tmp_path).database, SITE)

    assert accounts.users() == []
    for login in ("admin", "ola", "root", "demo"):
        assert refused(accounts, login, "vardevakt") == ("wrong-credentials", None)


def test_the_right_password_opens_a_session(accounts):
    """Log-in is by login in any case of letters and password; the token then stands for the account."""
    account, token = accounts.log_in(" OLA ", PASSWORD, HERE, NOW_MS)

    assert (account.user_id, account.staff_id, account.roles) == ("ola", "s1", frozenset({"carer"}))
    assert accounts.session(token, NOW_MS + 1) == account
    assert accounts.session(token + "x", NOW_MS) is None


def test_a_wrong_password_and_an_unknown_user_look_alike(accounts):
    """Neither the answer nor the work done tells whether a user exists."""
    seen = []
    verify = accounts._passwords.verify

    def watched(kept, password):
        seen.append(kept is None)
        return verify(kept, password)

    accounts._passwords.verify = watched

    assert refused(accounts, "ola", "feil") == refused(accounts, "ingen", "feil")
    assert seen == [False, True], "a hash is computed for the unknown user too"


def test_only_hashes_are_kept(accounts):
    """No table holds a password or a token that somebody could use."""
    token = accounts.create_session("ola", NOW_MS)
    key = accounts.create_machine_key("gateway", {"operator"}, NOW_MS)
    with accounts._database.reader.connect() as conn:
        kept = repr([conn.execute(select(table)).all() for table in (users, sessions, machine_keys)])

    assert "$argon2id$" in kept
    assert not [secret for secret in (PASSWORD, token, key) if secret in kept]


def test_a_password_costs_the_service_what_owasp_asks():
    """argon2id with 19 MiB, two rounds and one lane, in a module that no test has made quick (tests/conftest.py)."""
    spec = importlib.util.find_spec("alerts.access.passwords")
    assert spec is not None
    assert spec.loader is not None
    untouched = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(untouched)

    assert untouched.Passwords().hash(PASSWORD).startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_session_ends_after_its_time_and_when_it_is_not_used(tmp_path):
    """Twelve hours after log-in at the latest, and after four without use; use prolongs only the second."""
    accounts = Accounts(filled_store(tmp_path).database, SITE, session_ms=12 * HOUR_MS, idle_ms=4 * HOUR_MS)
    accounts.add_user("ola", PASSWORD, name="Ola", roles={"carer"}, now_ms=NOW_MS)
    used, unused = accounts.create_session("ola", NOW_MS), accounts.create_session("ola", NOW_MS)

    for hour in (3, 6, 9, 11):
        assert accounts.session(used, NOW_MS + hour * HOUR_MS) is not None

    assert accounts.session(unused, NOW_MS + 4 * HOUR_MS - 1) is not None
    assert accounts.session(unused, NOW_MS + 8 * HOUR_MS) is None
    assert accounts.session(used, NOW_MS + 12 * HOUR_MS) is None


def test_a_session_can_be_ended(accounts):
    """Log-out, another password and a disabled user end sessions at once, on our side."""
    first, second = accounts.create_session("ola", NOW_MS), accounts.create_session("ola", NOW_MS)

    accounts.end_session(first, NOW_MS + 1)
    assert [accounts.session(token, NOW_MS + 2) is None for token in (first, second)] == [True, False]
    accounts.set_password("ola", "et annet passord", NOW_MS + 3)
    assert accounts.session(second, NOW_MS + 4) is None
    third = accounts.create_session("ola", NOW_MS + 5)
    assert accounts.disable_user("ola", NOW_MS + 6)
    assert accounts.session(third, NOW_MS + 7) is None
    assert refused(accounts, "ola", "et annet passord", now_ms=NOW_MS + 8) == ("wrong-credentials", None)


def test_sessions_of_one_user_are_bounded(accounts):
    """The twenty-first session ends the oldest, so that a script in a loop fills no table."""
    tokens = [accounts.create_session("ola", NOW_MS + number) for number in range(25)]

    alive = [accounts.session(token, NOW_MS + 100) is not None for token in tokens]

    assert alive == [False] * 5 + [True] * 20


def test_guessing_one_user_s_password_is_limited(accounts):
    """After ten wrong tries the user waits, from wherever the tries came, and then may try again."""
    for number in range(PER_USER):
        refused(accounts, "ola", "feil", f"10.0.1.{number}", NOW_MS + number)

    code, wait_s = refused(accounts, "ola", PASSWORD, THERE, NOW_MS + 1_000)
    assert (code, wait_s) == ("too-many-tries", 299)
    account, _ = accounts.log_in("ola", PASSWORD, THERE, NOW_MS + WINDOW_MS + 1)
    assert account.user_id == "ola"


def test_guessing_many_users_from_one_place_is_limited(accounts):
    """After thirty wrong tries a sender waits, whichever names they try; others are not held up."""
    for number in range(PER_SOURCE):
        refused(accounts, f"bruker{number}", "feil")

    assert refused(accounts, "ola", PASSWORD)[0] == "too-many-tries"
    assert accounts.log_in("ola", PASSWORD, THERE, NOW_MS)[0].user_id == "ola"


def test_the_right_password_forgives(accounts):
    """Nine slips and then the right password: the next nine slips are not the last straw."""
    for number in range(2 * PER_USER - 2):
        refused(accounts, "ola", "feil", f"10.0.2.{number}")
        if number == PER_USER - 2:
            accounts.log_in("ola", PASSWORD, HERE, NOW_MS)

    assert accounts.log_in("ola", PASSWORD, HERE, NOW_MS)[0].user_id == "ola"


def test_knocking_on_does_not_prolong_the_wait(accounts):
    """Refused tries are not counted and cost no write: the lock ends when it said it would."""
    for _ in range(PER_USER):
        refused(accounts, "ola", "feil")
    for second in range(100, 290, 10):
        assert refused(accounts, "ola", "feil", HERE, NOW_MS + second * 1_000)[0] == "too-many-tries"

    with accounts._database.reader.connect() as conn:
        assert conn.execute(select(func.count()).select_from(login_attempts)).scalar_one() == PER_USER
    assert accounts.log_in("ola", PASSWORD, HERE, NOW_MS + WINDOW_MS)[0].user_id == "ola"


def test_tries_are_bounded_rows(accounts, monkeypatch):
    """However many senders try, the table keeps the newest so many; and it holds no typed name."""
    monkeypatch.setattr(login_limit, "ROWS_MAX", 100)
    with accounts._database.writer.begin() as conn:
        for number in range(150):
            login_limit.count(conn, SITE, "hemmelig passord", f"10.0.{number}.1", NOW_MS)
        kept = conn.execute(select(login_attempts)).all()

    assert len(kept) == 100
    assert "hemmelig" not in repr(kept[0])


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("", "unix", False),
    ],
)
def test_a_sender_is_a_network_where_addresses_are_free(first, second, same):
    """An IPv6 /64 counts as one sender: its owner has as many addresses as tries."""
    assert (login_limit.source_name(first) == login_limit.source_name(second)) == same


def test_passwords_have_a_budget_of_their_own():
    """At most two are checked at a time and eight wait; the next is sent away at once."""
    passwords = Passwords()
    for _ in range(AT_ONCE + WAITING_MAX):
        passwords._inside.acquire()

    with pytest.raises(Busy):
        passwords.verify(None, "x")


def test_a_log_in_storm_is_told_to_come_back(accounts):
    """When all places for checking passwords are taken, the answer is to try again soon, not to wait for a thread."""
    for _ in range(AT_ONCE + WAITING_MAX):
        accounts._passwords._inside.acquire()

    assert refused(accounts, "ola", PASSWORD) == ("too-many-tries", 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"password": "kort"}, "12 to 1000"),
        ({"password": "aaaaaaaaaaaaa"}, "easy to guess"),
        ({"login": "Ola Nes"}, "a login has"),
        ({"login": "ola"}, "there is a user ola already"),
        ({"roles": {"admin"}}, "there is no role admin"),
        ({"roles": set()}, "no role is given"),
        ({"staff_id": "s9"}, "there is no staff s9"),
        ({"language": "de"}, "there is no language de"),
        ({"name": "O\nla"}, "a name has"),
    ],
)
def test_a_user_that_makes_no_sense_is_refused(accounts, change, words):
    """A short password, an unknown role or staff, a login that is taken: said in a sentence, and no user made."""
    given = {"login": "ida", "password": PASSWORD, "name": "Ida", "roles": {"carer"}, "now_ms": NOW_MS} | change

    with pytest.raises(AccountRefused, match=words):
        accounts.add_user(given.pop("login"), given.pop("password"), **given)

    assert [account.user_id for account in accounts.users()] == ["ola"]


def test_a_machine_key_is_shown_once_and_can_be_revoked(accounts):
    """The key's holder is a machine with the key's roles, until it is revoked; two keys have nothing in common."""
    token = accounts.create_machine_key("journal", {"carer"}, NOW_MS, "ola")
    other = accounts.create_machine_key("gateway", {"operator"}, NOW_MS + 1)
    account = accounts.machine_key(token, NOW_MS)
    (key_id, label, roles), _ = accounts.machine_keys()

    assert len(token) >= 43, "256 random bits"
    assert (account.user_id, account.staff_id, account.name) == (f"key:{key_id}", None, "journal")
    assert (label, roles) == ("journal", frozenset({"carer"}))
    assert accounts.revoke_machine_key(key_id, NOW_MS + 2)
    assert accounts.machine_key(token, NOW_MS + 3) is None
    assert accounts.machine_key(other, NOW_MS + 3) is not None


def test_tokens_of_one_kind_do_not_open_the_other(accounts):
    """A session token is no machine key and the other way round, also not in another site."""
    token, key = accounts.create_session("ola", NOW_MS), accounts.create_machine_key("x", {"carer"}, NOW_MS)
    elsewhere = Accounts(accounts._database, "annet")

    assert accounts.machine_key(token, NOW_MS) is None
    assert accounts.session(key, NOW_MS) is None
    assert elsewhere.session(token, NOW_MS) is None
    assert elsewhere.machine_key(key, NOW_MS) is None


def test_the_demo_makes_its_own_users_once(tmp_path):
    """Two carers to race with each other, made once; their password is no acceptable one anywhere else."""
    accounts = Accounts(filled_store(tmp_path).database, SITE)
    first = ensure_demo_accounts(accounts, NOW_MS, ("s1",))

    assert ensure_demo_accounts(accounts, NOW_MS + 1, ("s1",)) == first
    assert [account.staff_id for account in accounts.users()] == [None, "s1"]
    for login, password in first:
        assert accounts.log_in(login, password, HERE, NOW_MS)[0].user_id == login
        with pytest.raises(AccountRefused):
            accounts.set_password(login, password, NOW_MS)


def test_wards_of_a_user_are_kept(accounts):
    """Which wards a user may see stands with the account; none named means all."""
    accounts.add_user("ida", PASSWORD, name="Ida", roles={"carer"}, wards=["sor"], now_ms=NOW_MS)

    assert {account.user_id: account.wards for account in accounts.users()} == {"ola": None, "ida": ("sor",)}
