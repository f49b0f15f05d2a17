"""What `doctor` sees of the service: settings, health, broker, certificates, bases, dead letters, findings. Edge."""

from __future__ import annotations

import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from alerts.channels.reach import has_voice_or_sms
from alerts.database import read_database
from alerts.reads import queries
from api.backup.bases import FOLDS
from api.certificates import certificate_ends_ms
from api.cli.problem_lines import KNOWN_ERRORS, CannotRun, line_of
from api.doctor.lines import DAY_MS, Line, Patient, bad, expiry, ok, warn
from api.http.local_access import read_access
from api.http.wire import milliseconds
from api.running.channel_wiring import channel_options
from api.running.options import mqtt_options
from ingest.base_files import BaseFolder
from ingest.broker_probe import look_at_broker
from ingest.journal_file import ReaderPool, is_in_use
from ingest.journal_sqlite import SqliteInputReader, SqliteRawReader
from rules.book_file import book_for_site

ANSWER_S = 5.0
ANSWER_MAX_BYTES = 1_048_576
LETTERS = 500
MIB = 1_048_576
BASE_OLD_MS = 2 * DAY_MS
OFFERED = frozenset({"no_phone_channel"})  # health's words for what a check here says already


def settings_lines(patient: Patient) -> Iterator[Line]:
    """What `vardevakt check` looks at, and the secrets that channels need."""
    given = patient.settings
    yield ok("settings", "read")
    try:
        book = book_for_site(given.rules.book_file)
        yield ok("rule_book", f"{len(book.rules)} rules, version {book.version}")
    except KNOWN_ERRORS as error:
        yield bad("rule_book", line_of(error), "`vardevakt check --rules FILE` until it says ok")
    try:
        options = channel_options(given)
    except KNOWN_ERRORS as error:
        yield bad("channels", line_of(error), "mend the file that is named")
        return
    if has_voice_or_sms(options.gateways):
        yield ok("channels", ", ".join(options.names))
    else:
        yield warn("channels", "no voice or SMS: a P1 rings no telephone", "set [sms] or [voice] and channels.enabled")
    if not options.reach.fixed:
        yield warn("targets", "no number for when nobody on duty takes it", "set [targets] fallback_phone")


def health_lines(patient: Patient) -> Iterator[Line]:
    """The running service's own word (`/health/ready`)."""
    access = read_access(patient.data)
    if not is_in_use(patient.data / "journal.db"):
        yield warn("service", "it does not run", "start it: `systemctl start vardevakt`, or `vardevakt serve`")
        return
    health = _asked(f"{access.url}/health/ready") if access is not None else None
    if health is None:
        yield bad(
            "service", "it holds the data but does not answer", "see its log; if it hangs: systemctl restart vardevakt"
        )
        return
    yield ok("service", f"it answers, and calls itself {health.get('status')}")
    for reason in health.get("reasons", ()):
        if reason["code"] in OFFERED:
            continue
        told = f"{reason['code']} ({reason['part']}) {reason.get('detail', '')}".strip()
        say = bad if reason.get("blocking") else warn
        yield say("health", told, "see the runbook in deploy/README.md")


def _asked(url: str) -> dict[str, Any] | None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=ANSWER_S) as answer:
            return dict(msgspec.json.decode(answer.read(ANSWER_MAX_BYTES)))
    except urllib.error.HTTPError as error:  # 503 with reasons is an answer
        with error:
            return dict(msgspec.json.decode(error.read(ANSWER_MAX_BYTES)))
    except (OSError, msgspec.DecodeError):
        return None


