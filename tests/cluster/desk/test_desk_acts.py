"""The suite of desk_acts, on PostgreSQL."""

from tests.contract.test_desk_acts import *  # noqa: F403
