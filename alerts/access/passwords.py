"""Edge: passwords and tokens as they are kept. argon2 for what people choose, a plain hash for 256 random bits.

argon2 is slow and hungry on purpose, so it has a budget of its own: a storm of log-ins waits or is sent away, and
never takes the threads that alarms are read and claimed with.
"""

from __future__ import annotations

import hashlib
import secrets
import threading

import argon2
from argon2.exceptions import InvalidHashError, VerifyMismatchError

AT_ONCE = 2
WAITING_MAX = 8
# OWASP's first choice for argon2id: 19 MiB, two rounds, one lane
_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


class Busy(Exception):
    """Too many passwords are being checked; try again in a moment."""


class Passwords:
    """Hashes and checks passwords, at most AT_ONCE at a time with WAITING_MAX in line. Callable from any thread."""

    def __init__(self) -> None:
        self._running = threading.BoundedSemaphore(AT_ONCE)
        self._inside = threading.BoundedSemaphore(AT_ONCE + WAITING_MAX)
        self._nobody = _HASHER.hash(secrets.token_urlsafe(16))

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with self._running:
            return _HASHER.hash(password)

    def verify(self, kept: str | None, password: str) -> bool:
        """Whether it is the password. Takes as long for a user who does not exist (`kept` None). Raises Busy."""
        if not self._inside.acquire(blocking=False):
            raise Busy
        try:
            with self._running:
                _HASHER.verify(self._nobody if kept is None else kept, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
        finally:
            self._inside.release()
        return kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether it was hashed with weaker parameters than today's."""
        return _HASHER.check_needs_rehash(kept)


def new_password() -> str:
    """80 random bits that can be read to somebody over the telephone: 4 groups without letters that look alike."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def new_token() -> str:
    """256 random bits as text; whoever shows it again is who it was given to."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is kept of a token. No salt: nobody can guess 256 bits."""
    return hashlib.blake2b(token.encode(errors="replace"), digest_size=32).hexdigest()
