"""All checks and tests, for `make test`, in three parts, each when the one before has ended:

checks          lint, which fills a core, and on a clean clone beside it what compiles all tests
    lint        .ci/lint
    collect     every test collected once, so that the workers of `rest` do not all compile the same side by side
one machine     browser and the rest side by side, as neither of them fills two cores; lint beside them made both slower
                by more than it takes (six processes on two cores cost 572 s of CPU, three and lint before them 495 s)
    browser     tests/browser in a call of its own: after a Playwright test every asyncio test in the same process fails
    rest        every other kind of tests, on a worker a core and one more, as contract tests wait; a worker imports all
                there is. A file's tests stay in order on one worker (loadfile); kinds come in an order of ours, and
                files in order of their names, so that a run can be repeated and ends with short ones
many machines   tests/cluster: what stands on real Kafka, PostgreSQL, InfluxDB and on deploy/. In two processes
    desk        the desk's own suites and the stories, on PostgreSQL, and then the bad days in short form
    cluster     all the rest, so that Kafka is started once

Bytecode is written in every call, whatever PYTHONDONTWRITEBYTECODE says (container images like to set it): without it
each worker and each service that a test starts compiles all of the code again, which doubles the run.

Each call writes to build/test/<name>.txt, and that is shown whole when the call ends. Any failure fails the run. The
last lines say what was skipped in any call of pytest, how to get what was missing (tests/support/skips.py), and how
long each part took. Ctrl-C ends the calls and what they started. Arguments are options that go to all calls of pytest
(-k, -x, --durations=20); a call for which they choose no test is well.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "test"
SKIPS = OUT / "skips.txt"
GRACE_S = 20.0  # for fixtures to stop their servers after Ctrl-C
NO_TESTS = 5  # pytest's word for it
# The browser tests hold pages to seconds that a person would notice, so the others yield to them.
YIELDING = ["nice", "-n", "5"]
COMPILED = ROOT / "tests" / "unit" / "__pycache__"
OF_THEIR_OWN = {"browser", "cluster"}
DESK = ("tests/cluster/desk", "tests/cluster/test_bad_days.py")
# Those that wait first, as Chromium is at work beside them; then those that fill a core, with the longest files first.
IN_ORDER = ("crash", "contract", "simulation", "property", "scenario")  # then kinds that are not named here


def parts(arguments: list[str]) -> dict[str, dict[str, list[str]]]:
    """Name of each part -> name of each of its calls -> command."""
    pytest = [str(ROOT / ".venv" / "bin" / "python"), "-m", "pytest", "-q"]
    if sys.stdout.isatty():
        pytest.append("--color=yes")
    spread = ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile", "--no-loadscope-reorder"]
    rest = [*YIELDING, *pytest, "-p", "no:playwright", *kinds()]
    plain = [*pytest, "-p", "no:playwright"]
    cluster = [*plain, "tests/cluster", *(f"--ignore={one}" for one in DESK), *arguments]
    compiling = {} if COMPILED.is_dir() else {"collect": [*rest, "--collect-only"]}
    return {
        "checks": {"lint": [str(ROOT / ".ci" / "lint")], **compiling},
        "one machine": {
            "browser": [*pytest, "tests/browser", *arguments],
            "rest": [*rest, *spread, *arguments],
        },
        "many machines": {"desk": [*plain, *DESK, *arguments], "cluster": cluster},
    }


def kinds() -> list[str]:
    """Every folder with tests that has no call of its own."""
    found = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/test_*.py")}
    rest = sorted(found - OF_THEIR_OWN - set(IN_ORDER))
    return [f"tests/{kind}" for kind in (*IN_ORDER, *rest)]


async def run(name: str, command: list[str]) -> bool:
    """Run one call to its end and show what it wrote; whether it was well."""
    began, path, code = time.monotonic(), OUT / f"{name}.txt", "stopped"
    try:
        code = said(await run_command(command, path))
    finally:
        sys.stdout.write(f"\n===== {name}: {code}, {time.monotonic() - began:.0f} s =====\n")
        sys.stdout.write(path.read_text("utf-8", "replace"))
        sys.stdout.flush()
    return not code.startswith("FAILED")


async def run_command(command: list[str], path: Path) -> int:
    """Exit code of a command that writes to this file; it ends with us."""
    environment = {**os.environ, "VARDEVAKT_SKIPS_FILE": str(SKIPS), "PYTHONDONTWRITEBYTECODE": ""}
    with path.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environment, process_group=0,
            stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                await stop(process)


def said(code: int) -> str:
    """An exit code in words."""
    if code == NO_TESTS and len(sys.argv) > 1:
        return "no test chosen"
    return "ok" if code == 0 else f"FAILED ({code})"


async def stop(process: asyncio.subprocess.Process) -> None:
    """As Ctrl-C at a terminal: to the call and all that it started; without grace when they do not listen."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE_S)
            return


async def side_by_side(calls: dict[str, list[str]]) -> list[str]:
    """Run the calls of one part; those that were not well."""
    sys.stdout.write(f"{', '.join(calls)}: side by side, each shown when it ends (until then: {OUT}/<name>.txt)\n")
    sys.stdout.flush()
    async with asyncio.TaskGroup() as group:  # waits for all, also when it is told to stop
        running = [group.create_task(run(name, command)) for name, command in calls.items()]
    return [name for name, task in zip(calls, running, strict=True) if not task.result()]


async def main(arguments: list[str]) -> int:
    """Run all parts, the second also when the first was not well; 0 when all were well."""
    told = asyncio.current_task()
    assert told is not None, "runs inside asyncio.run"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told.cancel)
    OUT.mkdir(parents=True, exist_ok=True)
    SKIPS.write_text("")
    failed, times = [], []
    try:
        for part, calls in parts(arguments).items():
            began = time.monotonic()
            failed += await side_by_side(calls)
            times.append(f"{part} {time.monotonic() - began:.0f} s")
            sys.stdout.write(f"\n===== {times[-1]} =====\n")
    except asyncio.CancelledError:
        return 130
    skipped = dict.fromkeys(SKIPS.read_text().splitlines(keepends=True))
    if skipped:
        sys.stdout.write(f"\n----- not tested here -----\n{''.join(skipped)}")
    verdict = f"failed: {', '.join(failed)}" if failed else "all well"
    sys.stdout.write(f"\n{verdict} ({', '.join(times)})\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
