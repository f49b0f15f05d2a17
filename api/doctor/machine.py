"""What `doctor` sees of the machine: installation, SQLite, clock, zones, data folder, disk, port. Edge: looks only."""

from __future__ import annotations

import ctypes
import importlib.metadata
import os
import shutil
import socket
import sqlite3
import stat
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from api.backup.backup import read_note
from api.doctor.lines import DAY_MS, Line, Patient, bad, ok, warn
from api.guard import find_problems, locate_packages
from api.http.local_access import read_access
from ingest.journal_file import is_in_use
from rules.local_time import local_date

FIXED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))  # of the WAL-reset fault (lessons 3.2 #17): main line and backports
UNSYNCHRONISED = 0x40  # STA_UNSYNC of adjtimex(2)
STATUS_AT = 40  # of `status` in struct timex on 64-bit Linux
BACKUP_WARN_MS, BACKUP_BAD_MS = 26 * 3_600_000, 8 * DAY_MS
DRILL_WARN_MS = 35 * DAY_MS


def installation() -> Iterator[Line]:
    """Our folders are ours alone, and text is UTF-8."""
    problems = find_problems(locate_packages(), importlib.metadata.packages_distributions())
    if problems:
        yield bad("installation", "; ".join(problems), "install Vardevakt into an environment of its own")
    else:
        yield ok("installation", f"Vardevakt {importlib.metadata.version('vardevakt')}, our packages are ours alone")
    if sys.getfilesystemencoding().lower() != "utf-8":
        yield warn("locale", f"file names are {sys.getfilesystemencoding()}", "set LANG=C.UTF-8 for the service")
    try:
        local_date(0, "Europe/Oslo")
        yield ok("zones", f"tzdata {importlib.metadata.version('tzdata')}")
    except (KeyError, ValueError, OSError) as error:
        yield bad("zones", f"Europe/Oslo is not known: {error}", "install tzdata from requirements.lock")


def sqlite_line(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Line:
    """A version with the fault is no danger as long as the service alone writes, which it sees to itself."""
    shown = ".".join(map(str, version))
    if has_wal_reset_fault(version):
        return ok("sqlite", f"{shown} has the WAL-reset fault: let no other program write these files (ours do not)")
    return ok("sqlite", shown)


def has_wal_reset_fault(version: tuple[int, ...]) -> bool:
    """Committed data may be lost where two connections checkpoint; fixed in 3.51.3, 3.50.7 and 3.44.6."""
    return not (version >= FIXED[0] or any(one <= version < (one[0], one[1] + 1) for one in FIXED[1:]))


def clock_line(synchronised: bool | None) -> Line:
    """Times of alarms are only as good as the machine's clock."""
    if synchronised is None:
        return warn("clock", "whether it is synchronised cannot be told here", "see to it that NTP runs on the host")
    if not synchronised:
        return bad("clock", "it is not synchronised by NTP", "`timedatectl set-ntp true`, or mend chrony or timesyncd")
    return ok("clock", "synchronised")


def is_synchronised() -> bool | None:
    """What the kernel says (adjtimex(2), asked without changing anything); None where it cannot be asked."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None or ctypes.sizeof(ctypes.c_long) != 8:
        return None
    buffer = ctypes.create_string_buffer(512)
    if adjtimex(buffer) < 0:
        return None
    return not struct.unpack_from("i", buffer, STATUS_AT)[0] & UNSYNCHRONISED


def data_folder(patient: Patient) -> Iterator[Line]:
    """There, ours, closed to others, with room for alarms."""
    data, reserve = patient.data, patient.settings.journal.reserve_bytes
    if not data.is_dir():
        yield bad("data", f"{data} is not there", "say it with --data or in [data] dir; `site import` makes it")
        return
    if not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        yield bad("data", f"{data} cannot be written by this user", "give it to the service's user: chown -R")
    elif stat.S_IMODE(data.stat().st_mode) & 0o007:
        yield warn(
            "data", f"{data} is open to every user of this machine", f"chmod o-rwx {data}: it holds people's lives"
        )
    else:
        yield ok("data", str(data))
    free = shutil.disk_usage(data).free
    told = f"{free >> 20} MiB free; {reserve >> 20} MiB are kept for alarms"
    if free < reserve:
        yield bad("disk", told, "only alarms are stored now: make room at once, move backups elsewhere")
    elif free < 4 * reserve:
        yield warn("disk", told, "make room, move backups elsewhere, or lower journal.keep_days")
    else:
        yield ok("disk", told)


def port_line(patient: Patient) -> Line:
    """Ours to take, or taken by us."""
    http = patient.settings.http
    if is_in_use(patient.data / "journal.db"):
        access = read_access(patient.data)
        return ok("port", f"the service listens at {access.url}" if access else "the service is starting or stopping")
    try:
        with socket.socket(socket.AF_INET6 if ":" in http.host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((http.host, http.port))
    except OSError as error:
        told = f"{http.host}:{http.port} cannot be listened on: {error.strerror}"
        return bad("port", told, "end what listens there, or set http.port")
    return ok("port", f"{http.host}:{http.port} is free")


def backup_lines(patient: Patient) -> Iterator[Line]:
    """How old the newest backup is, whether it was proved, and whether it would survive this disk."""
    note, todo = read_note(patient.data), "`vardevakt backup DIR --drill --keep 14` each night, and copy it elsewhere"
    if note is None:
        yield warn("backup", "none was made of this folder", todo)
        return
    age_ms, path = patient.now_ms - note.made_ms, Path(note.backup)
    told = f"{path}, {max(age_ms, 0) // 3_600_000} h old"
    if age_ms > BACKUP_BAD_MS:
        yield bad("backup", told, todo)
    elif age_ms > BACKUP_WARN_MS:
        yield warn("backup", told, todo)
    else:
        yield ok("backup", told)
    if path.is_dir() and path.stat().st_dev == patient.data.stat().st_dev:
        yield warn("backup_place", "it lies on the disk of the data", "copy it to another machine: disks die whole")
    if patient.now_ms - note.drilled_ms > DRILL_WARN_MS:
        told = "the newest backup was not proved" if not note.drilled_ms else "no drill for over a month"
        yield warn("backup_drill", told, f"`vardevakt restore {path} --drill --data {patient.data}`")
