"""Edge: the short way in on a shift's phone. A PIN that somebody chose with their password, good on registered phones.

Theory of operation. A PIN is weak, so it is worth nothing without the phone's token, counted like a password, and
locked by five wrong ones in a row until its owner has logged in with the password and chosen a new one. A try is
counted before it is looked at, so that a hundred at once do not slip through together.
"""

from __future__ import annotations

import re

import structlog
from sqlalchemy import delete, insert, select, update

from alerts.access import audit, login_limit
from alerts.access.account import Account, AccountRefused, LogInRefused, account_of, login_key
from alerts.access.machine_keys import MachineKeys
from alerts.access.passwords import Busy, Passwords
from alerts.schema.people import users
from alerts.schema.shifts import pins
from alerts.shifts.staff_access import has_access

log = structlog.get_logger()

PIN = re.compile(r"[0-9]{4,12}")
WRONG_MAX = 5
_EASY = ("0123456789012", "9876543210987")


class Pins(MachineKeys):
    """Log-in by PIN, and the counting of tries. Callable from any thread."""

    _passwords: Passwords

    def set_pin(self, user_id: str, pin: str, now_ms: int) -> None:
        """Choose a PIN; whoever calls has just proved the password. Raises AccountRefused."""
        if not PIN.fullmatch(pin):
            raise AccountRefused("bad_pin", "pin", "a PIN has 4 to 12 digits")
        if len(set(pin)) == 1 or any(pin in run for run in _EASY):
            raise AccountRefused("easy_pin", "pin", "that PIN is too easy to guess")
        row = {"site_id": self._site_id, "user_id": user_id, "pin_hash": self._passwords.hash(pin)}
        with self._database.writer.begin() as conn:
            conn.execute(delete(pins).where(pins.c.site_id == self._site_id, pins.c.user_id == user_id))
            conn.execute(insert(pins).values(row | {"failures": 0, "set_ms": now_ms}))
            login_limit.forgive(conn, self._site_id, f"pin:{user_id}")
            audit.record(conn, self._site_id, user_id, "user.pin", user_id, now_ms)

    def verify_pin(self, login: str, pin: str, phone_id: str, now_ms: int) -> Account:
        """Whose PIN it is, on a registered phone. Raises LogInRefused: wrong-pin, pin-locked, too-many-tries,
        access-ended.
        """
        name = login_key(login)
        self._count_try(f"pin:{name}", f"phone:{phone_id}", now_ms)
        mine = (pins.c.site_id == self._site_id, pins.c.user_id == name)
        same = (pins.c.site_id == users.c.site_id) & (pins.c.user_id == users.c.id)
        query = select(users, pins.c.pin_hash, pins.c.failures).join(pins, same)
        with self._database.writer.begin() as conn:
            row = conn.execute(query.where(*mine, users.c.disabled_ms.is_(None))).first()
            if row is not None and row.failures >= WRONG_MAX:
                raise LogInRefused("pin-locked")
            conn.execute(update(pins).where(*mine).values(failures=pins.c.failures + 1))
        try:
            right = self._passwords.verify(None if row is None else row.pin_hash, pin[:20])
        except Busy as busy:
            raise LogInRefused("too-many-tries", 2) from busy
        if not right or row is None:
            log.info("pin_failed", phone=phone_id)
            raise LogInRefused("wrong-pin")
        with self._database.writer.begin() as conn:
            if not has_access(conn, self._site_id, row.staff_id, now_ms):
                raise LogInRefused("access-ended")
            conn.execute(update(pins).where(*mine).values(failures=0))
            login_limit.forgive(conn, self._site_id, f"pin:{name}")
        return account_of(row)

    def _count_try(self, login: str, source: str, now_ms: int) -> None:
        """Count a try before it is looked at. Raises LogInRefused; what is refused costs no write."""
        with self._database.reader.connect() as conn:
            wait_ms = login_limit.wait_ms(conn, self._site_id, login, source, now_ms)
        if wait_ms == 0:
            with self._database.writer.begin() as conn:
                wait_ms = login_limit.wait_ms(conn, self._site_id, login, source, now_ms)
                if wait_ms == 0:
                    login_limit.count(conn, self._site_id, login, source, now_ms)
        if wait_ms:
            log.warning("login_limited", source=login_limit.source_name(source))
            raise LogInRefused("too-many-tries", -(-wait_ms // 1_000))
