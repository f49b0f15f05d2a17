"""Edge: who may use the service. Users with passwords, sessions, machine keys.

There is no default user and no default password: `vardevakt user add` makes the first one, and only the demo makes its
own (`ensure_demo_accounts`). Tokens are shown once and kept as hashes; sessions live on our side, so that they can be
ended here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import structlog
from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, update

from alerts.access import audit, login_limit
from alerts.access.account import LANGUAGES, Account, AccountRefused, LogInRefused, account_of, check_account, login_key
from alerts.access.passwords import Busy, Passwords, new_token, token_hash
from alerts.database import Database
from alerts.schema.people import sessions, staff, users
from alerts.schema.people import wards as ward_rows
from alerts.shifts.pins import Pins
from alerts.shifts.staff_access import has_access, on_shift

__all__ = ["Account", "AccountRefused", "Accounts", "LogInRefused", "ensure_demo_accounts", "login_key"]

log = structlog.get_logger()

PASSWORD_MIN, PASSWORD_MAX = 12, 1_000
SESSION_MS = 12 * 3_600_000
IDLE_MS = 4 * 3_600_000
SEEN_EVERY_MS = 5 * 60_000  # how exactly we know when a session was last used; each update is a synced write
SESSIONS_PER_USER = 20
DEMO_PASSWORD = "vardevakt"  # noqa: S105 - known to all, and made by the demo alone
_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


class Accounts(Pins):
    """Accounts of one site. Callable from any thread. A session ends after `session_ms`, or `idle_ms` without use, and
    with its person's access.
    """

    def __init__(
        self, database: Database, site_id: str, *, session_ms: int = SESSION_MS, idle_ms: int = IDLE_MS
    ) -> None:
        super().__init__(database, site_id)
        self._session_ms, self._idle_ms = session_ms, idle_ms
        self._passwords = Passwords()

    # -- users -------------------------------------------------------------------------------------------------
    def add_user(
        self, login: str, password: str, *, name: str, roles: Collection[str], now_ms: int, staff_id: str | None = None,
        wards: Sequence[str] | None = None, language: str = "nb", by: str | None = None,
    ) -> Account:  # fmt: skip
        """Make a user. Raises AccountRefused: the login is taken, the password short, a role or staff unknown.

        `by`, here and below: the account that does it, for the audit.
        """
        _acceptable(password)
        return self._add(login, password, name, roles, now_ms, staff_id, wards, language, by)

    def set_password(self, login: str, password: str, now_ms: int, by: str | None = None) -> None:
        """Give a user another password; every session of theirs ends. Raises AccountRefused."""
        _acceptable(password)
        kept = self._passwords.hash(password)
        with self._database.writer.begin() as conn:
            found = conn.execute(update(users).where(*self._user(login)).values(password_hash=kept))
            if found.rowcount == 0:
                raise AccountRefused("unknown_user", "user", f"there is no user {login[:64]}")
            self._end_all(conn, login, now_ms)
            audit.record(conn, self._site_id, by, "user.password", login_key(login), now_ms)

    def disable_user(self, login: str, now_ms: int, by: str | None = None) -> bool:
        """Shut a user out at once; whether there was one."""
        with self._database.writer.begin() as conn:
            found = conn.execute(
                update(users).where(*self._user(login), users.c.disabled_ms.is_(None)).values(disabled_ms=now_ms)
            )
            self._end_all(conn, login, now_ms)
            if found.rowcount:
                audit.record(conn, self._site_id, by, "user.disabled", login_key(login), now_ms)
        return found.rowcount > 0

    def enable_user(self, login: str, now_ms: int, by: str | None = None) -> bool:
        """Let a user in again that was shut out, with the password they had; whether there was one."""
        with self._database.writer.begin() as conn:
            found = conn.execute(
                update(users).where(*self._user(login), users.c.disabled_ms.is_not(None)).values(disabled_ms=None)
            )
            if found.rowcount:
                audit.record(conn, self._site_id, by, "user.enabled", login_key(login), now_ms)
        return found.rowcount > 0

    def users(self) -> list[Account]:
        """Users who may log in, by login."""
        return self._users(users.c.disabled_ms.is_(None))

    def disabled_users(self) -> list[Account]:
        """Users who are shut out, by login."""
        return self._users(users.c.disabled_ms.is_not(None))

    def _users(self, condition: ColumnElement[bool]) -> list[Account]:
        query = select(users).where(users.c.site_id == self._site_id, condition).order_by(users.c.id)
        with self._database.reader.connect() as conn:
            return [account_of(row) for row in conn.execute(query)]

    # -- log-in and sessions ----------------------------------------------------------------------------------
    def log_in(
        self, login: str, password: str, source: str, now_ms: int, phone_id: str | None = None
    ) -> tuple[Account, str]:
        """Account and session token of whoever knows the password. Raises LogInRefused."""
        account = self.verify_password(login, password, source, now_ms)
        return account, self.create_session(account.user_id, now_ms, phone_id)

    def verify_password(self, login: str, password: str, source: str, now_ms: int) -> Account:
        """Whose password it is. Tries are limited per user and `source` (address). Raises LogInRefused."""
        name = login_key(login)
        self._count_try(name, source, now_ms)
        with self._database.reader.connect() as conn:
            row = conn.execute(select(users).where(*self._user(name), users.c.disabled_ms.is_(None))).first()
        try:
            right = self._passwords.verify(None if row is None else row.password_hash, password[:PASSWORD_MAX])
        except Busy as busy:
            raise LogInRefused("too-many-tries", 2) from busy
        if not right or row is None:
            log.info("login_failed", source=login_limit.source_name(source))
            raise LogInRefused("wrong-credentials")
        renewed = self._passwords.hash(password) if self._passwords.outdated(row.password_hash) else row.password_hash
        with self._database.writer.begin() as conn:
            login_limit.forgive(conn, self._site_id, name)
            conn.execute(update(users).where(*self._user(name)).values(password_hash=renewed))
            if not has_access(conn, self._site_id, row.staff_id, now_ms):
                raise LogInRefused("access-ended")
        return account_of(row)

    def create_session(self, user_id: str, now_ms: int, phone_id: str | None = None) -> str:
        """A token for the browser's cookie. Over 20 sessions of one user, the oldest end; on a registered phone, those
        that others left there.
        """
        token, mine = new_token(), (sessions.c.site_id == self._site_id, sessions.c.user_id == user_id)
        with self._database.writer.begin() as conn:
            conn.execute(delete(sessions).where(sessions.c.site_id == self._site_id, sessions.c.expires_ms <= now_ms))
            oldest_first = select(sessions.c.token_hash).where(*mine).order_by(sessions.c.created_ms.desc())
            too_many = conn.execute(oldest_first.offset(SESSIONS_PER_USER - 1)).scalars().all()
            conn.execute(delete(sessions).where(*mine, sessions.c.token_hash.in_(too_many)))
            if phone_id is not None:
                left = (sessions.c.phone_id == phone_id, sessions.c.revoked_ms.is_(None))
                conn.execute(update(sessions).where(mine[0], *left).values(revoked_ms=now_ms))
            conn.execute(
                insert(sessions).values(
                    site_id=self._site_id, token_hash=token_hash(token), user_id=user_id, created_ms=now_ms,
                    seen_ms=now_ms, expires_ms=now_ms + self._session_ms, phone_id=phone_id,
                )
            )  # fmt: skip
        return token

    def session(self, token: str, now_ms: int) -> Account | None:
        """Who holds this session token; None when it ended, or was never ours."""
        this = (sessions.c.site_id == self._site_id, sessions.c.token_hash == token_hash(token))
        same_user = (users.c.site_id == sessions.c.site_id) & (users.c.id == sessions.c.user_id)
        query = (
            select(users, sessions.c.seen_ms)
            .join(sessions, same_user)
            .where(*this, sessions.c.revoked_ms.is_(None), users.c.disabled_ms.is_(None))
            .where(sessions.c.expires_ms > now_ms, sessions.c.seen_ms > now_ms - self._idle_ms)
        )
        with self._database.reader.connect() as conn:
            row = conn.execute(query).first()
            account = None if row is None else on_shift(conn, self._site_id, account_of(row), now_ms)
        if row is None or account is None:
            return None
        if now_ms - row.seen_ms >= min(SEEN_EVERY_MS, self._idle_ms // 4):
            with self._database.writer.begin() as conn:
                conn.execute(update(sessions).where(*this, sessions.c.seen_ms < now_ms).values(seen_ms=now_ms))
        return account

    def end_session(self, token: str, now_ms: int) -> None:
        """Log out. Repeating it changes nothing."""
        this = (sessions.c.site_id == self._site_id, sessions.c.token_hash == token_hash(token))
        with self._database.writer.begin() as conn:
            conn.execute(update(sessions).where(*this, sessions.c.revoked_ms.is_(None)).values(revoked_ms=now_ms))

    # -- inside -----------------------------------------------------------------------------------------------
    def _user(self, login: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        return users.c.site_id == self._site_id, users.c.id == login_key(login)

    def _must_know(self, conn: Connection, table: Table, item_id: str, kind: str) -> None:
        known = select(table.c.id).where(table.c.site_id == self._site_id, table.c.id == item_id)
        if conn.execute(known).first() is None:
            raise AccountRefused(f"unknown_{kind}", kind, f"there is no {kind} {item_id[:64]} in this site")

    def _end_all(self, conn: Connection, login: str, now_ms: int) -> None:
        mine = (sessions.c.site_id == self._site_id, sessions.c.user_id == login_key(login))
        conn.execute(update(sessions).where(*mine, sessions.c.revoked_ms.is_(None)).values(revoked_ms=now_ms))

    def _add(
        self, login: str, password: str, name: str, roles: Collection[str], now_ms: int, staff_id: str | None,
        wards: Sequence[str] | None, language: str, by: str | None = None,
    ) -> Account:  # fmt: skip
        user_id = login_key(login)
        check_account(name, roles)
        if not _LOGIN.fullmatch(user_id):
            message = "a login has 1 to 64 of the letters a-z, digits, '.', '_', '-' and '@'"
            raise AccountRefused("bad_login", "user", message)
        if language not in LANGUAGES:
            message = f"there is no language {language[:20]}; languages are nb and en"
            raise AccountRefused("bad_language", "language", message)
        row = {
            "site_id": self._site_id, "id": user_id, "staff_id": staff_id, "name": name, "roles": sorted(roles),
            "wards": None if wards is None else list(wards), "language": language, "created_ms": now_ms,
            "password_hash": self._passwords.hash(password),
        }  # fmt: skip
        with self._database.writer.begin() as conn:
            if staff_id is not None:
                self._must_know(conn, staff, staff_id, "staff")
            for ward in wards or ():
                self._must_know(conn, ward_rows, ward, "ward")
            if conn.execute(select(users.c.id).where(*self._user(user_id))).first() is not None:
                raise AccountRefused("login_taken", "user", f"there is a user {user_id} already")
            conn.execute(insert(users).values(row))
            given = {"roles": sorted(roles), "wards": row["wards"], "staff": staff_id}
            audit.record(conn, self._site_id, by, "user.added", user_id, now_ms, given)
        return Account(user_id, staff_id, name, frozenset(roles), language, None if wards is None else tuple(wards))


def ensure_demo_accounts(
    accounts: Accounts, now_ms: int, staff_ids: Sequence[str | None] = (None, None)
) -> list[tuple[str, str]]:
    """The demo's users and their password: two carers, so that two can race for one alert, the first an operator too.

    For `vardevakt demo` alone, on its own data: the password is known to all. Repeating it changes nothing.
    """
    known = {account.user_id for account in accounts.users()}
    first, second = (*staff_ids, None, None)[:2]
    for login, name, roles, staff_id in (
        ("ola", "Ola (demo)", ("carer", "operator"), first),
        ("ida", "Ida (demo)", ("carer",), second),
    ):
        if login not in known:
            # past add_user, which would refuse so short a password
            # a known password, for the demo alone
            accounts._add(login, DEMO_PASSWORD, name, roles, now_ms, staff_id, None, "nb")  # noqa: SLF001
    return [("ola", DEMO_PASSWORD), ("ida", DEMO_PASSWORD)]


def _acceptable(password: str) -> None:
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        message = f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters"
        raise AccountRefused("password_length", "password", message)
    if len(set(password)) < 4 or password.casefold().strip() == DEMO_PASSWORD:
        raise AccountRefused("password_easy", "password", "that password is too easy to guess")
