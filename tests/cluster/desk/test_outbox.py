"""The suite of outbox, on PostgreSQL."""

from tests.contract.test_outbox import *  # noqa: F403
