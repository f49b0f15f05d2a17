"""The suite of desk_batch, on PostgreSQL."""

from tests.contract.test_desk_batch import *  # noqa: F403
