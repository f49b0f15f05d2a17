"""Types of msgspec that several threads convert to: made ready while only one thread runs. Pure.

msgspec works out what a struct's fields are when the struct is first converted to, and another thread that comes
meanwhile finds them empty: the process dies (0.22; seen with four lanes in one worker, shown by six threads and a fresh
type). Building a decoder does the same work, so whoever defines a type that `msgspec.convert` or `decode(…, type=)` is
called for says `prepare` at import. tests/tidy/test_prepared_types.py holds the calls against this.
"""

from __future__ import annotations

from typing import Any

import msgspec


def prepare(*types: Any) -> None:
    """Struct classes, or unions of them."""
    for one in types:
        msgspec.json.Decoder(one)
