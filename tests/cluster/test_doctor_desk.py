"""`doctor` at a desk on PostgreSQL: what is wrong with the server is said, each with what to do."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine

from alerts.database import migrate
from alerts.database_postgres import Server, server_url
from api.doctor.desk import clock_line, server_lines
from api.doctor.lines import Line
from tests.support.postgres import Postgres
from tests.support.servers import free_port


def seen(server: Server) -> dict[str, Line]:
    return {line.code: line for line in server_lines(server)}


def alter(server: Server, statement: str) -> None:
    engine = create_engine(server_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        conn.exec_driver_sql(statement)
    engine.dispose()


def test_a_desk_that_is_ready(postgres: Postgres) -> None:
    """Reached, at today's revision, with one time; a server that does not sync is told of as what it is."""
    server = postgres.new()
    migrate(server)
    found = seen(server)
    assert {code: line.level for code, line in found.items() if code != "desk_safety"} == {
        "desk": "ok", "desk_tables": "ok", "desk_room": "ok", "desk_clock": "ok"
    }  # fmt: skip
    assert found["desk_safety"].level == "bad", "the server of these tests does not sync"
    assert "fsync is off" in found["desk_safety"].detail


def test_a_desk_without_tables_or_with_those_of_another_version(postgres: Postgres) -> None:
    """Nothing starts on either: it says which is there and which is needed."""
    server = postgres.new()
    assert (seen(server)["desk_tables"].level, "none" in seen(server)["desk_tables"].detail) == ("bad", True)
    migrate(server)
    alter(server, "UPDATE alembic_version SET version_num = '0001'")
    assert seen(server)["desk_tables"].detail.startswith("revision 0001, this version needs")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///desk.db", "no address of a PostgreSQL"),
        ("postgresql+psycopg://u:hush@127.0.0.1:{port}/x", "refused"),
    ],
)
def test_a_server_that_is_not_there(url: str, said: str) -> None:
    """One line that says so, and no password in it."""
    (line,) = server_lines(Server(url.format(port=free_port())))
    assert line.level == "bad"
    assert said in line.detail
    assert "hush" not in line.detail


@pytest.mark.parametrize(("apart_s", "level"), [(0.1, "ok"), (-1.0, "warn"), (3.0, "bad")])
def test_clocks_that_do_not_agree(apart_s: float, level: str) -> None:
    """Half a second is told of, two are bad, in both directions."""
    assert clock_line(apart_s).level == level
