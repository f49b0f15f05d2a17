"""The suite of reports, on PostgreSQL."""

from tests.contract.test_reports import *  # noqa: F403
