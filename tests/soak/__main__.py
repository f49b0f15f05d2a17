"""`make soak`: every bad day in a row on real Kafka, PostgreSQL, InfluxDB and Mosquitto, under load, in long form.

`python -m tests.soak [--rate R] [--minutes M] [--homes N] [--short] [--only NAME] [--keep DIR]`. Days come in turn
until the minutes are over, each at least once. A line a day: time to recover, what was sent, whether every promise
held. Exit 1 when one did not, with the folder kept.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import structlog

from tests.soak.days import LONG, SHORT, Day, Lived, live_through
from tests.soak.machines import Machines
from tests.soak.promises import Promises


def arguments() -> argparse.Namespace:
    given = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    given.add_argument("--rate", type=float, default=2_000.0, help="MQTT messages a second")
    given.add_argument("--minutes", type=float, default=60.0)
    given.add_argument("--homes", type=int, default=400)
    given.add_argument("--partitions", type=int, default=8)
    given.add_argument("--short", action="store_true", help="the days as `make test` has them")
    given.add_argument("--only", action="append", help="these days, by name; may be repeated")
    given.add_argument("--keep", type=Path, help="folder to work in; else a temporary one, kept on a fault")
    return given.parse_args()


def days_of(given: argparse.Namespace) -> list[Day]:
    found = SHORT if given.short else LONG
    return [day for day in found if not given.only or day.name in given.only]


def soak(given: argparse.Namespace, folder: Path) -> list[Lived]:
    """All days, again and again until the time is over; printed as they end."""
    until_s, lived = time.monotonic() + given.minutes * 60, list[Lived]()
    days = days_of(given)
    machines = Machines(folder, homes=given.homes, rate=given.rate, partitions=given.partitions)
    with machines:
        promises = Promises(machines.cluster)
        try:
            for number, day in enumerate(itertools.cycle(days)):
                if number >= len(days) and time.monotonic() >= until_s:
                    break
                lived.append(live_through(day, machines, promises, f"{number}-{day.name}"))
                print(lived[-1].line(), flush=True)
        finally:
            promises.close()
    return lived


def main() -> int:
    given = arguments()
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)  # the storm's third worker runs in this process
    structlog.configure(wrapper_class=quiet)
    folder = given.keep or Path(tempfile.mkdtemp(prefix="vardevakt-soak-"))
    print(f"{given.rate:g} messages/s, {given.homes} homes, load {os.getloadavg()[0]:.1f}, in {folder}", flush=True)
    began = time.monotonic()
    lived = soak(given, folder)
    sent, acknowledged = sum(one.sent for one in lived), sum(one.acknowledged for one in lived)
    broken = [one.name for one in lived if one.faults]
    took = time.monotonic() - began
    print(f"{len(lived)} bad days in {took:.0f} s: {sent} sent, {acknowledged} acknowledged by name")
    if broken:
        print(f"BROKEN: {', '.join(broken)}; see {folder}")
        return 1
    print("nothing acknowledged lost, no alert missing or doubled; a refold of RAW gives the same INPUTS and alerts")
    if given.keep is None:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
