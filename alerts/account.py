"""What an account is, and when one is refused. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

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
    """No log-in. `code` is wrong-credentials or too-many-tries, then with `retry_after_seconds`."""

    def __init__(self, code: str, retry_after_seconds: int | None = None) -> None:
        super().__init__(code)
        self.code, self.retry_after_seconds = code, retry_after_seconds


def check_account(name: str, roles: Collection[str]) -> None:
    """Raises AccountRefused for a name that is no name, and for roles that do not exist or none."""
    if not _LABEL.fullmatch(name):
        raise AccountRefused("bad_name", "name", "a name has 1 to 200 characters, on one line")
    unknown = sorted(set(roles) - ROLES)
    if unknown or not roles:
        wrong = f"there is no role {unknown[0][:40]}" if unknown else "no role is given"
        raise AccountRefused("bad_role", "roles", f"{wrong}; roles are {', '.join(sorted(ROLES))}")
