"""The suite of accounts, on PostgreSQL."""

from tests.contract.test_accounts import *  # noqa: F403
