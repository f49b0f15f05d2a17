"""How Alembic reaches desk.db: on the connection that `alerts.database.migrate` opened, in its transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from alerts.schema.tables import metadata


def run(connection: Connection) -> None:
    """Run the revisions that are missing; batch mode because SQLite alters a table by copying it."""
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
