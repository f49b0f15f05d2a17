"""The suite of desk_effects, on PostgreSQL."""

from tests.contract.test_desk_effects import *  # noqa: F403
