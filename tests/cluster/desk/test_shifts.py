"""The stories of shifts, on PostgreSQL."""

from tests.scenario.test_shifts import *  # noqa: F403