def broker_lines(patient: Patient) -> Iterator[Line]:
    """Whether it takes us as it takes the service, what it says of its limits, and certificates on the way."""
    try:
        options = mqtt_options(patient.settings.mqtt, "doctor")
    except KNOWN_ERRORS as error:
        yield bad("broker", line_of(error), "mend the file that is named")
        return
    if options is None:
        yield warn("broker", "it is our own, which keeps nothing over its end", "set mqtt.url for more than a demo")
        return
    look = look_at_broker(options, f"vardevakt-doctor-{secrets.token_hex(4)}")
    if look.problem:
        yield bad(
            "broker", f"{options.url}: {look.problem}", "is it up, and are its certificate, our user and ACL right?"
        )
        return
    yield ok("broker", f"{options.url} takes us{f' ({look.version})' if look.version else ''}")
    if look.maximum_qos == 0:
        yield bad("broker_limits", "it offers QoS 0 only", "no alarm is safe over it: use another broker")
    if look.maximum_packet_bytes is not None and look.maximum_packet_bytes < MIB:
        yield warn("broker_limits", f"no packets over {look.maximum_packet_bytes} bytes", "raise max_packet_size")
    if look.dropped is None:
        yield warn("broker_dropped", "what it has dropped cannot be read", "let our user read $SYS/# in its ACL")
    elif look.dropped:
        todo = "max_queued_messages 0 and a limit in bytes instead (deploy/mosquitto.conf)"
        yield warn("broker_dropped", f"it has dropped {look.dropped} messages since its start", todo)
    else:
        yield ok("broker_dropped", "no message dropped since its start")
    if look.certificate_ends_ms is not None:
        told = "the broker's certificate"
        yield expiry("certificate", told, look.certificate_ends_ms, patient.now_ms, "`vardevakt gateways broker`")


def certificate_lines(patient: Patient) -> Iterator[Line]:
    """Files that the settings name."""
    mqtt = patient.settings.mqtt
    files: list[Path | None] = [mqtt.ca_file, mqtt.cert_file, patient.settings.email.ca_file]
    for path in files:
        if path is None:
            continue
        try:
            ends_ms = certificate_ends_ms(path)
        except CannotRun as error:
            yield bad("certificate", str(error), "put a PEM certificate there")
            continue
        yield expiry("certificate", str(path), ends_ms, patient.now_ms, "renew it before it ends")


def folder_lines(patient: Patient) -> Iterator[Line]:
    """Bases, dead letters of the last day, and what the reconciler had to find in it."""
    if not (patient.data / "journal.db").is_file():
        return
    readers = ReaderPool(patient.data / "journal.db")
    try:
        yield _bases(patient, readers)
        letters = SqliteInputReader(readers).dead_letters(None, LETTERS)
    except KNOWN_ERRORS as error:
        yield bad("journal", line_of(error), "restore the newest backup: `vardevakt restore`")
        return
    finally:
        readers.close()
    recent = [one for one in letters if one.received_at_ms > patient.now_ms - DAY_MS]
    if recent:
        alarms = sum(one.may_be_alarm for one in recent)
        say = bad if alarms else warn
        told = f"{len(recent)} messages of the last day were not understood, {alarms} of them perhaps alarms"
        yield say("dead_letters", told, "page Dead letters, or `vardevakt gateways explain`")
    else:
        yield ok("dead_letters", "none in the last day")
    yield from _findings(patient)


def _bases(patient: Patient, readers: ReaderPool) -> Line:
    made = [base.made_ms if (base := BaseFolder(patient.data / "bases").newest(fold)) else 0 for fold in FOLDS]
    first = SqliteRawReader(readers).read(0, 1)
    young = not first or patient.now_ms - first[0].received_at_ms < BASE_OLD_MS
    if young or patient.now_ms - min(made) < BASE_OLD_MS:
        return ok("bases", "proved" if min(made) else "none yet: the first comes at night")
    told = "not every fold has one of the last two nights, so no log is cut"
    return warn("bases", told, "`vardevakt bases` says why; does the service run at 03:30?")


def _findings(patient: Patient) -> Iterator[Line]:
    database = read_database(patient.data / "desk.db")
    try:
        found = queries.recent_findings(database)
    finally:
        database.close()
    recent = [one for one in found if milliseconds(datetime.fromisoformat(one["at"])) > patient.now_ms - DAY_MS]
    if not recent:
        yield ok("reconciler", "nothing found in the last day")
        return
    open_ = [one for one in recent if not one["repaired"]]
    kinds = ", ".join(sorted({one["kind"] for one in recent}))
    say = bad if open_ else warn
    yield say(
        "reconciler", f"{len(recent)} findings in the last day ({kinds}), {len(open_)} not mended", "see the runbook"
    )
