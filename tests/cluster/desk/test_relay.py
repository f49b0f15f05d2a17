"""The suite of relay, on PostgreSQL."""

from tests.contract.test_relay import *  # noqa: F403
