"""The suite of device_tests, on PostgreSQL."""

from tests.contract.test_device_tests import *  # noqa: F403
