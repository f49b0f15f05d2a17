"""The tree as the tidy tests see it: the files that are, or would be, in the repository, and their syntax."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("ingest", "rules", "alerts", "api", "simulators")
# Where there is no git (an unpacked source archive), what .gitignore would leave out.
IGNORED_FOLDERS = frozenset(
    {".git", ".venv", ".tools", ".servers", "node_modules", "vendor", "__pycache__", "data", "var"}
)
BINARY_SUFFIXES = frozenset({".png", ".ico", ".wav", ".mp3", ".ogg", ".woff2", ".db", ".sqlite", ".bin", ".mo", ".gz"})


@functools.cache
def repository_files() -> tuple[Path, ...]:
    """Paths below the root of all files that git tracks or would track, sorted; files deleted on disk are left out."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):
        listed = [
            str(path.relative_to(ROOT))
            for path in ROOT.rglob("*")
            if path.is_file() and not IGNORED_FOLDERS.intersection(path.relative_to(ROOT).parts)
        ]
    return tuple(Path(name) for name in sorted(set(listed)) if name and (ROOT / name).is_file())


def text_files() -> Iterator[tuple[Path, str]]:
    """All files of the repository that are text, with their text; recorded payloads may be anything."""
    for path in repository_files():
        if path.suffix not in BINARY_SUFFIXES:
            yield path, (ROOT / path).read_text("utf-8", errors="replace")


@functools.cache
def python_files() -> tuple[tuple[Path, str], ...]:
    """All Python files of the repository with their text."""
    paths = (path for path in repository_files() if path.suffix == ".py")
    return tuple((path, (ROOT / path).read_text("utf-8", errors="replace")) for path in paths)


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Each function of a module with its qualified name, nested ones as well."""

    def visit(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{prefix}{child.name}", child
                yield from visit(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.ClassDef):
                yield from visit(child, f"{prefix}{child.name}.")
            else:
                yield from visit(child, prefix)

    return visit(tree, "")


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function's body without its docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
