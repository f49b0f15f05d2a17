"""The suite of settings_store, on PostgreSQL."""

from tests.contract.test_settings_store import *  # noqa: F403
