"""Rounds of `kill -9` on one data folder: broker and publishers live on, the service dies at random under load.

One round: the service starts (or is killed while it starts), works for a random while, is killed, and starts again;
then everything that was acknowledged before the kill must be there, and no position may have gone back.
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tests.crash.promises import Ledger, broken_promises, lost, position_faults, positions
from tests.support.servers import ROOT, Iotcore, Mosquitto, find_program, python_environment
from tests.support.service_process import ServiceProcess
from tests.support.town import SITE, settle_town
from tests.support.waiting import wait_until

HOMES = 40
KILLED_STARTING = 0.2  # of the rounds: the service dies before it is up
START_MS = 2_500
ALIVE_MS = 2_500
CHECK_LOST_EVERY = 10  # rounds; it reads all of INPUTS
QUIET_S = 300.0


class Round(msgspec.Struct, frozen=True):
    """What one round was like. Times in ms; `alive_ms` since it was up, negative = killed while starting."""

    number: int
    alive_ms: int
    recovery_ms: int
    raw: int
    floor_behind: int  # inputs that the floor's lane of the desk has not seen, just after the start
    acknowledged: int
    faults: tuple[str, ...]


class Outcome(msgspec.Struct, frozen=True):
    """What the whole run showed."""

    rounds: list[Round]
    faults: list[str]
    raw: int
    inputs: int
    sent: int
    acknowledged: int
    presses: int
    alerts: int


class CrashRun:
    """One data folder, one broker, one publisher."""

    def __init__(self, folder: Path, service: ServiceProcess, ledger: Path, chance: random.Random) -> None:
        self.folder, self.service, self.ledger, self._chance = folder, service, ledger, chance
        self._known: dict[str, int] = {}

    def one_round(self, number: int) -> Round:
        """Kill at a random moment, start again, look."""
        pause = threading.Event()  # never set: its wait is the life that the service is given
        if self._chance.random() < KILLED_STARTING:
            alive_ms = -self._chance.randint(1, START_MS)
            self.service.kill()
            self.service.spawn()
            pause.wait(-alive_ms / 1_000)
        else:
            alive_ms = int(self._chance.triangular(1, ALIVE_MS, 1))
            pause.wait(alive_ms / 1_000)
        self.service.kill()
        acknowledged = Ledger.read(self.ledger).acknowledged
        recovery_ms = round(self.service.spawn().wait_up() * 1_000)
        now = positions(self.folder / "data")
        faults = position_faults(self._known, now)
        self._known = now
        if number % CHECK_LOST_EVERY == 0:
            faults += [f"acknowledged and lost: {key}" for key in lost(self.folder / "data", acknowledged)]
        behind = now["inputs"] - now.get("applied floor", 0)
        return Round(number, alive_ms, recovery_ms, now["raw"], behind, len(acknowledged), tuple(faults))

    def settle(self) -> None:
        """Wait until everything that came in is folded and applied, then stop in order."""

        def idle() -> bool:
            at = self.service.positions()
            return bool(at["source"] == at["raw"] and at["home"] == at["floor"] == at["inputs"])

        wait_until(idle, "the folds reach the end", QUIET_S)
        self.service.stop()


@contextmanager
def publisher(run: CrashRun, port: int, token: str, rate: float, seed: int) -> Iterator[Callable[[], None]]:
    """The outside, sending. What it yields ends it: nothing new, all acknowledged, the ledger complete."""
    command = [sys.executable, "-m", "tests.crash.gateway", str(run.ledger), str(port), run.service.url, token]
    with (run.folder / "gateway.log").open("wb") as log:
        child = subprocess.Popen(
            [*command, str(HOMES), str(rate), str(seed)],
            cwd=ROOT, env=python_environment(), stdin=subprocess.PIPE, stderr=log,
        )  # fmt: skip

    def end() -> None:
        assert child.stdin is not None, "a pipe was asked for"
        child.stdin.close()
        child.wait(300)

    try:
        wait_until(run.ledger.exists, "the publisher begins", 20)
        yield end
    finally:
        child.kill()
        child.wait()


def crash(
    folder: Path, rounds: int, seed: int, rate: float, broker_name: str, say: Callable[[Round], None] = lambda _: None
) -> Outcome:
    """The whole run; see the module."""
    token = settle_town(folder / "data", HOMES)
    with make_broker(broker_name, folder / "broker") as broker:
        gateways = broker.port_311 if isinstance(broker, Iotcore) else broker.port
        with ServiceProcess(folder / "data", SITE, broker.url) as service:
            run = CrashRun(folder, service, folder / "ledger", random.Random(seed))
            service.start()
            done = []
            with publisher(run, gateways, token, rate, seed) as end:
                for number in range(1, rounds + 1):
                    done.append(run.one_round(number))
                    say(done[-1])
                end()
            run.settle()
            errors = [f"error log: {one}" for one in service.errors()]
    return _outcome(folder / "data", Ledger.read(run.ledger), done, errors)


def make_broker(name: str, folder: Path) -> Mosquitto | Iotcore:
    """Mosquitto without a limit on its queue, because we are away for seconds; or iotcore."""
    if name == "mosquitto":
        return Mosquitto(folder, options=("max_queued_messages 0",))
    return Iotcore(folder)


def brokers() -> list[str]:
    """Those that are on this machine."""
    return ["mosquitto", "iotcore"] if find_program("mosquitto") else ["iotcore"]


def _outcome(data: Path, ledger: Ledger, done: list[Round], errors: list[str]) -> Outcome:
    from tests.crash.promises import open_files

    at = positions(data)
    faults = [*errors, *(fault for one in done for fault in one.faults), *broken_promises(data, SITE, ledger)]
    with open_files(data)["desk"] as desk:
        alerts = desk.execute("SELECT count(*) FROM alerts").fetchone()[0]
    presses = sum(kind in "Pp" for kind in ledger.sent.values())
    return Outcome(done, faults, at["raw"], at["inputs"], len(ledger.sent), len(ledger.acknowledged), presses, alerts)
