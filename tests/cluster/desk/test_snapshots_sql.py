"""States of folds, on PostgreSQL."""

from tests.contract.test_snapshots_sql import *  # noqa: F403
