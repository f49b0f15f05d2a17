"""The desk's own suites, on PostgreSQL: each file here takes the tests of one suite and runs them there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import desk_place
from tests.support.postgres import Postgres


@pytest.fixture(autouse=True)
def on_postgres(postgres: Postgres) -> Iterator[None]:
    """Desks of these tests stand on the server."""
    desk_place.use_server(postgres)
    yield
    desk_place.leave_server()
