"""`make crash`: the real service under load, `kill -9` at random, 200 rounds; nothing acknowledged may be lost.

`python -m tests.crash [--rounds N] [--seed S] [--rate R] [--broker mosquitto|iotcore] [--keep DIR]`. Exit 1 when a
promise is broken, with the folder kept and the seed to see it again.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.rounds import Outcome, Round, brokers, crash


def arguments() -> argparse.Namespace:
    given = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    given.add_argument("--rounds", type=int, default=200)
    given.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    given.add_argument("--rate", type=float, default=400.0, help="MQTT messages a second")
    given.add_argument("--broker", choices=("mosquitto", "iotcore"), default=brokers()[0])
    given.add_argument("--keep", type=Path, help="folder to work in; else a temporary one, kept on a fault")
    return given.parse_args()


def say(one: Round) -> None:
    """One line a round."""
    moment = f"{one.alive_ms:5d} ms alive" if one.alive_ms > 0 else f"{-one.alive_ms:5d} ms of start"
    print(
        f"round {one.number:3d}  killed after {moment:15s}  back in {one.recovery_ms:5d} ms  "
        f"raw {one.raw:7d}  floor behind {one.floor_behind:5d}  acknowledged {one.acknowledged:6d}  "
        f"{'; '.join(one.faults) or 'ok'}",
        flush=True,
    )


def quantile(values: list[int], share: float) -> int:
    """The smallest value with at least that share at or below it."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-int(len(ordered) * share * 100) // 100) - 1))]


def summary(outcome: Outcome, seconds: float) -> str:
    recovery = [one.recovery_ms for one in outcome.rounds]
    return (
        f"{len(outcome.rounds)} kills in {seconds:.0f} s: {outcome.sent} messages sent ({outcome.presses} presses), "
        f"{outcome.raw} raw rows, {outcome.inputs} inputs, {outcome.acknowledged} acknowledged by name, "
        f"{outcome.alerts} alerts; back after p50 {quantile(recovery, 0.5)} ms, p99 {quantile(recovery, 0.99)} ms "
        f"(from spawn to a live feed)"
    )


def main() -> int:
    given = arguments()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="vardevakt-crash-"))
    load = os.getloadavg()[0]
    print(f"seed {given.seed}, {given.broker}, {given.rate:g} messages/s, load {load:.1f}, in {folder}", flush=True)
    started_s = time.monotonic()
    outcome = crash(folder, given.rounds, given.seed, given.rate, given.broker, say)
    print(summary(outcome, time.monotonic() - started_s))
    if outcome.faults:
        print(f"BROKEN, see {folder}, again with --seed {given.seed}:")
        for fault in outcome.faults:
            print(f"  {fault}")
        return 1
    print("0 acknowledged messages lost, 0 alerts missing or doubled; a refold of RAW gives the same INPUTS and alerts")
    if given.keep is None:
        shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
