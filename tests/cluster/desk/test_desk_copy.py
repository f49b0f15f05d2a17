"""Copies of desks, on PostgreSQL."""

from tests.contract.test_desk_copy import *  # noqa: F403
