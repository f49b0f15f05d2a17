"""The suite of http_live, on PostgreSQL."""

from tests.contract.test_http_live import *  # noqa: F403
