"""The suite of reconciler, on PostgreSQL."""

from tests.contract.test_reconciler import *  # noqa: F403

del test_what_is_asked_all_day_is_asked_of_indexes  # noqa: F821 - by the plans of SQLite
