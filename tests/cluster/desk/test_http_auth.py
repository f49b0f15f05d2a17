"""The suite of http_auth, on PostgreSQL."""

from tests.contract.test_http_auth import *  # noqa: F403
