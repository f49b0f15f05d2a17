"""The start-up guard over our import names: refuse to run when our folders are not only ours.

Our five packages have plain names, and others use those names too: the distribution `rules` on PyPI installs a folder
`rules/`, and pip merges it into ours without a word, so that a file of theirs could stand where we expect one of
ours. The command line calls `check_installation` before it imports anything else of us.

May live here: the names, the pure judgement over what is installed, and the thin edge that looks. No third-party
import: the guard must run in an environment that is wrong.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path

DISTRIBUTION = "vardevakt"
PACKAGES = ("ingest", "rules", "alerts", "api", "simulators")


class ForeignPackageError(RuntimeError):
    """Our import names are not only ours; the message says who shares which, and what to do."""


def find_problems(directories: Mapping[str, Sequence[str]], claims: Mapping[str, Sequence[str]]) -> list[str]:
    """Judge what is installed; an empty list means that all is ours.

    directories: package -> the folders that Python imports it from (none = not found, several = a merged namespace).
    claims: import name -> the distributions that installed files under it. Run from a checkout, ours claims nothing.
    """
    problems = []
    for package in PACKAGES:
        places = directories.get(package, ())
        if not places:
            problems.append(f"package '{package}' is missing")
        elif len(places) > 1:
            problems.append(f"package '{package}' is spread over {', '.join(places)}")
        others = {name.lower() for name in claims.get(package, ())} - {DISTRIBUTION}
        problems.extend(f"distribution '{other}' installs a package '{package}' too" for other in sorted(others))
    parents = sorted({str(Path(place).parent) for package in PACKAGES for place in directories.get(package, ())})
    if len(parents) > 1:
        problems.append(f"our packages come from different folders: {', '.join(parents)}")
    return problems


def locate_packages() -> dict[str, list[str]]:
    """Find the folders each of our packages would be imported from, without importing it."""
    found = {}
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        places = spec.submodule_search_locations if spec is not None else None
        found[package] = [str(Path(place).resolve()) for place in places or ()]
    return found


def check_installation() -> None:
    """Raise ForeignPackageError unless all five packages are ours alone, out of one folder (takes about 0.1 s)."""
    problems = find_problems(locate_packages(), importlib.metadata.packages_distributions())
    if problems:
        msg = f"{'; '.join(problems)}. Install Vardevakt into an environment of its own (make clean, then make run)."
        raise ForeignPackageError(msg)
