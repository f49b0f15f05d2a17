"""What an account is, and when one is refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import msgspec

ROLES = frozenset({"carer", "operator"})
LANGUAGES = frozenset({"nb", "en"})
_LABEL = re.compile(r"[^\x00-\x1f\x7f]{1,200}")


class Account(msgspec.Struct, frozen=True):
    """Who asks. `wards` None = every ward of the site."""

    user_id: str
    staff_id: str | None
    name: str
    roles: frozenset[str]
    language: str
    wards: tuple[str, ...] | None = None


class AccountRefused(Exception):
    """An account that cannot be made or changed so. `code` is a word of the catalogue, `field` the one at fault; the
    message says the same for the command line.
    """

    def __init__(self, code: str, field: str, message: str) -> None:
        super().__init__(message)
        self.code, self.field = code, field


class LogInRefused(Exception):
    """No log-in. `code`: wrong-credentials, wrong-pin, pin-locked, access-ended, or too-many-tries, then with
    `retry_after_seconds`.
    """

    def __init__(self, code: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(code)
        self.code, self.retry_after_seconds = code, retry_after_seconds


def check_name(name: str) -> None:
    """Raises AccountRefused for a name that is no name."""
    if not _LABEL.fullmatch(name):
        raise AccountRefused("bad_name", "name", "a name has 1 to 200 characters, on one line")


def check_account(name: str, roles: Collection[str]) -> None:
    """Raises AccountRefused for a name that is no name, and for roles that do not exist or none."""
    check_name(name)
    unknown = sorted(set(roles) - ROLES)
    if unknown or not roles:
        wrong = f"there is no role {unknown[0][:40]}" if unknown else "no role is given"
        raise AccountRefused("bad_role", "roles", f"{wrong}; roles are {', '.join(sorted(ROLES))}")


def account_of(row: Any) -> Account:
    """The account that a row of `users` is."""
    wards = None if row.wards is None else tuple(row.wards)
    return Account(row.id, row.staff_id, row.name, frozenset(row.roles), row.language, wards)


def login_key(login: str) -> str:
    """What a user is known by, however it was typed."""
    return login.strip().casefold()[:200]
