"""The stories of outage, on PostgreSQL."""

from tests.scenario.test_outage import *  # noqa: F403
