"""Who watches the service itself: the checks, which one process at a time does, and the sign of life to the outside.

Edge: puts the desk's parts together; what they judge stands in `alerts/checks/auditor.py` and
`alerts/checks/heartbeat.py`. Health, strip and metrics ask here.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from alerts.channels.http_call import tls_context
from alerts.checks.auditor import Audit, Auditor
from alerts.checks.heartbeat import Heartbeat, HeartbeatOptions, Pulse
from alerts.checks.reconciler import Reconciler
from alerts.desk import Desk
from api.settings.file import read_secret
from api.settings.model import Settings
from ingest.journal import InputPages, InputReader

AUDIT_LATE, AUDIT_FINDINGS, HEARTBEAT_FAILED = "audit_late", "audit_findings", "heartbeat_failed"
HEARTBEAT_S = 60.0
HEARTBEAT_OFF = "CAREFUL: no monitor outside hears that the service lives: see heartbeat.url"


class Watch(msgspec.Struct, frozen=True):
    """The checks of this process and its calls to the outside (None: off)."""

    auditor: Auditor
    heartbeat: Heartbeat | None
    clock: Callable[[], int]

    def audit(self) -> Audit:
        return self.auditor.state(self.clock())

    def pulse(self) -> Pulse | None:
        """None where no monitor is set."""
        return None if self.heartbeat is None else self.heartbeat.pulse

    def problems(self) -> Iterator[tuple[str, str]]:
        """(code, detail) of what is not as it should be."""
        audit, pulse = self.audit(), self.pulse()
        if audit.late:
            since_ms = max(audit.done_ms, self.auditor.begun_ms)
            yield AUDIT_LATE, f"no check has ended for {(self.clock() - since_ms) // 1_000} s"
        if audit.findings:
            yield AUDIT_FINDINGS, ", ".join(f"{count} {kind}" for kind, count in sorted(audit.findings.items()))
        if pulse is not None and pulse.failure:
            yield HEARTBEAT_FAILED, f"{pulse.failures} calls not taken, the newest: {pulse.failure}"


def process_name(data: Path) -> str:
    """Names this process among others, also after its restart: one at a time works in a data folder."""
    folder = hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:12]
    return f"{socket.gethostname()[:40]}-{folder}"


def watch_over(
    desk: Desk, partitions: Mapping[int, InputReader], pages: InputPages, options: HeartbeatOptions | None,
    holder: str, clock: Callable[[], int],
) -> Watch:  # fmt: skip
    """`holder`: this process (`process_name`)."""
    auditor = Auditor(Reconciler(desk, partitions, pages), desk.database, holder, clock)
    if options is None:
        return Watch(auditor, None, clock)
    context = tls_context(options.ca_file) if options.url.startswith("https:") else None
    return Watch(auditor, Heartbeat(options, auditor.state, context), clock)


def heartbeat_options(settings: Settings) -> HeartbeatOptions | None:
    """None where it is off. Raises SettingsError for a secret file."""
    section = settings.heartbeat
    if section.url is None:
        return None
    return HeartbeatOptions(
        url=section.url,
        secret=read_secret(section.secret_file) if section.secret_file else "",
        timeout_s=float(section.timeout_seconds),
        ca_file=str(section.ca_file) if section.ca_file else None,
    )
