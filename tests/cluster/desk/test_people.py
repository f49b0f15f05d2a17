"""The suite of people, on PostgreSQL."""

from tests.contract.test_people import *  # noqa: F403
