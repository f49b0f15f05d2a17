"""Desks of earlier revisions, brought to today's and then to PostgreSQL: nothing is lost and all goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.database import migrate, open_database
from alerts.desk import Desk
from alerts.desk_copy import duplicate_desk
from alerts.messages.outbox import Outbox
from tests.contract.test_old_desks import REVISIONS, OldDesk, test_an_old_desk_goes_on_where_it_stood
from tests.support.desk import SITE
from tests.support.desk_place import new_place

__all__ = ["test_an_old_desk_goes_on_where_it_stood"]


@pytest.fixture(params=REVISIONS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OldDesk]:
    """The kept desk of a revision, moved to the server."""
    made, place = OldDesk(tmp_path, request.param), new_place(tmp_path)
    migrate(place)
    in_file, made.database = made.database, open_database(place)
    duplicate_desk(in_file, made.database)
    in_file.close()
    made.desk = Desk(made.database, SITE)
    made.outbox = Outbox(made.database, {"phones": made.phones})
    yield made
    made.database.close()
