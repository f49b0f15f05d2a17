"""The suite of phone_answers, on PostgreSQL."""

from tests.contract.test_phone_answers import *  # noqa: F403
