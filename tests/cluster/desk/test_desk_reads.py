"""The suite of desk_reads, on PostgreSQL."""

from tests.contract.test_desk_reads import *  # noqa: F403

del test_open_incidents_are_found_by_their_index  # noqa: F821 - by the plans of SQLite
