"""The suite of desk_incidents, on PostgreSQL."""

from tests.contract.test_desk_incidents import *  # noqa: F403
