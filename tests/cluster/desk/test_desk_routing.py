"""The stories of desk_routing, on PostgreSQL."""

from tests.scenario.test_desk_routing import *  # noqa: F403
