"""Edge: accounts for the command line, in the desk itself; where a service runs on its file, through that service."""

from __future__ import annotations

import contextlib
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from alerts.access.accounts import Accounts
from alerts.database import Place
from api.cli.files import open_store
from api.cli.problem_lines import CannotRun
from api.http.local_access import LocalAccess, read_access
from ingest.journal_file import is_in_use

ANSWER_S = 30.0
ANSWER_MAX_BYTES = 65_536
LOCAL = "local"  # who the audit names for the command line


class AccountDesk(Protocol):
    """What the commands `user` and `key` change. Each raises AccountRefused or CannotRun with one line."""

    def add_user(
        self, login: str, password: str, *, name: str, roles: Sequence[str], staff_id: str | None,
        wards: Sequence[str] | None, language: str,
    ) -> None: ...  # fmt: skip

    def set_password(self, login: str, password: str) -> None: ...

    def disable_user(self, login: str) -> bool: ...

    def enable_user(self, login: str) -> bool: ...

    def create_key(self, label: str, roles: Sequence[str]) -> str: ...

    def revoke_key(self, key_id: str) -> bool: ...


@contextlib.contextmanager
def account_desk(place: Place) -> Iterator[AccountDesk]:
    """The accounts of a desk, whether a service runs on it or not."""
    folder = place.parent if isinstance(place, Path) else None
    if folder is not None and is_in_use(folder / "journal.db"):
        access = read_access(folder)
        if access is None:
            raise CannotRun(f"a service holds {folder} but takes no commands (yet): try again when it is up")
        yield ThroughService(access)
        return
    with open_store(place, None) as store:
        yield InDesk(Accounts(store.database, store.site_id))


class InDesk:
    """Nothing runs on the file, so it is ours; or it is a server, which others may write too."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def add_user(
        self, login: str, password: str, *, name: str, roles: Sequence[str], staff_id: str | None,
        wards: Sequence[str] | None, language: str,
    ) -> None:  # fmt: skip
        self._accounts.add_user(
            login, password, name=name, roles=roles, now_ms=_now_ms(), staff_id=staff_id, wards=wards,
            language=language, by=LOCAL,
        )  # fmt: skip

    def set_password(self, login: str, password: str) -> None:
        self._accounts.set_password(login, password, _now_ms(), LOCAL)

    def disable_user(self, login: str) -> bool:
        return self._accounts.disable_user(login, _now_ms(), LOCAL)

    def enable_user(self, login: str) -> bool:
        return self._accounts.enable_user(login, _now_ms(), LOCAL)

    def create_key(self, label: str, roles: Sequence[str]) -> str:
        return self._accounts.create_machine_key(label, roles, _now_ms(), LOCAL)

    def revoke_key(self, key_id: str) -> bool:
        return self._accounts.revoke_machine_key(key_id, _now_ms(), LOCAL)


class ThroughService:
    """A service runs: it is asked by its routes, so that pages, API and command line obey the same checks."""

    def __init__(self, access: LocalAccess) -> None:
        self._access = access
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never by a proxy of the shell's

    def add_user(
        self, login: str, password: str, *, name: str, roles: Sequence[str], staff_id: str | None,
        wards: Sequence[str] | None, language: str,
    ) -> None:  # fmt: skip
        self._ask(
            "POST", "users",
            {
                "user": login, "password": password, "name": name, "roles": list(roles), "staff": staff_id,
                "wards": None if wards is None else list(wards), "language": language,
            },
        )  # fmt: skip

    def set_password(self, login: str, password: str) -> None:
        self._ask("POST", "users/password", {"user": login, "password": password})

    def disable_user(self, login: str) -> bool:
        return self._ask("POST", "users/disable", {"user": login}, missing_ok=True) is not None

    def enable_user(self, login: str) -> bool:
        return self._ask("POST", "users/enable", {"user": login}, missing_ok=True) is not None

    def create_key(self, label: str, roles: Sequence[str]) -> str:
        answer = self._ask("POST", "keys", {"label": label, "roles": list(roles)})
        assert answer is not None, "only what may be missing answers None"
        return str(answer["token"])

    def revoke_key(self, key_id: str) -> bool:
        return self._ask("POST", "keys/revoke", {"id": key_id}, missing_ok=True) is not None

    def _ask(self, method: str, path: str, body: object, *, missing_ok: bool = False) -> dict[str, Any] | None:
        """The answer; None for a 404 where that is an answer. Raises CannotRun with the service's own sentence."""
        request = urllib.request.Request(  # noqa: S310 - the address is the note's, always http
            f"{self._access.url}/api/v1/{path}",
            msgspec.json.encode(body),
            {
                "content-type": "application/json",
                "authorization": f"Bearer {self._access.token}",
                "accept-language": "en",
            },
            method=method,
        )
        try:
            with self._opener.open(request, timeout=ANSWER_S) as answer:
                content = answer.read(ANSWER_MAX_BYTES)
                return dict(msgspec.json.decode(content)) if content else {}
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404 and missing_ok:
                    return None
                raise CannotRun(_sentence(error.read(ANSWER_MAX_BYTES), error.code)) from error
        except (urllib.error.URLError, TimeoutError) as error:
            raise CannotRun(f"the service at {self._access.url} does not answer: try again") from error


def _sentence(content: bytes, status: int) -> str:
    """What a problem says, the field at fault first."""
    try:
        problem = msgspec.json.decode(content)
        errors = problem.get("errors") or [{}]
        return str(errors[0].get("message") or problem["detail"])
    except (msgspec.DecodeError, AttributeError, KeyError, IndexError):
        return f"the service answered {status}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
