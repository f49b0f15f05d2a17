"""All checks and tests, for `make test`: lint, browser and the rest side by side, as none of them fills two cores.

    lint     .ci/lint
    browser  tests/browser in a call of its own: after a Playwright test every asyncio test in the same process fails
    rest     every other test, on a worker a core and one more, as contract tests wait; a worker imports all there is.
             A file's tests stay in order on one worker (loadfile) and files in order of their names, so that a run
             can be repeated

Bytecode is written in every part, whatever PYTHONDONTWRITEBYTECODE says (container images like to set it): without it
each worker and each service that a test starts compiles all of the code again, which doubles the run.

Each part writes to build/test/<part>.txt, and that is shown whole when the part ends. Any failure fails the run. The
last lines say what was skipped in either call of pytest and how to get what was missing (tests/support/skips.py).
Ctrl-C ends the parts and what they started. Arguments go to both calls of pytest.
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
# The browser tests hold pages to seconds that a person would notice, so the others yield to them.
YIELDING = ["nice", "-n", "5"]


def parts(arguments: list[str]) -> dict[str, list[str]]:
    """Name of each part -> its command."""
    pytest = [str(ROOT / ".venv" / "bin" / "python"), "-m", "pytest", "-q"]
    if sys.stdout.isatty():
        pytest.append("--color=yes")
    spread = ["-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile", "--no-loadscope-reorder"]
    return {
        "lint": [*YIELDING, str(ROOT / ".ci" / "lint")],
        "browser": [*pytest, "tests/browser", *arguments],
        "rest": [*YIELDING, *pytest, "-p", "no:playwright", "--ignore=tests/browser", *spread, *arguments],
    }


async def run(name: str, command: list[str]) -> bool:
    """Run one part to its end and show what it wrote; whether it was well."""
    began, path, code = time.monotonic(), OUT / f"{name}.txt", "stopped"
    environment = {**os.environ, "VARDEVAKT_SKIPS_FILE": str(SKIPS), "PYTHONDONTWRITEBYTECODE": ""}
    with path.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env=environment, process_group=0,
            stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            code = "ok" if await process.wait() == 0 else f"FAILED ({process.returncode})"
        finally:
            if process.returncode is None:
                await stop(process)
            sys.stdout.write(f"\n===== {name}: {code}, {time.monotonic() - began:.0f} s =====\n")
            sys.stdout.write(path.read_text("utf-8", "replace"))
            sys.stdout.flush()
    return code == "ok"


async def stop(process: asyncio.subprocess.Process) -> None:
    """As Ctrl-C at a terminal: to the part and all that it started; without grace when they do not listen."""
    for number in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GRACE_S)
            return


async def main(arguments: list[str]) -> int:
    """Run all parts; 0 when all were well."""
    told = asyncio.current_task()
    assert told is not None, "runs inside asyncio.run"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, told.cancel)
    OUT.mkdir(parents=True, exist_ok=True)
    SKIPS.write_text("")
    commands = parts(arguments)
    sys.stdout.write(f"{', '.join(commands)}: side by side, each shown when it ends (until then: {OUT}/<part>.txt)\n")
    sys.stdout.flush()
    try:
        async with asyncio.TaskGroup() as side_by_side:  # waits for all, also when it is told to stop
            running = [side_by_side.create_task(run(name, command)) for name, command in commands.items()]
    except asyncio.CancelledError:
        return 130
    skipped = SKIPS.read_text()
    if skipped:
        sys.stdout.write(f"\n----- not tested here -----\n{skipped}")
    failed = [name for name, task in zip(commands, running, strict=True) if not task.result()]
    sys.stdout.write(f"\nfailed: {', '.join(failed)}\n" if failed else "\nall well\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
