"""Edge: a sign of life to a monitor outside, every minute: that the checks pass, or what they found.

For: that somebody notices when this machine, its network or the checks themselves stand still. A monitor outside
expects one call a minute and raises its own alarm when none comes, so silence is the message of last resort: nothing is
sent while no check has ended for a minute. What is sent holds kinds and counts, nothing personal.

The call: `POST` with `{"status": "ok", "findings": {}}` or `{"status": "findings", "findings": {"timer_late": 2}}`.
`$status` and `$secret` may stand in the address; a secret that does not goes as `Authorization: Bearer`.
"""

from __future__ import annotations

import ssl
import string
from collections.abc import Callable

import msgspec
import structlog

from alerts.channels.http_call import HttpRequest, NoAnswer, NotSent, call
from alerts.channels.templates import fill_url
from alerts.checks.auditor import Audit

log = structlog.get_logger()

OK, FINDINGS = "ok", "findings"
WITHHELD, ELSEWHERE = "withheld", "elsewhere"  # no check has ended; another process does the calling
PLACES = ("secret", "status")
KINDS_MAX = 50


class HeartbeatOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where to. `timeout_s` is over the whole call."""

    url: str
    secret: str = ""
    timeout_s: float = 5.0
    ca_file: str | None = None


class Pulse(msgspec.Struct, frozen=True):
    """How the calls go. `failure`: why the newest was not taken, "" when it was; `last_ok_ms` 0: none was yet."""

    last_ok_ms: int = 0
    failure: str = ""
    failures: int = 0  # in a row


def problem_of(url: str) -> str | None:
    """What is wrong with the template of an address; None when nothing is."""
    parsed = string.Template(url)
    if not parsed.is_valid() or any(name not in PLACES for name in parsed.get_identifiers()):
        return f"only ${' and $'.join(PLACES)} may stand in it; write $$ for a dollar"
    return None


class Heartbeat:
    """`run_once` every minute from one thread, `pulse` from any."""

    def __init__(
        self, options: HeartbeatOptions, audit: Callable[[int], Audit], context: ssl.SSLContext | None
    ) -> None:
        self._options, self._audit, self._context = options, audit, context
        self.pulse = Pulse()

    def run_once(self, now_ms: int) -> str:
        """Ok | findings | withheld | elsewhere, or why it was not taken. Never raises for what the far end does."""
        audit = self._audit(now_ms)
        if not audit.leads:
            return ELSEWHERE
        if audit.late or not audit.done_ms:
            return WITHHELD
        status = FINDINGS if audit.findings else OK
        failure = self._call(status, audit.findings)
        if failure:
            self.pulse = Pulse(self.pulse.last_ok_ms, failure, self.pulse.failures + 1)
            log.error("heartbeat_failed", reason=failure, failures=self.pulse.failures)
            return failure
        if self.pulse.failure:
            log.info("heartbeat_works_again", failures=self.pulse.failures)
        self.pulse = Pulse(now_ms)
        return status

    def _call(self, status: str, findings: dict[str, int]) -> str:
        options = self._options
        kinds = dict(sorted(findings.items())[:KINDS_MAX])
        headers = {"Content-Type": "application/json"}
        if options.secret and "secret" not in string.Template(options.url).get_identifiers():
            headers["Authorization"] = f"Bearer {options.secret}"
        url = fill_url(options.url, {"status": status, "secret": options.secret})
        body = msgspec.json.encode({"status": status, "findings": kinds})
        try:
            answer = call(HttpRequest("POST", url, headers, body), options.timeout_s, self._context)
        except (NotSent, NoAnswer) as error:
            return f"{type(error).__name__}: {error}"
        return "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"
