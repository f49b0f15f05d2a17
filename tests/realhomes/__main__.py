"""`make realhomes`: public recordings of real homes through the production path, judged with their labels.

`python -m tests.realhomes [HOME…] [--json] [--draws N] [--seed N] [--rules FILE] [--keep FOLDER]`. Recordings are read
from $VARDEVAKT_SHARED, else from `shared` beside the checkout. Exit 0 = every aim that could be judged is met, 1 = one
is missed, 2 = it could not run. `--keep` leaves recordings and site files for `vardevakt replay --all-measures`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import msgspec

from rules.book_file import BookError, book_for_site
from simulators.real_files import shared_folder
from tests.realhomes.homes import NAMES, Options, report
from tests.realhomes.table import lines_of

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Run the homes named, all of them by default; print tables, or one JSON object."""
    given = _parser().parse_args(arguments)
    unknown = [name for name in given.homes if name not in NAMES]
    if unknown:
        print(f"no recorded home {unknown[0]}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    options = Options(shared_folder(ROOT.parent), given.draws, given.seed, given.keep)
    begun_s = time.monotonic()

    def progress(line: str) -> None:
        print(f"[{time.monotonic() - begun_s:6.1f} s] {line}", file=sys.stderr, flush=True)

    try:
        book = book_for_site(given.rules)
        reports = [report(name, book, options, progress) for name in given.homes or NAMES]
    except (OSError, ValueError, BookError) as error:
        print(f"cannot run: {error}", file=sys.stderr)
        return 2
    if given.json:
        print(msgspec.json.encode({"book": book.version, "seed": given.seed, "homes": reports}).decode())
    else:
        print(f"`python -m tests.realhomes {' '.join(arguments)}`: book {book.version}, {len(book.rules)} rules")
        print("\n".join(lines_of(reports)))
    return 1 if any(one.met is False for each in reports for one in each.findings) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.realhomes", description=__doc__)
    parser.add_argument("homes", nargs="*", help="names of recorded homes; all of them by default")
    parser.add_argument("--json", action="store_true", help="one JSON object, for programs")
    parser.add_argument("--draws", type=int, default=200, help="collapses put into the labelled home")
    parser.add_argument("--seed", type=int, default=20_261_123, help="of the draws")
    parser.add_argument("--rules", type=Path, help="a site's rule book over the shipped one")
    parser.add_argument("--keep", type=Path, help="folder for the recordings and site files")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
