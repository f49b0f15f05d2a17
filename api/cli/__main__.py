"""Entry point of `vardevakt`: first the name guard, then everything else.

Nothing of ours is imported before the guard has looked: another distribution that has merged into one of our folders
must end in one clear line, not in a strange ImportError. The commands stand in a file each; `commands.py` joins them.
"""

from __future__ import annotations

import gc
import sys

from api.guard import ForeignPackageError, check_installation


def main() -> None:
    """Run one command; exit 0 = as asked, 1 = the answer is no, 2 = it could not run (contracts §5)."""
    try:
        check_installation()
    except ForeignPackageError as error:
        sys.stderr.write(f"vardevakt: {error}\n")
        sys.exit(2)
    gc.disable()  # what imports make stays; to look through it again and again is a fifth of the start
    from api.cli.commands import run

    gc.freeze()
    gc.enable()
    sys.exit(run())


if __name__ == "__main__":
    main()
