"""Parameters that every list takes, and how they are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query

from api.http.problems import Problem
from api.http.wire import milliseconds

LIMIT_MAX = 200

Cursor = Annotated[str | None, Query(max_length=200, description="`next` of the page before, as it came.")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]


def since_ms(moment: datetime | None, field: str = "since") -> int | None:
    """An optional time parameter as milliseconds; see `instant_ms`."""
    return None if moment is None else instant_ms(moment, field)


def instant_ms(moment: datetime, field: str) -> int:
    """A time parameter as milliseconds. 422 without an offset: such a time is another instant in every office."""
    try:
        return milliseconds(moment)
    except ValueError as error:
        raise Problem("bad-field", field, more={"errors": [{"field": field, "message": str(error)}]}) from error


def page(read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `read` gives; a cursor that no list of ours gave out (ValueError, OverflowError) is a 400."""
    try:
        return read()
    except (ValueError, OverflowError) as error:
        raise Problem("bad-cursor", "cursor") from error
